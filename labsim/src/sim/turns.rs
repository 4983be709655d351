//! Whose turn it is: when the running thread gives way, and to whom; when the clock jumps; when a limit is reached.

use super::kernel::{Kernel, Next, START};
use super::scheduler::Cause;
use super::threads::{Life, Slot, State, Wake};
use crate::diagnose::Finding;
use crate::outcome::Failure;

/// Calls without a wait after which a thread is reported as a busy loop.
const BUSY: u64 = 300_000;

impl Kernel {
    /// The slow end of a call: rings what is due, checks the limits, lets the scheduler choose.
    pub(crate) fn reschedule(&mut self) -> Next {
        self.ring();
        if self.over_limit() {
            return Next::Stay;
        }
        self.note_busy_loop();
        if self.unwinding() {
            return if self.fuel == 0 {
                self.note_long_death()
            } else {
                Next::Stay
            };
        }
        if self.calls >= self.stalls.at
            && let Some(next) = self.stand_still()
        {
            return next;
        }
        if self.fuel > 0 {
            return Next::Stay;
        }
        self.give_way(Cause::OutOfFuel)
    }

    /// Runs out of fuel at the next call: a ready thread may come first, or the run has ended.
    pub(crate) fn cut_turn(&mut self) {
        self.fuel = 1;
    }

    /// The running thread stands in line again and the next one is chosen, maybe the same.
    pub(crate) fn give_way(&mut self, cause: Cause) -> Next {
        let slot = self.running;
        self.sched.gives_way(&mut self.threads, slot, cause);
        self.fuel = self.sched.refill();
        if self.ready.is_empty() && self.dying.is_empty() {
            return Next::Stay;
        }
        self.ready.push(slot);
        self.choose(slot)
    }

    /// The running thread lets others run. It gets fuel for a whole turn then, so that limits are looked at here.
    pub(crate) fn yields(&mut self) -> Next {
        if self.unwinding() || self.over_limit() {
            return Next::Stay;
        }
        self.note_busy_loop();
        self.give_way(Cause::Yield)
    }

    pub(super) fn note_busy_loop(&mut self) {
        if self.me().busy_calls < BUSY || self.me().busy_reported {
            return;
        }
        self.me().busy_reported = true;
        let finding = Finding::busy_loop(self.threads.get(self.running), BUSY);
        self.findings.push(finding);
    }

    /// The next thread to run, out of the dying, then the ready ones. There must be one.
    pub(super) fn choose(&mut self, from: Slot) -> Next {
        let slot = if self.dying.is_empty() {
            self.sched.pick(&self.threads, &mut self.ready)
        } else {
            self.dying.remove(0)
        };
        self.enter(from, slot)
    }

    pub(super) fn enter(&mut self, from: Slot, slot: Slot) -> Next {
        if slot != from && from != Slot::MAX {
            self.forget_caught_panic(from);
        }
        self.running = slot;
        self.threads.get_mut(slot).woken_by = None;
        self.hash.add(0xff << 56 | u64::from(slot));
        self.hash.add(self.now);
        if self.threads.get(slot).life == Life::Dying {
            self.dying_turn();
        } else if self.dying_fuel || self.fuel == 0 {
            self.dying_fuel = false;
            self.fuel = self.sched.refill();
        }
        if slot == from {
            Next::Stay
        } else {
            Next::Switch(slot)
        }
    }

    /// The next thread to run when the running one cannot: the clock jumps to the next deadline if need be.
    pub(crate) fn next_ready(&mut self, from: Slot) -> Next {
        loop {
            if self.timers.peek().is_some_and(|t| t.at <= self.now) {
                self.ring();
            }
            if !self.dying.is_empty() || !self.ready.is_empty() {
                return self.choose(from);
            }
            if self.ending {
                return if self.threads.live == 0 {
                    Next::Over
                } else {
                    Next::Stuck
                };
            }
            match self.next_deadline() {
                Some(at) => self.now = self.now.max(at.min(self.time_limit)),
                None => {
                    let failure = Failure::Deadlock {
                        threads: self.snapshot(),
                        others_run: false,
                    };
                    self.end(Some(failure));
                    continue;
                }
            }
            if !self.over_limit() {
                self.ring();
            }
        }
    }

    /// The earliest deadline of a thread that still waits.
    pub(super) fn next_deadline(&mut self) -> Option<u64> {
        while let Some(timer) = self.timers.peek() {
            if self.threads.get(timer.slot).epoch == timer.epoch {
                return Some(timer.at);
            }
            self.timers.pop();
        }
        None
    }

    /// Makes ready every thread whose deadline has passed, and sets the alarm for the next.
    pub(super) fn ring(&mut self) {
        while let Some(timer) = self.timers.peek() {
            let t = self.threads.get(timer.slot);
            let valid = t.epoch == timer.epoch && matches!(t.state, State::Blocked { .. });
            if valid && timer.at > self.now {
                break;
            }
            self.timers.pop();
            if valid {
                self.wake(timer.slot, Wake::TimedOut);
            }
        }
        self.set_alarm();
    }

    pub(super) fn set_alarm(&mut self) {
        self.alarm = self
            .timers
            .peek()
            .map_or(self.time_limit, |t| t.at.min(self.time_limit));
    }

    /// Ends the run when it is over one of its limits.
    pub(super) fn over_limit(&mut self) -> bool {
        if self.ending {
            return false;
        }
        let failure = if self.now >= self.time_limit {
            let virtual_time = std::time::Duration::from_nanos(self.time_limit - START);
            Failure::TimeLimit {
                limit: virtual_time,
                threads: self.snapshot(),
            }
        } else if self.calls >= self.call_limit {
            Failure::CallLimit {
                limit: self.call_limit,
                threads: self.snapshot(),
            }
        } else {
            return false;
        };
        self.end(Some(failure));
        true
    }

    /// The thread that gives the baton away has caught a panic of its own. On fibers `std::thread::panicking()` is
    /// true also while another one unwinds, so that later on nobody could tell.
    pub(super) fn forget_caught_panic(&mut self, slot: Slot) {
        if self.threads.get(slot).panic.is_some() && !std::thread::panicking() {
            self.threads.get_mut(slot).panic = None;
        }
    }
}

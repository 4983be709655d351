//! How threads end: by themselves, with their run, or unwound with their peer (see also `crash`).

use super::kernel::{Kernel, Next};
use super::threads::{Life, Slot, State, Thread, Wake};
use crate::outcome::Failure;

/// Waits that are refused to a thread while it unwinds; a `Drop` that asks for more loops for ever.
const LONGEST_DEATH: u32 = 10_000;

/// Calls after which a thread that unwinds is asked whether it will ever end; ten times that is too many.
const DYING_TURN: u32 = 100_000;

impl Kernel {
    /// The running thread unwinds: ended by the simulator, or by a panic of its own. It must not give the
    /// baton away then (a second panic during the first would end the process).
    pub(crate) fn unwinding(&mut self) -> bool {
        let me = self.me();
        me.life == Life::Dying || (me.panic.is_some() && std::thread::panicking())
    }

    /// Ends the run: every thread is unwound, in the order of the table.
    pub(crate) fn end(&mut self, failure: Option<Failure>) {
        if self.ending {
            return;
        }
        self.ending = true;
        self.failure = failure;
        self.doom(|_| true);
        self.cut_turn();
    }

    /// Dooms the live threads that `which` picks.
    pub(crate) fn doom(&mut self, which: impl Fn(&Thread) -> bool) -> usize {
        let slots: Vec<Slot> = self
            .threads
            .live()
            .filter(|(_, t)| t.life == Life::Alive && which(t))
            .map(|(s, _)| s)
            .collect();
        for slot in &slots {
            self.threads.get_mut(*slot).life = Life::Doomed;
            if let State::Blocked { .. } = self.threads.get(*slot).state {
                self.wake(*slot, Wake::Dying);
            } else if *slot != self.running {
                self.ready.retain(|s| s != slot);
                self.dying.push(*slot);
                if let Some(obj) = self.threads.get_mut(*slot).woken_by.take() {
                    self.notify_one(obj);
                }
            }
        }
        slots.len()
    }

    /// Takes a finished thread out of the table; says who runs next.
    pub(crate) fn exit(&mut self) -> Next {
        let slot = self.running;
        self.hash.add(0xfd << 56 | u64::from(slot));
        let me = self.threads.get_mut(slot);
        me.state = State::Finished;
        me.epoch += 1;
        let (exit, detached, domain) = (me.exit, me.detached, me.domain.take());
        me.acting = None;
        self.threads.live -= 1;
        self.notify_all(exit);
        if let Some(domain) = &domain {
            self.left_domain(domain);
        }
        if detached {
            self.forget(slot);
        }
        self.next_ready(Slot::MAX)
    }

    /// The thread has finished and nobody will ask for it any more.
    pub(crate) fn forget(&mut self, slot: Slot) {
        let exit = self.threads.get(slot).exit;
        self.objects.remove(exit);
        self.threads.recycle(slot);
    }

    /// A thread that unwinds wanted to wait. It may not, and when it tries without end (a `Drop` that loops
    /// until something happens) the run is given up rather than hung.
    pub(crate) fn refuse_wait(&mut self) -> Next {
        let me = self.me();
        me.dying_calls += 1;
        if me.dying_calls > LONGEST_DEATH {
            Next::Stuck
        } else {
            Next::Stay
        }
    }

    /// A thread unwinds and has made very many calls meanwhile: a `Drop` that polls for ever without a wait.
    pub(super) fn note_long_death(&mut self) -> Next {
        self.dying_turn();
        self.me().dying_calls += LONGEST_DEATH / 10;
        self.refuse_wait()
    }

    pub(super) fn dying_turn(&mut self) {
        self.fuel = DYING_TURN;
        self.dying_fuel = true;
    }
}

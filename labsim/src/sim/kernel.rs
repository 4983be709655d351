//! The state of a simulation and what one call does to it. Nothing here switches threads: methods say who
//! has the baton next, and `sim::mod` hands it on.

use std::panic::Location;

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::hash::TraceHash;
use super::objects::{Holder, ObjId, Objects};
use super::scheduler::{Cause, Sched};
use super::threads::{Held, Life, OpState, Slot, State, Thread, Threads, Wake, Why};
use super::timers::Timers;
use crate::config::{Config, TraceLevel};
use crate::diagnose::Finding;
use crate::domain::Domain;
use crate::outcome::Failure;
use crate::trace::{Event, What};

/// Virtual time at which a run begins: as on a real machine, `Instant::now() - one hour` is a time.
pub(crate) const START: u64 = 24 * 3600 * 1_000_000_000;

/// Calls without a wait after which a thread is reported as a busy loop.
const BUSY: u64 = 300_000;

/// Waits that are refused to a thread while it unwinds; a `Drop` that asks for more loops for ever.
const LONGEST_DEATH: u32 = 10_000;

/// Calls after which a thread that unwinds is asked whether it will ever end; ten times that is too many.
const DYING_TURN: u32 = 100_000;

/// Who has the baton next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The thread that has it.
    Stay,
    /// This one.
    Switch(Slot),
    /// Nobody: the last thread has ended.
    Over,
    /// Nobody, though threads are left that can never end (see `abandon`).
    Stuck,
}

/// An operation of one thread on one or more channels, never numbered twice in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Op {
    slot: Slot,
    number: u64,
}

pub(crate) struct Kernel {
    pub(crate) now: u64,
    pub(crate) running: Slot,
    pub(crate) threads: Threads,
    pub(crate) objects: Objects,
    /// Threads that may run. The running one is not among them.
    pub(crate) ready: Vec<Slot>,
    /// Threads to be unwound, before anything else runs: a crash takes no time.
    pub(crate) dying: Vec<Slot>,
    pub(crate) timers: Timers,
    pub(crate) sched: Sched,
    pub(crate) rng: Xoshiro256PlusPlus,
    pub(crate) hash: TraceHash,
    pub(crate) calls: u64,
    ops: u64,
    /// Calls left to the running thread before the scheduler is asked.
    fuel: u32,
    /// The fuel is that of a thread that unwinds: the next one gets its own.
    dying_fuel: bool,
    /// The next time at which something is due: a timer or the limit.
    alarm: u64,
    call_cost: u64,
    time_limit: u64,
    call_limit: u64,
    /// Set once the run is over: why, and no thread may do more than unwind.
    pub(crate) ending: bool,
    /// Crashes under way, and what their callers wait on.
    pub(crate) crashes: Vec<(Domain, ObjId)>,
    pub(crate) failure: Option<Failure>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) level: TraceLevel,
    pub(crate) events: Vec<Event>,
}

impl Kernel {
    pub(crate) fn new(config: &Config) -> Self {
        let mut sched = Sched::new(config.scheduler, config.seed);
        let time_limit = START.saturating_add(nanos(config.time_limit));
        Kernel {
            now: START,
            running: 0,
            threads: Threads::default(),
            objects: Objects::default(),
            ready: Vec::new(),
            dying: Vec::new(),
            timers: Timers::default(),
            fuel: sched.refill(),
            dying_fuel: false,
            sched,
            rng: Xoshiro256PlusPlus::seed_from_u64(config.seed),
            hash: TraceHash::new(config.seed),
            calls: 0,
            ops: 0,
            alarm: time_limit,
            call_cost: nanos(config.call_cost),
            time_limit,
            call_limit: config.call_limit,
            ending: false,
            crashes: Vec::new(),
            failure: None,
            findings: Vec::new(),
            level: config.trace,
            events: Vec::new(),
        }
    }

    /// The thread that has the baton.
    #[inline]
    pub(crate) fn me(&mut self) -> &mut Thread {
        self.threads.get_mut(self.running)
    }

    /// Accounts for one labsim call. True: `reschedule` is due before the call goes on.
    #[inline]
    pub(crate) fn step(&mut self, what: What, obj: ObjId, at: &'static Location<'static>) -> bool {
        self.now += self.call_cost;
        self.calls += 1;
        self.hash
            .add((what as u64) << 56 | u64::from(self.running) << 32 | u64::from(obj.0));
        let slot = self.running;
        let me = self.threads.get_mut(slot);
        me.last_call = at;
        me.busy_calls += 1;
        if self.level == TraceLevel::Calls {
            self.record_call(what, obj, at);
        }
        self.fuel = self.fuel.wrapping_sub(1);
        self.fuel == 0 || self.now >= self.alarm
    }

    #[cold]
    fn record_call(&mut self, what: What, obj: ObjId, at: &'static Location<'static>) {
        let detail = if obj == ObjId::NONE {
            format!("{} at {at}", what.word())
        } else {
            let kind = self.objects.get(obj).kind;
            format!(
                "{} {}<{}> #{} at {at}",
                what.word(),
                kind.name,
                kind.content,
                obj.0
            )
        };
        self.record("call", u64::from(self.running), u64::from(obj.0), detail);
    }

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
        if self.fuel > 0 {
            return Next::Stay;
        }
        self.give_way(Cause::OutOfFuel)
    }

    /// The running thread unwinds: ended by the simulator, or by a panic of its own. It must not give the
    /// baton away then (a second panic during the first would end the process).
    pub(crate) fn unwinding(&mut self) -> bool {
        let me = self.me();
        me.life == Life::Dying || (me.panic.is_some() && std::thread::panicking())
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
    fn note_long_death(&mut self) -> Next {
        self.dying_turn();
        self.me().dying_calls += LONGEST_DEATH / 10;
        self.refuse_wait()
    }

    /// The thread that gives the baton away has caught a panic of its own. On fibers `std::thread::panicking()` is
    /// true also while another one unwinds, so that later on nobody could tell.
    fn forget_caught_panic(&mut self, slot: Slot) {
        if self.threads.get(slot).panic.is_some() && !std::thread::panicking() {
            self.threads.get_mut(slot).panic = None;
        }
    }

    fn dying_turn(&mut self) {
        self.fuel = DYING_TURN;
        self.dying_fuel = true;
    }

    /// The next thread to run, out of the dying, then the ready ones. There must be one.
    fn choose(&mut self, from: Slot) -> Next {
        let slot = if self.dying.is_empty() {
            self.sched.pick(&self.threads, &mut self.ready)
        } else {
            self.dying.remove(0)
        };
        self.enter(from, slot)
    }

    fn enter(&mut self, from: Slot, slot: Slot) -> Next {
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

    /// Gives the thread with this uid its token, and wakes it if it is parked.
    pub(crate) fn unpark(&mut self, uid: u64) {
        let found = self
            .threads
            .live()
            .find(|(_, t)| u64::from(t.uid) == uid)
            .map(|(slot, _)| slot);
        let Some(slot) = found else { return };
        let t = self.threads.get_mut(slot);
        t.unpark_token = true;
        if let State::Blocked { why: Why::Park, .. } = t.state {
            self.wake(slot, Wake::Notified);
        }
    }

    /// Makes ready every thread whose deadline has passed, and sets the alarm for the next.
    fn ring(&mut self) {
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

    fn set_alarm(&mut self) {
        self.alarm = self
            .timers
            .peek()
            .map_or(self.time_limit, |t| t.at.min(self.time_limit));
    }

    /// Ends the run when it is over one of its limits.
    fn over_limit(&mut self) -> bool {
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

    fn note_busy_loop(&mut self) {
        if self.me().busy_calls < BUSY || self.me().busy_reported {
            return;
        }
        self.me().busy_reported = true;
        let finding = Finding::busy_loop(self.threads.get(self.running), BUSY);
        self.findings.push(finding);
    }

    /// Blocks the running thread until one of `objs` is notified or `deadline` passes.
    pub(crate) fn block(
        &mut self,
        objs: &[ObjId],
        deadline: Option<u64>,
        why: Why,
        at: &'static Location<'static>,
    ) -> Next {
        let slot = self.running;
        let now = self.now;
        let me = self.threads.get_mut(slot);
        me.epoch += 1;
        me.busy_calls = 0;
        me.state = State::Blocked {
            why,
            at,
            since: now,
        };
        me.last_call = at;
        me.waiting_for.clear();
        me.waiting_for.extend_from_slice(objs);
        for obj in objs {
            self.objects.get_mut(*obj).waiters.push(slot);
        }
        if let Some(at) = deadline {
            self.timers.set(at, slot, self.threads.get(slot).epoch);
            self.alarm = self.alarm.min(at);
            if self.timers.wants_sweep() {
                let threads = &self.threads;
                self.timers.sweep(|t| threads.get(t.slot).epoch == t.epoch);
            }
        }
        self.hash
            .add(0xfe << 56 | (why as u64) << 48 | u64::from(slot));
        self.next_ready(slot)
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
    fn next_deadline(&mut self) -> Option<u64> {
        while let Some(timer) = self.timers.peek() {
            if self.threads.get(timer.slot).epoch == timer.epoch {
                return Some(timer.at);
            }
            self.timers.pop();
        }
        None
    }

    /// Begins an operation of the running thread that others may complete while it waits.
    pub(crate) fn begin_op(&mut self) -> Op {
        self.ops += 1;
        Op {
            slot: self.running,
            number: self.ops,
        }
    }

    /// From now on, the running thread waits in `op`; if `open`, others may complete it.
    pub(crate) fn enter_op(&mut self, op: Op, open: bool) {
        self.me().op = Some(OpState {
            number: op.number,
            open,
            arm: None,
        });
    }

    /// Leaves the operation; says which arm of it another thread has completed.
    pub(crate) fn leave_op(&mut self, op: Op) -> Option<usize> {
        self.me().op.take().filter(|o| o.number == op.number)?.arm
    }

    /// Completes another thread's operation by its `arm`; false if it no longer waits, or was completed before.
    pub(crate) fn complete_op(&mut self, op: Op, arm: usize) -> bool {
        match &mut self.threads.get_mut(op.slot).op {
            Some(o) if o.number == op.number && o.open => {
                o.open = false;
                o.arm = Some(arm);
                true
            }
            _ => false,
        }
    }

    /// Wakes the thread that waits in `op`, if it still does.
    pub(crate) fn wake_op(&mut self, op: Op) {
        let t = self.threads.get(op.slot);
        let waits = t.op.as_ref().is_some_and(|o| o.number == op.number);
        if waits && matches!(t.state, State::Blocked { .. }) {
            self.wake(op.slot, Wake::Notified);
        }
    }

    /// Makes a blocked thread ready.
    pub(crate) fn wake(&mut self, slot: Slot, wake: Wake) {
        let t = self.threads.get_mut(slot);
        debug_assert!(
            matches!(t.state, State::Blocked { .. }),
            "thread {slot} is not blocked"
        );
        t.state = State::Ready;
        t.wake = wake;
        t.epoch += 1;
        let objs = std::mem::take(&mut t.waiting_for);
        for obj in &objs {
            let waiters = &mut self.objects.get_mut(*obj).waiters;
            if let Some(i) = waiters.iter().position(|w| *w == slot) {
                waiters.remove(i);
            }
        }
        let t = self.threads.get_mut(slot);
        t.waiting_for = objs;
        t.waiting_for.clear();
        let (life, priority) = (t.life, t.priority);
        if life == Life::Alive {
            self.ready.push(slot);
            if self
                .sched
                .wake_preempts(self.threads.get(self.running).priority, priority)
            {
                self.cut_turn();
            }
        } else {
            self.dying.push(slot);
            self.cut_turn();
        }
    }

    /// Wakes one of the threads that wait for `obj`; false if there is none.
    pub(crate) fn notify_one(&mut self, obj: ObjId) -> bool {
        let n = self.objects.get(obj).waiters.len();
        if n == 0 {
            return false;
        }
        let i = self.sched.pick_waiter(n);
        let slot = self.objects.get(obj).waiters[i];
        self.wake(slot, Wake::Notified);
        self.threads.get_mut(slot).woken_by = Some(obj);
        self.let_go_first(slot);
        true
    }

    /// The running thread gave back what `slot` waited for. It gives way at once if it, or another, was quicker
    /// before: a loop around a lock would otherwise keep all others out.
    pub(crate) fn let_go_first(&mut self, slot: Slot) {
        if self.threads.get(slot).overtaken {
            self.cut_turn();
        }
    }

    /// Wakes all threads that wait for `obj`, and says how many.
    pub(crate) fn notify_all(&mut self, obj: ObjId) -> usize {
        let mut n = 0;
        while let Some(slot) = self.objects.get(obj).waiters.first().copied() {
            self.wake(slot, Wake::Notified);
            n += 1;
        }
        n
    }

    /// Takes `obj` for the running thread if nobody holds it. `Err`: who does.
    #[inline]
    pub(crate) fn try_acquire(
        &mut self,
        obj: ObjId,
        at: &'static Location<'static>,
    ) -> Result<(), Holder> {
        let slot = self.running;
        let o = self.objects.get_mut(obj);
        if let Some(holder) = o.holder {
            return Err(holder);
        }
        if let Some(reader) = o.readers.first() {
            return Err(*reader);
        }
        o.holder = Some(Holder { slot, at });
        self.threads.get_mut(slot).held.push(Held { obj, at });
        Ok(())
    }

    /// The running thread gives `obj` back; one of those that wait for it may try again.
    #[inline]
    pub(crate) fn release(&mut self, obj: ObjId) {
        let slot = self.running;
        self.drop_held(slot, obj);
        let o = self.objects.get_mut(obj);
        o.holder = None;
        if !o.waiters.is_empty() {
            self.notify_one(obj);
        }
    }

    #[inline]
    pub(crate) fn drop_held(&mut self, slot: Slot, obj: ObjId) {
        let held = &mut self.threads.get_mut(slot).held;
        if let Some(i) = held.iter().rposition(|h| h.obj == obj) {
            held.remove(i);
        }
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

    /// Adds an event to the full trace. The caller has folded it into the hash.
    pub(crate) fn record(&mut self, kind: &'static str, a: u64, b: u64, detail: String) {
        let t = self.threads.get(self.running);
        let (thread, name) = (t.uid, t.name.clone());
        let domain = t.acts_for().map(|d| (d.peer(), d.incarnation()));
        self.events.push(Event {
            at: self.now - START,
            thread,
            name,
            domain,
            kind,
            a,
            b,
            detail,
        });
    }
}

pub(crate) fn nanos(d: std::time::Duration) -> u64 {
    u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)
}

//! The state of a simulation and what one call does to it. Nothing here switches threads: methods say who
//! has the baton next, and `sim::mod` hands it on. Here are the state and the account of calls; `turns`, `waits`,
//! `locks`, `ends` and `crash` have the rest.

use std::panic::Location;

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::hash::TraceHash;
use super::objects::{ObjId, Objects};
use super::scheduler::Sched;
use super::stalls::Plan;
use super::threads::{Slot, Thread, Threads};
use super::timers::Timers;
use crate::config::{Config, Sink, TraceLevel};
use crate::diagnose::Finding;
use crate::domain::Domain;
use crate::outcome::Failure;
use crate::trace::{Event, What};

/// Virtual time at which a run begins: as on a real machine, `Instant::now() - one hour` is a time.
pub(crate) const START: u64 = 24 * 3600 * 1_000_000_000;

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
    pub(super) slot: Slot,
    pub(super) number: u64,
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
    pub(super) stalls: Plan,
    pub(crate) rng: Xoshiro256PlusPlus,
    pub(crate) hash: TraceHash,
    pub(crate) calls: u64,
    pub(super) ops: u64,
    /// Calls left to the running thread before the scheduler is asked.
    pub(super) fuel: u32,
    /// The fuel is that of a thread that unwinds: the next one gets its own.
    pub(super) dying_fuel: bool,
    /// The next time at which something is due: a timer or the limit.
    pub(super) alarm: u64,
    call_cost: u64,
    pub(super) time_limit: u64,
    pub(super) call_limit: u64,
    /// Set once the run is over: why, and no thread may do more than unwind.
    pub(crate) ending: bool,
    /// Crashes under way, and what their callers wait on.
    pub(crate) crashes: Vec<(Domain, ObjId)>,
    pub(crate) failure: Option<Failure>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) level: TraceLevel,
    pub(crate) events: Vec<Event>,
    sink: Option<Sink>,
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
            stalls: Plan::new(config.stalls, config.seed),
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
            sink: config.sink.clone(),
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
        if what == What::Unlock {
            self.stalls.note_unlock();
        }
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
        self.fuel == 0 || self.now >= self.alarm || self.calls >= self.stalls.at
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

    /// Adds an event to the full trace. The caller has folded it into the hash.
    pub(crate) fn record(&mut self, kind: &'static str, a: u64, b: u64, detail: String) {
        let t = self.threads.get(self.running);
        let (thread, name) = (t.uid, t.name.clone());
        let domain = t.acts_for().map(|d| (d.peer(), d.incarnation()));
        let event = Event {
            at: self.now - START,
            thread,
            name,
            domain,
            kind,
            a,
            b,
            detail,
        };
        match &self.sink {
            Some(sink) => sink.take(event),
            None => self.events.push(event),
        }
    }
}

pub(crate) fn nanos(d: std::time::Duration) -> u64 {
    u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)
}

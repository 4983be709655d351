//! Barriers.

use std::fmt;
use std::panic::Location;

use parking_lot::{Condvar, Mutex};

use super::mutex::TagCell;
use crate::diagnose;
use crate::sim::objects::{ObjId, ObjKind, Tag};
use crate::sim::threads::Why;
use crate::sim::{self, Sim};
use crate::trace::What;
use crate::wall;

const KIND: ObjKind = ObjKind {
    name: "Barrier",
    content: "",
};

/// Lets threads wait until so many have come, again and again; std's API.
///
/// A thread that is ended while it waits (a crash, the end of the run) has not come after all: the others
/// wait for one more.
///
/// ```
/// use labsim::{Config, sync::{Arc, Barrier}, thread};
///
/// let leaders = labsim::run(Config::seed(5), || {
///     let barrier = Arc::new(Barrier::new(3));
///     let others = [barrier.clone(), barrier.clone()];
///     let others = others.map(|b| thread::spawn(move || b.wait().is_leader()));
///     let mut leaders = usize::from(barrier.wait().is_leader());
///     for other in others {
///         leaders += usize::from(other.join().unwrap());
///     }
///     leaders
/// });
/// assert_eq!(leaders.unwrap(), 1);
/// ```
pub struct Barrier {
    tag: TagCell,
    state: Mutex<State>,
    /// Wall clock only.
    changed: Condvar,
    threads: usize,
}

struct State {
    /// How many wait.
    come: usize,
    /// How often the barrier has opened.
    round: usize,
}

/// What [`Barrier::wait`] gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// True for one of the threads that met: the one that came last.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").finish_non_exhaustive()
    }
}

impl Barrier {
    /// A barrier that opens when `threads` threads wait at it; at once for 0 and 1.
    pub const fn new(threads: usize) -> Self {
        Barrier {
            tag: TagCell(Tag::new()),
            state: Mutex::new(State { come: 0, round: 0 }),
            changed: Condvar::new(),
            threads,
        }
    }

    /// Waits until all have come.
    #[track_caller]
    pub fn wait(&self) -> BarrierWaitResult {
        match sim::current() {
            Some(sim) => self.wait_simulated(sim, Location::caller()),
            None => self.wait_real(),
        }
    }

    fn wait_simulated(&self, sim: &Sim, at: &'static Location<'static>) -> BarrierWaitResult {
        let obj = self.tag.0.resolve(sim, KIND);
        sim.point(What::Wait, obj, at);
        let Some(visit) = self.come() else {
            sim.kernel.with(|k| k.notify_all(obj));
            return BarrierWaitResult(true);
        };
        diagnose::note_held(sim, &"others at a Barrier", ObjId::NONE, at);
        while !visit.is_over() {
            sim.block(&[obj], None, Why::Barrier, at);
        }
        BarrierWaitResult(false)
    }

    fn wait_real(&self) -> BarrierWaitResult {
        self.tag.0.assert_outside("Barrier");
        wall::heed();
        let Some(visit) = self.come() else {
            self.changed.notify_all();
            return BarrierWaitResult(true);
        };
        while !visit.is_over() {
            wall::wait_in_slices(None, |until| {
                let mut state = self.state.lock();
                if state.round == visit.round {
                    self.changed.wait_until(&mut state, until);
                }
                state.round != visit.round
            });
        }
        BarrierWaitResult(false)
    }

    /// Counts the caller in. `None`: it is the last, and the barrier is open.
    fn come(&self) -> Option<Visit<'_>> {
        let mut state = self.state.lock();
        state.come += 1;
        if state.come >= self.threads {
            state.come = 0;
            state.round += 1;
            return None;
        }
        Some(Visit {
            barrier: self,
            round: state.round,
        })
    }
}

/// A thread that has come and waits. Unwound before the barrier opens, it is not counted any more.
struct Visit<'a> {
    barrier: &'a Barrier,
    round: usize,
}

impl Visit<'_> {
    fn is_over(&self) -> bool {
        self.barrier.state.lock().round != self.round
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        let mut state = self.barrier.state.lock();
        if state.round == self.round {
            state.come -= 1;
        }
    }
}

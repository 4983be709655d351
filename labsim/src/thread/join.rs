//! How a thread ends, and who waits for it.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Condvar, Mutex};

use crate::diagnose;
use crate::sim::objects::ObjId;
use crate::sim::threads::{Slot, State, Wake, Why};
use crate::sim::{self, Sim};
use crate::trace::What;
use crate::wall;

use super::handle::Thread;

/// As `std::thread::Result`: what a thread returned, or what it panicked with. A thread that was ended
/// by a crash or by the end of its run has an [`EndedEarly`] there.
pub type Result<T> = std::thread::Result<T>;

/// What joining a thread gives that was ended before it returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedEarly;

impl fmt::Display for EndedEarly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the thread was ended before it returned: its peer crashed, or its run was over",
        )
    }
}

impl std::error::Error for EndedEarly {}

/// Where a thread leaves its result, and what its handle waits on.
pub(super) struct Packet<T> {
    result: Mutex<Option<Result<T>>>,
    ended: AtomicBool,
    /// Wall clock only.
    changed: Condvar,
}

impl<T> Packet<T> {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Packet {
            result: Mutex::new(None),
            ended: AtomicBool::new(false),
            changed: Condvar::new(),
        })
    }

    fn take(&self) -> Result<T> {
        self.result
            .lock()
            .take()
            .unwrap_or_else(|| Err(Box::new(EndedEarly)))
    }
}

/// Marks the packet as final when its thread's function is gone, returned or unwound.
pub(super) struct Finish<T>(pub(super) Arc<Packet<T>>);

impl<T> Finish<T> {
    /// Leaves what the function came to, none if it was ended; it is final when `self` is dropped.
    pub(super) fn leave(&self, result: Option<Result<T>>) {
        *self.0.result.lock() = result;
    }
}

impl<T> Drop for Finish<T> {
    fn drop(&mut self) {
        let _result = self.0.result.lock();
        self.0.ended.store(true, Ordering::Release);
        self.0.changed.notify_all();
    }
}

/// Where a simulated thread stands in its simulation's table.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) sim: u32,
    pub(super) slot: Slot,
    pub(super) exit: ObjId,
}

/// Owns the right to wait for a thread's end.
pub struct JoinHandle<T> {
    pub(super) packet: Arc<Packet<T>>,
    pub(super) thread: Thread,
    pub(super) place: Option<Place>,
}

impl<T> JoinHandle<T> {
    /// Waits for the thread's end and returns what it returned.
    ///
    /// # Errors
    /// What it panicked with, or [`EndedEarly`].
    #[track_caller]
    pub fn join(mut self) -> Result<T> {
        let at = Location::caller();
        match sim::current() {
            Some(sim) => self.join_simulated(sim, at),
            None => self.join_real(),
        }
        self.packet.take()
    }

    fn join_simulated(&mut self, sim: &Sim, at: &'static Location<'static>) {
        let Some(place) = self.place.filter(|p| p.sim == sim.id) else {
            return;
        };
        sim.point(What::Join, ObjId::NONE, at);
        diagnose::note_held(sim, &"the end of a thread", ObjId::NONE, at);
        while !sim
            .kernel
            .with(|k| k.threads.get(place.slot).state == State::Finished)
        {
            if sim.block(&[place.exit], None, Why::Join, at) == Wake::Dying {
                return;
            }
        }
    }

    fn join_real(&self) {
        let mut result = self.packet.result.lock();
        let ended = || self.packet.ended.load(Ordering::Acquire);
        if !wall::is_bound() {
            while !ended() {
                self.packet.changed.wait(&mut result);
            }
            return;
        }
        drop(result);
        wall::wait_in_slices(None, |until| {
            let mut result = self.packet.result.lock();
            if !ended() {
                self.packet.changed.wait_until(&mut result, until);
            }
            ended()
        });
    }

    /// Whether the thread has ended.
    pub fn is_finished(&self) -> bool {
        match (sim::current(), self.place) {
            (Some(sim), Some(place)) if place.sim == sim.id => {
                sim.point(What::Join, ObjId::NONE, Location::caller());
                sim.kernel
                    .with(|k| k.threads.get(place.slot).state == State::Finished)
            }
            _ => self.packet.ended.load(Ordering::Acquire),
        }
    }

    /// The thread's handle.
    pub fn thread(&self) -> &Thread {
        &self.thread
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        let (Some(sim), Some(place)) = (sim::current(), self.place) else {
            return;
        };
        if place.sim != sim.id {
            return;
        }
        sim.kernel.with(|k| {
            let t = k.threads.get_mut(place.slot);
            t.detached = true;
            if t.state == State::Finished {
                k.forget(place.slot);
            }
        });
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("thread", &self.thread)
            .finish_non_exhaustive()
    }
}

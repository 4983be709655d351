//! Condition variables.

use std::panic::Location;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::mutex::{MutexGuard, TagCell};
use crate::diagnose;
use crate::sim::objects::{Holder, ObjId, ObjKind, Tag};
use crate::sim::threads::{Wake, Why};
use crate::sim::{self, Sim};
use crate::time::Instant;
use crate::trace::What;
use crate::wall;

const KIND: ObjKind = ObjKind {
    name: "Condvar",
    content: "",
};

/// A condition variable; parking_lot's API. Which of several waiters `notify_one` wakes is not promised.
///
/// Waiting on it with two mutexes at the same time is a panic, as in parking_lot.
#[derive(Default)]
pub struct Condvar {
    tag: TagCell,
    inner: parking_lot::Condvar,
    /// Counts notifications on the wall clock (see `wait_real`).
    notified: AtomicU32,
}

/// Whether a timed wait ended by its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// True if the time was up.
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

impl std::fmt::Debug for Condvar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad("Condvar { .. }")
    }
}

impl Condvar {
    /// A condition variable that nobody waits on.
    pub const fn new() -> Self {
        Condvar {
            tag: TagCell(Tag::new()),
            inner: parking_lot::Condvar::new(),
            notified: AtomicU32::new(0),
        }
    }

    /// Wakes one waiting thread; false if there was none.
    #[track_caller]
    pub fn notify_one(&self) -> bool {
        match sim::current() {
            Some(sim) => self.notify(sim, Location::caller(), |k, obj| k.notify_one(obj)),
            None => {
                self.before_real_notify();
                self.inner.notify_one()
            }
        }
    }

    /// Wakes all waiting threads; says how many there were.
    #[track_caller]
    pub fn notify_all(&self) -> usize {
        match sim::current() {
            Some(sim) => self.notify(sim, Location::caller(), |k, obj| k.notify_all(obj)),
            None => {
                self.before_real_notify();
                self.inner.notify_all()
            }
        }
    }

    #[track_caller]
    fn before_real_notify(&self) {
        self.tag.0.assert_outside("Condvar");
        wall::heed();
        self.notified.fetch_add(1, Ordering::SeqCst);
    }

    fn notify<R>(
        &self,
        sim: &Sim,
        at: &'static Location<'static>,
        wake: impl FnOnce(&mut sim::kernel::Kernel, ObjId) -> R,
    ) -> R {
        let obj = self.tag.0.resolve(sim, KIND);
        let r = sim.kernel.with(|k| wake(k, obj));
        sim.point(What::Notify, obj, at);
        r
    }

    /// Unlocks and waits to be notified, as one step; locks again before it returns.
    #[track_caller]
    pub fn wait<T: ?Sized>(&self, guard: &mut MutexGuard<'_, T>) {
        self.wait_deadline(guard, None, Location::caller());
    }

    /// As [`wait`](Condvar::wait), but no longer than `timeout`.
    #[track_caller]
    pub fn wait_for<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        timeout: Duration,
    ) -> WaitTimeoutResult {
        let at = Location::caller();
        let deadline = Instant::now().checked_add(timeout);
        self.wait_deadline(guard, deadline, at)
    }

    /// As [`wait`](Condvar::wait), but until `deadline` at the latest.
    #[track_caller]
    pub fn wait_until<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        deadline: Instant,
    ) -> WaitTimeoutResult {
        self.wait_deadline(guard, Some(deadline), Location::caller())
    }

    /// Waits as long as `condition` is true.
    #[track_caller]
    pub fn wait_while<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) {
        let at = Location::caller();
        while condition(&mut **guard) {
            self.wait_deadline(guard, None, at);
        }
    }

    /// Waits as long as `condition` is true, but no longer than `timeout`.
    #[track_caller]
    pub fn wait_while_for<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        mut condition: impl FnMut(&mut T) -> bool,
        timeout: Duration,
    ) -> WaitTimeoutResult {
        let at = Location::caller();
        let deadline = Instant::now().checked_add(timeout);
        while condition(&mut **guard) {
            if self.wait_deadline(guard, deadline, at).timed_out() {
                return WaitTimeoutResult(condition(&mut **guard));
            }
        }
        WaitTimeoutResult(false)
    }

    #[track_caller]
    fn wait_deadline<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> WaitTimeoutResult {
        match sim::current() {
            Some(sim) => self.wait_simulated(sim, guard, deadline, at),
            None => self.wait_real(guard, deadline),
        }
    }

    #[track_caller]
    fn wait_simulated<T: ?Sized>(
        &self,
        sim: &Sim,
        guard: &mut MutexGuard<'_, T>,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> WaitTimeoutResult {
        let (obj, lock) = (self.tag.0.resolve(sim, KIND), guard.obj);
        sim.point(What::Wait, obj, at);
        if let Err(other) = sim.kernel.with(|k| k.pair(obj, lock)) {
            two_mutexes(other);
        }
        diagnose::note_held(sim, &"a notification", lock, at);
        // From here to `block` nothing switches, so that no notification is lost in between. If the thread is
        // ended in `block`, its guard is empty and gives nothing back.
        guard.inner = None;
        guard.obj = ObjId::NONE;
        sim.kernel.with(|k| k.release(lock));
        let wake = sim.block(&[obj], deadline.map(Instant::as_nanos), Why::Condvar, at);
        let mut again = guard.mutex.acquire(sim, lock, at);
        guard.inner = again.inner.take();
        guard.obj = lock;
        WaitTimeoutResult(wake == Wake::TimedOut)
    }

    fn wait_real<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        deadline: Option<Instant>,
    ) -> WaitTimeoutResult {
        self.tag.0.assert_outside("Condvar");
        let inner = guard.inner.as_mut().expect("the lock is held");
        if !wall::is_bound() {
            return match deadline {
                None => {
                    self.inner.wait(inner);
                    WaitTimeoutResult(false)
                }
                Some(d) => WaitTimeoutResult(self.inner.wait_until(inner, d.to_std()).timed_out()),
            };
        }
        // A notification that comes between two slices finds nobody waiting. Its count tells us; now and then it was
        // meant for another thread, and ours wakes for nothing, which a loop around the wait bears.
        let before = self.notified.load(Ordering::SeqCst);
        let notified = wall::wait_in_slices(deadline.map(Instant::to_std), |until| {
            !self.inner.wait_until(inner, until).timed_out()
                || self.notified.load(Ordering::SeqCst) != before
        });
        WaitTimeoutResult(!notified)
    }
}

/// parking_lot's rule, and a sound one: threads that hold different mutexes do not exclude each other.
#[cold]
#[track_caller]
fn two_mutexes(other: Holder) -> ! {
    panic!(
        "this thread waits on a Condvar with one mutex while another waits on it, since {}, with another one: \
         all who wait on a Condvar must hold the same mutex",
        other.at
    )
}

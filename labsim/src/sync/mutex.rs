//! Mutual exclusion.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::time::Duration;

use crate::outcome::short_type;
use crate::sim::objects::{ObjId, ObjKind, Tag};
use crate::sim::threads::{Wake, Why};
use crate::sim::{self, Sim};
use crate::time::Instant;
use crate::trace::What;
use crate::wall;

/// A mutex; parking_lot's API.
///
/// The value always stands in a real parking_lot mutex. In a simulation the simulator decides who may lock,
/// and the real lock, always free then, makes sure that a thread from outside can do no harm.
#[derive(Default)]
pub struct Mutex<T: ?Sized> {
    tag: TagCell,
    data: parking_lot::Mutex<T>,
}

/// Releases the simulator's entry when the lock goes away.
#[derive(Default)]
pub(super) struct TagCell(pub(super) Tag);

impl Drop for TagCell {
    fn drop(&mut self) {
        self.0.release();
    }
}

/// Holds the lock while it lives. It stays on the thread that took it.
#[must_use = "the lock is held only as long as the guard lives"]
pub struct MutexGuard<'a, T: ?Sized> {
    pub(super) mutex: &'a Mutex<T>,
    /// `None` only while a condvar's wait has given the lock back.
    pub(super) inner: Option<parking_lot::MutexGuard<'a, T>>,
    /// `ObjId::NONE` outside a simulation.
    pub(super) obj: ObjId,
}

/// A guard of a part of what the mutex protects.
pub struct MappedMutexGuard<'a, T: ?Sized> {
    inner: parking_lot::MappedMutexGuard<'a, T>,
    _lock: Release<'a>,
}

/// Gives a simulated lock back.
struct Release<'a> {
    obj: ObjId,
    _lock: PhantomData<&'a ()>,
}

impl Drop for Release<'_> {
    fn drop(&mut self) {
        unlock(self.obj);
    }
}

impl<T> Mutex<T> {
    /// An unlocked mutex.
    pub const fn new(value: T) -> Self {
        Mutex {
            tag: TagCell(Tag::new()),
            data: parking_lot::Mutex::new(value),
        }
    }

    /// The value.
    pub fn into_inner(self) -> T {
        let Mutex { tag, data } = self;
        drop(tag);
        data.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    fn kind() -> ObjKind {
        ObjKind {
            name: "Mutex",
            content: std::any::type_name::<T>(),
        }
    }

    /// Locks, waiting as long as another thread holds the lock.
    ///
    /// # Panics
    /// In a simulation, when the calling thread holds it already: on a real clock it would wait for itself for ever.
    #[track_caller]
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        match sim::current() {
            Some(sim) => self.lock_simulated(sim, Location::caller()),
            None => self.lock_real(),
        }
    }

    #[track_caller]
    #[inline]
    fn lock_simulated(&self, sim: &Sim, at: &'static Location<'static>) -> MutexGuard<'_, T> {
        let obj = self.tag.0.resolve(sim, Self::kind());
        sim.point(What::Lock, obj, at);
        self.acquire(sim, obj, at)
    }

    /// Waits for the lock and takes it.
    #[track_caller]
    #[inline]
    pub(super) fn acquire(
        &self,
        sim: &Sim,
        obj: ObjId,
        at: &'static Location<'static>,
    ) -> MutexGuard<'_, T> {
        if let Err(holder) = sim.kernel.with(|k| k.try_acquire(obj, at)) {
            if holder.slot == sim.kernel.with(|k| k.running) {
                relocked(
                    &format!("Mutex<{}>", short_type(std::any::type_name::<T>())),
                    holder.at,
                );
            }
            Self::await_lock(sim, obj, None, at);
        }
        self.guard(obj)
    }

    /// Waits for the lock and takes it; false if the deadline came first.
    #[cold]
    fn await_lock(
        sim: &Sim,
        obj: ObjId,
        deadline: Option<u64>,
        at: &'static Location<'static>,
    ) -> bool {
        loop {
            let in_time = sim.block(&[obj], deadline, Why::Lock, at) != Wake::TimedOut;
            let taken = in_time && sim.kernel.with(|k| k.try_acquire(obj, at)).is_ok();
            let again = in_time && !taken;
            sim.kernel.with(|k| k.me().overtaken = again);
            if !again {
                return taken;
            }
        }
    }

    /// The real lock, which the simulator has kept free for us.
    fn guard(&self, obj: ObjId) -> MutexGuard<'_, T> {
        let Some(inner) = self.data.try_lock() else {
            panic!(
                "{} is held by a thread outside the simulation, or was left locked by an earlier run",
                Self::kind().name
            )
        };
        MutexGuard {
            mutex: self,
            inner: Some(inner),
            obj,
        }
    }

    fn lock_real(&self) -> MutexGuard<'_, T> {
        self.tag.0.assert_outside("Mutex");
        wall::heed();
        let mut inner = None;
        if wall::is_bound() {
            inner = self.data.try_lock();
            if inner.is_none() {
                wall::wait_in_slices(None, |until| {
                    inner = self.data.try_lock_until(until);
                    inner.is_some()
                });
            }
        }
        MutexGuard {
            mutex: self,
            inner: Some(inner.unwrap_or_else(|| self.data.lock())),
            obj: ObjId::NONE,
        }
    }

    /// Locks if that is possible at once.
    #[track_caller]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        let Some(sim) = sim::current() else {
            self.tag.0.assert_outside("Mutex");
            wall::heed();
            let inner = self.data.try_lock()?;
            return Some(MutexGuard {
                mutex: self,
                inner: Some(inner),
                obj: ObjId::NONE,
            });
        };
        let at = Location::caller();
        let obj = self.tag.0.resolve(sim, Self::kind());
        sim.point(What::TryLock, obj, at);
        sim.kernel.with(|k| k.try_acquire(obj, at)).ok()?;
        Some(self.guard(obj))
    }

    /// Locks, waiting no longer than `timeout`. One that is too long for the clock is none.
    #[track_caller]
    pub fn try_lock_for(&self, timeout: Duration) -> Option<MutexGuard<'_, T>> {
        let at = Location::caller();
        self.lock_within(Instant::now().checked_add(timeout), at)
    }

    /// Locks, waiting until `deadline` at the latest.
    #[track_caller]
    pub fn try_lock_until(&self, deadline: Instant) -> Option<MutexGuard<'_, T>> {
        self.lock_within(Some(deadline), Location::caller())
    }

    fn lock_within(
        &self,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Option<MutexGuard<'_, T>> {
        let Some(sim) = sim::current() else {
            self.tag.0.assert_outside("Mutex");
            let mut inner = None;
            wall::wait_in_slices(deadline.map(Instant::to_std), |until| {
                inner = self.data.try_lock_until(until);
                inner.is_some()
            });
            let inner = inner?;
            return Some(MutexGuard {
                mutex: self,
                inner: Some(inner),
                obj: ObjId::NONE,
            });
        };
        let obj = self.tag.0.resolve(sim, Self::kind());
        sim.point(What::TryLock, obj, at);
        let taken = sim.kernel.with(|k| k.try_acquire(obj, at)).is_ok()
            || Self::await_lock(sim, obj, deadline.map(Instant::as_nanos), at);
        taken.then(|| self.guard(obj))
    }

    /// Whether some thread holds the lock.
    #[track_caller]
    pub fn is_locked(&self) -> bool {
        // A call that only looks is a call: a loop over it must not stop the clock.
        match sim::current() {
            Some(sim) => {
                let obj = self.tag.0.resolve(sim, Self::kind());
                sim.point(What::TryLock, obj, Location::caller());
            }
            None => wall::heed(),
        }
        self.data.is_locked()
    }

    /// The value, without locking: `&mut self` proves that nobody else has the mutex.
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }
}

#[cold]
#[track_caller]
pub(super) fn relocked(lock: &str, first: &'static Location<'static>) -> ! {
    // A panic out of a `Drop` during another panic would end the process.
    if let Some(sim) = sim::current()
        && sim.kernel.with(|k| k.unwinding())
    {
        sim.abandon(None);
    }
    panic!(
        "this thread locks {lock} again, which it already holds since {first}: on a real clock it would wait for \
         itself for ever. Drop the first guard before, or pass it on"
    )
}

#[inline]
#[track_caller]
fn unlock(obj: ObjId) {
    if obj == ObjId::NONE {
        return;
    }
    if let Some(sim) = sim::current() {
        sim.kernel.with(|k| k.release(obj));
        let last_call = sim.kernel.with(|k| k.me().last_call);
        sim.point(What::Unlock, obj, last_call);
    }
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// Narrows the guard to a part of the value.
    pub fn map<U: ?Sized>(
        mut guard: Self,
        f: impl FnOnce(&mut T) -> &mut U,
    ) -> MappedMutexGuard<'a, U> {
        let inner = guard.inner.take().expect("a guard that is not in a wait");
        let obj = std::mem::replace(&mut guard.obj, ObjId::NONE);
        MappedMutexGuard {
            inner: parking_lot::MutexGuard::map(inner, f),
            _lock: Release {
                obj,
                _lock: PhantomData,
            },
        }
    }

    /// Unlocks while `f` runs.
    #[track_caller]
    pub fn unlocked<R>(guard: &mut Self, f: impl FnOnce() -> R) -> R {
        let at = Location::caller();
        guard.inner = None;
        let obj = std::mem::replace(&mut guard.obj, ObjId::NONE);
        unlock(obj);
        let r = f();
        let mut again = match sim::current() {
            Some(sim) => guard.mutex.lock_simulated(sim, at),
            None => guard.mutex.lock_real(),
        };
        guard.inner = again.inner.take();
        guard.obj = std::mem::replace(&mut again.obj, ObjId::NONE);
        r
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.inner.take().is_some() {
            unlock(self.obj);
        }
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        self.inner.as_ref().expect("the lock is held")
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.inner.as_mut().expect("the lock is held")
    }
}

impl<T: ?Sized> Deref for MappedMutexGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T: ?Sized> DerefMut for MappedMutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Mutex::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.data.fmt(f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

//! The guards of a readers-writer lock.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::Location;

use parking_lot::RawRwLock;
use parking_lot::lock_api;

use super::{GenericRwLock, InnerRead, InnerWrite, Mode, Patience};
use crate::sim;
use crate::sim::objects::ObjId;
use crate::trace::What;

/// A simulated lock held; gives it back. In each guard it stands behind the real lock, which so is free first.
pub(super) struct Hold {
    /// `ObjId::NONE` outside a simulation, or while given back.
    obj: ObjId,
    mode: Mode,
}

impl Hold {
    pub(super) fn new(obj: ObjId, mode: Mode) -> Self {
        Hold { obj, mode }
    }

    #[inline]
    fn give_back(&mut self) {
        let obj = std::mem::replace(&mut self.obj, ObjId::NONE);
        if obj == ObjId::NONE {
            return;
        }
        if let Some(sim) = sim::current() {
            let last_call = sim.kernel.with(|k| {
                match self.mode {
                    Mode::Read => k.release_read(obj),
                    Mode::Write => k.release_write(obj),
                }
                k.me().last_call
            });
            sim.point(What::Unlock, obj, last_call);
        }
    }

    fn downgrade(&mut self, at: &'static Location<'static>) {
        self.mode = Mode::Read;
        if let Some(sim) = sim::current() {
            sim.kernel.with(|k| k.downgrade(self.obj));
            sim.point(What::Downgrade, self.obj, at);
        }
    }
}

impl Drop for Hold {
    #[inline]
    fn drop(&mut self) {
        self.give_back();
    }
}

/// Read access while it lives. It stays on the thread that took it.
#[must_use = "the lock is held only as long as the guard lives"]
pub struct ReadGuard<'a, T: ?Sized, const RECURSIVE: bool> {
    lock: &'a GenericRwLock<T, RECURSIVE>,
    /// `None` only within `unlocked`.
    inner: Option<InnerRead<'a, T, RECURSIVE>>,
    hold: Hold,
}

/// Write access while it lives. It stays on the thread that took it.
#[must_use = "the lock is held only as long as the guard lives"]
pub struct WriteGuard<'a, T: ?Sized, const RECURSIVE: bool> {
    lock: &'a GenericRwLock<T, RECURSIVE>,
    /// `None` only within `unlocked`.
    inner: Option<InnerWrite<'a, T, RECURSIVE>>,
    hold: Hold,
}

/// Read access to a part of the value.
#[must_use = "the lock is held only as long as the guard lives"]
pub struct MappedReadGuard<'a, T: ?Sized, const RECURSIVE: bool> {
    inner: lock_api::MappedRwLockReadGuard<'a, RawRwLock<RECURSIVE>, T>,
    _hold: Hold,
}

/// Write access to a part of the value.
#[must_use = "the lock is held only as long as the guard lives"]
pub struct MappedWriteGuard<'a, T: ?Sized, const RECURSIVE: bool> {
    inner: lock_api::MappedRwLockWriteGuard<'a, RawRwLock<RECURSIVE>, T>,
    _hold: Hold,
}

const HELD: &str = "the lock is held";

impl<'a, T: ?Sized, const RECURSIVE: bool> ReadGuard<'a, T, RECURSIVE> {
    #[inline]
    pub(super) fn new(
        lock: &'a GenericRwLock<T, RECURSIVE>,
        inner: InnerRead<'a, T, RECURSIVE>,
        hold: Hold,
    ) -> Self {
        ReadGuard {
            lock,
            inner: Some(inner),
            hold,
        }
    }

    /// The lock that the guard is of.
    pub fn rwlock(guard: &Self) -> &'a GenericRwLock<T, RECURSIVE> {
        guard.lock
    }

    /// Narrows the guard to a part of the value.
    pub fn map<U: ?Sized>(
        guard: Self,
        f: impl FnOnce(&T) -> &U,
    ) -> MappedReadGuard<'a, U, RECURSIVE> {
        let ReadGuard { inner, hold, .. } = guard;
        MappedReadGuard {
            inner: lock_api::RwLockReadGuard::map(inner.expect(HELD), f),
            _hold: hold,
        }
    }

    /// Unlocks while `f` runs.
    #[track_caller]
    pub fn unlocked<R>(guard: &mut Self, f: impl FnOnce() -> R) -> R {
        let at = Location::caller();
        guard.inner = None;
        guard.hold.give_back();
        let r = f();
        *guard = guard.lock.read_within(Patience::Forever, at).expect(HELD);
        r
    }
}

impl<'a, T: ?Sized, const RECURSIVE: bool> WriteGuard<'a, T, RECURSIVE> {
    #[inline]
    pub(super) fn new(
        lock: &'a GenericRwLock<T, RECURSIVE>,
        inner: InnerWrite<'a, T, RECURSIVE>,
        hold: Hold,
    ) -> Self {
        WriteGuard {
            lock,
            inner: Some(inner),
            hold,
        }
    }

    /// The lock that the guard is of.
    pub fn rwlock(guard: &Self) -> &'a GenericRwLock<T, RECURSIVE> {
        guard.lock
    }

    /// Turns the write lock into a read lock; no other writer gets in between.
    #[track_caller]
    pub fn downgrade(guard: Self) -> ReadGuard<'a, T, RECURSIVE> {
        let at = Location::caller();
        let WriteGuard { lock, inner, hold } = guard;
        let inner = lock_api::RwLockWriteGuard::downgrade(inner.expect(HELD));
        let mut guard = ReadGuard::new(lock, inner, hold);
        guard.hold.downgrade(at);
        guard
    }

    /// Narrows the guard to a part of the value.
    pub fn map<U: ?Sized>(
        guard: Self,
        f: impl FnOnce(&mut T) -> &mut U,
    ) -> MappedWriteGuard<'a, U, RECURSIVE> {
        let WriteGuard { inner, hold, .. } = guard;
        MappedWriteGuard {
            inner: lock_api::RwLockWriteGuard::map(inner.expect(HELD), f),
            _hold: hold,
        }
    }

    /// Unlocks while `f` runs.
    #[track_caller]
    pub fn unlocked<R>(guard: &mut Self, f: impl FnOnce() -> R) -> R {
        let at = Location::caller();
        guard.inner = None;
        guard.hold.give_back();
        let r = f();
        *guard = guard.lock.write_within(Patience::Forever, at).expect(HELD);
        r
    }
}

impl<T: ?Sized, const RECURSIVE: bool> Deref for ReadGuard<'_, T, RECURSIVE> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        self.inner.as_ref().expect(HELD)
    }
}

impl<T: ?Sized, const RECURSIVE: bool> Deref for WriteGuard<'_, T, RECURSIVE> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        self.inner.as_ref().expect(HELD)
    }
}

impl<T: ?Sized, const RECURSIVE: bool> DerefMut for WriteGuard<'_, T, RECURSIVE> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.inner.as_mut().expect(HELD)
    }
}

impl<T: ?Sized, const RECURSIVE: bool> Deref for MappedReadGuard<'_, T, RECURSIVE> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T: ?Sized, const RECURSIVE: bool> Deref for MappedWriteGuard<'_, T, RECURSIVE> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T: ?Sized, const RECURSIVE: bool> DerefMut for MappedWriteGuard<'_, T, RECURSIVE> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

/// A guard prints as what it guards.
macro_rules! print_as_value {
    ($($guard:ident)*) => {$(
        impl<T: ?Sized + fmt::Debug, const RECURSIVE: bool> fmt::Debug for $guard<'_, T, RECURSIVE> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<T: ?Sized + fmt::Display, const RECURSIVE: bool> fmt::Display for $guard<'_, T, RECURSIVE> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }
    )*};
}

print_as_value!(ReadGuard WriteGuard MappedReadGuard MappedWriteGuard);

//! State that belongs to whichever thread holds the baton.

use std::cell::{Cell, UnsafeCell};

/// A cell that only the thread with the baton looks into.
///
/// A mutex would do as well, but every simulated lock, send and sleep passes through here, and an
/// uncontended lock and unlock would double its cost.
pub(crate) struct BatonCell<T> {
    value: UnsafeCell<T>,
    busy: Cell<bool>,
}

// SAFETY: `with` is reached only through `sim::current()` (or by the backend on the way from one
// thread to the next), hence only by the thread that holds its simulation's baton, and there is
// one baton. The hand-over (futex or coroutine switch) orders one holder's accesses before the next's.
unsafe impl<T: Send> Sync for BatonCell<T> {}
// SAFETY: as above; moving the cell needs ownership of it.
unsafe impl<T: Send> Send for BatonCell<T> {}

impl<T> BatonCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        BatonCell {
            value: UnsafeCell::new(value),
            busy: Cell::new(false),
        }
    }

    /// As `with`, for the panic hook: nothing if the panic came out of `with` itself (seen in debug builds only).
    pub(crate) fn try_with<R>(&self, f: impl FnOnce(&mut T) -> R) -> Option<R> {
        if self.busy.get() {
            None
        } else {
            Some(self.with(f))
        }
    }

    /// Lends the state to `f`, which must neither switch threads nor come back here.
    ///
    /// # Panics
    /// When `f` comes back here (checked in debug builds).
    #[inline]
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        debug_assert!(
            !self.busy.replace(true),
            "the simulator's state is already lent out"
        );
        // SAFETY: the caller holds the baton (see above), and `f` does not come back here, so this
        // is the only reference.
        let r = f(unsafe { &mut *self.value.get() });
        if cfg!(debug_assertions) {
            self.busy.set(false);
        }
        r
    }
}

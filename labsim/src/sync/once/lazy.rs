//! A value made on first use.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::Location;

use super::lock::OnceLock;
use crate::sim::objects::ObjKind;

/// A value that is made on first use; std's API, with two differences.
///
/// - The initialiser is a `Fn`, not a `FnOnce`: if it panics or its thread is ended by a crash, the next caller runs
///   it again. std's is poisoned then; a static would stay so for all later runs of the process.
/// - Reading a value that is there is not a labsim call: it costs no virtual time. (Nothing is lost: whoever comes
///   first, all see the same value.)
///
/// What [`OnceLock`] says about statics holds here too.
///
/// ```
/// use labsim::sync::LazyLock;
///
/// static SQUARES: LazyLock<Vec<u32>> = LazyLock::new(|| (0..10).map(|n| n * n).collect());
/// assert_eq!(SQUARES[4], 16);
/// ```
pub struct LazyLock<T, F = fn() -> T> {
    cell: OnceLock<T>,
    init: F,
}

impl<T, F: Fn() -> T> LazyLock<T, F> {
    /// A value that `init` will make.
    pub const fn new(init: F) -> Self {
        LazyLock {
            cell: OnceLock::new(),
            init,
        }
    }

    /// The value; made now if it was not yet. Waits if another thread is at it.
    ///
    /// # Panics
    /// When the initialiser asks for the value it is to make.
    #[track_caller]
    #[inline]
    pub fn force(this: &Self) -> &T {
        let kind = ObjKind {
            name: "LazyLock",
            content: std::any::type_name::<T>(),
        };
        this.cell.value_or(kind, Location::caller(), &this.init)
    }

    /// As [`force`](LazyLock::force), to change the value.
    #[track_caller]
    pub fn force_mut(this: &mut Self) -> &mut T {
        LazyLock::force(this);
        this.cell.get_mut().expect("it was made in the line above")
    }
}

impl<T, F: Fn() -> T> Deref for LazyLock<T, F> {
    type Target = T;
    #[track_caller]
    #[inline]
    fn deref(&self) -> &T {
        LazyLock::force(self)
    }
}

impl<T, F: Fn() -> T> DerefMut for LazyLock<T, F> {
    #[track_caller]
    fn deref_mut(&mut self) -> &mut T {
        LazyLock::force_mut(self)
    }
}

impl<T: Default> Default for LazyLock<T> {
    fn default() -> Self {
        LazyLock::new(T::default)
    }
}

impl<T: fmt::Debug, F> fmt::Debug for LazyLock<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tuple = f.debug_tuple("LazyLock");
        match self.cell.peek() {
            Some(value) => tuple.field(value),
            None => tuple.field(&format_args!("<uninit>")),
        };
        tuple.finish()
    }
}

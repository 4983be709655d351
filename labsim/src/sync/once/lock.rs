//! A cell that is written once.

use std::fmt;
use std::panic::Location;

use super::gate::Gate;
use super::{note_held, point};
use crate::sim::objects::ObjKind;

/// A value that is set once and shared from then on; std's API.
///
/// While one thread makes the value, others wait for it: in a simulation in virtual time, and never on a lock of
/// std. As under std, a panic in the initialiser leaves the cell empty, and the next caller tries; so does a crash.
///
/// A static keeps its value for the next runs of the process. Its initialiser runs in the first of them only:
/// if it makes labsim calls (draws, locks, asks for the time), that run's trace differs from those of the later ones,
/// so make such values within the run. A static may be shared by simulations that run at the same time: whoever
/// comes while the other's thread makes the value waits in real time.
///
/// ```
/// use labsim::sync::OnceLock;
///
/// static NAME: OnceLock<String> = OnceLock::new();
/// assert_eq!(NAME.get(), None);
/// assert_eq!(NAME.get_or_init(|| "first".into()), "first");
/// assert_eq!(NAME.set("second".into()), Err("second".into()));
/// ```
pub struct OnceLock<T> {
    gate: Gate,
    /// Only the thread that has the gate's leave sets it, so that nobody ever waits in it.
    value: std::sync::OnceLock<T>,
}

impl<T> OnceLock<T> {
    /// An empty cell.
    pub const fn new() -> Self {
        OnceLock {
            gate: Gate::new(),
            value: std::sync::OnceLock::new(),
        }
    }

    fn kind() -> ObjKind {
        ObjKind {
            name: "OnceLock",
            content: std::any::type_name::<T>(),
        }
    }

    /// The value, if it is there.
    #[track_caller]
    #[inline]
    pub fn get(&self) -> Option<&T> {
        point(Location::caller());
        self.value.get()
    }

    /// As `get`, but not a labsim call.
    pub(super) fn peek(&self) -> Option<&T> {
        self.value.get()
    }

    /// The value, if it is there: `&mut self` proves that nobody else is at it.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut()
    }

    /// Sets the value. Waits if another thread is making one, as under std.
    ///
    /// # Errors
    /// Gives `value` back if there was one already.
    #[track_caller]
    pub fn set(&self, value: T) -> Result<(), T> {
        let at = Location::caller();
        point(at);
        match self.gate.enter(Self::kind(), at) {
            None => Err(value),
            Some(making) => {
                let result = self.value.set(value);
                making.finish();
                result
            }
        }
    }

    /// The value; `f` makes it if it is not there.
    ///
    /// # Panics
    /// When `f` asks for the same cell.
    #[track_caller]
    #[inline]
    pub fn get_or_init(&self, f: impl FnOnce() -> T) -> &T {
        let at = Location::caller();
        point(at);
        self.value_or(Self::kind(), at, f)
    }

    /// As `get_or_init`, but not a labsim call of its own.
    #[inline]
    pub(super) fn value_or(
        &self,
        kind: ObjKind,
        at: &'static Location<'static>,
        f: impl FnOnce() -> T,
    ) -> &T {
        if let Some(value) = self.value.get() {
            return value;
        }
        if let Some(making) = self.gate.enter(kind, at) {
            let value = f();
            // Refused only if the run of this thread was given up meanwhile, and another has set the value.
            let _ = self.value.set(value);
            making.finish();
        }
        self.value.get().expect("the gate opens behind the value")
    }

    /// Waits until some thread has set the value.
    #[track_caller]
    pub fn wait(&self) -> &T {
        let at = Location::caller();
        point(at);
        if !self.gate.is_open() {
            note_held("the value of a OnceLock", at);
            self.gate.pass(Self::kind(), at);
        }
        self.value.get().expect("the gate opens behind the value")
    }

    /// The value, if it was there.
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Takes the value out, if it was there, and leaves the cell empty.
    pub fn take(&mut self) -> Option<T> {
        self.gate.shut();
        self.value.take()
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> Self {
        OnceLock::new()
    }
}

impl<T> From<T> for OnceLock<T> {
    fn from(value: T) -> Self {
        OnceLock {
            gate: Gate::opened(),
            value: value.into(),
        }
    }
}

impl<T: Clone> Clone for OnceLock<T> {
    fn clone(&self) -> Self {
        self.value
            .get()
            .map_or_else(OnceLock::new, |value| value.clone().into())
    }
}

impl<T: PartialEq> PartialEq for OnceLock<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value.get() == other.value.get()
    }
}

impl<T: Eq> Eq for OnceLock<T> {}

impl<T: fmt::Debug> fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

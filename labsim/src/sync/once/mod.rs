//! Values made once.

mod gate;
mod lazy;
mod lock;

use std::fmt;
use std::panic::Location;

use self::gate::Gate;
use crate::diagnose;
use crate::sim::objects::{ObjId, ObjKind};
use crate::trace::What;
use crate::{sim, wall};

pub use self::lazy::LazyLock;
pub use self::lock::OnceLock;

/// A labsim call on a value made once. It names no object, so that a run which finds the value of a static there
/// leaves the same trace as the one that made it.
#[inline]
fn point(at: &'static Location<'static>) {
    match sim::current() {
        Some(sim) => sim.point(What::Once, ObjId::NONE, at),
        None => wall::heed(),
    }
}

fn note_held(what: &'static str, at: &'static Location<'static>) {
    if let Some(sim) = sim::current() {
        diagnose::note_held(sim, &what, ObjId::NONE, at);
    }
}

/// Runs a function once, whoever comes first; std's API.
///
/// A second caller waits until the first is done. There is no poisoning: if the function panics, or its thread is
/// ended by a crash, the next caller runs its own. (std has later calls panic instead. Here a panic fails the run
/// anyway, and a static must not remember in the next run that a peer crashed in this one.)
///
/// ```
/// use labsim::sync::Once;
///
/// static START: Once = Once::new();
/// let mut runs = 0;
/// START.call_once(|| runs += 1);
/// START.call_once(|| runs += 1);
/// assert_eq!((runs, START.is_completed()), (1, true));
/// ```
pub struct Once {
    gate: Gate,
}

const ONCE: ObjKind = ObjKind {
    name: "Once",
    content: "",
};

impl Once {
    /// Nothing has run yet.
    pub const fn new() -> Self {
        Once { gate: Gate::new() }
    }

    /// Runs `f` if nothing has run yet; waits if another thread is at it.
    ///
    /// # Panics
    /// When `f` calls this again on the same `Once`.
    #[track_caller]
    #[inline]
    pub fn call_once(&self, f: impl FnOnce()) {
        let at = Location::caller();
        point(at);
        if let Some(making) = self.gate.enter(ONCE, at) {
            f();
            making.finish();
        }
    }

    /// Whether a function has run to its end.
    #[track_caller]
    #[inline]
    pub fn is_completed(&self) -> bool {
        point(Location::caller());
        self.gate.is_open()
    }

    /// Waits until a function has run to its end, in whichever thread.
    #[track_caller]
    pub fn wait(&self) {
        let at = Location::caller();
        point(at);
        if !self.gate.is_open() {
            note_held("a Once", at);
            self.gate.pass(ONCE, at);
        }
    }
}

impl Default for Once {
    fn default() -> Self {
        Once::new()
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}

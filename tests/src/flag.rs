//! A sign to the story's own threads.

use labsim::sync::Arc;
use labsim::sync::atomic::{AtomicBool, Ordering};

/// Raised once, seen by all who have a clone.
#[derive(Clone, Debug, Default)]
pub struct Flag(Arc<AtomicBool>);

impl Flag {
    /// Raises it.
    pub fn raise(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether it was raised.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

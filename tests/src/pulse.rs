//! How a story waits: until something it asked for has happened, or its time is up.

use labsim::sync::{Arc, Condvar, Mutex};
use labsim::time::{Duration, Instant};

/// A bell that rings whenever the harness has learnt something: an entry applied, a claim broken.
#[derive(Clone, Debug, Default)]
pub struct Pulse(Arc<(Mutex<u64>, Condvar)>);

impl Pulse {
    /// Rings it.
    pub fn beat(&self) {
        *self.0.0.lock() += 1;
        self.0.1.notify_all();
    }

    /// Waits until `done` gives a value, which is looked at after each ring, or until `deadline`.
    pub fn wait<T>(&self, deadline: Instant, mut done: impl FnMut() -> Option<T>) -> Option<T> {
        let mut beats = self.0.0.lock();
        loop {
            if let Some(value) = done() {
                return Some(value);
            }
            if self.0.1.wait_until(&mut beats, deadline).timed_out() {
                return done();
            }
        }
    }

    /// Waits for `time`, or less when `done` turns true before.
    pub fn wait_for(&self, time: Duration, mut done: impl FnMut() -> bool) -> bool {
        self.wait(Instant::now() + time, || done().then_some(()))
            .is_some()
    }
}

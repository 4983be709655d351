//! How a story waits: until something it asked for has happened, or its time is up.

use labsim::sync::{Arc, Condvar, Mutex};
use labsim::time::{Duration, Instant};
use raftapi::LogIndex;

/// A bell that rings whenever the harness has learnt something: an entry applied, a claim broken.
#[derive(Clone, Debug, Default)]
pub struct Pulse(Arc<(Mutex<Waiting>, Condvar)>);

/// From which index on those who wait want to hear of what is applied. A story that waits for the last of a
/// hundred thousand entries would otherwise be woken for each.
type Waiting = Vec<LogIndex>;

/// For a wait that no applied entry ends.
pub const NO_INDEX: LogIndex = LogIndex(u64::MAX);

impl Pulse {
    /// Rings it for everybody.
    pub fn beat(&self) {
        let _waiting = self.0.0.lock();
        self.0.1.notify_all();
    }

    /// Rings it for those who wait for `index` or a lower one: it is applied.
    pub fn applied(&self, index: LogIndex) {
        if self.0.0.lock().iter().any(|wanted| *wanted <= index) {
            self.0.1.notify_all();
        }
    }

    /// Waits for `time`, or less when `done` turns true before. It is looked at after each ring; what is
    /// applied below `from` rings for others only.
    pub fn wait_for(&self, time: Duration, from: LogIndex, mut done: impl FnMut() -> bool) -> bool {
        let deadline = Instant::now() + time;
        let mut waiting = self.0.0.lock();
        waiting.push(from);
        let mut in_time = true;
        while !done() && in_time {
            in_time = !self.0.1.wait_until(&mut waiting, deadline).timed_out();
        }
        let own = waiting.iter().position(|wanted| *wanted == from);
        waiting.swap_remove(own.expect("a wait takes back its own entry only"));
        in_time || done()
    }
}

//! A follower, as its leader sees it.

use labsim::time::{Duration, Instant};
use raftapi::LogIndex;

pub const HEARTBEAT: Duration = Duration::from_millis(100);
/// A snapshot may be long: it is not sent again before.
const SNAPSHOT_AGAIN: Duration = Duration::from_millis(500);

/// nextIndex and matchIndex of Figure 2, and what is under way.
pub struct Follower {
    pub next: LogIndex,
    pub matched: LogIndex,
    /// How far to go back if it says no once more.
    stride: u64,
    /// The number of the call whose answer is awaited before the next entries go out.
    awaited: Option<u64>,
    /// Something goes out then in any case.
    pub due: Instant,
    /// A snapshot may be sent from then on.
    snapshot_due: Instant,
}

impl Follower {
    pub fn new(last: LogIndex) -> Follower {
        Follower {
            next: last.next(),
            matched: LogIndex::ZERO,
            stride: 1,
            awaited: None,
            due: Instant::now(),
            snapshot_due: Instant::now(),
        }
    }

    /// `base` is the last entry of the snapshot, `last` that of the log.
    pub fn may_send(&self, base: LogIndex, last: LogIndex) -> bool {
        let now = Instant::now();
        let waits_for_snapshot = self.next <= base && now < self.snapshot_due;
        let entries = self.awaited.is_none() && self.next <= last && !waits_for_snapshot;
        entries || now >= self.due
    }

    pub fn sent(&mut self, call: u64) {
        self.awaited = Some(call);
        self.due = Instant::now() + HEARTBEAT;
    }

    /// Whether to send a snapshot now, which is then done.
    pub fn takes_snapshot(&mut self) -> bool {
        let now = Instant::now();
        let due = now >= self.snapshot_due;
        if due {
            self.snapshot_due = now + SNAPSHOT_AGAIN;
        }
        due
    }

    /// That call is over, with an answer or without.
    pub fn is_over(&mut self, call: u64) {
        if self.awaited == Some(call) {
            self.awaited = None;
        }
    }

    pub fn said_yes(&mut self, last: LogIndex) {
        self.matched = self.matched.max(last);
        self.next = self.next.max(self.matched.next());
        self.stride = 1;
    }

    /// The snapshot has arrived, or is lost: the next one need not wait.
    pub fn snapshot_is_over(&mut self) {
        self.snapshot_due = Instant::now();
    }

    /// It lacks the entry at `prev`. That is no news if we have gone back since we asked.
    pub fn said_no(&mut self, prev: LogIndex) {
        if prev.next() == self.next && prev > self.matched {
            let back = self.next.0.saturating_sub(self.stride);
            self.next = LogIndex(back).max(self.matched.next());
            self.stride *= 2;
            self.awaited = None;
            self.due = Instant::now();
        }
    }
}

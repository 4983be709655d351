//! Handing what is committed to the service ("If commitIndex > lastApplied: increment lastApplied,
//! apply log\[lastApplied\] to state machine", Rules for All Servers).
//!
//! The channel may be full for as long as the service likes, so a thread of its own sends on it,
//! without the lock. Meanwhile the peer goes on, and the service may well ask it for something.

// BEGIN SOLUTION
use labsim::channel::{Receiver, Sender, select};
use labsim::sync::{Arc, Mutex};
use raftapi::{ApplyMsg, LogIndex};

use crate::node::Node;

/// At most so many entries are taken at once.
const BATCH: u64 = 256;

impl Node {
    /// What is to be applied next, in order; nothing if all that is committed has been taken.
    pub fn take_deliveries(&mut self) -> Vec<ApplyMsg> {
        let base = self.log.base();
        if self.applied < base.index {
            // A leader's snapshot has taken the place of the next entries.
            self.applied = base.index;
            let snapshot = self.snapshot.clone();
            return vec![ApplyMsg::Snapshot {
                index: base.index,
                term: base.term,
                snapshot,
            }];
        }
        let first = self.applied.next();
        self.applied = self.commit.min(LogIndex(self.applied.0 + BATCH));
        (first.0..=self.applied.0)
            .map(|index| self.delivery(LogIndex(index)))
            .collect()
    }

    fn delivery(&self, index: LogIndex) -> ApplyMsg {
        let entry = self.log.entry(index);
        ApplyMsg::Command {
            index,
            term: entry.term,
            command: entry.command.clone(),
        }
    }

    /// There is something to apply.
    pub fn has_deliveries(&self) -> bool {
        self.applied < self.commit
    }
}

/// The thread that sends to the service.
pub(crate) struct Applier {
    pub node: Arc<Mutex<Node>>,
    /// Something is to be applied.
    pub wake: Receiver<()>,
    /// Disconnected when the peer is killed.
    pub stop: Receiver<()>,
    pub apply_tx: Sender<ApplyMsg>,
}

impl Applier {
    /// Runs until the peer is killed or nobody receives any more.
    pub fn run(self) {
        while self.wake.recv().is_ok() {
            if !self.deliver_all() {
                return;
            }
        }
    }

    fn deliver_all(&self) -> bool {
        loop {
            let batch = self.node.lock().take_deliveries();
            if batch.is_empty() {
                return true;
            }
            // A snapshot that arrives while we are at it is of a later index, and is next.
            if !batch.into_iter().all(|message| self.deliver(message)) {
                return false;
            }
        }
    }

    /// Waits for the service to take the message; false if it never will.
    fn deliver(&self, message: ApplyMsg) -> bool {
        select! {
            send(self.apply_tx, message) -> sent => sent.is_ok(),
            recv(self.stop) -> _ => false,
        }
    }
}
// END SOLUTION
// STUB: // Part 2B. One thread sends, in the order of the log, without holding the lock: whoever receives may be
// STUB: // waiting for that lock in `snapshot` or `start`.

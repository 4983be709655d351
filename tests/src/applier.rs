//! The service on top of each server, as the harness plays it: it takes what Raft applies, checks
//! every entry, and takes snapshots.

use bytes::Bytes;
use labsim::channel::Receiver;
use labsim::sync::Arc;
use labsim::thread;
use labsim::time::Duration;
use raftapi::{ApplyMsg, LogIndex, Raft, Term};

use crate::cluster::Shared;
use crate::Server;

/// A service that takes snapshots does so when it has applied this many more entries.
const SNAPSHOT_EVERY: u64 = 10;

/// The service of one server in one life.
pub struct Applier {
    pub(crate) shared: Arc<Shared>,
    pub(crate) server: Server,
    pub(crate) raft: Arc<dyn Raft>,
    pub(crate) snapshots: bool,
}

impl Applier {
    /// Takes messages until the server is gone, or has broken a claim.
    pub fn run(self, messages: Receiver<ApplyMsg>) {
        for message in messages {
            self.dawdle();
            let applied = match message {
                ApplyMsg::Command { index, term, command } => self.command(index, term, command),
                ApplyMsg::Snapshot { index, term, snapshot } => {
                    self.shared.run.board.history.lock().install(self.server, index, term, &snapshot)
                }
            };
            match applied {
                Ok(()) => self.shared.pulse.beat(),
                Err(broken) => return self.shared.breaks(broken),
            }
        }
    }

    fn command(&self, index: LogIndex, term: Term, command: Bytes) -> Result<(), crate::claim::Broken> {
        self.shared.applied(self.server, index, term, command)?;
        // From inside this thread: a Raft that sends to the apply channel with its lock held waits
        // for us while snapshot() waits for the lock.
        if self.snapshots && (index.0 + 1).is_multiple_of(SNAPSHOT_EVERY) {
            let snapshot = self.shared.run.board.history.lock().snapshot(index);
            self.raft.snapshot(index, snapshot);
        }
        Ok(())
    }

    /// Waits as long as the story wants this server's service to take over an entry.
    fn dawdle(&self) {
        let pace = self.shared.pace.lock()[self.server.number()];
        if pace > Duration::ZERO {
            thread::sleep(pace);
        }
    }
}

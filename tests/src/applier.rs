//! The service on top of each server, as the harness plays it: it takes what Raft applies, checks
//! every entry, and takes snapshots.

use bytes::Bytes;
use labsim::Domain;
use labsim::channel::Receiver;
use labsim::sync::Arc;
use labsim::thread;
use labsim::time::Duration;
use raftapi::view::EntryId;
use raftapi::{ApplyMsg, LogIndex, Raft, Term};

use crate::Server;
use crate::claim::Broken;
use crate::cluster::Shared;

/// A service that takes snapshots does so when it has applied this many more entries.
const SNAPSHOT_EVERY: u64 = 10;

/// How long a server's service takes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Pace {
    /// Over each entry or snapshot that it is given.
    pub(crate) entry: Duration,
    /// From the state that it writes down as a snapshot until it hands that over.
    pub(crate) snapshot: Duration,
    /// It takes nothing any more.
    pub(crate) ended: bool,
}

/// The name of a service's thread.
pub(crate) const SERVICE: &str = "service";

/// The service of one server in one life.
pub struct Applier {
    pub(crate) shared: Arc<Shared>,
    pub(crate) server: Server,
    pub(crate) raft: Arc<dyn Raft>,
    pub(crate) domain: Domain,
    pub(crate) snapshots: bool,
}

impl Applier {
    /// Takes messages until the server is gone, or has broken a claim.
    pub fn run(self, messages: Receiver<ApplyMsg>) {
        while let Ok(message) = messages.recv() {
            let pace = self.pace();
            if pace.ended {
                return;
            }
            dawdle(pace.entry);
            let seen = match &message {
                ApplyMsg::Command { index, term, .. } => (*index, *term, "command"),
                ApplyMsg::Snapshot { index, term, .. } => (*index, *term, "snapshot"),
            };
            let applied = match message {
                ApplyMsg::Command {
                    index,
                    term,
                    command,
                } => self.command(index, term, command),
                ApplyMsg::Snapshot {
                    index,
                    term,
                    snapshot,
                } => self.install(index, term, &snapshot),
            };
            labsim::trace::event("apply", seen.0.0, seen.1.0, || {
                let (index, term, what) = (seen.0, seen.1, seen.2);
                format!(r#"{{"index":{index},"term":{term},"what":"{what}"}}"#)
            });
            match applied {
                Ok(()) => self.shared.pulse.applied(seen.0),
                Err(broken) => return self.shared.breaks(broken),
            }
        }
    }

    /// Applies a command, unless the power failed meanwhile: a service without power has no say.
    fn command(&self, index: LogIndex, term: Term, command: Bytes) -> Result<(), Broken> {
        let snapshot = {
            let mut history = self.shared.run.board.history.lock();
            if !self.domain.is_alive() {
                return Ok(());
            }
            self.shared
                .watch
                .pass_over(&mut history, self.server, index)?;
            if history.apply(self.server, index, term, command)? {
                self.shared
                    .watch
                    .first_applied(self.server, EntryId { index, term })?;
            }
            let due = self.snapshots && (index.0 + 1).is_multiple_of(SNAPSHOT_EVERY);
            due.then(|| history.snapshot(index))
        };
        // From inside this thread: a Raft that sends to the apply channel with its lock held waits
        // for us while snapshot() waits for the lock.
        if let Some(snapshot) = snapshot {
            dawdle(self.pace().snapshot);
            self.raft.snapshot(index, snapshot);
        }
        Ok(())
    }

    fn install(&self, index: LogIndex, term: Term, snapshot: &[u8]) -> Result<(), Broken> {
        let mut history = self.shared.run.board.history.lock();
        match self.domain.is_alive() {
            true => history.install(self.server, index, term, snapshot),
            false => Ok(()),
        }
    }

    /// What the story wants of this server's service now.
    fn pace(&self) -> Pace {
        self.shared.pace.lock()[self.server.number()]
    }
}

fn dawdle(time: Duration) {
    if time > Duration::ZERO {
        thread::sleep(time);
    }
}

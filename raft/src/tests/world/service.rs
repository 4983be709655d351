// BEGIN SOLUTION
//! The service on a server: it executes what is applied, and makes snapshots.

use bytes::Bytes;
use raftapi::{ApplyMsg, LogIndex};

use super::facts::Facts;

/// The state machine: what it has executed, and a digest of all of it in order.
#[derive(Clone, Copy, Default, Debug, PartialEq)]
pub(super) struct Service {
    pub applied: LogIndex,
    digest: u64,
}

impl Service {
    pub(super) fn take(&mut self, i: usize, message: ApplyMsg, facts: &mut Facts) {
        match message {
            ApplyMsg::Command {
                index,
                term,
                command,
            } => {
                facts.check_order(i, self.applied, index);
                let (id, _) = facts.committed[&index];
                let (known, _) = &facts.entries[&(index, id.term)];
                // State Machine Safety.
                assert_eq!(
                    (term, &command),
                    (id.term, known),
                    "server {i} applies another {index}"
                );
                let mix = command.iter().fold(self.digest, |d, b| {
                    (d ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3)
                });
                *self = Service {
                    applied: index,
                    digest: mix,
                };
            }
            ApplyMsg::Snapshot {
                index, snapshot, ..
            } => {
                assert!(
                    index > self.applied,
                    "server {i} goes back to a snapshot to {index}"
                );
                *self = Service::restore(&snapshot);
                assert_eq!(
                    self.applied, index,
                    "server {i}: the snapshot is of another index"
                );
            }
        }
        let known = *facts.digests.entry(self.applied).or_insert(self.digest);
        assert_eq!(
            self.digest, known,
            "server {i} has another state after {}",
            self.applied
        );
    }

    pub(super) fn snapshot(&self) -> Bytes {
        labgob::encode(&(self.applied.0, self.digest)).into()
    }

    pub(super) fn restore(snapshot: &Bytes) -> Service {
        if snapshot.is_empty() {
            return Service::default();
        }
        let (applied, digest) = labgob::decode(snapshot).unwrap();
        Service {
            applied: LogIndex(applied),
            digest,
        }
    }
}
// END SOLUTION

//! What a Raft hands to the service above it.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{LogIndex, Term};

/// What a Raft hands to the service above it, in log order. [`Raft::make`](crate::Raft::make) says
/// what may follow what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApplyMsg {
    /// A committed entry, for the state machine to execute. Never one of an uncommitted entry.
    Command {
        /// Its place in the log.
        index: LogIndex,
        /// The term in which a leader took it, as in the log; the current term may be later.
        term: Term,
        /// What was given to [`Raft::start`](crate::Raft::start).
        command: Bytes,
    },
    /// The state machine's whole state, which a leader sent because it no longer has the entries
    /// (§7). It replaces the state machine's state.
    Snapshot {
        /// The last entry whose effect is in the snapshot: Figure 13's lastIncludedIndex.
        index: LogIndex,
        /// That entry's term: Figure 13's lastIncludedTerm.
        term: Term,
        /// What some peer's service gave to [`Raft::snapshot`](crate::Raft::snapshot).
        snapshot: Bytes,
    },
}

impl ApplyMsg {
    /// The index that the state machine has reached once it has taken this.
    pub fn index(&self) -> LogIndex {
        match self {
            ApplyMsg::Command { index, .. } | ApplyMsg::Snapshot { index, .. } => *index,
        }
    }
}

/// One line for logs, without the payload: `command 12@3, 5 bytes` is index 12 of term 3.
impl fmt::Display for ApplyMsg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, index, term, bytes) = match self {
            ApplyMsg::Command {
                index,
                term,
                command,
            } => ("command", index, term, command),
            ApplyMsg::Snapshot {
                index,
                term,
                snapshot,
            } => ("snapshot", index, term, snapshot),
        };
        write!(f, "{kind} {index}@{term}, {} bytes", bytes.len())
    }
}

//! What a Raft hands to the service above it.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{LogIndex, Term};

/// What a Raft hands to the service above it, in log order. [`Raft::make`](crate::Raft::make) says
/// what may follow what.
///
/// A service takes them like this:
///
/// ```
/// use labsim::channel;
/// use raftapi::{ApplyMsg, LogIndex, Term};
///
/// let (apply_tx, apply_rx) = channel::unbounded();
/// # apply_tx.send(ApplyMsg::Command { index: LogIndex(1), term: Term(1), command: "x".into() }).unwrap();
/// # apply_tx.send(ApplyMsg::Snapshot { index: LogIndex(4), term: Term(2), snapshot: "wxyz".into() }).unwrap();
/// # apply_tx.send(ApplyMsg::Command { index: LogIndex(5), term: Term(2), command: "!".into() }).unwrap();
/// # drop(apply_tx);
/// let mut text = Vec::new(); // the state machine: all commands, one after the other
/// let mut applied = LogIndex::ZERO;
/// for msg in apply_rx {
///     applied = msg.index();
///     match msg {
///         ApplyMsg::Command { command, .. } => text.extend_from_slice(&command),
///         ApplyMsg::Snapshot { snapshot, .. } => text = snapshot.to_vec(),
///     }
/// }
/// # assert_eq!((text, applied), (b"wxyz!".to_vec(), LogIndex(5)));
/// ```
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

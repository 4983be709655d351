//! What a peer's messages and its saved state say, as plain data that every Raft has in common.
//!
//! Each Raft has its own message types. The checks that run in every test, and the pictures of a
//! run, see them as these: [`Raft::view_rpc`](crate::Raft::view_rpc) and
//! [`Raft::view_saved`](crate::Raft::view_saved) translate.
//!
//! ```
//! use bytes::Bytes;
//! use raftapi::view::{EntryId, EntryView, SavedView};
//! use raftapi::{LogIndex, PeerId, Term};
//! use serde::{Deserialize, Serialize};
//!
//! /// What some Raft saves.
//! #[derive(Serialize, Deserialize)]
//! struct Saved {
//!     term: Term,
//!     voted_for: Option<PeerId>,
//!     log: Vec<(Term, Bytes)>, // no snapshots yet
//! }
//!
//! fn view_saved(state: &[u8]) -> Option<SavedView> {
//!     let saved: Saved = labgob::decode(state).ok()?;
//!     let entries = saved.log.into_iter().map(|(term, command)| EntryView { term, command });
//!     Some(SavedView {
//!         term: saved.term,
//!         vote: saved.voted_for,
//!         snapshot: EntryId::default(),
//!         entries: entries.collect(),
//!     })
//! }
//!
//! let log = vec![(Term(1), "x".into()), (Term(3), "y".into())];
//! let saved = Saved { term: Term(4), voted_for: Some(PeerId(2)), log };
//! let view = view_saved(&labgob::encode(&saved)).expect("our own state");
//! assert_eq!(view.last().to_string(), "2@3");
//! assert_eq!(view.term_at(LogIndex(1)), Some(Term(1)));
//! ```

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{LogIndex, PeerId, Term};

/// A place in the log together with the term of the entry there. By Log Matching (Figure 3) the two
/// stand for the entry and all before it. The default, `0@0`, is the place before the first entry.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct EntryId {
    /// The place.
    pub index: LogIndex,
    /// The term in which a leader put the entry there.
    pub term: Term,
}

/// `12@3` is index 12, term 3.
impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.index, self.term)
    }
}

/// An entry of a log, whose place is known from its context.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryView {
    /// The term in which a leader took it.
    pub term: Term,
    /// What was given to [`Raft::start`](crate::Raft::start).
    pub command: Bytes,
}

/// A message of Figure 2 or Figure 13: the arguments or the reply of one call. Names are the
/// figures' own where they are short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RpcView {
    /// A candidate asks for a vote.
    RequestVote {
        /// The candidate's term.
        term: Term,
        /// The candidate.
        candidate: PeerId,
        /// The last entry of its log.
        last: EntryId,
    },
    /// The answer.
    RequestVoteReply {
        /// The voter's current term.
        term: Term,
        /// Whether the candidate has its vote.
        granted: bool,
    },
    /// A leader sends entries, or none as a heartbeat.
    AppendEntries {
        /// The leader's term.
        term: Term,
        /// The leader.
        leader: PeerId,
        /// The entry right before the new ones.
        prev: EntryId,
        /// The new ones; the first is at `prev.index + 1`.
        entries: Vec<EntryView>,
        /// The leader's commitIndex.
        commit: LogIndex,
    },
    /// The answer.
    AppendEntriesReply {
        /// The follower's current term.
        term: Term,
        /// Whether it held `prev`, and so now holds the entries.
        success: bool,
    },
    /// A leader sends its snapshot.
    InstallSnapshot {
        /// The leader's term.
        term: Term,
        /// The leader.
        leader: PeerId,
        /// The last entry whose effect is in the snapshot.
        last: EntryId,
        /// Bytes of the snapshot in this message.
        len: usize,
    },
    /// The answer.
    InstallSnapshotReply {
        /// The follower's current term.
        term: Term,
    },
}

impl RpcView {
    /// The sender's term, which every message carries.
    pub fn term(&self) -> Term {
        match self {
            RpcView::RequestVote { term, .. }
            | RpcView::RequestVoteReply { term, .. }
            | RpcView::AppendEntries { term, .. }
            | RpcView::AppendEntriesReply { term, .. }
            | RpcView::InstallSnapshot { term, .. }
            | RpcView::InstallSnapshotReply { term } => *term,
        }
    }
}

/// One line for logs and pictures, without payloads.
impl fmt::Display for RpcView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RpcView::RequestVote {
                term,
                candidate,
                last,
            } => {
                write!(
                    f,
                    "vote for {candidate} in term {term}? its log ends at {last}"
                )
            }
            RpcView::RequestVoteReply { term, granted } => {
                write!(
                    f,
                    "{}, term {term}",
                    if *granted {
                        "vote granted"
                    } else {
                        "vote refused"
                    }
                )
            }
            RpcView::AppendEntries {
                term,
                leader,
                prev,
                entries,
                commit,
            } => {
                let what = match entries.len() {
                    0 => "heartbeat".to_string(),
                    1 => "1 entry".to_string(),
                    n => format!("{n} entries"),
                };
                write!(
                    f,
                    "{what} after {prev} from {leader} in term {term}, commit {commit}"
                )
            }
            RpcView::AppendEntriesReply { term, success } => {
                write!(
                    f,
                    "{}, term {term}",
                    if *success { "appended" } else { "not appended" }
                )
            }
            RpcView::InstallSnapshot {
                term,
                leader,
                last,
                len,
            } => {
                write!(
                    f,
                    "snapshot up to {last} from {leader} in term {term}, {len} bytes"
                )
            }
            RpcView::InstallSnapshotReply { term } => write!(f, "snapshot taken, term {term}"),
        }
    }
}

/// The saved state of a peer: Figure 2's persistent state, and what §7 adds to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedView {
    /// currentTerm.
    pub term: Term,
    /// votedFor, in that term.
    pub vote: Option<PeerId>,
    /// The last entry that the saved snapshot covers; `0@0` without one.
    pub snapshot: EntryId,
    /// The log after that; the first is at `snapshot.index + 1`.
    pub entries: Vec<EntryView>,
}

impl SavedView {
    /// The last entry of the log, or the last that the snapshot covers if the log is empty.
    pub fn last(&self) -> EntryId {
        match self.entries.last() {
            Some(entry) => EntryId {
                index: LogIndex(self.snapshot.index.0 + self.entries.len() as u64),
                term: entry.term,
            },
            None => self.snapshot,
        }
    }

    /// The entry at `index`; `None` if the log ends before it or a snapshot has replaced it.
    pub fn entry(&self, index: LogIndex) -> Option<&EntryView> {
        let nth = index.0.checked_sub(self.snapshot.index.0)?.checked_sub(1)?;
        self.entries.get(usize::try_from(nth).ok()?)
    }

    /// The term at `index`, also at the last index that the snapshot covers and at 0 if there is
    /// none.
    pub fn term_at(&self, index: LogIndex) -> Option<Term> {
        if index == self.snapshot.index {
            return Some(self.snapshot.term);
        }
        self.entry(index).map(|entry| entry.term)
    }
}

//! What peers say to each other: the arguments and results of Figure 2's and Figure 13's RPCs.
//!
//! The names are the paper's, in Rust's spelling, with these differences:
//! - `(prevLogIndex, prevLogTerm)`, `(lastLogIndex, lastLogTerm)` and `(lastIncludedIndex,
//!   lastIncludedTerm)` always go together, so each is one [`EntryId`].
//! - A rejected AppendEntries brings a [`ConflictHint`], the optimization at the end of §5.3.
//! - A snapshot comes in one piece, so Figure 13's `offset` and `done` are left out.
// BEGIN SOLUTION
//! - What belongs to part 2E is at the end, and in fields that say so.
// END SOLUTION

use std::fmt;

use bytes::Bytes;
// BEGIN SOLUTION
use raftapi::Membership;
// END SOLUTION
use raftapi::{LogIndex, PeerId, Term};
use serde::{Deserialize, Serialize};

labrpc::service! {
    /// The RPCs of Figures 2 and 13.
    pub mod raft_rpc: "Raft" {
        /// A candidate asks for a vote (§5.2).
        fn request_vote(RequestVoteArgs) -> RequestVoteReply;
        /// A leader replicates entries (§5.3), or says that it is alive (§5.2).
        fn append_entries(AppendEntriesArgs) -> AppendEntriesReply;
        /// A leader replaces entries that it no longer has (§7).
        fn install_snapshot(InstallSnapshotArgs) -> InstallSnapshotReply;
        // BEGIN SOLUTION
        /// Whoever is about to run asks for leave (part 2E; dissertation §9.6).
        fn pre_vote(PreVoteArgs) -> PreVoteReply;
        /// A leader tells its successor to run at once (part 2E; dissertation §3.10).
        fn timeout_now(TimeoutNowArgs) -> TimeoutNowReply;
        // END SOLUTION
    }
}

/// An entry's place and term. By the Log Matching Property two logs that hold the same `EntryId`
/// hold the same entries up to there (§5.3), so it names a whole prefix of the log.
///
/// Ordered as §5.4.1 compares the ends of two logs: by term, and by index within a term. The
/// greater one is more up-to-date.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct EntryId {
    /// The term in which a leader took the entry.
    pub term: Term,
    /// Its place in the log. 0 (in term 0) is the place before the first entry, which every log
    /// holds.
    pub index: LogIndex,
}

impl fmt::Display for EntryId {
    /// `12@3` is index 12 of term 3.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.index, self.term)
    }
}

/// One entry of the log. Its index is its place, so it is not said again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The term in which a leader took it.
    pub term: Term,
    /// What the service gave to `start()`.
    pub command: Bytes,
    // BEGIN SOLUTION
    /// Part 2E: the configuration in force from here on, in an entry that is no command. Boxed, since
    /// hardly any entry has one.
    pub membership: Option<Box<Membership>>,
    // END SOLUTION
}

/// Arguments of RequestVote (Figure 2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestVoteArgs {
    /// The candidate's term, for which it wants the vote.
    pub term: Term,
    /// Who asks.
    pub candidate: PeerId,
    /// The last entry of the candidate's log, for the election restriction (§5.4.1).
    pub last: EntryId,
    // BEGIN SOLUTION
    /// Part 2E: the leader wants this election, so that it counts though a leader is heard.
    pub transfer: bool,
    // END SOLUTION
}

/// Results of RequestVote (Figure 2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestVoteReply {
    /// The voter's current term, for the candidate to update itself.
    pub term: Term,
    /// The candidate received the vote.
    pub granted: bool,
}

/// Arguments of AppendEntries (Figure 2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppendEntriesArgs {
    /// The leader's term.
    pub term: Term,
    /// Who leads, so that a follower can send clients there.
    pub leader: PeerId,
    /// The entry right before `entries`. The follower must hold it, or it rejects the call.
    pub prev: EntryId,
    /// What to store after `prev`. Empty in a heartbeat; several for efficiency.
    pub entries: Vec<Entry>,
    /// The leader's commit index.
    pub leader_commit: LogIndex,
}

impl AppendEntriesArgs {
    /// The index of the last entry that a follower holds once it has done as asked.
    pub fn last_new(&self) -> LogIndex {
        LogIndex(self.prev.index.0 + self.entries.len() as u64)
    }
}

/// Results of AppendEntries (Figure 2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppendEntriesReply {
    /// The follower's current term, for the leader to update itself.
    pub term: Term,
    /// The follower holds `prev` and now also `entries`.
    pub success: bool,
    /// Why it does not hold `prev`, if that was the reason.
    pub hint: Option<ConflictHint>,
}

/// What a follower has in place of the `prev` that it was asked for, so that the leader can go back
/// by a whole term at once (end of §5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConflictHint {
    /// The term of the follower's entry at `prev.index`; `None` if its log ends before.
    pub term: Option<Term>,
    /// The first index that the follower has of that term; or the index after its last entry.
    pub first: LogIndex,
}

/// Arguments of InstallSnapshot (Figure 13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallSnapshotArgs {
    /// The leader's term.
    pub term: Term,
    /// Who leads.
    pub leader: PeerId,
    /// The last entry whose effect is in the snapshot, which replaces all entries up to there.
    pub last: EntryId,
    /// The service's state after that entry, as the service encoded it.
    pub snapshot: Bytes,
    // BEGIN SOLUTION
    /// Part 2E: the configuration in force after that entry, where it can change.
    pub membership: Option<Membership>,
    // END SOLUTION
}

/// Results of InstallSnapshot (Figure 13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallSnapshotReply {
    /// The follower's current term, for the leader to update itself. If it is the leader's, then
    /// the follower holds everything up to the snapshot's `last`.
    pub term: Term,
}
// BEGIN SOLUTION

/// Arguments of PreVote (dissertation §9.6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreVoteArgs {
    /// The term that the candidate would begin.
    pub term: Term,
    /// Who asks.
    pub candidate: PeerId,
    /// The last entry of its log.
    pub last: EntryId,
}

/// Results of PreVote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreVoteReply {
    /// The voter's current term, for the candidate to update itself.
    pub term: Term,
    /// The candidate would receive the vote.
    pub granted: bool,
}

/// Arguments of TimeoutNow (dissertation §3.10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeoutNowArgs {
    /// The leader's term.
    pub term: Term,
    /// Who leads, and wants to no longer.
    pub leader: PeerId,
}

/// Results of TimeoutNow. What comes of it shows in the election.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeoutNowReply {
    /// The receiver's term, a new one if it runs.
    pub term: Term,
}
// END SOLUTION

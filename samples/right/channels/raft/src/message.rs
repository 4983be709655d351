//! The RPCs.

use bytes::Bytes;
use raftapi::view::{EntryId, EntryView, RpcView};
use raftapi::{LogIndex, PeerId, Term};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

labrpc::service! {
    /// What one peer may ask of another.
    pub mod raft_rpc: "Raft" {
        fn request_vote(VoteArgs) -> VoteReply;
        fn append_entries(AppendArgs) -> AppendReply;
        fn install_snapshot(InstallArgs) -> InstallReply;
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct VoteArgs {
    pub term: Term,
    pub candidate: PeerId,
    pub last: EntryId,
}

#[derive(Serialize, Deserialize)]
pub struct VoteReply {
    pub term: Term,
    pub granted: bool,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct AppendArgs {
    pub term: Term,
    pub leader: PeerId,
    pub prev: EntryId,
    pub entries: Vec<EntryView>,
    pub commit: LogIndex,
}

#[derive(Serialize, Deserialize)]
pub struct AppendReply {
    pub term: Term,
    pub outcome: Outcome,
}

#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// The leader's term is over.
    Stale,
    /// `prev` is there, and now the entries.
    Appended,
    /// The log ends here.
    TooShort(LogIndex),
    /// At `prev` is an entry of an earlier or later term, which begins here.
    Conflict(Term, LogIndex),
}

#[derive(Clone, Serialize, Deserialize)]
pub struct InstallArgs {
    pub term: Term,
    pub leader: PeerId,
    pub last: EntryId,
    pub snapshot: Bytes,
}

#[derive(Serialize, Deserialize)]
pub struct InstallReply {
    pub term: Term,
}

/// For the tests' checks.
pub fn view(method: &str, is_reply: bool, bytes: &[u8]) -> Option<RpcView> {
    match (method, is_reply) {
        ("Raft.request_vote", false) => decode(bytes).map(|m: VoteArgs| RpcView::RequestVote {
            term: m.term,
            candidate: m.candidate,
            last: m.last,
        }),
        ("Raft.request_vote", true) => decode(bytes).map(|m: VoteReply| {
            let VoteReply { term, granted } = m;
            RpcView::RequestVoteReply { term, granted }
        }),
        ("Raft.append_entries", false) => {
            decode(bytes).map(|m: AppendArgs| RpcView::AppendEntries {
                term: m.term,
                leader: m.leader,
                prev: m.prev,
                entries: m.entries,
                commit: m.commit,
            })
        }
        ("Raft.append_entries", true) => {
            decode(bytes).map(|m: AppendReply| RpcView::AppendEntriesReply {
                term: m.term,
                success: m.outcome == Outcome::Appended,
            })
        }
        ("Raft.install_snapshot", false) => {
            decode(bytes).map(|m: InstallArgs| RpcView::InstallSnapshot {
                term: m.term,
                leader: m.leader,
                last: m.last,
                len: m.snapshot.len(),
            })
        }
        ("Raft.install_snapshot", true) => {
            decode(bytes).map(|m: InstallReply| RpcView::InstallSnapshotReply { term: m.term })
        }
        _ => None,
    }
}

fn decode<M: DeserializeOwned>(bytes: &[u8]) -> Option<M> {
    labgob::decode(bytes).ok()
}

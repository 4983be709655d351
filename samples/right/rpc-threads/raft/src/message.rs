//! The RPCs of Figures 2 and 13.

use bytes::Bytes;
use raftapi::view::{EntryId, EntryView, RpcView};
use raftapi::{LogIndex, PeerId, Term};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::log::{Entry, Place};

labrpc::service! {
    /// What peers ask of each other.
    pub mod raft_rpc: "Raft" {
        fn request_vote(VoteArgs) -> VoteReply;
        fn append_entries(AppendArgs) -> AppendReply;
        fn install_snapshot(SnapshotArgs) -> SnapshotReply;
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VoteArgs {
    pub term: Term,
    pub candidate: PeerId,
    pub last: Place,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VoteReply {
    pub term: Term,
    pub granted: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AppendArgs {
    pub term: Term,
    pub leader: PeerId,
    pub prev: Place,
    pub entries: Vec<Entry>,
    pub commit: LogIndex,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AppendReply {
    pub term: Term,
    pub success: bool,
    /// If there is another entry at `prev`: its term.
    pub conflict_term: Option<Term>,
    /// The first index of that term; without an entry there, the index after the last.
    pub conflict_index: LogIndex,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SnapshotArgs {
    pub term: Term,
    pub leader: PeerId,
    pub last: Place,
    pub snapshot: Bytes,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SnapshotReply {
    pub term: Term,
}

/// What a message says, for the tests' checks.
pub fn view(method: &str, is_reply: bool, bytes: &[u8]) -> Option<RpcView> {
    Some(match (method, is_reply) {
        ("Raft.request_vote", false) => {
            let m: VoteArgs = read(bytes)?;
            RpcView::RequestVote {
                term: m.term,
                candidate: m.candidate,
                last: m.last.into(),
            }
        }
        ("Raft.request_vote", true) => {
            let VoteReply { term, granted } = read(bytes)?;
            RpcView::RequestVoteReply { term, granted }
        }
        ("Raft.append_entries", false) => {
            let m: AppendArgs = read(bytes)?;
            RpcView::AppendEntries {
                term: m.term,
                leader: m.leader,
                prev: m.prev.into(),
                entries: m.entries.into_iter().map(Into::into).collect(),
                commit: m.commit,
            }
        }
        ("Raft.append_entries", true) => {
            let AppendReply { term, success, .. } = read(bytes)?;
            RpcView::AppendEntriesReply { term, success }
        }
        ("Raft.install_snapshot", false) => {
            let m: SnapshotArgs = read(bytes)?;
            RpcView::InstallSnapshot {
                term: m.term,
                leader: m.leader,
                last: m.last.into(),
                len: m.snapshot.len(),
            }
        }
        ("Raft.install_snapshot", true) => {
            let SnapshotReply { term } = read(bytes)?;
            RpcView::InstallSnapshotReply { term }
        }
        _ => return None,
    })
}

fn read<M: DeserializeOwned>(bytes: &[u8]) -> Option<M> {
    labgob::decode(bytes).ok()
}

impl From<Place> for EntryId {
    fn from(Place { index, term }: Place) -> EntryId {
        EntryId { index, term }
    }
}

impl From<Entry> for EntryView {
    fn from(Entry { term, command }: Entry) -> EntryView {
        EntryView { term, command }
    }
}

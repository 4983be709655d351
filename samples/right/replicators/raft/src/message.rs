//! What goes over the network.

use bytes::Bytes;
use raftapi::view::{EntryId, EntryView, RpcView};
use raftapi::{LogIndex, PeerId, Term};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

labrpc::service! {
    /// The calls of Figures 2 and 13.
    pub mod raft_rpc: "Raft" {
        fn request_vote(RequestVote) -> Vote;
        fn append_entries(AppendEntries) -> Appended;
        fn install_snapshot(InstallSnapshot) -> Installed;
    }
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub term: Term,
    pub command: Bytes,
}

#[derive(Serialize, Deserialize)]
pub struct RequestVote {
    pub term: Term,
    pub candidate: PeerId,
    pub last: EntryId,
}

#[derive(Serialize, Deserialize)]
pub struct Vote {
    pub term: Term,
    pub granted: bool,
}

#[derive(Serialize, Deserialize)]
pub struct AppendEntries {
    pub term: Term,
    pub leader: PeerId,
    pub prev: EntryId,
    pub entries: Vec<Entry>,
    pub commit: LogIndex,
}

#[derive(Serialize, Deserialize)]
pub struct Appended {
    pub term: Term,
    pub success: bool,
}

#[derive(Serialize, Deserialize)]
pub struct InstallSnapshot {
    pub term: Term,
    pub leader: PeerId,
    pub last: EntryId,
    pub snapshot: Bytes,
}

#[derive(Serialize, Deserialize)]
pub struct Installed {
    pub term: Term,
}

/// For the tests' checks.
pub fn view(method: &str, is_reply: bool, bytes: &[u8]) -> Option<RpcView> {
    let view = match (method.strip_prefix("Raft.")?, is_reply) {
        ("request_vote", false) => {
            let RequestVote {
                term,
                candidate,
                last,
            } = decode(bytes)?;
            RpcView::RequestVote {
                term,
                candidate,
                last,
            }
        }
        ("request_vote", true) => {
            let Vote { term, granted } = decode(bytes)?;
            RpcView::RequestVoteReply { term, granted }
        }
        ("append_entries", false) => {
            let args: AppendEntries = decode(bytes)?;
            RpcView::AppendEntries {
                term: args.term,
                leader: args.leader,
                prev: args.prev,
                entries: args.entries.into_iter().map(Entry::view).collect(),
                commit: args.commit,
            }
        }
        ("append_entries", true) => {
            let Appended { term, success } = decode(bytes)?;
            RpcView::AppendEntriesReply { term, success }
        }
        ("install_snapshot", false) => {
            let args: InstallSnapshot = decode(bytes)?;
            RpcView::InstallSnapshot {
                term: args.term,
                leader: args.leader,
                last: args.last,
                len: args.snapshot.len(),
            }
        }
        ("install_snapshot", true) => {
            let Installed { term } = decode(bytes)?;
            RpcView::InstallSnapshotReply { term }
        }
        _ => return None,
    };
    Some(view)
}

fn decode<M: DeserializeOwned>(bytes: &[u8]) -> Option<M> {
    labgob::decode(bytes).ok()
}

impl Entry {
    pub fn view(self) -> EntryView {
        EntryView {
            term: self.term,
            command: self.command,
        }
    }
}

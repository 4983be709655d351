//! How this Raft's messages and saved state look to the tests' checks and pictures
//! ([`raftapi::view`]). If you change a message, or what you save, change this too or return `None`.

// BEGIN SOLUTION
use raftapi::Membership;
// END SOLUTION
use raftapi::view::{EntryId as Id, EntryView, RpcView};
use serde::de::DeserializeOwned;

use crate::message::*;

/// What the arguments or the reply of a call say.
pub(crate) fn rpc(service_method: &str, is_reply: bool, bytes: &[u8]) -> Option<RpcView> {
    match (service_method, is_reply) {
        ("Raft.request_vote", false) => read::<RequestVoteArgs>(bytes),
        ("Raft.request_vote", true) => read::<RequestVoteReply>(bytes),
        ("Raft.append_entries", false) => read::<AppendEntriesArgs>(bytes),
        ("Raft.append_entries", true) => read::<AppendEntriesReply>(bytes),
        ("Raft.install_snapshot", false) => read::<InstallSnapshotArgs>(bytes),
        ("Raft.install_snapshot", true) => read::<InstallSnapshotReply>(bytes),
        _ => None,
    }
}

// BEGIN SOLUTION
/// The configuration that an entry stands for, as its `EntryView` shows it.
pub(crate) fn membership(command: &[u8]) -> Option<Membership> {
    labgob::decode(command).ok()
}

// END SOLUTION
fn read<M: DeserializeOwned + Into<RpcView>>(bytes: &[u8]) -> Option<RpcView> {
    labgob::decode::<M>(bytes).ok().map(Into::into)
}

impl From<EntryId> for Id {
    fn from(id: EntryId) -> Id {
        Id {
            index: id.index,
            term: id.term,
        }
    }
}

impl From<Entry> for EntryView {
    fn from(entry: Entry) -> EntryView {
        // BEGIN SOLUTION
        if let Some(membership) = entry.membership {
            return EntryView {
                term: entry.term,
                command: labgob::encode(&*membership).into(),
            };
        }
        // END SOLUTION
        EntryView {
            term: entry.term,
            command: entry.command,
        }
    }
}

impl From<RequestVoteArgs> for RpcView {
    fn from(m: RequestVoteArgs) -> RpcView {
        RpcView::RequestVote {
            term: m.term,
            candidate: m.candidate,
            last: m.last.into(),
        }
    }
}

impl From<RequestVoteReply> for RpcView {
    fn from(m: RequestVoteReply) -> RpcView {
        RpcView::RequestVoteReply {
            term: m.term,
            granted: m.granted,
        }
    }
}

impl From<AppendEntriesArgs> for RpcView {
    fn from(m: AppendEntriesArgs) -> RpcView {
        let entries = m.entries.into_iter().map(EntryView::from).collect();
        let (prev, commit) = (m.prev.into(), m.leader_commit);
        RpcView::AppendEntries {
            term: m.term,
            leader: m.leader,
            prev,
            entries,
            commit,
        }
    }
}

impl From<AppendEntriesReply> for RpcView {
    fn from(m: AppendEntriesReply) -> RpcView {
        RpcView::AppendEntriesReply {
            term: m.term,
            success: m.success,
        }
    }
}

impl From<InstallSnapshotArgs> for RpcView {
    fn from(m: InstallSnapshotArgs) -> RpcView {
        let (last, len) = (m.last.into(), m.snapshot.len());
        RpcView::InstallSnapshot {
            term: m.term,
            leader: m.leader,
            last,
            len,
        }
    }
}

impl From<InstallSnapshotReply> for RpcView {
    fn from(m: InstallSnapshotReply) -> RpcView {
        RpcView::InstallSnapshotReply { term: m.term }
    }
}

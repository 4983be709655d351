//! Snapshots (§7).

use bytes::Bytes;
use raftapi::LogIndex;

use crate::Peer;
use crate::log::Log;
use crate::message::*;
use crate::state::State;

impl State {
    /// The service has everything up to `index` in `snapshot`.
    pub fn take_snapshot(&mut self, index: LogIndex, snapshot: Bytes) {
        if index > self.log.base().index {
            self.log.compact(index);
            self.snapshot = snapshot;
            self.persist();
        }
    }
}

impl Peer {
    /// One call.
    pub fn call_install(&self, to: usize, args: SnapshotArgs) {
        let reply = self.clients[to].install_snapshot(&args);
        let mut state = self.state.lock();
        state.calls[to] -= 1;
        let Ok(reply) = reply else {
            if state.leads(args.term) {
                state.go_back(to, args.last.index);
            }
            return;
        };
        state.heed(reply.term);
        if state.leads(args.term) {
            self.holds(to, args.last.index, &mut state);
        }
    }

    /// InstallSnapshot RPC, "Receiver implementation", without pieces.
    pub fn install(&self, args: SnapshotArgs) -> SnapshotReply {
        let mut state = self.state.lock();
        state.heed(args.term);
        if args.term < state.term {
            return SnapshotReply { term: state.term };
        }
        state.follow(args.leader);
        // What is committed here is in our log or snapshot already.
        if args.last.index > state.commit {
            if state.log.term(args.last.index) == Some(args.last.term) {
                state.log.compact(args.last.index);
            } else {
                state.log = Log::after(args.last);
            }
            state.snapshot = args.snapshot;
            state.commit = args.last.index;
            state.persist();
            self.to_apply.notify_one();
        }
        SnapshotReply { term: state.term }
    }
}

impl raft_rpc::Handler for Peer {
    fn request_vote(&self, args: VoteArgs) -> VoteReply {
        self.vote(args)
    }

    fn append_entries(&self, args: AppendArgs) -> AppendReply {
        self.append(args)
    }

    fn install_snapshot(&self, args: SnapshotArgs) -> SnapshotReply {
        self.install(args)
    }
}

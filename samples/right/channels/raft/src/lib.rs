//! Raft without a lock. One thread owns all of a peer's state; whoever wants something of it, the
//! service included, sends it a message, and waits for the answer if there is one. What `state`
//! says is the exception: the owner writes it down in one atomic number.
#![forbid(unsafe_code)]

mod log;
mod message;
mod owner;
mod peer;
mod standing;

use bytes::Bytes;
use labrpc::{ClientEnd, Responder, Service};
use labsim::channel::{Sender, bounded, unbounded};
use labsim::sync::Arc;
use labsim::thread;
use raftapi::view::{RpcView, SavedView};
use raftapi::{ApplyMsg, LogIndex, NotLeader, PeerId, Persister, Term};

use crate::message::*;
use crate::owner::{Owner, Wish};
use crate::standing::Standing;

/// One Raft peer.
pub struct Raft {
    wishes: Sender<Wish>,
    standing: Arc<Standing>,
}

impl raftapi::Raft for Raft {
    fn make(
        peers: Vec<ClientEnd>,
        me: PeerId,
        persister: Persister,
        apply_tx: Sender<ApplyMsg>,
    ) -> Raft {
        let (wishes, inbox) = unbounded();
        let standing = Arc::new(Standing::default());
        let clients = peers.into_iter().map(raft_rpc::Client::new).collect();
        let owner = Owner::new(me, clients, persister, standing.clone(), wishes.clone());
        thread::spawn(move || owner.run(&inbox, &apply_tx));
        Raft { wishes, standing }
    }

    fn service(&self) -> Service {
        raft_rpc::deferred_service(Arc::new(Door(self.wishes.clone())))
    }

    fn start(&self, command: Bytes) -> Result<(LogIndex, Term), NotLeader> {
        let (answer, answered) = bounded(1);
        let _ = self.wishes.send(Wish::Start(command, answer));
        let nobody = Err(NotLeader { leader: None });
        answered.recv().unwrap_or(nobody) // the owner is gone if the peer was killed
    }

    fn state(&self) -> (Term, bool) {
        self.standing.read()
    }

    fn snapshot(&self, index: LogIndex, snapshot: Bytes) {
        let (done, is_done) = bounded(1);
        let _ = self.wishes.send(Wish::Snapshot(index, snapshot, done));
        let _ = is_done.recv();
    }

    fn kill(&self) {
        let _ = self.wishes.send(Wish::Kill);
    }

    fn view_rpc(method: &str, is_reply: bool, bytes: &[u8]) -> Option<RpcView> {
        message::view(method, is_reply, bytes)
    }

    fn view_saved(state: &[u8]) -> Option<SavedView> {
        peer::view_saved(state)
    }
}

impl Drop for Raft {
    fn drop(&mut self) {
        raftapi::Raft::kill(self);
    }
}

/// Where the calls of others come in.
struct Door(Sender<Wish>);

impl raft_rpc::DeferredHandler for Door {
    fn request_vote(&self, args: VoteArgs, reply: Responder<VoteReply>) {
        let _ = self.0.send(Wish::Vote(args, reply));
    }

    fn append_entries(&self, args: AppendArgs, reply: Responder<AppendReply>) {
        let _ = self.0.send(Wish::Append(args, reply));
    }

    fn install_snapshot(&self, args: InstallArgs, reply: Responder<InstallReply>) {
        let _ = self.0.send(Wish::Install(args, reply));
    }
}

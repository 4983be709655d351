//! Raft with one lock and many threads, each call on a thread of its own: the way most people write
//! it first. Sections and figures are those of the paper's extended version.
//!
//! | thread | does |
//! |---|---|
//! | `ticker` | looks every 10 ms whether the election is due |
//! | `sender` | when the leader has something to say, begins a round of calls |
//! | one for each call | calls, blocked, and uses the reply |
//! | `applier` | hands what is committed to the service |
//!
//! The rule for all of them: what is decided is decided under the lock, and no lock is held while
//! anybody waits.
#![forbid(unsafe_code)]

mod election;
mod log;
mod message;
mod replication;
mod snapshot;
mod state;

use bytes::Bytes;
use labrpc::{ClientEnd, Service};
use labsim::channel::Sender;
use labsim::sync::{Arc, Condvar, Mutex};
use labsim::thread;
use raftapi::view::{RpcView, SavedView};
use raftapi::{ApplyMsg, LogIndex, NotLeader, PeerId, Persister, Term};

use crate::message::raft_rpc;
use crate::state::{Role, State};

/// One Raft peer.
pub struct Raft(Arc<Peer>);

/// What the threads of a peer share.
pub(crate) struct Peer {
    pub me: PeerId,
    /// To call the others.
    pub clients: Vec<raft_rpc::Client>,
    pub state: Mutex<State>,
    /// There is something to apply, or nothing ever again.
    pub to_apply: Condvar,
    /// There is something to send, or nothing ever again.
    pub to_send: Condvar,
}

impl Peer {
    /// All peers but this one.
    pub fn others(&self) -> impl Iterator<Item = usize> + use<> {
        let me = self.me.0;
        (0..self.clients.len()).filter(move |peer| *peer != me)
    }

    fn run(self: &Arc<Peer>, name: &str, task: impl FnOnce(&Arc<Peer>) + Send + 'static) {
        let peer = self.clone();
        let builder = thread::Builder::new().name(format!("{name} {}", self.me));
        builder.spawn(move || task(&peer)).expect("a thread");
    }
}

impl raftapi::Raft for Raft {
    fn make(
        peers: Vec<ClientEnd>,
        me: PeerId,
        persister: Persister,
        apply_tx: Sender<ApplyMsg>,
    ) -> Raft {
        let state = State::restore(peers.len(), persister);
        let peer = Arc::new(Peer {
            me,
            clients: peers.into_iter().map(raft_rpc::Client::new).collect(),
            state: Mutex::new(state),
            to_apply: Condvar::new(),
            to_send: Condvar::new(),
        });
        peer.run("ticker", Peer::tick);
        peer.run("sender", Peer::send_rounds);
        peer.run("applier", move |peer| peer.apply(&apply_tx));
        Raft(peer)
    }

    fn service(&self) -> Service {
        raft_rpc::service(self.0.clone())
    }

    fn start(&self, command: Bytes) -> Result<(LogIndex, Term), NotLeader> {
        let mut state = self.0.state.lock();
        if state.killed || state.role != Role::Leader {
            return Err(NotLeader {
                leader: state.leader,
            });
        }
        let term = state.term;
        let index = state.log.push(term, command);
        state.persist();
        state.news = true;
        self.0.to_send.notify_one();
        Ok((index, term))
    }

    fn state(&self) -> (Term, bool) {
        let state = self.0.state.lock();
        (state.term, state.role == Role::Leader)
    }

    fn snapshot(&self, index: LogIndex, snapshot: Bytes) {
        self.0.state.lock().take_snapshot(index, snapshot);
    }

    fn kill(&self) {
        let mut state = self.0.state.lock();
        state.killed = true;
        state.role = Role::Follower;
        self.0.to_apply.notify_all();
        self.0.to_send.notify_all();
    }

    fn view_rpc(method: &str, is_reply: bool, bytes: &[u8]) -> Option<RpcView> {
        message::view(method, is_reply, bytes)
    }

    fn view_saved(state: &[u8]) -> Option<SavedView> {
        state::view_saved(state)
    }
}

impl Drop for Raft {
    fn drop(&mut self) {
        raftapi::Raft::kill(self);
    }
}

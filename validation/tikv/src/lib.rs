//! TiKV's Raft (the `raft` crate) behind [`raftapi::Raft`], so that the suites can be tried on a core
//! that nobody here has written.
//!
//! | file | what it holds |
//! |---|---|
//! | `store.rs` | TiKV's `Storage` on a [`raftapi::Persister`]; and the translation of indices |
//! | `core.rs` | one `RawNode` with what it needs around it: messages in, messages and entries out |
//! | `pump.rs` | the thread that ticks, and takes in replies |
//!
//! What had to be bridged:
//!
//! - **Indices.** TiKV's leader adds an empty entry when it is elected. It takes an index of TiKV's, and none
//!   of ours: see `store.rs`.
//! - **Calls.** TiKV sends messages, we make calls. A message that asks is a call, and what TiKV sends back while it
//!   handles the message is the reply. Where it sends nothing back the reply is its term, as Figure 2 has it.
//! - **Time.** TiKV counts ticks and draws its election timeout from the system's randomness. So it gets no choice of
//!   ticks, and a tick's length is drawn from labsim, anew whenever the count begins again.
//!
//! The suites see its messages and its saved state as bytes only.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod core;
mod pump;
mod store;

use bytes::Bytes;
use labrpc::{ClientEnd, Service};
use labsim::channel::{Receiver, Sender, unbounded};
use labsim::sync::{Arc, Mutex};
use labsim::thread;
use raftapi::{ApplyMsg, LogIndex, NotLeader, PeerId, Persister, Term};

use crate::core::{Core, Turn};
use crate::pump::{Note, Pump};

labrpc::service! {
    /// TiKV's messages as calls: protobuf in, protobuf out. The three methods do the same.
    pub mod raft_rpc: "Raft" {
        fn request_vote(Bytes) -> Bytes;
        fn append_entries(Bytes) -> Bytes;
        fn install_snapshot(Bytes) -> Bytes;
    }
}

/// One peer.
pub struct Raft(Arc<Shared>);

struct Shared {
    core: Mutex<Core>,
    inbox: Sender<Note>,
    clients: Vec<raft_rpc::Client>,
}

impl raftapi::Raft for Raft {
    fn make(
        peers: Vec<ClientEnd>,
        me: PeerId,
        persister: Persister,
        apply_tx: Sender<ApplyMsg>,
    ) -> Raft {
        let (committed, to_apply) = unbounded();
        let (inbox, notes) = unbounded();
        let shared = Arc::new(Shared {
            core: Mutex::new(Core::new(me, peers.len(), persister, committed)),
            inbox,
            clients: peers.into_iter().map(raft_rpc::Client::new).collect(),
        });
        let pump = Pump {
            shared: shared.clone(),
            notes,
        };
        thread::spawn(move || pump.run());
        thread::spawn(move || apply(&to_apply, &apply_tx));
        Raft(shared)
    }

    fn service(&self) -> Service {
        raft_rpc::service(Arc::new(Answers(self.0.clone())))
    }

    fn start(&self, command: Bytes) -> Result<(LogIndex, Term), NotLeader> {
        let (started, turn) = self.0.core.lock().start(&command)?;
        self.0.send(turn);
        Ok(started)
    }

    fn state(&self) -> (Term, bool) {
        self.0.core.lock().state()
    }

    fn snapshot(&self, index: LogIndex, snapshot: Bytes) {
        self.0.core.lock().keep_snapshot(index, snapshot);
    }

    fn kill(&self) {
        self.0.core.lock().stop();
        let _ = self.0.inbox.send(Note::Stop);
    }
}

impl Drop for Raft {
    fn drop(&mut self) {
        raftapi::Raft::kill(self);
    }
}

/// Hands on what is committed.
fn apply(committed: &Receiver<ApplyMsg>, service: &Sender<ApplyMsg>) {
    for message in committed {
        if service.send(message).is_err() {
            return;
        }
    }
}

/// The calls of others.
struct Answers(Arc<Shared>);

impl Answers {
    fn answer(&self, message: &Bytes) -> Bytes {
        let (reply, turn) = self.0.core.lock().handle(message);
        self.0.send(turn);
        reply
    }
}

impl raft_rpc::Handler for Answers {
    fn request_vote(&self, message: Bytes) -> Bytes {
        self.answer(&message)
    }

    fn append_entries(&self, message: Bytes) -> Bytes {
        self.answer(&message)
    }

    fn install_snapshot(&self, message: Bytes) -> Bytes {
        self.answer(&message)
    }
}

impl Shared {
    /// Makes the calls that a turn leads to. No lock is held.
    fn send(&self, turn: Turn) {
        for call in turn.calls {
            let inbox = self.inbox.clone();
            let (to, kind) = (call.to, call.kind);
            let put = move |reply: Result<Bytes, labrpc::RpcError>| {
                let _ = inbox.send(Note::Over(to, kind, reply.ok()));
            };
            let client = self.clients[to].callback();
            match kind {
                core::Kind::Vote => client.request_vote(&call.message, put),
                core::Kind::Append => client.append_entries(&call.message, put),
                core::Kind::Snapshot => client.install_snapshot(&call.message, put),
            }
        }
    }
}

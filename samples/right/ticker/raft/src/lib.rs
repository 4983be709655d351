//! Raft with one big lock and a ticker. All that a peer does of itself it does in [`Node::tick`],
//! every ten milliseconds: it looks for replies, campaigns, sends. Nothing wakes the ticker, and it
//! waits for nobody: calls under way are a list, in which it looks whether an answer has come.
//!
//! The tests see nothing of its messages and of what it saves: both are its own business.
#![forbid(unsafe_code)]

mod log;
mod message;
mod node;

use bytes::Bytes;
use labrpc::{ClientEnd, Service};
use labsim::channel::Sender;
use labsim::sync::{Arc, Condvar, Mutex};
use labsim::thread;
use labsim::time::Duration;
use raftapi::{ApplyMsg, LogIndex, NotLeader, PeerId, Persister, Term};

use crate::message::*;
use crate::node::Node;

const TICK: Duration = Duration::from_millis(10);

/// One Raft peer.
pub struct Raft(Arc<Shared>);

struct Shared {
    node: Mutex<Node>,
    committed: Condvar,
}

impl Shared {
    fn tick(&self) {
        while !self.with(|node| node.stopped) {
            self.with(Node::tick);
            thread::sleep(TICK);
        }
    }

    fn apply(&self, service: &Sender<ApplyMsg>) {
        while let Some(message) = self.next_to_apply() {
            if service.send(message).is_err() {
                return;
            }
        }
    }

    fn next_to_apply(&self) -> Option<ApplyMsg> {
        let mut node = self.node.lock();
        loop {
            if node.stopped {
                return None;
            }
            if let Some(message) = node.apply_one() {
                return Some(message);
            }
            self.committed.wait(&mut node);
        }
    }

    /// Under the big lock.
    fn with<T>(&self, f: impl FnOnce(&mut Node) -> T) -> T {
        let mut node = self.node.lock();
        let done = f(&mut node);
        if node.has_to_apply() || node.stopped {
            self.committed.notify_one();
        }
        done
    }
}

impl peer::Handler for Shared {
    fn vote(&self, ask: Vote) -> Voted {
        self.with(|node| node.vote(ask))
    }

    fn append(&self, ask: Append) -> Appended {
        self.with(|node| node.append(ask))
    }

    fn install(&self, ask: Install) -> Installed {
        self.with(|node| node.install(ask))
    }
}

impl raftapi::Raft for Raft {
    fn make(
        peers: Vec<ClientEnd>,
        me: PeerId,
        persister: Persister,
        apply_tx: Sender<ApplyMsg>,
    ) -> Raft {
        let shared = Arc::new(Shared {
            node: Mutex::new(Node::new(peers, me, persister)),
            committed: Condvar::new(),
        });
        let (ticks, applies) = (shared.clone(), shared.clone());
        thread::spawn(move || ticks.tick());
        thread::spawn(move || applies.apply(&apply_tx));
        Raft(shared)
    }

    fn service(&self) -> Service {
        peer::service(self.0.clone())
    }

    fn start(&self, command: Bytes) -> Result<(LogIndex, Term), NotLeader> {
        self.0.with(|node| node.start(command))
    }

    fn state(&self) -> (Term, bool) {
        self.0.with(|node| node.state())
    }

    fn snapshot(&self, index: LogIndex, snapshot: Bytes) {
        self.0.with(|node| node.snapshot(index.0, snapshot));
    }

    fn kill(&self) {
        self.0.with(|node| node.stopped = true);
    }
}

impl Drop for Raft {
    fn drop(&mut self) {
        raftapi::Raft::kill(self);
    }
}

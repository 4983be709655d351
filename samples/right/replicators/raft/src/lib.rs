//! Raft with a thread for each of the others, which does all the talking to it: it asks for votes as
//! long as this peer runs, sends entries while it leads, and rests when it follows. Another thread
//! watches the election timer, and one hands on what is committed.
//!
//! Replies say yes or no and nothing else. A leader whose entries do not fit goes back by one, two,
//! four, eight … entries until they do (§5.3 goes back one by one, and calls hints an option).
#![forbid(unsafe_code)]

mod follower;
mod log;
mod message;
mod node;
mod replicator;
mod saved;

use bytes::Bytes;
use labrpc::{ClientEnd, Service};
use labsim::channel::{Receiver, Sender, unbounded};
use labsim::sync::{Arc, Mutex};
use labsim::thread;
use labsim::time::{Duration, Instant};
use raftapi::view::{RpcView, SavedView};
use raftapi::{ApplyMsg, LogIndex, NotLeader, PeerId, Persister, Term};

use crate::message::*;
use crate::node::{Node, Role};
use crate::replicator::Replicator;

/// One Raft peer.
pub struct Raft {
    node: Arc<Mutex<Node>>,
}

impl raftapi::Raft for Raft {
    fn make(
        peers: Vec<ClientEnd>,
        me: PeerId,
        persister: Persister,
        apply_tx: Sender<ApplyMsg>,
    ) -> Raft {
        let (applies, to_apply) = unbounded();
        let (inboxes, receivers): (Vec<_>, Vec<_>) = peers.iter().map(|_| unbounded()).unzip();
        let node = Node::new(me, inboxes.clone(), persister, applies);
        let node = Arc::new(Mutex::new(node));
        let ends = peers.into_iter().zip(inboxes).zip(receivers);
        for (to, ((end, inbox_tx), inbox)) in ends.enumerate().filter(|(to, _)| *to != me.0) {
            let replicator = Replicator {
                node: node.clone(),
                to,
                client: raft_rpc::Client::new(end),
                inbox_tx,
                inbox,
            };
            spawn(format!("replicator {me} to {to}"), || replicator.run());
        }
        let timer = node.clone();
        spawn(format!("timer {me}"), move || watch_timer(&timer));
        spawn(format!("applier {me}"), move || apply(to_apply, &apply_tx));
        Raft { node }
    }

    fn service(&self) -> Service {
        raft_rpc::service(Arc::new(Answers(self.node.clone())))
    }

    fn start(&self, command: Bytes) -> Result<(LogIndex, Term), NotLeader> {
        self.node.lock().propose(command)
    }

    fn state(&self) -> (Term, bool) {
        let node = self.node.lock();
        (node.term, matches!(node.role, Role::Leader(_)))
    }

    fn snapshot(&self, index: LogIndex, snapshot: Bytes) {
        self.node.lock().keep_snapshot(index, snapshot);
    }

    fn kill(&self) {
        self.node.lock().stop();
    }

    fn view_rpc(method: &str, is_reply: bool, bytes: &[u8]) -> Option<RpcView> {
        message::view(method, is_reply, bytes)
    }

    fn view_saved(state: &[u8]) -> Option<SavedView> {
        saved::view(state)
    }
}

impl Drop for Raft {
    fn drop(&mut self) {
        raftapi::Raft::kill(self);
    }
}

fn spawn(name: String, task: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().name(name).spawn(task);
    drop(thread.expect("a thread"));
}

/// Sleeps until the election is due; it may have been put off meanwhile.
fn watch_timer(node: &Mutex<Node>) {
    loop {
        let deadline = {
            let mut node = node.lock();
            if node.stopped() {
                return;
            }
            node.campaign_if_due();
            node.next_look()
        };
        let wait = deadline.saturating_duration_since(Instant::now());
        thread::sleep(wait.max(Duration::from_millis(1)));
    }
}

/// Hands on what is committed. Whoever commits puts it into a queue, which is never full.
fn apply(committed: Receiver<ApplyMsg>, service: &Sender<ApplyMsg>) {
    for message in committed {
        if service.send(message).is_err() {
            return;
        }
    }
}

/// The RPCs of a peer.
struct Answers(Arc<Mutex<Node>>);

impl raft_rpc::Handler for Answers {
    fn request_vote(&self, args: RequestVote) -> Vote {
        self.0.lock().request_vote(args)
    }

    fn append_entries(&self, args: AppendEntries) -> Appended {
        self.0.lock().append_entries(args)
    }

    fn install_snapshot(&self, args: InstallSnapshot) -> Installed {
        self.0.lock().install_snapshot(args)
    }
}

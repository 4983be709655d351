//! Raft (Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm", extended
//! version, 2014). Section and figure numbers in this crate are that paper's.
//!
//! # What Raft promises
//!
//! A few servers keep one log. As long as a majority of them is up and can talk to each other the
//! log grows; and whatever else happens, servers that stop and come back, messages that get lost,
//! late, or out of order, these hold (Figure 3):
//!
//! - **Election Safety**: at most one leader can be elected in a given term. §5.2
//! - **Leader Append-Only**: a leader never overwrites or deletes entries in its log; it only
//!   appends new ones. §5.3
//! - **Log Matching**: if two logs contain an entry with the same index and term, then the logs are
//!   identical in all entries up through it. §5.3
//! - **Leader Completeness**: if an entry is committed in a term, it is in the log of the leaders of
//!   all higher terms. §5.4
//! - **State Machine Safety**: if a server has applied an entry at an index, no other server will
//!   ever apply a different one there. §5.4.3
//!
//! # Which file holds which box
//!
//! | file | what is in it |
//! |---|---|
//! | `lib.rs` | the peer as the service sees it: `start`, `state`, `snapshot`, `kill` |
//! | [`message`] | arguments and results of Figure 2's and Figure 13's RPCs |
//! | `node.rs` | "State", the roles, and "Rules for Servers: All Servers" |
//! | `election.rs` | "RequestVote RPC"; "Rules for Servers": Followers, Candidates |
//! | `replication.rs` | "AppendEntries RPC"; "Rules for Servers": Leaders |
//! | `progress.rs` | "Volatile state on leaders" |
//! | `snapshot.rs` | Figure 13, "InstallSnapshot RPC" |
//! | `log.rs` | the log: all index arithmetic |
//! | `persist.rs`, `records.rs` | "Persistent state on all servers" |
//! | `apply.rs` | handing what is committed to the service |
//! | `actor.rs` | the thread, the inbox and the calls: everything that is not in the paper |
//! | `view.rs`, `trace.rs` | how tests and pictures see messages, saved state and the peer |
//!
//! Read `message`, `node`, `election` and `replication` first, with Figure 2 beside.
//!
//! # What is left out
//!
//! - Membership changes (§6). The dissertation's chapter 4 has a simpler way than the paper's.
//! - Reads without a log entry (§8), and the leader's empty entry at the start of its term (§8):
//!   tests count on the indices of commands. The price is that entries of earlier terms stay
//!   uncommitted until the next command.
//! - Snapshots in pieces (Figure 13's `offset` and `done`).
//! - PreVote and a leader that resigns when it hears of no majority (dissertation §9.6, §6.2). A
//!   server that was cut off comes back with a high term and forces an election; a leader that is
//!   cut off goes on believing that it leads, with a heartbeat per peer and period, until it hears
//!   of a later term. Neither does harm, as it cannot commit anything.
// BEGIN SOLUTION
//!
//! # Solution and handout
//!
//! What a student writes stands between `// BEGIN SOLUTION` and `// END SOLUTION`. In the handout
//! such a region is replaced by the lines right after it that begin with `// STUB: `, without that
//! mark. A file whose first line is `// BEGIN SOLUTION` is not in the handout.
// END SOLUTION
#![forbid(unsafe_code)]

use bytes::Bytes;
use labrpc::{ClientEnd, Service};
use labsim::channel::Sender;
use raftapi::view::{RpcView, SavedView};
use raftapi::{ApplyMsg, LogIndex, NotLeader, PeerId, Persister, Term};

pub mod message;
mod view;

// BEGIN SOLUTION
mod actor;
mod apply;
mod election;
mod log;
mod node;
mod persist;
mod progress;
mod records;
mod replication;
mod snapshot;
mod trace;

#[cfg(test)]
mod tests;

use labsim::channel::{bounded, unbounded};
use labsim::rand::{RngExt, rng};
use labsim::sync::{Arc, Mutex};
use labsim::thread;
use labsim::time::Instant;

use crate::actor::{Actor, Event, Receptionist};
use crate::apply::Applier;
use crate::message::raft_rpc;
use crate::node::Node;

/// One Raft peer.
pub struct Raft {
    node: Arc<Mutex<Node>>,
    inbox: Sender<Event>,
}

impl raftapi::Raft for Raft {
    fn make(
        peers: Vec<ClientEnd>,
        me: PeerId,
        persister: Persister,
        apply_tx: Sender<ApplyMsg>,
    ) -> Raft {
        let node = Node::new(me, peers.len(), persister, Instant::now(), rng().random());
        let node = Arc::new(Mutex::new(node));
        let (inbox_tx, inbox) = unbounded();
        let (wake_applier, wake) = bounded(1);
        let (stop_applier, stop) = bounded(0);

        let applier = Applier {
            node: node.clone(),
            wake,
            stop,
            apply_tx,
        };
        spawn(format!("raft {me} applier"), move || applier.run());
        let actor = Actor {
            node: node.clone(),
            inbox,
            inbox_tx: inbox_tx.clone(),
            peers: peers.into_iter().map(raft_rpc::Client::new).collect(),
            wake_applier,
            stop_applier,
        };
        spawn(format!("raft {me}"), move || actor.run());
        Raft {
            node,
            inbox: inbox_tx,
        }
    }

    fn service(&self) -> Service {
        raft_rpc::deferred_service(Arc::new(Receptionist(self.inbox.clone())))
    }

    fn start(&self, command: Bytes) -> Result<(LogIndex, Term), NotLeader> {
        let started = self.node.lock().start(command)?;
        let _ = self.inbox.send(Event::Wake); // if killed meanwhile, nobody promised anything
        Ok(started)
    }

    fn state(&self) -> (Term, bool) {
        let node = self.node.lock();
        (node.term, node.is_leader())
    }

    fn snapshot(&self, index: LogIndex, snapshot: Bytes) {
        self.node.lock().take_snapshot(index, snapshot);
    }

    fn kill(&self) {
        self.node.lock().retire();
        let _ = self.inbox.send(Event::Wake); // if killed already, there is nobody to wake
    }

    fn view_rpc(service_method: &str, is_reply: bool, bytes: &[u8]) -> Option<RpcView> {
        view::rpc(service_method, is_reply, bytes)
    }

    fn view_saved(state: &[u8]) -> Option<SavedView> {
        persist::view_saved(state)
    }
}

impl Drop for Raft {
    fn drop(&mut self) {
        raftapi::Raft::kill(self);
    }
}

fn spawn(name: String, run: impl FnOnce() + Send + 'static) {
    thread::Builder::new()
        .name(name)
        .spawn(run)
        .expect("a thread for the peer");
}
// END SOLUTION
// STUB: use labsim::sync::Arc;
// STUB:
// STUB: use crate::message::{
// STUB:     AppendEntriesArgs, AppendEntriesReply, InstallSnapshotArgs, InstallSnapshotReply,
// STUB:     RequestVoteArgs, RequestVoteReply, raft_rpc,
// STUB: };
// STUB:
// STUB: // The files of the reference are there, each with what belongs into it. Name them here as you
// STUB: // write them: `mod election;` and so on. Or arrange things as you like.
// STUB:
// STUB: /// One Raft peer.
// STUB: pub struct Raft {
// STUB:     peer: Arc<Peer>,
// STUB: }
// STUB:
// STUB: /// What the threads of a peer share. Figure 2's "State" goes in here, behind a
// STUB: /// `labsim::sync::Mutex`.
// STUB: struct Peer {
// STUB:     _me: PeerId,
// STUB:     _peers: Vec<raft_rpc::Client>,
// STUB:     _persister: Persister,
// STUB:     _apply_tx: Sender<ApplyMsg>,
// STUB: }
// STUB:
// STUB: impl raftapi::Raft for Raft {
// STUB:     // 2A: start the threads that wait for the election timeout and send heartbeats. 2C: read what
// STUB:     // was saved. Return quickly.
// STUB:     fn make(
// STUB:         peers: Vec<ClientEnd>,
// STUB:         me: PeerId,
// STUB:         persister: Persister,
// STUB:         apply_tx: Sender<ApplyMsg>,
// STUB:     ) -> Raft {
// STUB:         let _peers = peers.into_iter().map(raft_rpc::Client::new).collect();
// STUB:         let peer = Peer {
// STUB:             _me: me,
// STUB:             _peers,
// STUB:             _persister: persister,
// STUB:             _apply_tx: apply_tx,
// STUB:         };
// STUB:         Raft {
// STUB:             peer: Arc::new(peer),
// STUB:         }
// STUB:     }
// STUB:
// STUB:     fn service(&self) -> Service {
// STUB:         raft_rpc::service(self.peer.clone())
// STUB:     }
// STUB:
// STUB:     // 2B: a leader appends the command to its log and sees to it that it is replicated.
// STUB:     fn start(&self, _command: Bytes) -> Result<(LogIndex, Term), NotLeader> {
// STUB:         Err(NotLeader { leader: None })
// STUB:     }
// STUB:
// STUB:     // 2A: the current term, and whether this peer believes that it leads.
// STUB:     fn state(&self) -> (Term, bool) {
// STUB:         (Term(0), false)
// STUB:     }
// STUB:
// STUB:     // 2D: the service has everything up to `index` in its snapshot; forget it from the log.
// STUB:     fn snapshot(&self, _index: LogIndex, _snapshot: Bytes) {}
// STUB:
// STUB:     // End every thread of this peer.
// STUB:     fn kill(&self) {}
// STUB:
// STUB:     fn view_rpc(service_method: &str, is_reply: bool, bytes: &[u8]) -> Option<RpcView> {
// STUB:         view::rpc(service_method, is_reply, bytes)
// STUB:     }
// STUB:
// STUB:     // 2C: what you saved, in the form that the checks know. `None` turns those checks off.
// STUB:     fn view_saved(_state: &[u8]) -> Option<SavedView> {
// STUB:         None
// STUB:     }
// STUB: }
// STUB:
// STUB: /// Receivers of the calls. Each call has a thread of its own, so a handler may wait.
// STUB: impl raft_rpc::Handler for Peer {
// STUB:     // 2A: "RequestVote RPC", "Receiver implementation".
// STUB:     fn request_vote(&self, args: RequestVoteArgs) -> RequestVoteReply {
// STUB:         RequestVoteReply {
// STUB:             term: args.term,
// STUB:             granted: false,
// STUB:         }
// STUB:     }
// STUB:
// STUB:     // 2A, 2B: "AppendEntries RPC", "Receiver implementation".
// STUB:     fn append_entries(&self, args: AppendEntriesArgs) -> AppendEntriesReply {
// STUB:         AppendEntriesReply {
// STUB:             term: args.term,
// STUB:             success: false,
// STUB:             hint: None,
// STUB:         }
// STUB:     }
// STUB:
// STUB:     // 2D: Figure 13.
// STUB:     fn install_snapshot(&self, args: InstallSnapshotArgs) -> InstallSnapshotReply {
// STUB:         InstallSnapshotReply { term: args.term }
// STUB:     }
// STUB: }

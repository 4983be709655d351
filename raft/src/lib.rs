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
// BEGIN SOLUTION
//! | `progress.rs` | "Volatile state on leaders" |
//! | `reads.rs` | reads that do not enter the log (§8) |
// END SOLUTION
//! | `snapshot.rs` | Figure 13, "InstallSnapshot RPC" |
//! | `membership.rs` | part 2E, optional: who votes, and how that changes (§6) |
// BEGIN SOLUTION
//! | `prevote.rs`, `transfer.rs` | part 2E: asking before running; handing over the office |
// END SOLUTION
//! | `log.rs` | the log: all index arithmetic |
//! | `persist.rs` | "Persistent state on all servers" |
//! | `apply.rs` | handing what is committed to the service |
//! | `actor.rs` | threads, and the ways in and out: what is not in the paper |
//! | `view.rs` | how the tests' checks and pictures see messages |
// BEGIN SOLUTION
//! | `trace.rs`, `records.rs` | what the trace shows of a peer; the log's entries as bytes |
// END SOLUTION
//!
//! Read `message`, `node`, `election` and `replication` first, with Figure 2 beside.
//!
//! # What is left out
//!
//! - The leader's empty entry at the start of its term (§8): tests count on the indices of commands.
//!   The price is that entries of earlier terms stay uncommitted until the next command.
//! - Snapshots in pieces (Figure 13's `offset` and `done`).
//! - PreVote, where the membership never changes, and a leader that resigns when it hears of no
//!   majority (dissertation §9.6, §6.2). A server that was cut off comes back with a high term and
//!   forces an election; a leader that is cut off goes on believing that it leads, with a heartbeat
//!   per peer and period, until it hears of a later term. Neither does harm, as it cannot commit
//!   anything.
// BEGIN SOLUTION
//!
//! # Solution and handout
//!
//! A student gets these files with the same headings, and writes what stands between
//! `// BEGIN SOLUTION` and `// END SOLUTION`. In the handout each such region, its marks included, is
//! replaced by the lines right after it that begin with `// STUB: `, without that mark (in a file
//! with `#` comments the marks begin with `#`). A file whose first line begins a solution is not in
//! the handout at all. Messages ([`message`], `view.rs`) are given: they are Figure 2 written down,
//! and the checks that run in every test can read them.
// END SOLUTION
#![forbid(unsafe_code)]

use std::collections::BTreeSet;

use bytes::Bytes;
use labrpc::{ClientEnd, Service};
use labsim::channel::Sender;
use labsim::sync::{Arc, Mutex};
use raftapi::view::{RpcView, SavedView};
use raftapi::{ApplyMsg, ChangeError, LogIndex, Membership, NotLeader, PeerId, Persister, Term};

use crate::message::raft_rpc;
use crate::node::Node;

pub mod message;
mod view;

mod actor;
mod apply;
mod election;
mod log;
mod membership;
mod node;
mod persist;
mod replication;
mod snapshot;

// BEGIN SOLUTION
mod prevote;
mod progress;
mod reads;
mod records;
mod trace;
mod transfer;

#[cfg(test)]
mod tests;

use crate::actor::{Actor, Event, Inbox};
use crate::apply::Deliveries;
use crate::membership::Members;
use labsim::channel::{Receiver, unbounded};
use labsim::rand::{RngExt, rng};
use labsim::thread;
use labsim::time::Instant;

/// One Raft peer.
pub struct Raft {
    node: Arc<Mutex<Node>>,
    inbox: Sender<Event>,
}
// END SOLUTION
// STUB: use crate::actor::Answers;
// STUB:
// STUB: /// One Raft peer.
// STUB: pub struct Raft {
// STUB:     node: Arc<Mutex<Node>>,
// STUB: }

impl raftapi::Raft for Raft {
    fn make(
        peers: Vec<ClientEnd>,
        me: PeerId,
        persister: Persister,
        apply_tx: Sender<ApplyMsg>,
    ) -> Raft {
        // BEGIN SOLUTION
        let members = Members::fixed(peers.len());
        Raft::begin(peers, me, members, persister, apply_tx)
        // END SOLUTION
        // STUB: // Restore what was saved (part 2C), spawn the peer's threads (part 2A: one that
        // STUB: // watches the election timer), and return.
        // STUB: let _ = (peers, me, persister, apply_tx);
        // STUB: Raft {
        // STUB:     node: Arc::default(),
        // STUB: }
    }

    fn service(&self) -> Service {
        // BEGIN SOLUTION
        raft_rpc::deferred_service(Arc::new(Inbox(self.inbox.clone())))
        // END SOLUTION
        // STUB: raft_rpc::service(Arc::new(Answers(self.node.clone())))
    }

    fn start(&self, command: Bytes) -> Result<(LogIndex, Term), NotLeader> {
        // BEGIN SOLUTION
        let started = self.node.lock().start(command)?;
        let _ = self.inbox.send(Event::Wake); // if killed meanwhile, nobody promised anything
        Ok(started)
        // END SOLUTION
        // STUB: self.node.lock().start(command)
    }

    fn state(&self) -> (Term, bool) {
        // BEGIN SOLUTION
        let node = self.node.lock();
        (node.term, node.is_leader())
        // END SOLUTION
        // STUB: let node = self.node.lock();
        // STUB: (node.term, false)
    }

    // BEGIN SOLUTION
    fn read_index(&self) -> Option<Receiver<LogIndex>> {
        let told = self.node.lock().ask_to_read()?;
        let _ = self.inbox.send(Event::Wake); // if killed meanwhile, nobody promised anything
        Some(told)
    }
    // END SOLUTION

    fn snapshot(&self, index: LogIndex, snapshot: Bytes) {
        // BEGIN SOLUTION
        self.node.lock().take_snapshot(index, snapshot);
        // END SOLUTION
        // STUB: let _ = (index, snapshot); // part 2D
    }

    fn kill(&self) {
        // BEGIN SOLUTION
        self.node.lock().retire();
        let _ = self.inbox.send(Event::Wake); // if killed already, there is nobody to wake
        // END SOLUTION
        // STUB: // Let the peer's threads end.
    }

    // Part 2E, optional.

    fn make_member(
        peers: Vec<ClientEnd>,
        me: PeerId,
        persister: Persister,
        apply_tx: Sender<ApplyMsg>,
        first: Membership,
    ) -> Option<Raft> {
        // BEGIN SOLUTION
        let members = Members::open(first);
        Some(Raft::begin(peers, me, members, persister, apply_tx))
        // END SOLUTION
        // STUB: // As `make`, with these members before the first entry.
        // STUB: let _ = (peers, me, persister, apply_tx, first);
        // STUB: None
    }

    fn change_membership(
        &self,
        voters: &BTreeSet<PeerId>,
        learners: &BTreeSet<PeerId>,
    ) -> Result<(LogIndex, Term), ChangeError> {
        // BEGIN SOLUTION
        let begun = self.node.lock().change_membership(voters, learners)?;
        let _ = self.inbox.send(Event::Wake); // if killed meanwhile, nobody promised anything
        Ok(begun)
        // END SOLUTION
        // STUB: let _ = (voters, learners);
        // STUB: Err(ChangeError::NotWritten)
    }

    fn membership(&self) -> Option<Membership> {
        // BEGIN SOLUTION
        Some(self.node.lock().membership().clone())
        // END SOLUTION
        // STUB: None
    }

    fn transfer_leadership(&self, to: PeerId) -> Result<(), ChangeError> {
        // BEGIN SOLUTION
        {
            let mut node = self.node.lock();
            node.now = Instant::now();
            node.transfer_leadership(to)?;
        }
        let _ = self.inbox.send(Event::Wake); // if killed meanwhile, it has no office any more
        Ok(())
        // END SOLUTION
        // STUB: let _ = to;
        // STUB: Err(ChangeError::NotWritten)
    }

    fn view_membership(command: &[u8]) -> Option<Membership> {
        // BEGIN SOLUTION
        view::membership(command)
        // END SOLUTION
        // STUB: let _ = command; // the tests then check less
        // STUB: None
    }

    // What the tests see.

    fn view_rpc(service_method: &str, is_reply: bool, bytes: &[u8]) -> Option<RpcView> {
        view::rpc(service_method, is_reply, bytes)
    }

    fn view_saved(state: &[u8]) -> Option<SavedView> {
        // BEGIN SOLUTION
        persist::view_saved(state)
        // END SOLUTION
        // STUB: let _ = state; // part 2C: decode it, and more can be checked in every test
        // STUB: None
    }
}

// BEGIN SOLUTION
impl Raft {
    /// A peer with these members before its first entry.
    fn begin(
        peers: Vec<ClientEnd>,
        me: PeerId,
        members: Members,
        persister: Persister,
        apply_tx: Sender<ApplyMsg>,
    ) -> Raft {
        let (now, chance) = (Instant::now(), rng().random());
        let node = Node::member(me, peers.len(), members, persister, now, chance);
        let node = Arc::new(Mutex::new(node));
        let (inbox_tx, inbox) = unbounded();
        let actor = Actor {
            node: node.clone(),
            inbox,
            inbox_tx: inbox_tx.clone(),
            peers: peers.into_iter().map(raft_rpc::Client::new).collect(),
            deliveries: Deliveries::to(apply_tx),
        };
        thread::Builder::new()
            .name(format!("raft {me}"))
            .spawn(move || actor.run())
            .expect("a thread for the peer");
        Raft {
            node,
            inbox: inbox_tx,
        }
    }
}

impl Drop for Raft {
    fn drop(&mut self) {
        raftapi::Raft::kill(self);
    }
}
// END SOLUTION

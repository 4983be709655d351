//! The ways in and out of a peer, and its threads.
// BEGIN SOLUTION
//!
//! ```text
//!   calls of others ──┐                              ┌── replies
//!   replies to ours ──┼─▶ inbox ─▶ one thread, turn ─┼── calls, whose replies go to the inbox
//!   start(), kill() ──┤            by turn           └── what is committed, to the service
//!   the next timer  ──┘
//! ```
//!
//! The state is behind a lock so that `start` and `state` need not wait for a turn. A turn holds it
//! while it thinks, never while something is sent or waited for.

use labrpc::Responder;
use labsim::channel::{Receiver, Sender};
use labsim::rand::{RngExt, rng};
use labsim::sync::{Arc, Mutex};
use labsim::time::Instant;
use raftapi::PeerId;
use serde::Serialize;

use crate::apply::Deliveries;
use crate::message::*;
use crate::node::{Call, Node, Outcome, Outgoing};

/// At most so many events are handled in one turn. More of them share a save and calls; fewer let
/// replies out earlier.
const BATCH: usize = 64;

/// What can happen to a peer, besides the passing of time.
pub(crate) enum Event {
    /// Somebody asks for a vote.
    RequestVote(RequestVoteArgs, Responder<RequestVoteReply>),
    /// A leader sends entries.
    AppendEntries(AppendEntriesArgs, Responder<AppendEntriesReply>),
    /// A leader sends a snapshot.
    InstallSnapshot(InstallSnapshotArgs, Responder<InstallSnapshotReply>),
    /// Somebody asks if it may run (part 2E).
    PreVote(PreVoteArgs, Responder<PreVoteReply>),
    /// A leader wants us to run (part 2E).
    TimeoutNow(TimeoutNowArgs, Responder<TimeoutNowReply>),
    /// One of our calls has an outcome.
    Outcome(PeerId, Outcome),
    /// Somebody has changed the state: `start` with an entry, or `kill`.
    Wake,
}

/// The RPCs of this peer: each request goes to the inbox together with its way back.
pub(crate) struct Inbox(pub Sender<Event>);

// The peer may be gone, killed a moment ago; then nobody replies, and that is all right.
impl raft_rpc::DeferredHandler for Inbox {
    fn request_vote(&self, args: RequestVoteArgs, reply: Responder<RequestVoteReply>) {
        let _ = self.0.send(Event::RequestVote(args, reply));
    }

    fn append_entries(&self, args: AppendEntriesArgs, reply: Responder<AppendEntriesReply>) {
        let _ = self.0.send(Event::AppendEntries(args, reply));
    }

    fn install_snapshot(&self, args: InstallSnapshotArgs, reply: Responder<InstallSnapshotReply>) {
        let _ = self.0.send(Event::InstallSnapshot(args, reply));
    }

    fn pre_vote(&self, args: PreVoteArgs, reply: Responder<PreVoteReply>) {
        let _ = self.0.send(Event::PreVote(args, reply));
    }

    fn timeout_now(&self, args: TimeoutNowArgs, reply: Responder<TimeoutNowReply>) {
        let _ = self.0.send(Event::TimeoutNow(args, reply));
    }
}

/// The thread that runs a peer.
pub(crate) struct Actor {
    pub node: Arc<Mutex<Node>>,
    pub inbox: Receiver<Event>,
    /// The other end of the inbox, for the replies to our calls.
    pub inbox_tx: Sender<Event>,
    pub peers: Vec<raft_rpc::Client>,
    pub deliveries: Deliveries,
}

impl Actor {
    /// Turn by turn, until the peer is killed.
    pub fn run(mut self) {
        let mut event = None;
        while let Some(deadline) = self.turn(event) {
            event = self.deliveries.deliver_until(deadline, &self.inbox);
        }
    }

    /// Handles what there is; then saves; then lets out what came of it. Gives the time of the next
    /// turn, if nothing happens before; none when the peer is killed.
    fn turn(&mut self, event: Option<Event>) -> Option<Instant> {
        let mut replies = Vec::new();
        let mut node = self.node.lock();
        if node.retired {
            return None;
        }
        node.at(Instant::now(), rng().random());
        for event in event.into_iter().chain(self.inbox.try_iter()).take(BATCH) {
            replies.extend(handle(&mut node, event));
        }
        // After the events: a heartbeat that has just arrived in time is not too late.
        node.tick();
        let calls = node.finish();
        let reads = node.take_confirmed_reads();
        self.deliveries.add(node.take_deliveries());
        let deadline = node.deadline();
        drop(node);

        replies.into_iter().for_each(|send| send());
        calls.into_iter().for_each(|outgoing| self.call(outgoing));
        for (tell, index) in reads {
            let _ = tell.send(index); // who asked may have given up
        }
        Some(deadline)
    }

    /// Calls a peer. The reply, or that there is none, comes into the inbox; no thread waits for it.
    fn call(&self, Outgoing { to, call }: Outgoing) {
        let peer = self.peers[to.0].callback();
        let inbox = self.inbox_tx.clone();
        let put = move |outcome| {
            let _ = inbox.send(Event::Outcome(to, outcome));
        };
        match call {
            Call::RequestVote(args) => {
                let asked = args.term;
                peer.request_vote(&args, move |reply| {
                    put(Outcome::RequestVote(asked, reply.ok()))
                });
            }
            Call::AppendEntries(args, sent) => {
                peer.append_entries(&args, move |reply| {
                    put(Outcome::AppendEntries(sent, reply.ok()))
                });
            }
            Call::InstallSnapshot(args, sent) => {
                peer.install_snapshot(&args, move |reply| {
                    put(Outcome::InstallSnapshot(sent, reply.ok()))
                });
            }
            Call::PreVote(args, round) => {
                peer.pre_vote(&args, move |reply| put(Outcome::PreVote(round, reply.ok())));
            }
            Call::TimeoutNow(args) => {
                peer.timeout_now(&args, move |reply| put(Outcome::TimeoutNow(reply.ok())));
            }
        }
    }
}

/// A reply that waits until what it promises is saved.
type Reply = Box<dyn FnOnce()>;

fn handle(node: &mut Node, event: Event) -> Option<Reply> {
    match event {
        Event::RequestVote(args, responder) => {
            Some(reply(responder, node.handle_request_vote(args)))
        }
        Event::AppendEntries(args, responder) => {
            Some(reply(responder, node.handle_append_entries(args)))
        }
        Event::InstallSnapshot(args, responder) => {
            Some(reply(responder, node.handle_install_snapshot(args)))
        }
        Event::PreVote(args, responder) => Some(reply(responder, node.handle_pre_vote(args))),
        Event::TimeoutNow(args, responder) => Some(reply(responder, node.handle_timeout_now(args))),
        Event::Outcome(peer, outcome) => {
            node.use_outcome(peer, outcome);
            None
        }
        Event::Wake => None,
    }
}

fn reply<R: Serialize + 'static>(responder: Responder<R>, reply: R) -> Reply {
    Box::new(move || responder.send(reply))
}
// END SOLUTION
// STUB: use labsim::sync::{Arc, Mutex};
// STUB:
// STUB: use crate::message::*;
// STUB: use crate::node::Node;
// STUB:
// STUB: /// The RPCs of this peer. Each request runs on a thread of its own. To call the others make a
// STUB: /// `raft_rpc::Client` of each of the `peers`.
// STUB: pub(crate) struct Answers(pub Arc<Mutex<Node>>);
// STUB:
// STUB: impl raft_rpc::Handler for Answers {
// STUB:     fn request_vote(&self, args: RequestVoteArgs) -> RequestVoteReply {
// STUB:         self.0.lock().handle_request_vote(args)
// STUB:     }
// STUB:
// STUB:     fn append_entries(&self, args: AppendEntriesArgs) -> AppendEntriesReply {
// STUB:         self.0.lock().handle_append_entries(args)
// STUB:     }
// STUB:
// STUB:     fn install_snapshot(&self, args: InstallSnapshotArgs) -> InstallSnapshotReply {
// STUB:         self.0.lock().handle_install_snapshot(args)
// STUB:     }
// STUB: }

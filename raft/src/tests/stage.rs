// BEGIN SOLUTION
//! Props for scenes that are played with bare cores.

use labsim::sync::OnceLock;

use bytes::Bytes;
use labsim::Domain;
use labsim::time::{Duration, Instant};
use raftapi::{ApplyMsg, Disk, LogIndex, PeerId, Term};

use crate::log::Log;
use crate::message::*;
use crate::node::{Call, Node, Outcome, Outgoing};
use crate::progress::Sent;

/// The time that is so many milliseconds after the curtain rises.
pub fn ms(ms: u64) -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    *START.get_or_init(Instant::now) + Duration::from_millis(ms)
}

/// A new server.
pub fn server(me: usize, cluster: usize) -> Node {
    server_on(&Disk::new(), me, cluster)
}

/// A server that restarts from this disk; the server that had it is gone.
pub fn server_on(disk: &Disk, me: usize, cluster: usize) -> Node {
    // Each incarnation's domain ends at once, except for its saves: cores have no threads.
    let domain = Domain::new(me as u32, disk.mounts() as u32);
    Node::new(PeerId(me), cluster, disk.mount(&domain), ms(0), 0.0)
}

/// A server in `term` whose log has entries of these terms, from index 1 on.
pub fn server_with(me: usize, cluster: usize, term: u64, terms: &[u64]) -> Node {
    let mut node = server(me, cluster);
    (node.term, node.log) = (Term(term), log_of(terms));
    node.must_save();
    node.finish();
    node
}

/// A log with entries of these terms; the command says which entry it is.
pub fn log_of(terms: &[u64]) -> Log {
    let mut log = Log::default();
    for (place, term) in terms.iter().enumerate() {
        log.append(Term(*term), command(place as u64 + 1, *term));
    }
    log
}

pub fn command(index: u64, term: u64) -> Bytes {
    format!("{index}@{term}").into()
}

pub fn id(index: u64, term: u64) -> EntryId {
    let (term, index) = (Term(term), LogIndex(index));
    EntryId { term, index }
}

/// Entries of these terms, for the places after `prev`.
pub fn entries(prev: u64, terms: &[u64]) -> Vec<Entry> {
    let places = prev + 1..;
    places
        .zip(terms)
        .map(|(i, t)| Entry {
            term: Term(*t),
            command: command(i, *t),
            membership: None,
        })
        .collect()
}

/// The terms of a log's entries.
pub fn terms(node: &Node) -> Vec<u64> {
    node.log
        .after(node.log.base().index, usize::MAX)
        .iter()
        .map(|e| e.term.0)
        .collect()
}

pub fn vote_args(term: u64, candidate: usize, last: EntryId) -> RequestVoteArgs {
    RequestVoteArgs {
        term: Term(term),
        candidate: PeerId(candidate),
        last,
        transfer: false,
    }
}

pub fn append_args(
    term: u64,
    leader: usize,
    prev: EntryId,
    entries: Vec<Entry>,
    commit: u64,
) -> AppendEntriesArgs {
    let leader_commit = LogIndex(commit);
    AppendEntriesArgs {
        term: Term(term),
        leader: PeerId(leader),
        prev,
        entries,
        leader_commit,
    }
}

pub fn snapshot_args(term: u64, leader: usize, last: EntryId) -> InstallSnapshotArgs {
    let snapshot = format!("all to {last}").into();
    InstallSnapshotArgs {
        term: Term(term),
        leader: PeerId(leader),
        last,
        snapshot,
        membership: None,
    }
}

pub fn vote(term: u64, granted: bool) -> Option<RequestVoteReply> {
    Some(RequestVoteReply {
        term: Term(term),
        granted,
    })
}

/// The server's timer runs out, and it asks for votes.
pub fn runs(node: &mut Node) -> Vec<Outgoing> {
    let now = node.election_deadline;
    node.at(now, 0.5).tick();
    node.finish()
}

/// The server's timer runs out, and it wins with the votes of `voters`. Gives its first calls.
pub fn wins(node: &mut Node, voters: &[usize]) -> Vec<Outgoing> {
    runs(node);
    let term = node.term;
    for voter in voters {
        node.use_vote(PeerId(*voter), term, vote(term.0, true));
    }
    assert!(node.is_leader(), "server {} has not won", node.me);
    node.finish()
}

/// The AppendEntries among these calls.
pub fn appends(calls: Vec<Outgoing>) -> Vec<(PeerId, AppendEntriesArgs, Sent)> {
    let append = |o: Outgoing| match o.call {
        Call::AppendEntries(args, sent) => Some((o.to, args, sent)),
        _ => None,
    };
    calls.into_iter().filter_map(append).collect()
}

/// The only AppendEntries to `peer` among these calls.
pub fn append_to(peer: usize, calls: Vec<Outgoing>) -> (AppendEntriesArgs, Sent) {
    let mut to_peer: Vec<_> = appends(calls)
        .into_iter()
        .filter(|(to, ..)| *to == PeerId(peer))
        .collect();
    assert_eq!(to_peer.len(), 1, "AppendEntries calls to server {peer}");
    let (_, args, sent) = to_peer.remove(0);
    (args, sent)
}

/// `follower` answers these calls of `leader`, and this goes on until neither has more to say at
/// the moment. Gives the number of calls.
pub fn talk(leader: &mut Node, follower: &mut Node, calls: Vec<Outgoing>) -> usize {
    let (mut calls, mut count) = (calls, 0);
    let peer = follower.me;
    while !calls.is_empty() {
        for outgoing in calls.into_iter().filter(|o| o.to == peer) {
            count += 1;
            assert!(
                count < 100,
                "servers {} and {} never agree",
                leader.me,
                follower.me
            );
            follower.at(leader.now, 0.5);
            answer(leader, follower, outgoing.call);
        }
        calls = leader.finish();
    }
    count
}

fn answer(leader: &mut Node, follower: &mut Node, call: Call) {
    let peer = follower.me;
    match call {
        Call::RequestVote(args) => {
            let (asked, reply) = (args.term, follower.handle_request_vote(args));
            follower.finish();
            leader.use_vote(peer, asked, Some(reply));
        }
        Call::AppendEntries(args, sent) => {
            let reply = follower.handle_append_entries(args);
            follower.finish();
            leader.use_append_reply(peer, sent, Some(reply));
        }
        Call::InstallSnapshot(args, sent) => {
            let reply = follower.handle_install_snapshot(args);
            follower.finish();
            leader.use_snapshot_reply(peer, sent, Some(reply));
        }
        Call::PreVote(args, round) => {
            let reply = follower.handle_pre_vote(args);
            follower.finish();
            leader.use_pre_vote(peer, round, Some(reply));
        }
        Call::TimeoutNow(args) => {
            let reply = follower.handle_timeout_now(args);
            follower.finish();
            leader.use_outcome(peer, Outcome::TimeoutNow(Some(reply)));
        }
    }
}

/// Takes everything that is to be applied now; commands as text, snapshots in brackets.
pub fn applied(node: &mut Node) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let batch = node.take_deliveries();
        if batch.is_empty() {
            return all;
        }
        all.extend(batch.into_iter().map(|message| match message {
            ApplyMsg::Command { command, .. } => String::from_utf8_lossy(&command).into_owned(),
            ApplyMsg::Snapshot { snapshot, .. } => {
                format!("[{}]", String::from_utf8_lossy(&snapshot))
            }
        }));
    }
}
// END SOLUTION

// BEGIN SOLUTION
//! Scenes about membership changes (§6; dissertation chapter 4), and what they have in common.

mod changes;
mod office;

use std::collections::BTreeSet;

use labsim::Domain;
use raftapi::{Disk, LogIndex, Membership, PeerId, Term};

use super::stage::*;
use crate::membership::Members;
use crate::message::{AppendEntriesReply, Entry};
use crate::node::{Node, Outgoing};

const A: usize = 0;
const B: usize = 1;
const C: usize = 2;
const D: usize = 3;
const E: usize = 4;

fn set(peers: &[usize]) -> BTreeSet<PeerId> {
    peers.iter().copied().map(PeerId).collect()
}

fn of(voters: &[usize]) -> Membership {
    Membership::of(set(voters))
}

fn joint(old: &[usize], new: &[usize]) -> Membership {
    let outgoing = set(old);
    Membership {
        outgoing,
        ..of(new)
    }
}

/// One of six servers, of which A, B and C are the founders.
fn member_on(disk: &Disk, me: usize) -> Node {
    let domain = Domain::new(me as u32, disk.mounts() as u32);
    let first = if me <= C { of(&[A, B, C]) } else { of(&[]) };
    let (members, persister) = (Members::open(first), disk.mount(&domain));
    Node::member(PeerId(me), 6, members, persister, ms(0), 0.0)
}

/// What a server is after a crash: another one, with the same on its disk.
fn restarted(node: &Node) -> Node {
    let (disk, writer) = (Disk::new(), Domain::new(node.me.0 as u32, 0));
    let kept = &node.persister;
    disk.mount(&writer).save(kept.state(), kept.snapshot());
    writer.crash();
    member_on(&disk, node.me.0)
}

fn member(me: usize) -> Node {
    member_on(&Disk::new(), me)
}

/// An entry that is a configuration.
fn change(term: u64, membership: Membership) -> Entry {
    Entry {
        term: Term(term),
        command: Default::default(),
        membership: Some(Box::new(membership)),
    }
}

/// A leads term 1 of A, B and C; D and E are learners, and all of them have the entry that says so.
fn leader_with_learners() -> Node {
    let mut a = member(A);
    elect(&mut a, &[B]);
    a.change_membership(&set(&[A, B, C]), &set(&[D, E]))
        .unwrap();
    a.finish();
    for peer in [B, C, D, E] {
        holds_all(&mut a, peer);
    }
    assert_eq!(a.commit, LogIndex(1));
    a
}

/// The server asks around, runs, and wins with the votes of these.
fn elect(node: &mut Node, voters: &[usize]) {
    let now = node.election_deadline;
    node.at(now, 0.5).tick();
    for voter in voters {
        pre_vote(node, *voter);
    }
    let term = node.term;
    for voter in voters {
        node.use_vote(PeerId(*voter), term, vote(term.0, true));
    }
    node.finish();
    assert!(node.is_leader(), "server {} has not won", node.me);
}

fn pre_vote(node: &mut Node, voter: usize) {
    let (round, term) = (node.heard_at, node.term);
    let reply = crate::message::PreVoteReply {
        term,
        granted: true,
    };
    node.use_pre_vote(PeerId(voter), round, Some(reply));
}

/// The follower confirms all that the leader has, by its answer to a heartbeat.
fn holds_all(leader: &mut Node, peer: usize) {
    let (last, now, term) = (leader.log.last().index, leader.now, leader.term);
    let p = leader.progress(PeerId(peer)).expect("it is sent the log");
    let sent = p.note_call(term, last, last, now);
    let reply = AppendEntriesReply {
        term: leader.term,
        success: true,
        hint: None,
    };
    leader.use_append_reply(PeerId(peer), sent, Some(reply));
    leader.finish();
}

/// To whom these calls go.
fn called(calls: &[Outgoing]) -> Vec<usize> {
    calls.iter().map(|outgoing| outgoing.to.0).collect()
}
// END SOLUTION

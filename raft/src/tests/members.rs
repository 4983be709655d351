// BEGIN SOLUTION
//! Scenes about membership changes (§6; dissertation chapter 4).

use std::collections::BTreeSet;

use labsim::Domain;
use labsim::time::Duration;
use raftapi::{ChangeError, Disk, LogIndex, Membership, NotLeader, PeerId, Term};

use super::stage::*;
use crate::membership::{Members, index_of_quorum, is_quorum};
use crate::message::{
    AppendEntriesReply, Entry, InstallSnapshotArgs, PreVoteArgs, RequestVoteArgs, TimeoutNowArgs,
};
use crate::node::{Call, Node, Outgoing, Role};

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

/// All ways to answer, for sets of up to five: a quorum is a majority of each set, and two quorums of one
/// configuration, or of C_old and C_old,new, or of C_old,new and C_new, always meet.
#[test]
fn quorums_meet() {
    let says = |answers: u32| move |peer: PeerId| answers & (1 << peer.0) != 0;
    for (old, new) in [
        (vec![A], vec![B, C]),
        (vec![A, B, C], vec![A, D, E]),
        (vec![A, B], vec![C, D]),
        (vec![A, B, C, D], vec![E]),
    ] {
        let all = [of(&old), joint(&old, &new), of(&new)];
        for (one, other) in [(0, 0), (1, 1), (2, 2), (0, 1), (1, 2)] {
            for answers in 0..32u32 {
                let both =
                    is_quorum(&all[one], says(answers)) && is_quorum(&all[other], says(!answers));
                assert!(!both, "{} and {} decide apart", all[one], all[other]);
            }
        }
    }
    assert!(
        !is_quorum(&of(&[]), says(u32::MAX)),
        "nobody is no majority"
    );
}

/// What a majority of each set holds, and no more.
#[test]
fn index_that_a_quorum_holds() {
    let held = [7, 5, 3, 9, 1];
    let holds = |peer: PeerId| LogIndex(held[peer.0]);
    assert_eq!(index_of_quorum(&of(&[A, B, C]), holds).0, 5);
    assert_eq!(index_of_quorum(&of(&[A, B, C, D]), holds).0, 5);
    assert_eq!(index_of_quorum(&joint(&[A, B, C], &[C, D, E]), holds).0, 3);
    assert_eq!(index_of_quorum(&of(&[D]), holds).0, 9);
}

/// From C_old by C_old,new to C_new: each in force when it is appended, C_new appended when C_old,new is
/// committed by majorities of both, and those that leave hear of it.
#[test]
fn a_change_from_end_to_end() {
    let mut a = leader_with_learners();
    a.change_membership(&set(&[A, D, E]), &set(&[])).unwrap();
    assert_eq!(*a.membership(), joint(&[A, B, C], &[A, D, E]));
    let calls = a.finish();
    assert_eq!(called(&calls), [B, C, D, E]);
    holds_all(&mut a, D);
    holds_all(&mut a, E);
    assert_eq!(a.commit.0, 1, "a majority of C_new alone");
    holds_all(&mut a, B);
    assert_eq!(
        *a.membership(),
        of(&[A, D, E]),
        "B makes a majority of C_old"
    );
    assert_eq!((a.commit.0, a.log.last().index.0), (2, 3));
    holds_all(&mut a, B);
    holds_all(&mut a, C);
    assert_eq!(a.commit.0, 2, "B and C do not count any more");
    holds_all(&mut a, D);
    assert_eq!(a.commit.0, 3);
    let now = a.now + Duration::from_millis(150);
    assert_eq!(called(&a.at(now, 0.5).finish()), [D, E], "B and C are gone");
    a.start("x".into()).unwrap();
}

/// A candidate that has a C_old,new needs both majorities, and asks nobody without a vote.
#[test]
fn election_in_joint() {
    let mut a = member(A);
    let entries = vec![change(1, joint(&[A, B, C], &[A, D, E]))];
    a.handle_append_entries(append_args(1, B, id(0, 0), entries, 0));
    a.finish();
    let now = a.election_deadline;
    a.at(now, 0.5).tick();
    assert_eq!(called(&a.finish()), [B, C, D, E]);
    for voter in [B, C, D] {
        pre_vote(&mut a, voter);
    }
    let term = a.term;
    assert_eq!(term, Term(2));
    for voter in [B, C] {
        a.use_vote(PeerId(voter), term, vote(term.0, true));
        assert!(!a.is_leader(), "C_old alone");
    }
    a.use_vote(PeerId(D), term, vote(term.0, true));
    assert!(a.is_leader());
    a.finish();
    let said_again = a.log.entry(LogIndex(2));
    assert_eq!(
        said_again.term,
        Term(2),
        "no command may come to commit the change"
    );
}

/// The leader of C_old that is not in C_new leads on, does not count itself, and goes when C_new is
/// committed; one of those that stay is told to run.
#[test]
fn a_leader_that_leaves() {
    let mut a = leader_with_learners();
    a.change_membership(&set(&[B, C]), &set(&[])).unwrap();
    a.finish();
    holds_all(&mut a, B);
    assert!(a.membership().is_joint(), "B is one of two of C_new");
    holds_all(&mut a, C);
    assert_eq!(*a.membership(), of(&[B, C]));
    holds_all(&mut a, B);
    assert!(a.is_leader(), "B is one of two");
    let last = a.log.last().index;
    let now = a.now;
    let sent = a
        .progress(PeerId(C))
        .unwrap()
        .note_call(Term(1), last, last, now);
    let reply = AppendEntriesReply {
        term: Term(1),
        success: true,
        hint: None,
    };
    a.use_append_reply(PeerId(C), sent, Some(reply));
    let calls = a.finish();
    assert!(
        !a.is_leader() && a.term == Term(1),
        "no later term has begun"
    );
    let told = calls
        .iter()
        .any(|o| matches!(&o.call, Call::TimeoutNow(args) if args.term == Term(1)));
    assert!(told, "somebody is to run at once");
    let committed = |o: &&Outgoing| matches!(&o.call, Call::AppendEntries(args, _) if args.leader_commit == last);
    assert!(
        calls.iter().filter(committed).count() >= 2,
        "the last word says what is committed"
    );
    let later = a.election_deadline;
    a.at(later, 0.5).tick();
    assert!(
        matches!(a.role, Role::Follower { .. }),
        "it never runs again"
    );
}

/// A follower falls back to the configuration before when the entry is cut off, also after a restart.
#[test]
fn falls_back() {
    let mut b = member(B);
    let learners = Membership {
        learners: set(&[D]),
        ..of(&[A, B, C])
    };
    let entries = vec![
        change(1, learners.clone()),
        change(1, joint(&[A, B, C], &[A, D])),
    ];
    b.handle_append_entries(append_args(1, A, id(0, 0), entries, 1));
    b.finish();
    assert_eq!(*b.membership(), joint(&[A, B, C], &[A, D]));
    b.handle_append_entries(append_args(
        2,
        C,
        id(1, 1),
        super::stage::entries(1, &[2]),
        1,
    ));
    b.finish();
    assert_eq!(*b.membership(), learners);
    assert_eq!(*restarted(&b).membership(), learners);
}

/// A snapshot takes the entry's place: the configuration is saved with it, and is sent with it.
#[test]
fn goes_with_snapshots() {
    let mut b = member(B);
    let mut entries = entries(0, &[1, 1]);
    entries.push(change(1, of(&[A, B, D])));
    entries.extend(super::stage::entries(3, &[1, 1]));
    b.handle_append_entries(append_args(1, A, id(0, 0), entries, 5));
    b.finish();
    assert_eq!(
        applied(&mut b),
        ["1@1", "2@1", "4@1", "5@1"],
        "the service sees commands only"
    );
    b.take_snapshot(LogIndex(4), "all to 4".into());
    assert_eq!(*b.membership(), of(&[A, B, D]));
    assert_eq!(
        *restarted(&b).membership(),
        of(&[A, B, D]),
        "after a restart"
    );

    let mut b = restarted(&b);
    elect(&mut b, &[A]);
    let calls = b.finish();
    let d_lacks = append_to(
        D,
        if calls.is_empty() {
            heartbeat(&mut b)
        } else {
            calls
        },
    );
    let mut d = member(D);
    let rejection = d.handle_append_entries(d_lacks.0);
    b.use_append_reply(PeerId(D), d_lacks.1, Some(rejection));
    let snapshot = b.finish().into_iter().find_map(|o| match o.call {
        Call::InstallSnapshot(args, _) if o.to == PeerId(D) => Some(args),
        _ => None,
    });
    let args: InstallSnapshotArgs = snapshot.expect("D needs the snapshot");
    assert_eq!(args.membership, Some(of(&[A, B, D])));
    d.handle_install_snapshot(args);
    d.finish();
    assert_eq!(*d.membership(), of(&[A, B, D]));
}

fn heartbeat(leader: &mut Node) -> Vec<Outgoing> {
    let now = leader.now + Duration::from_millis(100);
    leader.at(now, 0.5).finish()
}

/// What must not begin is refused, and nothing is appended.
#[test]
fn refusals() {
    let mut a = leader_with_learners();
    let last = a.log.last();
    let mut ask = |voters: &[usize], learners: &[usize]| {
        a.change_membership(&set(voters), &set(learners))
            .unwrap_err()
    };
    assert_eq!(ask(&[], &[A]), ChangeError::NoVoters);
    assert_eq!(ask(&[A, B], &[6]), ChangeError::Stranger(PeerId(6)));
    assert_eq!(ask(&[A, B, 5], &[]), ChangeError::Behind(PeerId(5)));
    assert_eq!(a.log.last(), last);
    a.change_membership(&set(&[A, B, D]), &set(&[])).unwrap();
    let again = a.change_membership(&set(&[A, B, C]), &set(&[]));
    assert_eq!(again, Err(ChangeError::UnderWay));
    let mut b = member(B);
    let elsewhere = b.change_membership(&set(&[B]), &set(&[]));
    let leader = None;
    assert_eq!(elsewhere, Err(ChangeError::NotLeader(NotLeader { leader })));
    let mut fixed = server(A, 3);
    wins(&mut fixed, &[B]);
    let never = fixed.change_membership(&set(&[A]), &set(&[]));
    assert_eq!(
        never,
        Err(ChangeError::NotWritten),
        "a cluster of parts 2A to 2D"
    );
}

/// A server that is to join, and a learner, never run; they do answer.
#[test]
fn who_never_runs() {
    let mut d = member(D);
    for _ in 0..3 {
        let now = d.election_deadline;
        d.at(now, 0.5).tick();
        assert!(d.finish().is_empty(), "it knows of no cluster");
    }
    let learner = Membership {
        learners: set(&[D]),
        ..of(&[A, B, C])
    };
    let args = append_args(1, A, id(0, 0), vec![change(1, learner)], 1);
    assert!(d.handle_append_entries(args).success);
    let now = d.election_deadline;
    d.at(now, 0.5).tick();
    assert!(d.finish().is_empty(), "it has no vote");
    // To a candidate it may be a voter already.
    let args = vote_args(2, B, d.log.last());
    assert!(d.handle_request_vote(args).granted);
}

/// While a leader is heard a candidate gets neither a vote nor a term in; with the leader's word it does.
#[test]
fn a_heard_leader_is_not_disturbed() {
    let mut b = member(B);
    b.handle_append_entries(append_args(1, A, id(0, 0), vec![], 0));
    b.at(ms(299), 0.5);
    let args = RequestVoteArgs {
        transfer: false,
        ..vote_args(9, C, id(5, 1))
    };
    let reply = b.handle_request_vote(args.clone());
    assert_eq!((reply.granted, b.term), (false, Term(1)));
    let ask = PreVoteArgs {
        term: Term(9),
        candidate: PeerId(C),
        last: id(5, 1),
    };
    assert!(!b.handle_pre_vote(ask.clone()).granted);
    b.at(ms(300), 0.5);
    assert!(
        b.handle_pre_vote(ask).granted,
        "the shortest timeout is over"
    );
    assert_eq!(b.term, Term(1), "nothing has changed");
    b.at(ms(299), 0.5);
    let wanted = RequestVoteArgs {
        transfer: true,
        ..args
    };
    assert!(b.handle_request_vote(wanted).granted);
    assert_eq!(b.term, Term(9));
}

/// The leader waits until its successor has all, takes nothing meanwhile, and goes on if nothing comes of it.
#[test]
fn transfers() {
    let mut a = leader_with_learners();
    a.start("x".into()).unwrap();
    a.finish();
    let learner = a.transfer_leadership(PeerId(D));
    assert_eq!(learner, Err(ChangeError::Stranger(PeerId(D))));
    a.transfer_leadership(PeerId(B)).unwrap();
    let leader = Some(PeerId(B));
    assert_eq!(a.start("y".into()), Err(NotLeader { leader }));
    let told = |calls: &[Outgoing]| {
        calls
            .iter()
            .any(|o| o.to == PeerId(B) && matches!(o.call, Call::TimeoutNow(_)))
    };
    assert!(!told(&a.finish()), "B lacks x");
    let until = a.now + Duration::from_millis(300);
    a.at(until, 0.5).finish();
    assert!(a.start("z".into()).is_ok(), "nothing has come of it");

    let mut b = member(B);
    b.handle_append_entries(append_args(1, A, id(0, 0), vec![], 0));
    let args = TimeoutNowArgs {
        term: Term(1),
        leader: PeerId(A),
    };
    b.handle_timeout_now(args.clone());
    let wants = |o: &Outgoing| matches!(&o.call, Call::RequestVote(args) if args.transfer);
    assert!(b.finish().iter().all(wants));
    assert_eq!(b.term, Term(2));
    b.handle_timeout_now(args);
    assert_eq!(b.term, Term(2), "late: of an older term");
}

/// A server that left and came back within a term is another follower: outcomes of calls from its first
/// time are not those of its second.
#[test]
fn outcomes_of_a_time_before() {
    let mut a = leader_with_learners();
    let now = a.now;
    let old = a
        .progress(PeerId(D))
        .unwrap()
        .note_call(Term(1), LogIndex(1), LogIndex(1), now);
    for learners in [&[E][..], &[D, E]] {
        a.change_membership(&set(&[A, B, C]), &set(learners))
            .unwrap();
        a.finish();
        holds_all(&mut a, B);
    }
    a.use_append_reply(PeerId(D), old, None);
    a.finish();
    holds_all(&mut a, D);
}

/// Where the membership never changes, an entry takes as many bytes on disk as ever.
#[test]
fn costs_nothing_where_it_is_not_used() {
    let mut log = log_of(&[1]);
    let mut records = crate::records::Records::default();
    records.follow(&log);
    assert_eq!(records.bytes().len(), 8 + 4 + command(1, 1).len());
    log.push(change(1, joint(&[A], &[B])));
    records.follow(&log);
    let read = crate::records::Records::read(records.bytes().clone().freeze()).unwrap();
    assert_eq!(read[1], change(1, joint(&[A], &[B])));
    assert_eq!(read[0].membership, None);
}
// END SOLUTION

// BEGIN SOLUTION
//! Who may lead while the membership changes, and how an office is given up.

use labsim::time::Duration;
use raftapi::{ChangeError, NotLeader};

use super::*;
use crate::message::{PreVoteArgs, RequestVoteArgs, TimeoutNowArgs};
use crate::node::{Call, Role};

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
// END SOLUTION

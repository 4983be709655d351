// BEGIN SOLUTION
//! Scenes about elections (§5.2, §5.4.1).

use labsim::Domain;
use labsim::time::Duration;
use raftapi::{Disk, PeerId, Term};

use super::stage::*;
use crate::node::{Call, Role};

const A: usize = 0;
const B: usize = 1;
const C: usize = 2;

/// A server votes once in a term, also if it crashes right after its vote (§5.2, Figure 2).
#[test]
fn one_vote_in_a_term() {
    let disk = Disk::new();
    let domain = Domain::new(A as u32, 0);
    let persister = disk.mount(&domain);
    let mut a = crate::node::Node::new(PeerId(A), 3, persister, ms(0), 0.0);
    assert!(a.handle_request_vote(vote_args(1, B, id(0, 0))).granted);
    a.finish();
    assert!(!a.handle_request_vote(vote_args(1, C, id(0, 0))).granted);

    domain.crash();
    let mut a = server_on(&disk, A, 3);
    assert!(
        !a.handle_request_vote(vote_args(1, C, id(0, 0))).granted,
        "after a restart"
    );
    assert!(
        a.handle_request_vote(vote_args(1, B, id(0, 0))).granted,
        "B may ask again"
    );
    assert!(
        a.handle_request_vote(vote_args(2, C, id(0, 0))).granted,
        "a new term, a new vote"
    );
}

/// The term alone is saved, and so is a vote in a term that was saved before.
#[test]
fn term_and_vote_are_saved_each() {
    let disk = Disk::new();
    let saved = || crate::persist::view_saved(&disk.state()).map(|s| (s.term.0, s.vote));
    let mut a = server_on(&disk, A, 3);
    a.handle_append_entries(append_args(4, C, id(7, 3), vec![], 0));
    a.finish();
    assert_eq!(saved(), Some((4, None)));
    a.handle_request_vote(vote_args(4, B, id(0, 0)));
    a.finish();
    assert_eq!(saved(), Some((4, Some(PeerId(B)))));
}

/// The vote goes only to a log that is at least as up-to-date: by the last term, then by length
/// (§5.4.1).
#[test]
fn election_restriction() {
    let cases = [
        (id(9, 1), false, "longer but of an older term"),
        (id(2, 2), false, "of the same term but shorter"),
        (id(3, 2), true, "the same"),
        (id(4, 2), true, "of the same term and longer"),
        (id(1, 3), true, "shorter but of a later term"),
    ];
    for (last, granted, what) in cases {
        let mut voter = server_with(A, 3, 2, &[1, 1, 2]);
        let reply = voter.handle_request_vote(vote_args(5, B, last));
        assert_eq!(
            (reply.term, reply.granted),
            (Term(5), granted),
            "log {last}: {what}"
        );
    }
}

/// A vote of an earlier term says nothing about this one, and one that comes twice is one vote.
#[test]
fn votes_are_counted_per_term_and_voter() {
    let mut a = server(A, 5);
    runs(&mut a);
    runs(&mut a);
    assert_eq!(a.term, Term(2));
    for (voter, asked) in [(B, 1), (C, 1), (3, 1), (B, 2), (B, 2)] {
        a.use_vote(PeerId(voter), Term(asked), vote(asked, true));
        assert!(
            !a.is_leader(),
            "after the vote of server {voter} for term {asked}"
        );
    }
    a.use_vote(PeerId(C), Term(2), vote(2, true));
    assert!(a.is_leader(), "A, B and C are three of five");
}

/// Half of the servers are no majority, so a cluster of four needs three votes.
#[test]
fn half_is_no_majority() {
    let mut a = server(A, 4);
    runs(&mut a);
    a.use_vote(PeerId(B), Term(1), vote(1, true));
    assert!(!a.is_leader());
    a.use_vote(PeerId(C), Term(1), vote(1, true));
    assert!(a.is_leader());
}

/// A candidate that hears from the leader of its own term follows it (§5.2), and keeps its vote.
#[test]
fn heartbeat_of_the_same_term_ends_a_candidacy() {
    let mut a = server(A, 3);
    runs(&mut a);
    let reply = a.handle_append_entries(append_args(1, B, id(0, 0), vec![], 0));
    assert!(reply.success);
    assert_eq!(
        (a.leader(), a.voted_for),
        (Some(PeerId(B)), Some(PeerId(A)))
    );
    a.use_vote(PeerId(C), Term(1), vote(1, true));
    assert!(!a.is_leader(), "the race is over");
}

/// A leader that hears of a later term steps down, whatever message brings it, and waits a whole
/// election timeout before it runs.
#[test]
fn leader_steps_down_for_a_later_term() {
    let mut a = server(A, 3);
    wins(&mut a, &[B]);
    a.at(ms(60_000), 0.0);
    a.handle_request_vote(vote_args(7, B, id(0, 0)));
    assert_eq!((a.term, a.is_leader()), (Term(7), false));
    a.tick();
    assert!(
        matches!(a.role, Role::Follower { .. }),
        "its timer did not run while it led"
    );
    assert!(a.deadline() >= ms(60_300));
}

/// The timer starts again at a call of the *current* leader and at a vote that is *granted*, and at
/// nothing else: or servers that cannot win would keep others from running.
#[test]
fn what_restarts_the_timer() {
    let mut a = server_with(A, 3, 5, &[1, 5]);
    let deadline = a.deadline();
    a.at(ms(100), 0.0);

    a.handle_append_entries(append_args(4, B, id(0, 0), vec![], 0));
    assert_eq!(a.deadline(), deadline, "a stale leader");
    a.handle_request_vote(vote_args(6, B, id(9, 1)));
    assert_eq!(
        a.deadline(),
        deadline,
        "a vote that is refused, though the term is new"
    );
    a.handle_request_vote(vote_args(5, C, id(2, 5)));
    assert_eq!(a.deadline(), deadline, "a stale candidate");

    a.handle_request_vote(vote_args(6, C, id(2, 5)));
    assert_eq!(
        a.deadline(),
        ms(100) + Duration::from_millis(300),
        "a vote that is granted"
    );
    a.at(ms(200), 0.0)
        .handle_append_entries(append_args(6, C, id(7, 6), vec![], 0));
    assert_eq!(
        a.deadline(),
        ms(500),
        "the current leader, even if its entries do not fit"
    );
}

/// Chance spreads the timeouts, so that a tie does not repeat for ever (§5.2).
#[test]
fn timeouts_are_spread() {
    let mut a = server(A, 3);
    let mut timeout = |chance| {
        a.at(ms(0), chance).restart_election_timer();
        a.deadline() - ms(0)
    };
    assert_eq!(timeout(0.0), Duration::from_millis(300));
    assert_eq!(timeout(0.5), Duration::from_millis(450));
    assert!(timeout(0.999) < Duration::from_millis(600));
}

/// A candidate without a majority runs again in the next term, and asks everybody again.
#[test]
fn candidate_runs_again() {
    let mut a = server(A, 5);
    for term in 1..=3 {
        let calls = runs(&mut a);
        let asked = calls
            .iter()
            .filter(|o| matches!(&o.call, Call::RequestVote(args) if args.term == Term(term)));
        assert_eq!(asked.count(), 4, "in term {term}");
    }
}

/// A cluster of one elects itself, and commits what it has saved.
#[test]
fn alone() {
    let mut a = server(A, 1);
    assert!(runs(&mut a).is_empty());
    assert!(a.is_leader());
    a.start("x".into()).unwrap();
    assert_eq!(a.commit.0, 0, "not on disk yet");
    a.finish();
    assert_eq!(applied(&mut a), ["x"]);
}

/// A new leader tells everybody at once, before another server's timer runs out.
#[test]
fn new_leader_announces_itself() {
    let mut a = server_with(A, 3, 4, &[1, 4]);
    let calls = appends(wins(&mut a, &[C]));
    let to: Vec<_> = calls.iter().map(|(to, ..)| to.0).collect();
    assert_eq!(to, [B, C]);
    for (_, args, _) in calls {
        assert_eq!((args.term, args.prev), (Term(5), id(2, 4)));
        assert!(args.entries.is_empty());
    }
}
// END SOLUTION

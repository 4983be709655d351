// BEGIN SOLUTION
//! Scenes about replication and commitment (§5.3, §5.4.2).

use labsim::time::Duration;
use raftapi::{LogIndex, NotLeader, PeerId, Term};

use super::stage::*;
use crate::message::AppendEntriesReply;
use crate::node::{Node, Role};

const A: usize = 0;
const B: usize = 1;
const C: usize = 2;

fn success(term: u64) -> Option<AppendEntriesReply> {
    Some(AppendEntriesReply {
        term: Term(term),
        success: true,
        hint: None,
    })
}

/// The new leader's first heartbeat is lost on nobody: B and C answer it.
fn leader_with_two_followers(terms: &[u64]) -> (Node, Node, Node) {
    let term = terms.last().copied().unwrap_or(0);
    let mut a = server_with(A, 3, term, terms);
    let mut b = server_with(B, 3, term, terms);
    let mut c = server_with(C, 3, term, terms);
    wins(&mut a, &[B]);
    let calls = heartbeat(&mut a);
    talk(&mut a, &mut b, calls);
    let calls = heartbeat(&mut a);
    talk(&mut a, &mut c, calls);
    (a, b, c)
}

/// Time passes until the leader's next heartbeat, which it sends to all.
fn heartbeat(leader: &mut Node) -> Vec<crate::node::Outgoing> {
    let now = leader.now + Duration::from_millis(100);
    leader.at(now, 0.5).finish()
}

/// Each of Figure 7's logs ends up as the leader's, in one call for each term that differs and not
/// one for each entry.
#[test]
fn figure_7() {
    let leader_log = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
    let followers: [(&str, &[u64], usize); 6] = [
        ("a", &[1, 1, 1, 4, 4, 5, 5, 6, 6], 3),
        ("b", &[1, 1, 1, 4], 3),
        ("c", &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6], 2),
        ("d", &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7], 2),
        ("e", &[1, 1, 1, 4, 4, 4, 4], 4),
        ("f", &[1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3], 5),
    ];
    for (name, follower_log, most) in followers {
        let mut leader = server_with(A, 3, 7, &leader_log);
        let mut follower = server_with(B, 3, 7, follower_log);
        let first = wins(&mut leader, &[C]);
        leader.start("x".into()).unwrap(); // term 8, as in the figure
        let calls = talk(&mut leader, &mut follower, first);
        assert_eq!(follower.log, leader.log, "follower {name}");
        assert_eq!(
            terms(&follower),
            [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 8],
            "follower {name}"
        );
        assert!(calls <= most, "follower {name}: {calls} calls");
    }
}

/// Figure 8: an entry of an earlier term is not committed by counting, since a later leader may
/// still replace it. It is committed along with an entry of the leader's own term (§5.4.2).
#[test]
fn figure_8() {
    const D: usize = 3;
    const E: usize = 4;
    // (a), (b): S1 leads term 2 and gives entry 2 to S2. S5 leads term 3 and takes another entry 2.
    let mut s1 = server_with(A, 5, 3, &[1, 2]);
    let mut s2 = server_with(B, 5, 3, &[1, 2]);
    let mut s3 = server_with(C, 5, 3, &[1]);
    let mut s5 = server_with(E, 5, 3, &[1, 3]);
    // (c): S1 leads term 4, and gives S3 entry 2 of term 2. It is on a majority now…
    let first = wins(&mut s1, &[B, C]);
    assert_eq!(s1.term, Term(4));
    talk(&mut s1, &mut s2, first);
    let again = heartbeat(&mut s1);
    talk(&mut s1, &mut s3, again);
    assert_eq!(terms(&s3), [1, 2]);
    // … and must not be committed, because of (d): S5 can still win, with S2, S3 and S4, …
    assert_eq!(
        s1.commit,
        LogIndex(0),
        "S1 has committed an entry of term 2 by counting"
    );
    s5.observe_term(Term(4));
    runs(&mut s5);
    assert!(s2.handle_request_vote(vote_args(5, E, id(2, 3))).granted);
    s2.finish();
    // … and overwrite it.
    let first = wins(&mut s5, &[B, C, D]);
    talk(&mut s5, &mut s2, first);
    assert_eq!(terms(&s2), [1, 3]);

    // (e): but if S1 gives an entry of its own term to a majority, all before it is committed.
    let mut s1 = server_with(A, 5, 3, &[1, 2]);
    let mut s2 = server_with(B, 5, 3, &[1, 2]);
    let mut s3 = server_with(C, 5, 3, &[1]);
    let first = wins(&mut s1, &[B, C]);
    s1.start("x".into()).unwrap();
    talk(&mut s1, &mut s2, first);
    let again = heartbeat(&mut s1);
    talk(&mut s1, &mut s3, again);
    assert_eq!((terms(&s3), s1.commit), (vec![1, 2, 4], LogIndex(3)));
    assert!(
        !s2.handle_request_vote(vote_args(5, E, id(2, 3))).granted,
        "S5 cannot win any more"
    );
}

/// Two of four servers are no majority.
#[test]
fn half_commits_nothing() {
    let mut a = server(A, 4);
    let mut b = server(B, 4);
    let mut c = server(C, 4);
    let first = wins(&mut a, &[B, C]);
    a.start("x".into()).unwrap();
    talk(&mut a, &mut b, first);
    assert_eq!((terms(&b), a.commit), (vec![1], LogIndex(0)));
    let again = heartbeat(&mut a);
    talk(&mut a, &mut c, again);
    assert_eq!((terms(&c), a.commit), (vec![1], LogIndex(1)));
}

/// A delayed AppendEntries that says less than we know cuts nothing off: we may have acknowledged
/// what follows (§5.3; step 3 of the receiver says "if an existing entry conflicts").
#[test]
fn delayed_duplicate_erases_nothing() {
    let mut b = server(B, 3);
    let early = append_args(1, A, id(0, 0), entries(0, &[1]), 0);
    let late = append_args(1, A, id(1, 1), entries(1, &[1, 1]), 0);
    assert!(b.handle_append_entries(early.clone()).success);
    assert!(b.handle_append_entries(late).success);
    b.finish();
    assert!(b.handle_append_entries(early).success);
    assert!(
        !b.unsaved,
        "nothing has changed, so there is nothing to save"
    );
    assert_eq!(terms(&b), [1, 1, 1]);
}

/// Only a suffix that truly conflicts is cut off.
#[test]
fn conflicting_suffix_is_cut() {
    let mut b = server_with(B, 3, 2, &[1, 1, 2, 2]);
    assert!(
        b.handle_append_entries(append_args(3, A, id(1, 1), entries(1, &[1, 3]), 0))
            .success
    );
    assert_eq!(terms(&b), [1, 1, 3]);
}

/// A follower commits up to the last entry that the message has vouched for, not up to the end of
/// its log, which may not match there (step 5).
#[test]
fn commits_no_further_than_what_is_known_to_match() {
    let mut b = server_with(B, 3, 2, &[1, 1, 2, 2]);
    b.handle_append_entries(append_args(3, A, id(2, 1), vec![], 4));
    b.finish();
    assert_eq!(
        b.commit,
        LogIndex(2),
        "entries 3 and 4 are of a leader that is gone"
    );
    b.handle_append_entries(append_args(3, A, id(1, 1), vec![], 1));
    b.finish();
    assert_eq!(
        b.commit,
        LogIndex(2),
        "an older heartbeat takes nothing back"
    );
}

/// A stale leader's entries are refused, and it learns the term.
#[test]
fn stale_leader_is_refused() {
    let mut b = server_with(B, 3, 3, &[1]);
    let reply = b.handle_append_entries(append_args(2, A, id(1, 1), entries(1, &[2]), 2));
    assert_eq!(
        reply,
        AppendEntriesReply {
            term: Term(3),
            success: false,
            hint: None
        }
    );
    assert_eq!((terms(&b), b.leader()), (vec![1], None));
}

/// Replies in any order: matchIndex only grows.
#[test]
fn late_replies_take_nothing_back() {
    let (mut a, _b, _c) = leader_with_two_followers(&[]);
    a.start("x".into()).unwrap();
    let (_, first) = append_to(B, a.finish());
    a.start("y".into()).unwrap();
    let (_, second) = append_to(B, a.finish());
    a.use_append_reply(PeerId(B), second, success(1));
    a.finish();
    assert_eq!(a.commit, LogIndex(2));
    a.use_append_reply(PeerId(B), first, success(1));
    a.finish();
    assert_eq!(a.commit, LogIndex(2));
    let Role::Leader { progress, .. } = &a.role else {
        panic!("A leads")
    };
    assert_eq!(progress[&PeerId(B)].match_index, LogIndex(2));
}

/// A reply to what this server asked as the leader of an earlier term is about another log.
#[test]
fn replies_of_an_earlier_term_are_ignored() {
    let (mut a, _b, _c) = leader_with_two_followers(&[]);
    a.start("x".into()).unwrap();
    let (_, old) = append_to(B, a.finish());
    // Another leads term 2 and replaces the entry; then A leads again, with one of its own.
    a.handle_append_entries(append_args(2, C, id(0, 0), entries(0, &[2]), 0));
    wins(&mut a, &[C]);
    a.start("y".into()).unwrap();
    a.finish();
    a.use_append_reply(PeerId(B), old, success(1));
    a.use_append_reply(PeerId(C), old, success(1));
    a.finish();
    assert_eq!(
        a.commit,
        LogIndex(0),
        "neither B nor C has entry 1 of term 2, as far as A knows"
    );
}

/// A rejection from before the leader went back, or of something that matches by now, does not
/// send it back again.
#[test]
fn old_rejections_are_no_news() {
    let mut a = server_with(A, 3, 2, &[1, 1, 1, 2]);
    let mut b = server_with(B, 3, 2, &[1]);
    let (args, first) = append_to(B, wins(&mut a, &[C]));
    let (_, second) = append_to(B, heartbeat(&mut a));
    let rejection = b.handle_append_entries(args);
    assert!(!rejection.success);
    a.use_append_reply(PeerId(B), first, Some(rejection.clone()));
    let (args, third) = append_to(B, a.finish());
    assert_eq!(args.prev, id(1, 1));
    a.use_append_reply(PeerId(B), second, Some(rejection.clone()));
    assert!(appends(a.finish()).is_empty(), "it has gone back already");
    let (_, fourth) = append_to(B, heartbeat(&mut a));
    let stored = b.handle_append_entries(args);
    a.use_append_reply(PeerId(B), third, Some(stored));
    a.use_append_reply(PeerId(B), fourth, Some(rejection));
    assert!(appends(a.finish()).is_empty(), "B has everything by now");
}

/// All commands of one turn go to a follower in one call, and only once while the reply is slow.
#[test]
fn burst_is_one_call_and_ships_once() {
    let (mut a, mut b, _c) = leader_with_two_followers(&[]);
    for command in ["v", "w", "x", "y", "z"] {
        a.start(command.into()).unwrap();
    }
    let (args, sent) = append_to(B, a.finish());
    assert_eq!(args.entries.len(), 5);
    a.start("more".into()).unwrap();
    let (next, _) = append_to(B, a.finish());
    assert_eq!(
        (next.prev, next.entries.len()),
        (id(5, 1), 1),
        "only what is new"
    );

    let soon = a.now + Duration::from_millis(99);
    assert!(
        a.at(soon, 0.5).finish().is_empty(),
        "what is under way is not sent again"
    );
    let (again, _) = append_to(B, heartbeat(&mut a));
    assert_eq!(
        again.entries.len(),
        6,
        "no reply for a heartbeat's time: all over again"
    );

    let reply = b.handle_append_entries(args);
    a.use_append_reply(PeerId(B), sent, Some(reply));
    assert_eq!(a.commit, LogIndex(0));
    a.finish();
    assert_eq!(a.commit, LogIndex(5), "a slow reply is still good");
}

/// Followers hear soon, but not at once, that something is committed.
#[test]
fn commit_index_travels_soon() {
    let (mut a, mut b, mut c) = leader_with_two_followers(&[]);
    a.start("x".into()).unwrap();
    let calls = a.finish();
    talk(&mut a, &mut b, calls);
    assert_eq!((a.commit.0, b.commit.0), (1, 0));
    let due = a.deadline();
    assert!(due <= a.now + Duration::from_millis(10));
    let calls = a.at(due, 0.5).finish();
    talk(&mut a, &mut b, calls);
    assert_eq!(b.commit.0, 1);
    let calls = heartbeat(&mut a);
    talk(&mut a, &mut c, calls);
    assert_eq!(c.commit.0, 1);
}

/// Calls that fail quickly are not repeated in a storm: over an hour a leader that is cut off makes
/// no more than its heartbeats, however much its clients ask of it.
#[test]
fn cut_off_for_an_hour() {
    let (mut a, _b, _c) = leader_with_two_followers(&[]);
    let end = a.now + Duration::from_secs(3600);
    let mut calls = 0;
    let mut outgoing = a.finish();
    while a.now < end {
        calls += outgoing.len();
        // Each call fails a moment later, and there is a new command.
        let soon = a.now + Duration::from_micros(10);
        a.at(soon, 0.5);
        for (peer, _, sent) in appends(outgoing) {
            a.use_append_reply(peer, sent, None);
        }
        if a.log.last().index.0 < 1000 {
            a.start("x".into()).unwrap();
        }
        outgoing = a.finish();
        if outgoing.is_empty() {
            let due = a.deadline();
            outgoing = a.at(due, 0.5).finish();
        }
    }
    assert!(a.is_leader());
    assert!(calls <= 2 * 36_000 + 10, "{calls} calls");
}

/// If calls take seconds to fail, a bounded number is under way; and there is no busy waiting.
#[test]
fn slow_failures_do_not_pile_up() {
    let (mut a, _b, _c) = leader_with_two_followers(&[]);
    let (mut calls, mut turns) = (0, 0);
    let end = a.now + Duration::from_secs(60);
    while a.now < end {
        a.start("x".into()).unwrap();
        calls += a.finish().len();
        let due = a.deadline();
        assert!(due > a.now, "the leader does not rest");
        calls += a.at(due, 0.5).finish().len();
        turns += 1;
    }
    assert!(calls <= 2 * 32, "{calls} calls without an outcome");
    assert!(turns <= 1300, "{turns} turns in a minute");
}

/// Who does not lead says who does, if it knows.
#[test]
fn start_elsewhere() {
    let mut b = server(B, 3);
    assert_eq!(b.start("x".into()), Err(NotLeader { leader: None }));
    b.handle_append_entries(append_args(1, A, id(0, 0), vec![], 0));
    assert_eq!(
        b.start("x".into()),
        Err(NotLeader {
            leader: Some(PeerId(A))
        })
    );
}

/// A fault elsewhere that would undo what is committed is reported as such.
#[test]
#[should_panic(expected = "has committed up to 2")]
fn undoing_the_committed_is_a_fault() {
    let mut b = server_with(B, 3, 2, &[1, 1]);
    b.handle_append_entries(append_args(2, A, id(2, 1), vec![], 2));
    b.handle_append_entries(append_args(3, C, id(1, 1), entries(1, &[3]), 2));
}
// END SOLUTION

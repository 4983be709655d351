// BEGIN SOLUTION
//! From one configuration to the next: what is in force, what is refused, and what goes with snapshots.

use labsim::time::Duration;
use raftapi::{ChangeError, NotLeader};

use super::*;
use crate::membership::{index_of_quorum, is_quorum};
use crate::message::InstallSnapshotArgs;
use crate::node::Call;

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
        crate::tests::stage::entries(1, &[2]),
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
    entries.extend(crate::tests::stage::entries(3, &[1, 1]));
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

// BEGIN SOLUTION
//! Scenes about what survives a crash (Figure 2, "Persistent state on all servers").

use bytes::Bytes;
use labsim::Domain;
use raftapi::{Disk, LogIndex, PeerId, Term};

use super::stage::*;
use crate::node::Node;
use crate::persist::view_saved;
use crate::records::Records;

const A: usize = 0;
const B: usize = 1;

fn mounted(disk: &Disk, me: usize) -> Node {
    Node::new(
        PeerId(me),
        3,
        disk.mount(&Domain::new(me as u32, 0)),
        ms(0),
        0.0,
    )
}

/// One save for all that happens in a turn, before anything goes out; none if nothing has changed.
#[test]
fn one_save_a_turn() {
    let disk = Disk::new();
    let mut b = mounted(&disk, B);
    assert_eq!(disk.saves(), 0);
    b.handle_request_vote(vote_args(1, A, id(0, 0)));
    b.handle_append_entries(append_args(1, A, id(0, 0), entries(0, &[1]), 0));
    b.handle_append_entries(append_args(1, A, id(1, 1), entries(1, &[1, 1]), 0));
    assert_eq!(disk.saves(), 0);
    b.finish();
    assert_eq!(disk.saves(), 1);
    b.handle_append_entries(append_args(1, A, id(3, 1), vec![], 3));
    b.finish();
    assert_eq!(
        disk.saves(),
        1,
        "a heartbeat saves nothing, nor does a commit"
    );
}

/// A candidate's term and its vote for itself are on disk before it asks anybody.
#[test]
fn candidacy_is_saved() {
    let disk = Disk::new();
    let mut a = mounted(&disk, A);
    runs(&mut a);
    let saved = view_saved(&disk.state()).unwrap();
    assert_eq!((saved.term, saved.vote), (Term(1), Some(PeerId(A))));
}

/// What was saved comes back, and the checks of the suites can read it.
#[test]
fn round_trip() {
    let disk = Disk::new();
    let domain = Domain::new(B as u32, 0);
    let mut b = Node::new(PeerId(B), 3, disk.mount(&domain), ms(0), 0.0);
    b.handle_append_entries(append_args(4, A, id(0, 0), entries(0, &[1, 1, 3, 4]), 2));
    b.finish();
    applied(&mut b);
    b.take_snapshot(LogIndex(2), "all to 2".into());
    domain.crash();

    let again = server_on(&disk, B, 3);
    assert_eq!((again.term, again.voted_for), (Term(4), None));
    assert_eq!((&again.log, &again.snapshot), (&b.log, &b.snapshot));
    let view = view_saved(&disk.state()).unwrap();
    assert_eq!((view.term, view.vote), (Term(4), None));
    assert_eq!(
        (view.snapshot, view.last()),
        (id(2, 1).into(), id(4, 4).into())
    );
    assert_eq!(view.entry(LogIndex(3)).unwrap().command, command(3, 3));
}

/// Twenty entries with commands of twenty bytes take well under 2,000 bytes, the suites' limit.
#[test]
fn saved_state_is_compact() {
    let disk = Disk::new();
    let mut a = mounted(&disk, A);
    wins(&mut a, &[B]);
    for _ in 0..20 {
        a.start(Bytes::from_static(&[7; 20])).unwrap();
    }
    a.finish();
    let most = 20 * (20 + 12) + 20;
    assert!(disk.state_len() <= most, "{} bytes", disk.state_len());
}

/// A disk that holds something else, or that was cut short, is an error and not a strange log.
#[test]
fn what_is_not_ours_is_refused() {
    let disk = Disk::new();
    let mut b = mounted(&disk, B);
    b.handle_append_entries(append_args(1, A, id(0, 0), entries(0, &[1, 1]), 0));
    b.finish();
    let state = disk.state();
    assert!(view_saved(&state).is_some());
    assert!(view_saved(&state[..state.len() - 1]).is_none());
    assert!(view_saved(&labgob::encode("something else")).is_none());
    for cut in 1..13 {
        let records = Bytes::copy_from_slice(&b.records.bytes()[..cut]);
        assert!(Records::read(records).is_none(), "{cut} bytes of a record");
    }
}
// END SOLUTION

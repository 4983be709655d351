// BEGIN SOLUTION
//! Scenes about snapshots (§7, Figure 13).

use raftapi::{Disk, LogIndex, PeerId, Term};

use super::stage::*;
use crate::node::{Call, Node};

const A: usize = 0;
const B: usize = 1;
const C: usize = 2;

/// A follower in term 2 that has committed and applied the first `commit` of these entries.
fn follower(terms: &[u64], commit: u64) -> Node {
    let mut b = server_with(B, 3, 2, terms);
    let prev = b.log.id_at(LogIndex(commit));
    b.handle_append_entries(append_args(2, A, prev, vec![], commit));
    b.finish();
    applied(&mut b);
    b
}

/// A leader of term 3 with `terms` in its log, of which a snapshot stands for the first `base`.
fn leader(terms: &[u64], base: u64) -> Node {
    let mut a = server_with(A, 3, 2, terms);
    a.handle_append_entries(append_args(2, C, a.log.last(), vec![], terms.len() as u64));
    a.finish();
    applied(&mut a);
    a.take_snapshot(LogIndex(base), format!("all to {base}").into());
    wins(&mut a, &[C]);
    a
}

/// The service's snapshot shortens the log on disk at once.
#[test]
fn service_takes_a_snapshot() {
    let mut b = follower(&[1, 1, 2, 2], 3);
    let state = b.persister.state_len();
    b.take_snapshot(LogIndex(3), "all to 3".into());
    assert_eq!((b.log.base(), terms(&b)), (id(3, 2), vec![2]));
    assert_eq!(b.persister.snapshot(), "all to 3");
    assert!(b.persister.state_len() < state);
    b.take_snapshot(LogIndex(2), "all to 2".into());
    assert_eq!(b.persister.snapshot(), "all to 3", "a stale one is ignored");
}

/// After a restart the log begins after the snapshot, and the service hears nothing twice. The next
/// save keeps the snapshot.
#[test]
fn restart_with_a_snapshot() {
    let disk = Disk::new();
    let domain = labsim::Domain::new(B as u32, 0);
    let mut b = Node::new(PeerId(B), 3, disk.mount(&domain), ms(0), 0.0);
    b.handle_append_entries(append_args(1, A, id(0, 0), entries(0, &[1, 1, 1]), 3));
    b.finish();
    applied(&mut b);
    let saves = disk.saves();
    b.take_snapshot(LogIndex(2), "all to 2".into());
    assert_eq!(disk.saves(), saves + 1, "log and snapshot in one save");
    domain.crash();

    let mut b = server_on(&disk, B, 3);
    assert_eq!(
        (b.commit, b.applied, b.log.base()),
        (LogIndex(2), LogIndex(2), id(2, 1))
    );
    assert!(applied(&mut b).is_empty());
    b.handle_request_vote(vote_args(2, C, id(3, 1)));
    b.finish();
    assert_eq!(disk.snapshot(), "all to 2");
    b.handle_append_entries(append_args(2, C, id(3, 1), vec![], 3));
    assert_eq!(applied(&mut b), ["3@1"]);
}

/// A snapshot that ends after our log replaces all of it.
#[test]
fn install_beyond_the_log() {
    let mut b = follower(&[1, 1, 2], 2);
    b.handle_install_snapshot(snapshot_args(3, C, id(9, 3)));
    assert!(b.unsaved);
    b.finish();
    assert_eq!(
        (b.log.base(), b.log.last(), b.commit),
        (id(9, 3), id(9, 3), LogIndex(9))
    );
    assert_eq!(b.persister.snapshot(), "all to 9@3");
    assert_eq!(applied(&mut b), ["[all to 9@3]"]);
}

/// One that ends inside our log leaves what follows it: we may have acknowledged it (step 6).
#[test]
fn install_inside_the_log() {
    let mut b = follower(&[1, 1, 2, 2], 1);
    b.handle_install_snapshot(snapshot_args(2, A, id(3, 2)));
    b.finish();
    assert_eq!((b.log.base(), terms(&b)), (id(3, 2), vec![2]));
    assert_eq!(applied(&mut b), ["[all to 3@2]"]);
    b.handle_append_entries(append_args(2, A, id(4, 2), vec![], 4));
    assert_eq!(applied(&mut b), ["4@2"]);
}

/// … unless our entry at its end is another one: then nothing of ours belongs to it (step 7).
#[test]
fn install_over_a_conflict() {
    let mut b = follower(&[1, 1, 1, 1], 1);
    b.handle_install_snapshot(snapshot_args(3, A, id(2, 2)));
    b.finish();
    assert_eq!((b.log.base(), terms(&b)), (id(2, 2), vec![]));
}

/// A snapshot older than what we have committed changes nothing, nor does one that arrives twice:
/// the service must not go back.
#[test]
fn install_late_or_twice() {
    let mut b = follower(&[1, 1, 2, 2], 3);
    b.handle_install_snapshot(snapshot_args(2, A, id(2, 1)));
    b.handle_install_snapshot(snapshot_args(2, A, id(3, 2)));
    assert!(!b.unsaved);
    assert_eq!((terms(&b), b.commit), (vec![1, 1, 2, 2], LogIndex(3)));
    assert!(applied(&mut b).is_empty());

    b.handle_install_snapshot(snapshot_args(2, A, id(6, 2)));
    b.finish();
    assert_eq!(applied(&mut b), ["[all to 6@2]"]);
    b.handle_append_entries(append_args(2, A, id(6, 2), entries(6, &[2]), 7));
    b.finish();
    b.handle_install_snapshot(snapshot_args(2, A, id(6, 2)));
    b.finish();
    assert_eq!(
        (b.log.last(), applied(&mut b)),
        (id(7, 2), vec!["7@2".to_string()])
    );
}

/// A stale leader's snapshot is refused.
#[test]
fn install_from_a_stale_leader() {
    let mut b = follower(&[1, 1], 1);
    let reply = b.handle_install_snapshot(snapshot_args(1, C, id(9, 1)));
    assert_eq!((reply.term, b.commit), (Term(2), LogIndex(1)));
}

/// AppendEntries at the edge: `prev` is the snapshot's last entry, or lies inside the snapshot.
#[test]
fn append_at_the_edge_of_the_snapshot() {
    let mut b = follower(&[1, 1, 2], 3);
    b.take_snapshot(LogIndex(3), "all to 3".into());
    assert!(
        b.handle_append_entries(append_args(2, A, id(3, 2), entries(3, &[2]), 3))
            .success
    );
    assert_eq!(terms(&b), [2]);
    // Delayed: from before the snapshot, reaching into the log, across it, and ending inside it.
    assert!(
        b.handle_append_entries(append_args(2, A, id(1, 1), entries(1, &[1, 2, 2, 2]), 3))
            .success
    );
    assert_eq!(terms(&b), [2, 2]);
    assert!(
        b.handle_append_entries(append_args(2, A, id(0, 0), entries(0, &[1, 1]), 3))
            .success
    );
    assert_eq!((terms(&b), b.commit), (vec![2, 2], LogIndex(3)));
    b.finish();
}

/// A follower whose next entries are gone gets the snapshot, once, then what follows it. The bytes
/// are those of the persister, not a copy.
#[test]
fn leader_sends_its_snapshot() {
    let mut a = leader(&[1, 1, 2, 2, 2], 4);
    let mut b = server(B, 3);
    let calls = a.at(ms(2000), 0.5).finish();
    let mut snapshots = 0;
    let mut calls = calls;
    while !calls.is_empty() {
        for outgoing in &calls {
            if let Call::InstallSnapshot(args, _) = &outgoing.call {
                assert_eq!(args.last, id(4, 2));
                assert_eq!(args.snapshot.as_ptr(), a.persister.snapshot().as_ptr());
                snapshots += usize::from(outgoing.to == PeerId(B));
            }
        }
        talk(&mut a, &mut b, calls);
        calls = a.finish();
    }
    assert_eq!(b.log.last(), id(5, 2));
    assert!(snapshots <= 1);
    assert_eq!(applied(&mut b)[0], "[all to 4]");
}

/// While the snapshot is under way there are heartbeats, and no second snapshot, whatever the
/// follower rejects meanwhile. If no answer comes it is sent again.
#[test]
fn one_snapshot_at_a_time() {
    let mut a = leader(&[1, 1, 2, 2, 2], 4);
    let mut b = server(B, 3);
    let (args, sent) = append_to(B, a.at(ms(2000), 0.5).finish());
    let rejection = b.at(ms(2000), 0.5).handle_append_entries(args);
    a.use_append_reply(PeerId(B), sent, Some(rejection));
    let is_snapshot = |o: &crate::node::Outgoing| {
        o.to == PeerId(B) && matches!(o.call, Call::InstallSnapshot(..))
    };
    assert!(a.finish().iter().any(is_snapshot));
    for time in (2100..2500).step_by(100) {
        let (heartbeat, sent) = append_to(B, a.at(ms(time), 0.5).finish());
        assert!(heartbeat.entries.is_empty());
        let rejection = b.handle_append_entries(heartbeat);
        assert!(!rejection.success);
        a.use_append_reply(PeerId(B), sent, Some(rejection));
        assert!(a.finish().is_empty(), "at {time} ms");
    }
    assert!(
        a.at(ms(2500), 0.5).finish().iter().any(is_snapshot),
        "half a second is long enough"
    );
}

/// The service may compact while followers are behind in what was sent to them: nothing is sent
/// again, and no snapshot, as long as they answer.
#[test]
fn compaction_does_not_block_replication() {
    let mut a = leader(&[], 0);
    let mut b = server(B, 3);
    let mut c = server(C, 3);
    let calls = a.at(ms(2000), 0.5).finish();
    talk(&mut a, &mut b, calls);
    let calls = a.at(ms(2100), 0.5).finish();
    talk(&mut a, &mut c, calls);
    for command in ["x", "y", "z"] {
        a.start(command.into()).unwrap();
    }
    let (mut to_b, mut to_c) = (Vec::new(), Vec::new());
    for outgoing in a.finish() {
        if outgoing.to == PeerId(B) {
            to_b.push(outgoing)
        } else {
            to_c.push(outgoing)
        }
    }
    talk(&mut a, &mut b, to_b);
    assert_eq!(applied(&mut a), ["x", "y", "z"]);
    a.take_snapshot(LogIndex(3), "xyz".into());
    a.start("w".into()).unwrap();
    to_c.extend(a.finish());
    assert!(
        to_c.iter()
            .all(|o| matches!(o.call, Call::AppendEntries(..)))
    );
    talk(&mut a, &mut c, to_c);
    assert_eq!(c.log.last(), id(4, 3));
}

/// A snapshot that comes in while the service is still busy with earlier entries is next in line.
#[test]
fn snapshot_overtakes_a_slow_service() {
    let mut b = server(B, 3);
    b.handle_append_entries(append_args(1, A, id(0, 0), entries(0, &[1, 1, 1]), 2));
    b.finish();
    let taken = b.take_deliveries(); // and the service does not get on with them
    assert_eq!(taken.len(), 2);
    b.handle_install_snapshot(snapshot_args(1, A, id(5, 1)));
    b.handle_append_entries(append_args(1, A, id(5, 1), entries(5, &[1]), 6));
    b.finish();
    b.take_snapshot(LogIndex(2), "all to 2".into()); // older than what has come in
    assert_eq!(b.log.base(), id(5, 1));
    assert_eq!(applied(&mut b), ["[all to 5@1]", "6@1"]);
}

/// A service cannot have in its snapshot what it was not given.
#[test]
#[should_panic(expected = "was handed entries to 2, so a snapshot to 3 cannot be")]
fn snapshot_of_the_future() {
    follower(&[1, 1, 2], 2).take_snapshot(LogIndex(3), "all to 3".into());
}
// END SOLUTION

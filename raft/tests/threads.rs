// BEGIN SOLUTION
//! Peers with their threads, on the mock network and the wall clock: a first look. The suites have
//! the rest.

// These run beside the peers, on the wall clock, not as a part of one.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod common;

use labsim::time::{Duration, Instant};

use common::{Cluster, wait_for};
use labsim::channel::RecvTimeoutError;
use raftapi::{ApplyMsg, LogIndex, NotLeader, Raft as _};

/// Three peers elect a leader, and commit what it is given, in order, everywhere.
#[test]
fn elect_and_commit() {
    let c = Cluster::new(3, 100);
    let leader = c.leader();
    for n in 1..=20u64 {
        let (index, _) = c.peers[leader].raft.start(n.to_string().into()).unwrap();
        assert_eq!(index, LogIndex(n));
    }
    for me in 0..3 {
        for n in 1..=20u64 {
            assert_eq!(c.applied(me), (LogIndex(n), n.to_string().into()));
        }
    }
}

/// A service that takes its time, and takes snapshots while its peer waits to hand over more
/// (the channel holds nothing), is no obstacle. A peer that comes back after the log was cut gets
/// a snapshot.
#[test]
fn snapshots_from_the_receiving_thread() {
    let mut c = Cluster::new(3, 0);
    let leader = c.leader();
    let away = (0..3).find(|i| *i != leader).unwrap();
    c.connect(away, false);
    for n in 1..=30u64 {
        c.peers[leader].raft.start(n.to_string().into()).unwrap();
    }
    for n in 1..=30 {
        let (index, _) = c.applied(leader);
        assert_eq!(index, LogIndex(n));
        if n % 10 == 0 {
            c.peers[leader]
                .raft
                .snapshot(index, format!("up to {n}").into());
        }
    }
    assert_eq!(c.peers[leader].disk.snapshot(), "up to 30");
    assert!(
        c.peers[leader].disk.state_len() < 40,
        "{} bytes",
        c.peers[leader].disk.state_len()
    );

    c.connect(away, true);
    let message = c.peers[away]
        .apply_rx
        .recv_timeout(Duration::from_secs(5))
        .unwrap();
    let ApplyMsg::Snapshot {
        index, snapshot, ..
    } = message
    else {
        panic!("got {message}")
    };
    assert_eq!((index, &snapshot[..]), (LogIndex(30), &b"up to 30"[..]));

    c.restart(away, 0);
    let leader = c.leader();
    wait_for(|| c.peers[leader].raft.start("31".into()).ok()).expect("a command is taken");
    assert_eq!(
        c.applied(away),
        (LogIndex(31), "31".into()),
        "and the snapshot is not sent again"
    );
}

/// `start` and `state` answer at once while calls are stuck and nobody takes what is applied.
#[test]
fn nothing_waits_for_stuck_calls() {
    let c = Cluster::new(3, 0);
    let leader = c.leader();
    c.peers[leader].raft.start("x".into()).unwrap();
    let committed = wait_for(|| (c.peers[leader].disk.saves() >= 2).then_some(()));
    committed.expect("something is saved");
    c.net.set_long_delays(true);
    c.connect(leader, false);
    for _ in 0..100 {
        let begin = Instant::now();
        let _ = c.peers[leader].raft.start("y".into());
        let (_, _) = c.peers[leader].raft.state();
        assert!(
            begin.elapsed() < Duration::from_millis(100),
            "{:?}",
            begin.elapsed()
        );
        labsim::thread::sleep(Duration::from_millis(1));
    }
    let others: Vec<_> = (0..3).filter(|i| *i != leader).collect();
    c.leader_among(&others);
    c.connect(leader, true);
    let steps_down = wait_for(|| (!c.peers[leader].raft.state().1).then_some(()));
    steps_down.expect("the old leader hears of the new one");
}

/// A killed peer takes no commands, and its threads end, even the one that waits for the service.
#[test]
fn kill_ends_the_threads() {
    let c = Cluster::new(3, 0);
    let leader = c.leader();
    for _ in 0..5 {
        c.peers[leader].raft.start("x".into()).unwrap();
    }
    let raft = &c.peers[leader].raft;
    let first = c.peers[leader]
        .apply_rx
        .recv_timeout(Duration::from_secs(5));
    assert!(first.is_ok(), "{first:?}");
    labsim::thread::sleep(Duration::from_millis(20)); // the applier waits to hand over the second
    raft.kill();
    raft.kill();
    assert_eq!(raft.start("y".into()), Err(NotLeader { leader: None }));
    let gone = wait_for(|| {
        let next = c.peers[leader]
            .apply_rx
            .recv_timeout(Duration::from_millis(100));
        (next == Err(RecvTimeoutError::Disconnected)).then_some(())
    });
    gone.expect("the applier has let go of its channel");
    assert_ne!(
        c.leader_among(&(0..3).filter(|i| *i != leader).collect::<Vec<_>>()),
        leader
    );
}
// END SOLUTION

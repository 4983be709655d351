// BEGIN SOLUTION
//! How fast three peers agree on the wall clock, over a reliable network without delay:
//! `cargo bench -p raft`.

// These run beside the peers, on the wall clock, not as a part of one.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

#[path = "../tests/common/mod.rs"]
mod common;

use bytes::Bytes;
use common::Cluster;
use labsim::sync::Arc;
use labsim::thread;
use labsim::time::{Duration, Instant};
use raftapi::{ApplyMsg, LogIndex, Raft as _};

const COMMAND: Bytes = Bytes::from_static(&[7; 16]);

fn main() {
    latency(5_000);
    throughput(100_000, 100);
}

/// One command at a time, from `start` until it comes out at the leader.
fn latency(commands: usize) {
    let c = Cluster::new(3, 1000);
    let leader = ready(&c);
    let mut times: Vec<Duration> = (0..commands)
        .map(|_| {
            let begin = Instant::now();
            start(&c, leader);
            c.applied(leader);
            begin.elapsed()
        })
        .collect();
    times.sort();
    let at = |percent: usize| times[times.len() * percent / 100];
    println!(
        "start to applied, one at a time: median {:?}, 99 % {:?}, {} commands",
        at(50),
        at(99),
        commands
    );
}

/// `in_flight` commands at any time; the service takes a snapshot every 1000.
fn throughput(commands: u64, in_flight: u64) {
    let c = Arc::new(Cluster::new(3, 1000));
    let leader = ready(&c);
    let before = c.net.total_count();
    let begin = Instant::now();
    (0..in_flight).for_each(|_| start(&c, leader));
    for me in (0..3).filter(|me| *me != leader) {
        let c = c.clone();
        thread::spawn(move || receive(&c, me, commands, |_| {}));
    }
    receive(&c, leader, commands, |n| {
        if n + in_flight <= commands {
            start(&c, leader);
        }
    });
    println!(
        "{in_flight} in flight: {:.0} agreements/s, {:.2} calls each",
        commands as f64 / begin.elapsed().as_secs_f64(),
        (c.net.total_count() - before) as f64 / commands as f64
    );
}

/// A leader that is known to all.
fn ready(c: &Cluster) -> usize {
    let leader = c.leader();
    start(c, leader);
    (0..3).for_each(|me| drop(c.applied(me)));
    leader
}

fn start(c: &Cluster, leader: usize) {
    c.peers[leader]
        .raft
        .start(COMMAND)
        .expect("the leader stays");
}

fn receive(c: &Cluster, me: usize, commands: u64, mut then: impl FnMut(u64)) {
    let end = LogIndex(commands + 1);
    let mut taken = 0;
    while let Ok(message) = c.peers[me].apply_rx.recv() {
        let index = message.index();
        if let ApplyMsg::Command { .. } = message {
            taken += 1;
            then(taken);
            if index.0.is_multiple_of(1000) {
                c.peers[me]
                    .raft
                    .snapshot(index, Bytes::from_static(b"state"));
            }
        }
        if index >= end {
            return;
        }
    }
}
// END SOLUTION

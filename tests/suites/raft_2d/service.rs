//! A service that is slow, with entries or with snapshots (§7; raftapi::ApplyMsg).

use raft::Raft;
use tests::prelude::*;

use crate::{LARGEST_STATE, agree_up_to, expect_small_states};

/// The service hands over a snapshot that it began before a newer one came from the leader: the newer one stays (§7).
#[story(part = "2D", servers = 3, points = 3, snapshots, exact)]
fn a_late_snapshot_of_the_service(c: &Cluster) {
    agree_up_to(c, 5);
    let leader = c.leader();
    let [slow, _] = c.others([leader]);
    c.set_snapshot_pace(slow, Duration::from_secs(10));
    agree_up_to(c, 9); // of which the service makes a snapshot
    c.cut_off(slow);
    agree_up_to(c, 35);
    c.rejoin(slow);
    c.sleep_ms(12_000); // Raft has the leader's snapshot by now, and after that was given the service's own
    c.set_snapshot_pace(slow, Duration::ZERO);
    agree_up_to(c, 36);
    c.restart(slow); // with what its Raft has kept
    agree_up_to(c, 45);
}

/// A leader's snapshot comes while earlier entries wait for the service: it gets them first, or not at all (§7; raftapi::ApplyMsg).
#[story(part = "2D", servers = 3, points = 2, snapshots, exact)]
fn a_snapshot_overtakes_no_entry(c: &Cluster) {
    agree_up_to(c, 3);
    let leader = c.leader();
    let [slow, _] = c.others([leader]);
    c.set_pace(slow, Duration::from_secs(3));
    for number in 0..5u64 {
        c.agree_on(2, number); // one is with its service, the others wait
    }
    c.sleep_ms(200);
    c.cut_off(slow);
    agree_up_to(c, 25);
    c.rejoin(slow);
    c.sleep_ms(2000); // by now it has the snapshot
    c.set_pace(slow, Duration::ZERO);
    c.sleep_ms(3000);
    agree_up_to(c, 35);
}

/// A service that takes its time over each entry holds up neither elections nor start() and state().
#[story(part = "2D", servers = 3, points = 3, snapshots, exact)]
fn slow_service_delays_no_election(c: &Cluster) {
    c.agree("first");
    for server in c.servers() {
        c.set_pace(server, Duration::from_secs(2));
    }
    let leader = c.leader();
    c.propose_at(leader, (0..10u64).map(Command::from));
    c.sleep_ms(500); // now every service is busy, and more entries wait for it
    for server in c.servers() {
        c.answers_at_once(server);
    }
    c.takes_at_once(leader, "meanwhile");
    c.cut_off(leader);
    let left: [Server; 2] = c.others([leader]);
    let next = c.leader_among(&left);
    c.takes_at_once(next, "and then");
    c.rejoin(leader);
    for server in c.servers() {
        c.set_pace(server, Duration::ZERO);
    }
    c.sleep_ms(3000);
    c.agree("last");
}

/// A service that is busy when a snapshot comes for it holds up no election (§7).
#[story(part = "2D", servers = 3, points = 2, snapshots, exact)]
fn a_snapshot_that_waits_delays_no_election(c: &Cluster) {
    agree_up_to(c, 5);
    let [slow, _] = c.others([c.leader()]);
    c.set_pace(slow, Duration::from_secs(10));
    c.agree_on(2, "keeps it busy");
    c.sleep_ms(200);
    c.cut_off(slow);
    agree_up_to(c, 25);
    c.rejoin(slow);
    c.sleep_ms(2000); // by now it has the snapshot, and its service has not
    let leader = c.leader();
    c.answers_at_once(slow);
    c.cut_off(leader);
    c.leader_among(&c.others::<2>([leader])); // the third one needs its vote
    c.rejoin(leader);
    c.set_pace(slow, Duration::ZERO);
    c.sleep_ms(8000);
    agree_up_to(c, 30);
}

/// A snapshot may be large, and arrives whole; from then on it is on the disk of its receiver (§7; Figure 13).
#[story(part = "2D", servers = 3, points = 2, snapshots)]
fn large_snapshots(c: &Cluster) {
    c.pad_snapshots(300_000);
    agree_up_to(c, 5);
    let [away, _] = c.others([c.leader()]);
    c.cut_off(away);
    agree_up_to(c, 25);
    c.rejoin(away);
    agree_up_to(c, 27);
    c.restart_all(c.servers());
    agree_up_to(c, 35);
}

/// A server that is away for long keeps nobody from forgetting what snapshots stand for (§7).
#[story(part = "2D", servers = 3, points = 2, snapshots)]
fn a_dead_server_holds_up_no_snapshot(c: &Cluster) {
    agree_up_to(c, 5);
    let [away, _] = c.others([c.leader()]);
    c.crash(away);
    agree_up_to(c, 150);
    expect_small_states(c);
    c.restart(away);
    agree_up_to(c, 151);
}

/// A hundred thousand entries: the log on disk stays small, and no snapshot holds up agreement (§7).
#[story(
    part = "2D",
    servers = 3,
    points = 3,
    snapshots,
    runs = 1,
    apply_room = 64
)]
fn hundred_thousand_entries(c: &Cluster) {
    const BATCH: u64 = 500;
    /// A batch may be in the log at once, at some twenty bytes an entry, and the rest is small.
    const LARGEST: usize = BATCH as usize * 20 + LARGEST_STATE;
    c.agree(0);
    let mut sent = 1;
    while sent < 100_000 {
        let leader = c.leader_quickly();
        let taken: Vec<LogIndex> = (sent..sent + BATCH)
            .filter_map(|command| c.try_propose(leader, command).ok())
            .map(|(index, _)| index)
            .collect();
        sent += BATCH;
        if let Some(last) = taken.last() {
            c.wait(*last, 3, None);
        }
        let (server, size) = c.largest_state();
        c.expect(&claim::STATE_SIZE, size < LARGEST, || {
            format!("after {sent} entries {server} has {size} bytes of Raft state on disk; expected less than {LARGEST}")
        });
    }
    c.agree("last");
}

//! Logs that end where a snapshot does, when they are compared (§5.4.1, §7).

use raft::Raft;
use tests::prelude::*;

use crate::agree_up_to;

/// Logs that end exactly where a snapshot does: elections, prevLogIndex and restarts there (§7).
#[story(part = "2D", servers = 3, points = 4, snapshots)]
fn edge_of_the_snapshot(c: &Cluster) {
    // The service takes snapshots at 9, 19, 29 and so on.
    agree_up_to(c, 9);
    c.sleep_ms(100);
    c.restart_all(c.servers()); // the logs are empty now: votes go by the snapshot's last entry
    agree_up_to(c, 10);

    let [away, _] = c.others([c.leader()]);
    c.cut_off(away); // at 10
    agree_up_to(c, 19);
    c.rejoin(away); // needs 11, which is in the snapshot
    agree_up_to(c, 20);

    let [away, _] = c.others([c.leader()]);
    agree_up_to(c, 29);
    c.sleep_ms(100);
    c.cut_off(away); // at 29, which is the last in its snapshot and in the leader's
    agree_up_to(c, 33);
    c.rejoin(away); // needs 30: prevLogIndex is 29
    agree_up_to(c, 38);

    let [away, _] = c.others([c.leader()]);
    c.cut_off(away); // at 38, one before the snapshot's last
    agree_up_to(c, 39);
    c.sleep_ms(100);
    c.rejoin(away); // needs 39, the last in the snapshot
    agree_up_to(c, 40);
}

/// When logs are compared, what a snapshot stands for counts: who lacks an entry after it is not elected (§5.4.1, §7).
#[story(part = "2D", servers = 3, points = 3, snapshots, exact)]
fn election_restriction_after_a_snapshot(c: &Cluster) {
    agree_up_to(c, 21);
    c.sleep_ms(100); // of the first 19 there is a snapshot
    let [short, voter] = c.others([c.leader()]);
    c.cut_off(short);
    agree_up_to(c, 25);
    c.never_elected(short, &[voter]);
    c.heal();
    agree_up_to(c, 27);
}

/// A log with nothing after its snapshot ends with the snapshot's last entry, whose term counts before all (§5.4.1, §7).
#[story(part = "2D", servers = 3, points = 3, snapshots, exact)]
fn election_restriction_with_an_empty_log(c: &Cluster) {
    c.agree("base");
    let long = c.leader();
    let [voter, _] = c.others([long]);
    c.cut_off(long);
    c.propose_at(long, (0..30u64).map(Command::from)); // a longer log, of an older term
    c.leader();
    agree_up_to(c, 19); // where the service takes a snapshot
    c.sleep_ms(100);
    c.never_elected(long, &[voter]);
    c.heal();
    agree_up_to(c, 22);
}

//! Power fails while snapshots are saved: log and snapshot fit (§7).

use raft::Raft;
use tests::prelude::*;

use crate::agree_up_to;

/// Power fails right after, or while, a snapshot is taken; log and snapshot still fit (§7).
#[story(part = "2D", servers = 3, points = 4, snapshots)]
fn crash_while_taking_a_snapshot(c: &Cluster) {
    c.agree("first");
    for round in 0..15u64 {
        let leader = c.leader();
        for number in 0..12 {
            let _ = c.try_propose(leader, 100 * round + number);
        }
        c.sleep(Duration::from_micros(rng().random_range(0..2000)));
        c.restart_all(c.servers());
        c.agree(100 * round + 99);
    }
}

/// Power fails right after one save or another when a snapshot is taken; log and snapshot on disk fit after each (§7).
#[story(part = "2D", servers = 3, points = 3, snapshots, exact)]
fn power_fails_after_any_save(c: &Cluster) {
    let mut last = 8; // what comes next makes each service take a snapshot
    for saves in 1..=5 {
        for leads in [true, false] {
            agree_up_to(c, last);
            let leader = c.leader();
            let [follower, _] = c.others([leader]);
            let victim = if leads { leader } else { follower };
            c.arm_power_failure_at_save(victim, saves);
            c.propose_at(leader, [random_command()]);
            c.sleep_ms(100);
            c.lose_power(victim);
            c.restart(victim);
            last += 10;
        }
    }
    agree_up_to(c, last);
}

/// The same when a snapshot comes from the leader (§7, Figure 13).
#[story(part = "2D", servers = 3, points = 3, snapshots, exact)]
fn power_fails_after_any_save_of_an_install(c: &Cluster) {
    let mut last = 5;
    for saves in 1..=4 {
        agree_up_to(c, last);
        let [behind, _] = c.others([c.leader()]);
        c.crash(behind);
        last += 30;
        agree_up_to(c, last);
        c.arm_power_failure_at_save(behind, saves);
        c.restart(behind);
        c.sleep_ms(1000);
        c.lose_power(behind);
        c.restart(behind);
    }
    agree_up_to(c, last + 5);
}

//! Power failures while threads stand still between any two of their steps.

use raft::Raft;
use tests::prelude::*;

/// Power fails while threads stand still for some milliseconds at any time; nothing that was promised is lost (§5.3, §5.4).
#[story(part = "2C", servers = 5, points = 3, stalls = 100)]
fn power_fails_while_threads_stand_still(c: &Cluster) {
    c.agree("first");
    for round in 0..20u64 {
        let leader = c.leader();
        let [one, other, ..]: [Server; 4] = c.others([leader]);
        let _ = c.try_propose(leader, round * 10);
        c.sleep_ms(rng().random_range(0..30));
        c.crash(leader);
        c.crash(one);
        c.agree(round * 10 + 1);
        c.restart(leader);
        c.restart(one);
        c.sleep_ms(rng().random_range(0..30));
        c.restart(other);
        c.agree(round * 10 + 2);
    }
}

//! Servers whose threads stand still between any two of their steps, as on a machine that has other work to do.

use raft::Raft;
use tests::prelude::*;

/// Threads stand still for some milliseconds at any time; each command is committed once, in order, everywhere (§5.3).
#[story(part = "2B", servers = 3, points = 3, limit = 240, stalls = 100)]
fn threads_stand_still(c: &Cluster) {
    for round in 0..4u64 {
        for pair in 0..25u64 {
            // The second may be committed while a thread that has seen to the first is about to wait. And no third comes,
            // which would make up for a wake-up that got lost.
            let leader = c.leader();
            c.propose_at(leader, [round * 100 + pair * 2]);
            c.sleep(Duration::from_micros(rng().random_range(0..8_000)));
            c.agree_at_once(round * 100 + pair * 2 + 1);
        }
        let leader = c.leader();
        c.cut_off(leader);
        c.agree_at_once(round * 100 + 60);
        c.rejoin(leader);
        c.agree(round * 100 + 61);
    }
}

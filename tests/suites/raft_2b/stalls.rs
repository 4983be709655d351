//! Servers whose threads stand still between any two of their steps, as on a machine that has other work to do.

use raft::Raft;
use tests::prelude::*;

/// Threads stand still for some milliseconds at any time; each command is committed once, in order, everywhere (§5.3).
#[story(part = "2B", servers = 3, points = 3, stalls = 40)]
fn threads_stand_still(c: &Cluster) {
    for round in 0..4 {
        for command in 0..25u64 {
            // One by one: a wake-up that gets lost is made up for by the next command.
            c.agree_at_once(round * 100 + command);
        }
        let leader = c.leader();
        c.cut_off(leader);
        c.agree_at_once(round * 100 + 50);
        c.rejoin(leader);
        c.agree(round * 100 + 51);
    }
}

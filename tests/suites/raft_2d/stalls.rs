//! Snapshots while threads stand still between any two of their steps.

use raft::Raft;
use tests::prelude::*;

use crate::expect_small_states;

/// Snapshots are taken and installed while threads stand still for some milliseconds at any time (§7, Figure 13).
#[story(part = "2D", servers = 3, points = 3, snapshots, stalls = 40)]
fn snapshots_while_threads_stand_still(c: &Cluster) {
    c.agree_at_once("first");
    for round in 0..12u64 {
        let leader = c.leader();
        let [away, _] = c.others([leader]);
        c.cut_off(away);
        for command in 0..13 {
            c.agree_at_once(round * 100 + command);
        }
        c.rejoin(away);
        c.sleep_ms(300); // its term, which is later, has deposed the leader by now
        c.agree(round * 100 + 50);
        expect_small_states(c);
    }
}

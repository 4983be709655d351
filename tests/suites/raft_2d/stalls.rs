//! Snapshots while threads stand still between any two of their steps.

use raft::Raft;
use tests::prelude::*;

use crate::expect_small_states;

/// Snapshots are taken and installed while threads stand still for some milliseconds at any time (§7, Figure 13).
#[story(part = "2D", servers = 3, points = 3, snapshots, stalls = 100)]
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

/// The same under so many commands that whoever stands still falls behind, and is sent a snapshot (§7, Figure 13).
#[story(
    part = "2D",
    servers = 3,
    points = 3,
    snapshots,
    apply_room = 64,
    limit = 400,
    stalls = 100
)]
fn many_commands_while_threads_stand_still(c: &Cluster) {
    const BATCH: u64 = 30;
    c.agree("first");
    for batch in 0..500u64 {
        let leader = c.leader();
        let commands = batch * BATCH..(batch + 1) * BATCH;
        commands.for_each(|command| _ = c.try_propose(leader, command));
        c.sleep_ms(rng().random_range(0..40));
    }
    c.agree("last");
}

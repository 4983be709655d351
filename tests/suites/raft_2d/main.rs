//! Part 2D: snapshots (§7). The service on each server takes one every ten entries.

mod elections;
mod install;
mod power;
mod service;
mod stalls;
mod terms;

use raft::Raft;
use tests::prelude::*;

/// What may be on disk besides snapshots, in bytes: a handful of entries.
const LARGEST_STATE: usize = 2000;

/// What happens to one server while the others go on.
#[derive(Clone, Copy, PartialEq)]
enum Away {
    Nobody,
    CutOff,
    Crashed,
}

/// Snapshots are taken, and the log before them is forgotten (§7).
#[story(part = "2D", servers = 3, points = 4, original, snapshots)]
fn snapshot_basic(c: &Cluster) {
    snapshots_with(c, Away::Nobody);
}

/// A follower that was cut off needs a snapshot when it is back, since the log was forgotten (§7, Figure 13).
#[story(part = "2D", servers = 3, points = 4, original, snapshots)]
fn snapshot_install(c: &Cluster) {
    snapshots_with(c, Away::CutOff);
}

/// The same on a network that loses and delays messages (§7, Figure 13).
#[story(part = "2D", servers = 3, points = 4, original, snapshots)]
fn snapshot_install_unreliable(c: &Cluster) {
    c.set_reliable(false);
    snapshots_with(c, Away::CutOff);
}

/// A follower whose power failed needs a snapshot when it is back (§7, Figure 13).
#[story(part = "2D", servers = 3, points = 4, original, snapshots)]
fn snapshot_install_crash(c: &Cluster) {
    snapshots_with(c, Away::Crashed);
}

/// The same on a network that loses and delays messages (§7, Figure 13).
#[story(part = "2D", servers = 3, points = 4, original, snapshots)]
fn snapshot_install_un_crash(c: &Cluster) {
    c.set_reliable(false);
    snapshots_with(c, Away::Crashed);
}

fn snapshots_with(c: &Cluster, away: Away) {
    c.agree(random_command());
    for iteration in 0..30 {
        let leader = c.leader();
        let [follower, _] = c.others([leader]);
        // Every third time the leader is the victim, and another takes the commands in vain.
        let (victim, sender) = if iteration % 3 == 1 {
            (leader, follower)
        } else {
            (follower, leader)
        };
        match away {
            Away::Nobody => {}
            Away::CutOff => c.cut_off(victim),
            Away::Crashed => c.crash(victim),
        }
        if away != Away::Nobody {
            c.agree(random_command());
        }
        for _ in 0..rng().random_range(5..15) {
            let _ = c.try_propose(sender, random_command());
        }
        c.agree(random_command());
        expect_small_states(c);
        c.strike(&Fault::Revive(victim));
        c.agree(random_command());
    }
}

fn expect_small_states(c: &Cluster) {
    let (server, size) = c.largest_state();
    c.expect(&claim::STATE_SIZE, size < LARGEST_STATE, || {
        format!("{server} has {size} bytes of Raft state on disk, though a snapshot is taken every 10 entries; expected less than {LARGEST_STATE}")
    });
}

/// Power fails everywhere; snapshots and logs survive together (§7).
#[story(part = "2D", servers = 3, points = 4, original, snapshots)]
fn snapshot_all_crash(c: &Cluster) {
    c.agree(random_command());
    for _ in 0..5 {
        for _ in 0..rng().random_range(5..15) {
            c.agree(random_command());
        }
        let before = c.agree(random_command());
        c.restart_all(c.servers());
        let after = c.agree(random_command());
        c.expect(&claim::COMMITTED_STAYS, after > before, || {
            format!("a command came to stand at index {after} after all crashed; the one before the crash stands at {before}")
        });
    }
}

/// The snapshot survives the next save after a restart, and so a second restart (§7).
#[story(part = "2D", servers = 3, points = 3, original, snapshots)]
fn snapshot_init(c: &Cluster) {
    for _ in 0..12 {
        c.agree(random_command());
    }
    c.restart_all(c.servers());
    c.agree(random_command());
    c.restart_all(c.servers());
    c.agree(random_command());
}

fn agree_often(c: &Cluster, commands: usize) {
    for _ in 0..commands {
        c.agree(random_command());
    }
}

/// Brings the log to this length.
fn agree_up_to(c: &Cluster, last: u64) {
    while c.agree(random_command()).0 < last {}
}

fn expect_kept(c: &Cluster, commands: &[Command]) {
    let log = c.log();
    for command in commands {
        c.expect(&claim::COMMITTED_STAYS, log.contains(command), || {
            format!(
                "{command} was applied, and is not in the final log of {} entries",
                log.len()
            )
        });
    }
}

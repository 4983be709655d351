//! Configurations on disks and in snapshots (§6, §7).

use raft::Raft;
use tests::prelude::*;

use crate::{expect_joint, hold_replies, ms, seconds};

/// Snapshots take the place of the entries that were configurations: nobody forgets who is a member (§6, §7).
#[story(part = "2E", servers = 5, voters = 3, points = 4, snapshots)]
fn change_across_a_snapshot(c: &Cluster) {
    let [a, b, x] = c.founding();
    let [d, last] = c.newcomers();
    c.agree_among(&[a, b, x], "three");
    c.cut_off(x);
    c.change(&[a, b, x, d]);
    for number in 0..45u64 {
        c.agree_among(&[a, b, d], number);
    }
    c.rejoin(x); // needs what is in the snapshot
    c.agree_among(&[a, b, x, d], "four");
    let four = [a, b, x, d];
    expect_kept(
        c,
        &four,
        &four,
        "it was brought up to date, by a snapshot if it was away",
    );
    c.restart_all(four);
    expect_kept(c, &four, &four, "its power failed");
    c.agree_among(&four, "four again");
    c.change_to(&four, &[last]); // knows of the cluster what its leader tells it
    c.agree_among(&[a, b, x, d, last], "five");
    c.restart_all([last]);
    c.cut_off(a);
    c.cut_off(b);
    c.no_agreement_among(
        &[x, d],
        seconds(2),
        "two of four voters and a learner are no majority",
    );
}

/// A snapshot that ends inside a follower's log leaves the configurations after it in force (§6; Figure 13, InstallSnapshot 6).
#[story(part = "2E", servers = 3, voters = 3, points = 3, snapshots, exact)]
fn a_change_after_a_snapshot(c: &Cluster) {
    c.mark_snapshots();
    c.agree("first");
    let leader = c.leader();
    let [keeper, third] = c.others([leader]);
    // Both are sent entries up to 19, `keeper` the change as well, and the leader hears of none of it.
    hold_replies(c, leader, &[keeper, third]);
    c.propose_at(leader, (2..=19u64).map(Command::from));
    c.sleep_ms(2);
    c.handle(Mail::Requests, leader, third, Handling::Swallow);
    c.cut_calls(third, keeper);
    c.begin_change(&[leader, third], &[]);
    c.sleep_ms(2);
    expect_joint(c, &[keeper]);
    c.hold(leader, keeper);
    // `third` has confirmed 19, where a snapshot is taken. For all the leader knows, `keeper` needs it.
    c.release_held(Mail::Replies, third, leader);
    c.sleep_ms(120); // long enough for the next heartbeats, and no election timeout
    c.release_snapshot(leader, keeper);
    c.sleep_ms(2);
    let now = c.membership(keeper).unwrap_or_default();
    c.expect(&claim::MEMBERS_KEPT, now.is_joint(), || {
        format!(
            "{keeper} had a C_old,new at 20 when a snapshot came that ends at 19; now it has {now}"
        )
    });
    c.let_all_pass();
    c.heal();
    c.expect_members(&[leader, third], &[]);
    c.agree_among(&[leader, third], "two");
}

/// A snapshot stands for C_old,new and not for C_new: a server that restarts with it alone is in the midst of the change (§6, §7).
#[story(part = "2E", servers = 3, voters = 3, points = 3, snapshots, exact)]
fn a_snapshot_in_the_midst_of_a_change(c: &Cluster) {
    c.agree("first");
    let leader = c.leader();
    let [stays, leaves] = c.others([leader]);
    c.cut_off(leaves);
    // Commands come after C_old,new before it is committed, and so before C_new, which nobody but the leader gets.
    hold_replies(c, leader, &[stays]);
    c.begin_change(&[leader, stays], &[]);
    let (last, _) = c.propose_at(leader, (0..25u64).map(Command::from));
    c.sleep_ms(5);
    c.hold(leader, stays);
    c.release_held(Mail::Replies, stays, leader);
    c.until(ms(250), ms(1), || c.applied(leader) >= last);
    c.hold(leader, leaves);
    c.rejoin(leaves);
    let is_joint = |s: Server| c.membership(s).is_some_and(|m| m.is_joint());
    let has_snapshot = || c.applied(leaves) > LogIndex(10) && is_joint(leaves);
    let came = c.until(seconds(3), ms(2), || {
        has_snapshot() || {
            c.release_next(Mail::Requests, leader, leaves);
            false
        }
    });
    c.crash(leaves);
    c.boot(leaves);
    let now = c.membership(leaves).unwrap_or_default();
    c.expect(&claim::MEMBERS_KEPT, now.is_joint() || !came, || {
        format!("{leaves} had a snapshot, which came with a C_old,new, and nothing else when its power failed; now it has {now}")
    });
    c.let_all_pass();
    c.heal();
    c.rejoin(leaves);
    c.expect_members(&[leader, stays], &[]);
    c.agree_among(&[leader, stays], "two");
}

fn expect_kept(c: &Cluster, servers: &[Server], voters: &[Server], when: &str) {
    let expected = Membership::of(voters.iter().copied().map(Into::into));
    for server in servers {
        let now = c.membership(*server).unwrap_or_default();
        c.expect(&claim::MEMBERS_KEPT, now == expected, || {
            format!("{server} has {now} after {when}; expected {expected}")
        });
    }
}

/// All servers lose their power after a change, and again: the configuration is on their disks (§6).
#[story(part = "2E", servers = 4, voters = 3, points = 3)]
fn everyone_restarts(c: &Cluster) {
    let [a, b, d] = c.founding();
    let [new] = c.newcomers();
    c.change(&[a, b, new]);
    for round in 0..2u64 {
        c.restart_all([a, b, d, new]);
        expect_kept(c, &[a, b, new], &[a, b, new], "its power failed");
        c.agree_among(&[a, b, new], round);
    }
    c.crash(a);
    c.agree_among(&[b, new], "two of three");
    c.crash(b);
    c.no_agreement_among(&[new], seconds(2), "one of three voters is no majority");
}

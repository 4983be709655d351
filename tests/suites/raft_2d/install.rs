//! What becomes of a log when the leader's snapshot comes (Figure 13).

use raft::Raft;
use tests::prelude::*;

use crate::{agree_often, agree_up_to, expect_kept};

/// A snapshot that comes late, or twice, erases nothing that was confirmed since (Figure 13).
#[story(part = "2D", servers = 3, points = 4, snapshots, exact)]
fn late_snapshot_erases_nothing(c: &Cluster) {
    c.agree("first");
    let leader = c.leader();
    let [keeper, away] = c.others([leader]);
    c.cut_off(keeper);
    agree_often(c, 25);
    // What brings `keeper` up to date is kept, to be sent once more later on.
    c.cut_off(away);
    c.handle(Mail::Requests, leader, keeper, Handling::Copy);
    c.rejoin(keeper);
    c.agree("caught up");
    c.handle(Mail::Requests, leader, keeper, Handling::Pass);
    // These are confirmed by `keeper` alone, and then it is all that remembers them.
    c.expect(&claim::STABLE_LEADER, c.leads(leader), || {
        format!("{leader} lost its office, though {keeper} hears it")
    });
    let kept: Vec<Command> = (0..5u64).map(Command::from).collect();
    c.agree_all(&kept);
    c.release_held(Mail::Requests, leader, keeper);
    c.cut_off(leader);
    c.rejoin(away);
    c.agree("after");
    c.rejoin(leader);
    c.agree("last");
    expect_kept(c, &kept);
}

/// The reply to a snapshot comes when the leader has a later one: it confirms the one that was sent (Figure 13; Figure 2, matchIndex).
#[story(part = "2D", servers = 3, points = 2, snapshots, exact)]
fn a_late_reply_to_a_snapshot(c: &Cluster) {
    agree_up_to(c, 5);
    let leader = c.leader();
    let [behind, _] = c.others([leader]);
    c.cut_off(behind); // for less than an election timeout
    let (first, _) = c.propose_at(leader, (0..20u64).map(Command::from));
    c.wait(first, 2, None);
    // Reply by reply, until it has the snapshot; the leader does not hear of that yet.
    c.handle(Mail::Replies, behind, leader, Handling::Hold);
    c.rejoin(behind);
    c.until(Duration::from_secs(3), Duration::from_millis(1), || {
        c.applied(behind) >= LogIndex(19) || {
            c.release_next(Mail::Replies, behind, leader);
            false
        }
    });
    c.handle(Mail::Requests, leader, behind, Handling::Swallow);
    if c.leads(leader) {
        let (last, _) = c.propose_at(leader, (0..22u64).map(Command::from));
        c.wait(last, 2, None);
        c.sleep_ms(20); // now the leader has a later one
        c.release_held(Mail::Replies, behind, leader);
        c.sleep_ms(20);
        c.let_all_pass();
        // Before another snapshot brings it all that it lacks.
        let (limit, poll) = (Duration::from_secs(3), Duration::from_millis(10));
        let brought = c.until(limit, poll, || c.applied(behind) >= last);
        c.expect(&claim::AGREEMENT, brought || !c.leads(leader), || {
            format!(
                "{behind}, which {leader} reaches again, lacks entries up to {last}, and after {limit:?} has applied no more than {}; \
                 {leader} had sent it a snapshot, and heard so when it had a later one",
                c.applied(behind)
            )
        });
    }
    c.let_all_pass();
    agree_up_to(c, 50);
}

/// A snapshot that ends inside a follower's log leaves what comes after it (Figure 13, InstallSnapshot 6).
#[story(part = "2D", servers = 3, points = 3, snapshots, exact)]
fn snapshot_inside_the_log(c: &Cluster) {
    c.mark_snapshots();
    c.agree("first");
    let leader = c.leader();
    let [keeper, third] = c.others([leader]);
    // Both are sent entries up to 19, `keeper` six more, and the leader hears of none of it.
    for follower in [keeper, third] {
        c.handle(Mail::Replies, follower, leader, Handling::Hold);
    }
    c.propose_at(leader, (2..=19u64).map(Command::from));
    c.sleep_ms(2);
    c.handle(Mail::Requests, leader, third, Handling::Swallow);
    c.cut_calls(third, keeper);
    let (last, _) = c.propose_at(leader, (20..=25u64).map(Command::from));
    c.sleep_ms(2);
    c.hold(leader, keeper);
    // `third` has confirmed 19, where a snapshot is taken. For all the leader knows, `keeper` needs it.
    c.release_held(Mail::Replies, third, leader);
    c.sleep_ms(120); // long enough for the next heartbeats, and no election timeout
    // Now it hears that `keeper` holds everything. The snapshot comes in after that.
    c.release_held(Mail::Replies, keeper, leader);
    c.until(Duration::from_millis(10), Duration::from_millis(1), || {
        c.committed(last).0 > 0
    });
    // What was sent before the snapshot would tell `keeper` what is committed: it gets lost.
    c.release_snapshot(leader, keeper);
    c.sleep_ms(1);
    c.cut_off(leader);
    c.let_all_pass();
    c.heal();
    c.agree("after");
    c.rejoin(leader);
    c.agree("last");
}

/// A snapshot that ends inside a follower's log commits nothing of what comes after it (Figure 13, InstallSnapshot 6; §5.3).
#[story(part = "2D", servers = 5, points = 3, snapshots, exact)]
fn snapshot_inside_an_uncommitted_log(c: &Cluster) {
    c.mark_snapshots();
    c.agree("first");
    let leader = c.leader();
    let [keeper, third, fourth, away] = c.others([leader]);
    c.cut_off(away);
    // As in the story before; but what `keeper` alone was sent stays with it and the leader, two of five.
    for follower in [keeper, third, fourth] {
        c.handle(Mail::Replies, follower, leader, Handling::Hold);
    }
    c.propose_at(leader, (2..=19u64).map(Command::from));
    c.sleep_ms(2);
    for follower in [third, fourth] {
        c.handle(Mail::Requests, leader, follower, Handling::Swallow);
        c.cut_calls(follower, keeper);
    }
    let (last, _) = c.propose_at(leader, (20..=25u64).map(Command::from));
    c.sleep_ms(2);
    c.hold(leader, keeper);
    for follower in [third, fourth] {
        c.release_held(Mail::Replies, follower, leader);
    }
    c.sleep_ms(120);
    c.release_snapshot(leader, keeper);
    c.sleep_ms(20);
    c.none_applied(last);
    c.let_all_pass();
    c.heal();
    c.rejoin(away);
    c.agree("after");
}

/// A leader goes on from entries for which its follower has a snapshot: what the snapshot stands for is there (§5.3, §7).
#[story(part = "2D", servers = 3, points = 3, snapshots, exact)]
fn what_a_snapshot_covers_is_there(c: &Cluster) {
    agree_up_to(c, 5);
    let leader = c.leader();
    let [unheard, other] = c.others([leader]);
    // The leader keeps its whole log, since its service takes long over its snapshot, and applies nothing meanwhile.
    c.set_snapshot_pace(leader, Duration::from_secs(5));
    agree_up_to(c, 8);
    // `unheard` takes, commits and forgets what it is sent, and the leader hears of none of it.
    c.handle(Mail::Replies, unheard, leader, Handling::Swallow);
    let (last, _) = c.propose_at(leader, (0..24u64).map(Command::from));
    c.until(Duration::from_secs(2), Duration::from_millis(10), || {
        c.applied(unheard) >= last
    });
    c.sleep_ms(300);
    c.let_all_pass();
    c.cut_off(other); // now it is needed
    // Unless its leader, of whom `unheard` heard little meanwhile, was replaced.
    if let Ok((index, _)) = c.try_propose(leader, "with its help") {
        // Before the leader has a snapshot, which would help it as well.
        let (limit, poll) = (Duration::from_secs(2), Duration::from_millis(10));
        let applied = c.until(limit, poll, || c.committed(index).0 > 0);
        c.expect(&claim::AGREEMENT, applied || !c.leads(leader), || {
            format!(
                "{leader} and {unheard}, two of three, have not applied index {index} {limit:?} after {unheard}'s answers reach {leader} \
                 again; it has a snapshot of what {leader} sends it"
            )
        });
    }
    c.set_snapshot_pace(leader, Duration::ZERO);
    c.rejoin(other);
    c.sleep_ms(5000);
    agree_up_to(c, last.0 + 10);
}

/// Everything that a leader sends arrives twice, the second time late, and snapshots with it (Figure 13).
#[story(part = "2D", servers = 3, points = 3, snapshots, exact)]
fn everything_twice(c: &Cluster) {
    for round in 0..8u64 {
        let leader = c.leader();
        let [away, _] = c.others([leader]);
        for from in c.servers() {
            for to in c.others::<2>([from]) {
                let late = Duration::from_millis(rng().random_range(1..400));
                c.handle(Mail::Requests, from, to, Handling::Twice(late));
            }
        }
        c.cut_off(away);
        agree_often(c, 15);
        c.rejoin(away);
        agree_often(c, 7);
        c.agree(round);
    }
}

/// A snapshot that ends where a follower has an entry of another term: nothing of its log stays (Figure 13, step 7).
#[story(part = "2D", servers = 3, points = 3, snapshots)]
fn snapshot_over_a_stale_tail(c: &Cluster) {
    c.agree("base");
    let old = c.leader();
    c.cut_off(old);
    for number in 0..30u64 {
        let _ = c.try_propose(old, number); // its log is now the longest
    }
    c.sleep_ms(200);
    // The others end exactly where their snapshot does, so no entry of theirs tells it what to cut off.
    c.leader();
    agree_up_to(c, 19);
    c.sleep_ms(500);
    c.rejoin(old);
    c.sleep_ms(2000);
    agree_up_to(c, 25);
    c.restart_all(c.servers());
    c.agree("last");
}

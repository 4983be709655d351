//! Part 2D: snapshots (§7). The service on each server takes one every ten entries.

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

/// A snapshot that ends inside a follower's log leaves what comes after it (Figure 13, InstallSnapshot 6).
#[story(part = "2D", servers = 3, points = 3, snapshots, exact)]
fn snapshot_inside_the_log(c: &Cluster) {
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
    c.release_last(Mail::Requests, leader, keeper);
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
    c.release_last(Mail::Requests, leader, keeper);
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

/// A snapshot is the first that a server hears of a new leader: it brings the term, too (§5.1; Figure 13).
#[story(part = "2D", servers = 5, points = 2, snapshots, exact)]
fn a_snapshot_brings_the_term(c: &Cluster) {
    agree_up_to(c, 3);
    let old = c.leader();
    let [behind, others @ ..] = c.others::<4>([old]);
    // `behind` has a leader, and so stays in its term. The others go on in another.
    c.partition(&[&[old, behind], &others]);
    let leader = c.leader_among(&others);
    c.hold(leader, behind);
    c.keep_links(|from, to| {
        to == behind && [old, leader].contains(&from)
            || others.contains(&from) && others.contains(&to)
    });
    let before = c.applied(behind);
    let (last, term) = c.propose_at(leader, (0..22u64).map(Command::from));
    c.wait(last, others.len(), None);
    c.sleep_ms(20);
    // Heartbeats came before it, and are still held.
    c.release_last(Mail::Requests, leader, behind);
    c.sleep_ms(5);
    let taken = c.applied(behind) > before;
    let told = c.term_of(behind);
    c.expect(&claim::HIGHER_TERM, !taken || told >= term, || {
        format!("{behind} has taken a snapshot of {leader}, which leads term {term}, and is in term {told}")
    });
    c.let_all_pass();
    c.heal();
    agree_up_to(c, last.0 + 3);
}

/// A server that nobody hears is in a later term, and its leader has only a snapshot for it: the reply tells of the term (Figure 13; §5.1).
#[story(part = "2D", servers = 3, points = 3, snapshots, exact)]
fn a_snapshot_finds_a_later_term(c: &Cluster) {
    let (leader, ahead) = behind_and_ahead(c);
    let term = c.term_of(ahead);
    c.rejoin(ahead);
    let known = c.until(Duration::from_secs(5), Duration::from_millis(10), || {
        c.term_of(leader) >= term
    });
    c.expect(&claim::HIGHER_TERM, known, || {
        let now = c.term_of(leader);
        format!(
            "{leader} is in term {now}; for 5 s it has sent a snapshot to {ahead}, which is in term {term} and replies, and can \
             call nobody"
        )
    });
    agree_up_to(c, 30);
    c.heal();
    agree_up_to(c, 31);
}

/// A server that is behind in entries, for which its leader has only a snapshot, and ahead in terms, of which nobody
/// has heard: (leader, ahead). It is still cut off, and can call nobody when it is back.
fn behind_and_ahead(c: &Cluster) -> (Server, Server) {
    agree_up_to(c, 5);
    let leader = c.leader();
    let [ahead, other] = c.others([leader]);
    c.cut_off(ahead); // and runs for office
    agree_up_to(c, 25);
    c.sleep_ms(1500);
    for to in [leader, other] {
        c.cut_calls(ahead, to);
    }
    (leader, ahead)
}

/// A snapshot from the leader of an earlier term is refused, and nothing of it is taken (§5.1; Figure 13, step 1).
#[story(part = "2D", servers = 3, points = 2, snapshots, exact)]
fn a_snapshot_of_an_earlier_term(c: &Cluster) {
    let (leader, ahead) = behind_and_ahead(c);
    c.handle(Mail::Replies, ahead, leader, Handling::Swallow); // or its term would depose the leader
    let (term, later, had) = (c.term_of(leader), c.term_of(ahead), c.applied(ahead));
    c.rejoin(ahead);
    c.sleep_ms(1500);
    let has = c.applied(ahead);
    c.expect(&claim::STALE_REQUESTS, later == term || has == had, || {
        format!(
            "{ahead} was in term {later}, with entries up to {had}; {leader} of term {term} sent it a snapshot, which it took: \
             now it has them up to {has}"
        )
    });
    c.let_all_pass();
    c.heal();
    agree_up_to(c, 31);
}

/// The service hands over a snapshot that it began before a newer one came from the leader: the newer one stays (§7).
#[story(part = "2D", servers = 3, points = 3, snapshots, exact)]
fn a_late_snapshot_of_the_service(c: &Cluster) {
    agree_up_to(c, 5);
    let leader = c.leader();
    let [slow, _] = c.others([leader]);
    c.set_snapshot_pace(slow, Duration::from_secs(10));
    agree_up_to(c, 9); // of which the service makes a snapshot
    c.cut_off(slow);
    agree_up_to(c, 35);
    c.rejoin(slow);
    c.sleep_ms(12_000); // Raft has the leader's snapshot by now, and after that was given the service's own
    c.set_snapshot_pace(slow, Duration::ZERO);
    agree_up_to(c, 36);
    c.restart(slow); // with what its Raft has kept
    agree_up_to(c, 45);
}

/// A leader's snapshot comes while earlier entries wait for the service: it gets them first, or not at all (§7; raftapi::ApplyMsg).
#[story(part = "2D", servers = 3, points = 2, snapshots, exact)]
fn a_snapshot_overtakes_no_entry(c: &Cluster) {
    agree_up_to(c, 3);
    let leader = c.leader();
    let [slow, _] = c.others([leader]);
    c.set_pace(slow, Duration::from_secs(3));
    for number in 0..5u64 {
        c.agree_on(2, number); // one is with its service, the others wait
    }
    c.sleep_ms(200);
    c.cut_off(slow);
    agree_up_to(c, 25);
    c.rejoin(slow);
    c.sleep_ms(2000); // by now it has the snapshot
    c.set_pace(slow, Duration::ZERO);
    c.sleep_ms(3000);
    agree_up_to(c, 35);
}

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

/// A service that takes its time over each entry holds up neither elections nor start() and state().
#[story(part = "2D", servers = 3, points = 3, snapshots, exact)]
fn slow_service_delays_no_election(c: &Cluster) {
    c.agree("first");
    for server in c.servers() {
        c.set_pace(server, Duration::from_secs(2));
    }
    let leader = c.leader();
    c.propose_at(leader, (0..10u64).map(Command::from));
    c.sleep_ms(500); // now every service is busy, and more entries wait for it
    for server in c.servers() {
        c.answers_at_once(server);
    }
    c.takes_at_once(leader, "meanwhile");
    c.cut_off(leader);
    let left: [Server; 2] = c.others([leader]);
    let next = c.leader_among(&left);
    c.takes_at_once(next, "and then");
    c.rejoin(leader);
    for server in c.servers() {
        c.set_pace(server, Duration::ZERO);
    }
    c.sleep_ms(3000);
    c.agree("last");
}

/// A service that is busy when a snapshot comes for it holds up no election (§7).
#[story(part = "2D", servers = 3, points = 2, snapshots, exact)]
fn a_snapshot_that_waits_delays_no_election(c: &Cluster) {
    agree_up_to(c, 5);
    let [slow, _] = c.others([c.leader()]);
    c.set_pace(slow, Duration::from_secs(10));
    c.agree_on(2, "keeps it busy");
    c.sleep_ms(200);
    c.cut_off(slow);
    agree_up_to(c, 25);
    c.rejoin(slow);
    c.sleep_ms(2000); // by now it has the snapshot, and its service has not
    let leader = c.leader();
    c.answers_at_once(slow);
    c.cut_off(leader);
    c.leader_among(&c.others::<2>([leader])); // the third one needs its vote
    c.rejoin(leader);
    c.set_pace(slow, Duration::ZERO);
    c.sleep_ms(8000);
    agree_up_to(c, 30);
}

/// A hundred thousand entries: the log on disk stays small, and no snapshot holds up agreement (§7).
#[story(
    part = "2D",
    servers = 3,
    points = 3,
    snapshots,
    runs = 1,
    apply_room = 64
)]
fn hundred_thousand_entries(c: &Cluster) {
    const BATCH: u64 = 500;
    /// A batch may be in the log at once, at some twenty bytes an entry, and the rest is small.
    const LARGEST: usize = BATCH as usize * 20 + LARGEST_STATE;
    c.agree(0);
    let mut sent = 1;
    while sent < 100_000 {
        let leader = c.leader_quickly();
        let taken: Vec<LogIndex> = (sent..sent + BATCH)
            .filter_map(|command| c.try_propose(leader, command).ok())
            .map(|(index, _)| index)
            .collect();
        sent += BATCH;
        if let Some(last) = taken.last() {
            c.wait(*last, 3, None);
        }
        let (server, size) = c.largest_state();
        c.expect(&claim::STATE_SIZE, size < LARGEST, || {
            format!("after {sent} entries {server} has {size} bytes of Raft state on disk; expected less than {LARGEST}")
        });
    }
    c.agree("last");
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

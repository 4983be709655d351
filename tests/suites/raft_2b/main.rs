//! Part 2B: the log (§5.3, §5.4).

mod commit;
mod leaders;
mod repair;
mod restriction;
mod stalls;

use raft::Raft;
use tests::prelude::*;

/// Three commands are agreed on, one after the other, at indices 1, 2, 3 (§5.3).
#[story(part = "2B", servers = 3, points = 3, original)]
fn basic_agree(c: &Cluster) {
    for index in 1..=3 {
        c.not_yet_applied(LogIndex(index));
        let at = c.agree_at_once(index * 100);
        c.expect_index(at, index);
    }
}

/// Each command travels to each follower once: bytes sent stay near the bytes proposed (§5.3).
#[story(part = "2B", servers = 3, points = 3, original)]
fn rpc_bytes(c: &Cluster) {
    c.agree_at_once(99);
    let before = c.bytes();
    const COMMANDS: u64 = 10;
    const SIZE: u64 = 5000;
    for number in 0..COMMANDS {
        let at = c.agree_at_once(random_text(SIZE as usize));
        c.expect_index(at, number + 2);
    }
    let (sent, most) = (c.bytes() - before, 3 * COMMANDS * SIZE + 50_000);
    c.expect(&claim::FEW_BYTES, sent <= most, || {
        format!("{sent} bytes were sent for {COMMANDS} commands of {SIZE} bytes; at most {most} are needed")
    });
}

/// Followers fail one after the other; without a majority nothing is applied (§5.3).
#[story(part = "2B", servers = 3, points = 2, original)]
fn follower_failure(c: &Cluster) {
    c.agree_at_once(101);
    let [first, _] = c.others([c.leader()]);
    c.cut_off(first);
    c.agree_at_once(102);
    c.sleep_ms(1000);
    c.agree_at_once(103);

    let leader = c.leader();
    let [last] = c.others([first, leader]);
    c.cut_off(last);
    let (index, _) = c.propose_at(leader, [104]);
    c.expect_index(index, 4);
    c.sleep_ms(2000);
    c.none_applied(index);
}

/// Leaders fail one after the other; without a majority nothing is applied (§5.3).
#[story(part = "2B", servers = 3, points = 2, original)]
fn leader_failure(c: &Cluster) {
    c.agree_at_once(101);
    c.cut_off(c.leader());
    c.agree_at_once(102);
    c.sleep_ms(1000);
    c.agree_at_once(103);
    c.cut_off(c.leader());
    for server in c.servers() {
        let _ = c.try_propose(server, 104);
    }
    c.sleep_ms(2000);
    c.none_applied(LogIndex(4));
}

/// A follower that was away catches up when it is back (§5.3).
#[story(part = "2B", servers = 3, points = 3, original)]
fn fail_agree(c: &Cluster) {
    c.agree_at_once(101);
    let [away, _] = c.others([c.leader()]);
    c.cut_off(away);
    c.agree_at_once(102);
    c.agree_at_once(103);
    c.sleep_ms(1000);
    c.agree_at_once(104);
    c.agree_at_once(105);
    c.rejoin(away);
    c.agree(106);
    c.sleep_ms(1000);
    c.agree(107);
}

/// No agreement without a majority; when it is back, agreement goes on (§5.3).
#[story(part = "2B", servers = 5, points = 3, original)]
fn fail_no_agree(c: &Cluster) {
    c.agree_at_once(10);
    let leader = c.leader();
    let [a, b, d, _] = c.others([leader]);
    for away in [a, b, d] {
        c.cut_off(away);
    }
    let (index, _) = c.propose_at(leader, [20]);
    c.expect_index(index, 2);
    c.sleep_ms(2000);
    c.none_applied(index);
    for back in [a, b, d] {
        c.rejoin(back);
    }
    // The three may have elected a leader of their own, which never heard of 20.
    let leader = c.leader();
    let (index, _) = c.propose_at(leader, [30]);
    c.expect(&claim::INDEX, matches!(index.0, 2 | 3), || {
        format!("expected index 2 or 3, got {index}")
    });
    c.agree(1000);
}

/// A command may be of any size, from nothing to a quarter of a million bytes, of any bytes, and say what another has said: each comes
/// out as it was put in, at an index of its own (raftapi::Raft::start).
#[story(part = "2B", servers = 3, points = 2)]
fn commands_of_any_size(c: &Cluster) {
    let mut last = LogIndex::ZERO;
    let mut agree_on_all = || {
        let commands = [0, 0, 1, 250_000, 70_000, 9].map(random_text);
        for command in commands.into_iter().chain([every_byte()]) {
            let at = c.agree(&command);
            c.expect(&claim::INDEX, at > last, || {
                format!("{command} is at index {at}; the command before it is at {last}")
            });
            last = at;
        }
    };
    agree_on_all();
    // A follower that was away gets them, too.
    let [away, _] = c.others([c.leader()]);
    c.cut_off(away);
    agree_on_all();
    c.rejoin(away);
    c.agree("last");
}

/// A service has ended, and nobody takes what its server applies: it stores entries and confirms them as before (raftapi::Raft::make).
#[story(part = "2B", servers = 3, points = 2)]
fn nobody_receives(c: &Cluster) {
    c.agree("first");
    let leader = c.leader();
    let [deaf, away] = c.others([leader]);
    c.end_service(deaf);
    c.agree_on(2, "second");
    c.cut_off(away);
    for number in 0..3u64 {
        c.agree_on(1, number); // not without `deaf`
    }
}

/// Commands given to the leader at the same time all get in, each at an index of its own (§5.3).
#[story(part = "2B", servers = 3, points = 3, original)]
fn concurrent_starts(c: &Cluster) {
    const ROUNDS: u64 = 5; // who looks first and appends then is not caught each time
    const TRIES: usize = 5;
    let (mut round, mut tries) = (0, 0);
    while round < ROUNDS {
        if all_get_in(c, 100 * (round + 1)) {
            round += 1;
            continue;
        }
        tries += 1;
        if tries == TRIES {
            c.fail(
                &claim::STABLE_LEADER,
                format!("the term changed in each of {TRIES} tries, although nothing failed"),
            );
        }
        c.sleep_ms(3000);
    }
}

/// Five threads give the leader commands at once, from `first` on; `false` if its term ends before it is known what came of
/// them.
fn all_get_in(c: &Cluster, first: u64) -> bool {
    const THREADS: usize = 5;
    const EACH: u64 = 8;
    let leader = c.leader();
    let Ok((_, term)) = c.try_propose(leader, first - 1) else {
        return false;
    };
    let changed = || c.servers().iter().any(|s| c.term_of(*s) != term);
    let taken = c.together(THREADS, move |c, number| {
        let own = (0..EACH).map(|nth| first + number as u64 * EACH + nth);
        own.filter_map(|command| c.try_propose(leader, command).ok())
            .collect::<Vec<_>>()
    });
    if changed() {
        return false;
    }
    let mut seen = Vec::new();
    for (index, its_term) in taken.into_iter().flatten() {
        if its_term != term {
            continue;
        }
        match c.wait(index, 3, Some(term)) {
            Waited::Applied(command) => seen.push(command),
            Waited::TermChanged => return false,
        }
    }
    if changed() {
        return false;
    }
    let last = first + THREADS as u64 * EACH - 1;
    let given = (first..=last).map(Command::from);
    let lost: Vec<Command> = given.filter(|command| !seen.contains(command)).collect();
    c.expect(&claim::CONCURRENT_COMMANDS, lost.is_empty(), || {
        format!(
            "{leader} was given {first} to {last} by {THREADS} threads at once; at the indices that start() gave, {lost:?} never came out"
        )
    });
    true
}

/// A leader that comes back with entries nobody else saw gives them up (§5.3).
#[story(part = "2B", servers = 3, points = 3, original)]
fn rejoin(c: &Cluster) {
    c.agree(101);
    let first = c.leader();
    c.cut_off(first);
    for lost in [102, 103, 104] {
        let _ = c.try_propose(first, lost);
    }
    c.agree(103); // the others' own; it comes to stand at index 2
    let second = c.leader();
    c.cut_off(second);
    c.rejoin(first);
    c.agree(104);
    c.rejoin(second);
    c.agree(105);
    c.all_apply([101, 103, 104, 105]);
}

/// A leader finds quickly where a follower's log, wrong by dozens of entries, agrees with its own (§5.3).
#[story(part = "2B", servers = 5, points = 4, original)]
fn backup(c: &Cluster) {
    c.agree(random_command());
    let first = c.leader();
    let [near, x, y, z] = c.others([first]);
    for away in [x, y, z] {
        c.cut_off(away);
    }
    propose_in_vain(c, first, 50);
    c.sleep_ms(500);
    c.cut_off(first);
    c.cut_off(near);
    for back in [x, y, z] {
        c.rejoin(back);
    }
    agree_often(c, 50);

    // Again with one of the three away, so that the leader and one follower are a minority.
    let second = c.leader();
    let [away, kept] = c.others([second, first, near]);
    c.cut_off(away);
    propose_in_vain(c, second, 50);
    c.sleep_ms(500);
    c.cut_off(second);
    c.cut_off(kept);
    for back in [first, near, away] {
        c.rejoin(back);
    }
    agree_often(c, 50);

    for back in [second, kept] {
        c.rejoin(back);
    }
    c.agree(random_command());
}

/// Elections, agreement and idling take few RPCs (§5.3).
#[story(part = "2B", servers = 3, points = 3, original)]
fn count(c: &Cluster) {
    c.leader();
    let elected = rpcs_in(c);
    c.expect(&claim::ELECTION_RPCS, (1..=30).contains(&elected), || {
        format!("{elected} RPCs to elect the first leader")
    });
    let agreed = (0..5).find_map(|attempt| {
        if attempt > 0 {
            c.sleep_ms(3000);
        }
        count_agreement(c)
    });
    let Some(sent) = agreed else {
        c.fail(
            &claim::STABLE_LEADER,
            "the term changed in each of 5 tries, although nothing failed",
        );
    };
    // Each of the 12 commands goes to two followers, alone at worst, and each is told that it is committed; and a heartbeat
    // may be due. The original lab counts ten commands, and asks for 42: too few for TiKV's core (seed 0x22026d).
    const MOST: u64 = 12 * 2 * 2 + 2;
    c.expect(&claim::FEW_RPCS, sent <= MOST, || {
        format!("{sent} RPCs for 12 entries; at most {MOST} are needed")
    });
    let before = rpcs_in(c);
    c.sleep_ms(1000);
    let idle = rpcs_in(c) - before;
    c.expect(&claim::QUIET_WHEN_IDLE, idle <= 3 * 20, || {
        format!("{idle} RPCs in an idle second; at most 60 are needed")
    });
}

/// RPCs that a burst of commands took; `None` if the term changed on the way.
fn count_agreement(c: &Cluster) -> Option<u64> {
    let leader = c.leader();
    let before = rpcs_in(c);
    let (first, term) = c.try_propose(leader, 1).ok()?;
    let mut commands = Vec::new();
    for offset in 1..12 {
        let command = random_command();
        let (index, its_term) = c.try_propose(leader, &command).ok()?;
        if its_term != term {
            return None;
        }
        c.expect_index(index, first.0 + offset);
        commands.push((index, command));
    }
    for (index, command) in &commands[..10] {
        match c.wait(*index, 3, Some(term)) {
            Waited::TermChanged => return None,
            Waited::Applied(applied) => c.expect(&claim::APPLIED_LOG, applied == *command, || {
                format!("{leader} took {command} at index {index} in term {term}; applied there: {applied}")
            }),
        }
    }
    let unchanged = c.servers().iter().all(|s| c.term_of(*s) == term);
    unchanged.then(|| rpcs_in(c) - before)
}

/// RPCs that arrived at any server so far.
fn rpcs_in(c: &Cluster) -> u64 {
    c.servers().into_iter().map(|s| c.rpcs_to(s)).sum()
}

fn propose_in_vain(c: &Cluster, leader: Server, commands: usize) {
    for _ in 0..commands {
        let _ = c.try_propose(leader, random_command());
    }
}

fn agree_often(c: &Cluster, commands: usize) {
    for _ in 0..commands {
        c.agree(random_command());
    }
}

//! Part 2B: the log (§5.3, §5.4).

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

/// Commands given to the leader at the same time all get in, each at an index of its own (§5.3).
#[story(part = "2B", servers = 3, points = 3, original)]
fn concurrent_starts(c: &Cluster) {
    for attempt in 0..5 {
        if attempt > 0 {
            c.sleep_ms(3000);
        }
        let leader = c.leader();
        let Ok((_, term)) = c.try_propose(leader, 1) else {
            continue;
        };
        let taken = c.together(5, move |c, number| {
            c.try_propose(leader, 100 + number as u64).ok()
        });
        if c.servers().iter().any(|s| c.term_of(*s) != term) {
            continue;
        }
        let mut seen = Vec::new();
        for (index, its_term) in taken.into_iter().flatten() {
            if its_term != term {
                continue;
            }
            match c.wait(index, 3, Some(term)) {
                Waited::Applied(command) => seen.push(command),
                Waited::TermChanged => break,
            }
        }
        if c.servers().iter().any(|s| c.term_of(*s) != term) {
            continue;
        }
        for number in 100..105 {
            let command = Command::from(number);
            c.expect(&claim::CONCURRENT_COMMANDS, seen.contains(&command), || {
                format!("{leader} was given 100 to 104 at once; {command} is not among what was applied: {seen:?}")
            });
        }
        return;
    }
    c.fail(
        &claim::STABLE_LEADER,
        "the term changed in each of 5 tries, although nothing failed",
    );
}

/// Commands come in at the very moment at which a leader learns that another is in office: none is taken in the new term (§5.3).
#[story(part = "2B", servers = 3, points = 3, exact)]
fn start_while_stepping_down(c: &Cluster) {
    c.agree("first");
    for round in 0..30u64 {
        c.depose_while(move |c, old, client| {
            while_it_takes_them(c, old, &format!("{round} of {client}"));
        });
    }
    c.agree("last");
}

/// Gives a server commands until it refuses one, fifty at most.
fn while_it_takes_them(c: &Cluster, server: Server, command: &str) {
    let mut numbers = 0..50;
    while numbers.next().is_some_and(|number| {
        c.try_propose(server, format!("{command}, {number}"))
            .is_ok()
    }) {}
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

/// A log that is wrong by 150 entries is put right in a few round trips, not in 150 (§5.3).
#[story(part = "2B", servers = 3, points = 3, exact)]
fn quick_backup(c: &Cluster) {
    c.agree("base");
    let wrong = c.leader();
    c.cut_off(wrong);
    propose_in_vain(c, wrong, 150);
    c.leader();
    agree_often(c, 150);
    let last = c.agree("last");
    repairs_quickly(c, wrong, last);
}

/// The same where the leader has no entry of the term in which the wrong ones were made, so that nothing but the
/// follower's own log can tell how far they go back (§5.3).
#[story(part = "2B", servers = 3, points = 3, exact)]
fn quick_backup_of_an_unknown_term(c: &Cluster) {
    c.agree("base");
    let first = c.leader();
    c.cut_off(first);
    let wrong = c.leader();
    c.cut_off(wrong); // nobody else has anything of its term
    propose_in_vain(c, wrong, 150);
    c.rejoin(first);
    c.leader();
    agree_often(c, 150);
    let last = c.agree("last");
    repairs_quickly(c, wrong, last);
}

/// A leader that does not know where the logs part, and so starts at the end of its own, puts that of `wrong` right.
fn repairs_quickly(c: &Cluster, wrong: Server, last: LogIndex) {
    let right = c.leader();
    let [next] = c.others([wrong, right]);
    c.cut_off(right);
    c.set_delay(Duration::from_millis(40));
    c.rejoin(wrong);
    c.leader_among(&[next, wrong]);
    let limit = Duration::from_secs(4); // 150 round trips take 6 s
    let repaired = c.until(limit, Duration::from_millis(10), || {
        c.committed(last).0 == 3
    });
    c.expect(&claim::QUICK_BACKUP, repaired, || {
        format!(
            "{wrong} came back with 150 wrong entries; 4 s after {next} was elected it has not \
             applied the right ones, though a round trip takes 40 ms"
        )
    });
}

/// What a follower has beyond the leader's entries is not committed with them (§5.3, Figure 2: AppendEntries 5).
#[story(part = "2B", servers = 3, points = 3, exact)]
fn stale_tail_is_not_committed(c: &Cluster) {
    c.agree("base");
    let old = c.leader();
    c.cut_off(old);
    propose_in_vain(c, old, 5);
    // The new leader commits as many entries, and only then can reach the old one.
    c.leader();
    agree_often(c, 5);
    c.sleep_ms(1000);
    c.rejoin(old);
    c.agree("last");
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
    const MOST: u64 = (10 + 1 + 3) * 3;
    c.expect(&claim::FEW_RPCS, sent <= MOST, || {
        format!("{sent} RPCs for 10 entries; at most {MOST} are needed")
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

/// An AppendEntries that arrives a second time, late, erases nothing that was confirmed since (§5.3).
#[story(part = "2B", servers = 3, points = 3, exact)]
fn late_duplicate_erases_nothing(c: &Cluster) {
    let leader = c.leader();
    let [keeper, away] = c.others([leader]);
    c.cut_off(away);
    c.handle(Mail::Requests, leader, keeper, Handling::Copy);
    c.agree("a");
    c.handle(Mail::Requests, leader, keeper, Handling::Pass);
    c.agree_all(["b", "c"]);
    // What brought "a" arrives again; then `keeper` is all that remembers "b" and "c".
    c.release_held(Mail::Requests, leader, keeper);
    c.cut_off(leader);
    c.rejoin(away);
    c.agree("d");
    c.rejoin(leader);
    c.agree("e");
    c.all_apply(["a", "b", "c", "d", "e"]);
}

/// The leader confirms what a follower was sent, not what its own log holds when the reply comes (Figure 2, matchIndex).
#[story(part = "2B", servers = 3, points = 3, exact)]
fn reply_counts_what_was_sent(c: &Cluster) {
    let leader = c.leader();
    let [follower, away] = c.others([leader]);
    c.cut_off(away);
    c.handle(Mail::Replies, follower, leader, Handling::Hold);
    c.propose_at(leader, ["sent"]);
    c.sleep_ms(120); // its reply is on its way, and maybe that to a heartbeat
    c.handle(Mail::Requests, leader, follower, Handling::Swallow);
    let (index, _) = c.propose_at(leader, ["never sent", "nor this"]);
    c.release_held(Mail::Replies, follower, leader);
    c.sleep_ms(500);
    c.expect(&claim::REPLY_COUNTS_WHAT_WAS_SENT, c.committed(index).0 == 0, || {
        format!("{leader} applied index {index}, which it has sent to nobody, when {follower} confirmed an earlier entry")
    });
    c.let_all_pass();
    c.rejoin(away);
    c.agree("last");
}

/// A reply to what a leader sent in an earlier term says nothing about the log that it has now (§5.3).
#[story(part = "2B", servers = 5, points = 3, exact)]
fn late_replies_confirm_nothing(c: &Cluster) {
    c.agree("base");
    let leader = c.leader();
    let [follower, other, voter, last] = c.others([leader]);
    // Entries that only `follower` gets, whose reply is long on its way.
    c.handle(Mail::Replies, follower, leader, Handling::Hold);
    c.partition(&[&[leader, follower], &[other, voter, last]]);
    c.propose_at(leader, ["lost 1", "lost 2", "lost 3", "lost 4", "lost 5"]);
    c.leader_among(&[other, voter, last]);
    c.heal();
    c.agree("kept"); // in the place of the lost ones, with all five
    // It leads again, in a later term. Now only `other` gets what it sends.
    c.elect(leader, &[other, voter]);
    c.handle(Mail::Requests, leader, follower, Handling::Swallow);
    c.handle(Mail::Requests, leader, other, Handling::Pass);
    c.keep_links(|from, to| from == leader && [other, follower].contains(&to));
    c.release_held(Mail::Requests, leader, other);
    let (index, _) = c.propose_at(leader, ["held by two"]);
    c.sleep_ms(200);
    c.none_applied(index);
    c.release_held(Mail::Replies, follower, leader);
    c.sleep_ms(200);
    c.expect(&claim::STALE_REPLIES, c.committed(index).0 == 0, || {
        format!(
            "{leader} applied index {index}, which it has sent to {other} alone, when {follower} confirmed entries that \
             {leader} had sent it in an earlier term"
        )
    });
    c.let_all_pass();
    c.heal();
    c.agree("last");
}

/// Two of four are no majority: what they hold is not committed (§5.3).
#[story(part = "2B", servers = 4, points = 2)]
fn half_is_no_majority(c: &Cluster) {
    c.agree("first");
    let leader = c.leader();
    let [a, b, _] = c.others([leader]);
    c.cut_off(a);
    c.cut_off(b);
    let (index, _) = c.propose_at(leader, ["held by two"]);
    c.sleep_ms(2000);
    c.none_applied(index);
    c.rejoin(a);
    c.agree("held by three");
    c.rejoin(b);
    c.agree("last");
}

/// What a follower held when this server led before may be gone by the time that it leads again (Figure 2, Volatile state on leaders).
#[story(part = "2B", servers = 5, points = 3, exact)]
fn matches_are_counted_anew(c: &Cluster) {
    c.agree("first");
    let twice = c.leader();
    let [forgetful, next, y, z] = c.others([twice]);
    // `forgetful` confirms six entries, which get lost: `next` is elected by others and puts its own there.
    c.partition(&[&[twice, forgetful]]);
    c.propose_at(twice, (0..6).map(|number| format!("lost {number}")));
    c.sleep_ms(300);
    c.elect(next, &[y, z]);
    c.let_all_pass();
    c.heal();
    c.cut_off(twice);
    c.cut_off(forgetful);
    c.agree("second");
    c.rejoin(forgetful);
    c.agree("third");
    // Now `twice` leads again. What it was told of the entries up to the seventh is not true any more.
    c.cut_off(forgetful);
    c.rejoin(twice);
    c.agree("fourth");
    c.elect(twice, &[next, y, z]);
    c.let_all_pass();
    c.partition(&[&[twice, y]]);
    let (index, _) = c.propose_at(twice, ["held by two"]);
    c.sleep_ms(1000);
    c.none_applied(index);
    c.heal();
    c.rejoin(forgetful);
    c.agree("last");
}

/// Who lacks a committed entry is never elected, be its log the longer one or of the same term (§5.4.1).
#[story(part = "2B", servers = 5, points = 4, exact)]
fn election_restriction(c: &Cluster) {
    c.agree("base");
    let long = c.leader();
    let others: [Server; 4] = c.others([long]);
    // A long log of an old term …
    c.cut_off(long);
    c.propose_at(long, ["x", "y", "z"]);
    // … against a short one of a newer term, which is committed.
    c.agree("kept");
    let [a, b, short, ..] = others;
    never_elected(c, long, &[a, b]);
    c.heal();

    // A log of the same term, but shorter.
    let leader = c.leader();
    let short = if short == leader { a } else { short };
    c.agree("all"); // now all logs are alike
    c.cut_off(short);
    c.agree("kept too");
    let voters: Vec<Server> = others
        .into_iter()
        .filter(|s| *s != short && *s != leader)
        .take(2)
        .collect();
    never_elected(c, short, &voters);
    c.heal();
    c.agree("last");
}

/// A voter's whole log counts, also entries that it does not know to be committed (§5.4.1).
#[story(part = "2B", servers = 5, points = 3, exact)]
fn a_voters_whole_log_counts(c: &Cluster) {
    c.agree("base");
    let leader = c.leader();
    let [a, b, candidate, away] = c.others([leader]);
    c.cut_off(candidate);
    c.cut_off(away);
    // `a` and `b` get an entry, the leader commits it, and they do not hear of that.
    c.hold(leader, a);
    c.hold(leader, b);
    let (index, _) = c.propose_at(leader, ["kept"]);
    c.until(Duration::from_millis(250), Duration::from_millis(1), || {
        let committed = c.committed(index).0 > 0;
        if !committed {
            c.release_held(Mail::Requests, leader, a);
            c.release_held(Mail::Requests, leader, b);
        }
        committed
    });
    c.cut_off(leader);
    if c.committed(index).0 == 0 {
        return; // a Raft that takes a quarter of a second over an entry
    }
    never_elected(c, candidate, &[a, b]);
    c.let_all_pass();
    c.heal();
    c.rejoin(leader);
    c.rejoin(away);
    c.agree("last");
    c.all_apply(["base", "kept", "last"]);
}

/// Back on the network, `candidate` alone can reach anyone: these two, who know better. The links are cut before it
/// is back, or the leader might bring it up to date first (PCT, seed 0x10d8).
#[track_caller]
fn never_elected(c: &Cluster, candidate: Server, voters: &[Server]) {
    let before = c.term_of(candidate);
    c.keep_links(|from, to| from == candidate && voters.contains(&to));
    c.rejoin(candidate);
    let elected = c.until(
        Duration::from_secs(4),
        Duration::from_millis(5),
        || matches!(c.state(candidate), Some((term, true)) if term > before),
    );
    c.expect(&claim::ELECTION_RESTRICTION, !elected, || {
        let voters = set(voters.iter().copied());
        format!("{voters} elected {candidate}, whose log lacks an entry that theirs hold committed")
    });
}

/// An old leader that brings its entry to a majority does not commit it by that (§5.4.2, Figure 8).
#[story(part = "2B", servers = 5, points = 4, exact)]
fn figure8_step_by_step(c: &Cluster) {
    c.agree("base");
    // (a) S1 leads and brings its entry to S2 only.
    let s1 = c.leader();
    let [s2, s3, s4, s5] = c.others([s1]);
    c.partition(&[&[s1, s2], &[s3, s4, s5]]);
    let (index, _) = c.propose_at(s1, ["old"]);
    c.sleep_ms(500);
    // (b) S5 is elected by the others, takes an entry of a later term, and is gone before it tells anyone.
    c.elect(s5, &[s3, s4]);
    c.cut_off(s5);
    c.propose_at(s5, ["lost or kept"]);
    c.let_all_pass();
    // (c) S1 or S2 is elected by S3, and brings the old entry to a majority.
    c.cut_off(s4);
    c.heal();
    c.leader_among(&[s1, s2, s3]);
    c.sleep_ms(1000);
    let committed = c.committed(index).0 > 0;
    // (d) S5 is back, and may overwrite it: a majority finds its log the newest.
    c.cut_off(s1);
    c.cut_off(s2);
    c.rejoin(s4);
    c.rejoin(s5);
    if committed {
        // Then this majority has an entry of a later term behind it, one that the leader began its term with (§8)
        // and that has no index here. Nobody without it is elected any more.
        let elected = c.try_to_elect(s5, &[s3, s4], 4).is_some();
        c.expect(&claim::COMMIT_OWN_TERM, !elected, || {
            format!(
                "index {index} was applied, an entry of an older term that a majority holds; no command was given to \
                 the new leader. Then {s5} was elected, which has another entry there"
            )
        });
        c.let_all_pass();
        c.heal();
    }
    c.agree("new");
    c.rejoin(s1);
    c.rejoin(s2);
    c.agree("last");
    // Where leaders begin their terms with an entry of their own, S3 may not have taken the old one, or S5 not be elected.
    let log = c.log();
    let either = ["old", "lost or kept"].into_iter();
    let either = either.filter(|command| log.contains(&Command::from(*command)));
    let kept: Vec<&str> = either.take(1).collect();
    c.all_apply(["base"].into_iter().chain(kept).chain(["new", "last"]));
}

/// A leader whom nobody's answer reaches commits nothing, and goes on when they do (§5.3).
#[story(part = "2B", servers = 3, points = 2, exact)]
fn deaf_leader(c: &Cluster) {
    c.agree("base");
    let leader = c.leader();
    for other in c.others::<2>([leader]) {
        c.cut_one_way(other, leader);
    }
    let (index, _) = c.propose_at(leader, ["unanswered"]);
    let poll = Duration::from_millis(10);
    c.until(Duration::from_secs(3), poll, || {
        !c.leads(leader) || c.committed(index).0 > 0
    });
    // One that resigns because it hears nobody (dissertation §6.2) makes room for another, which may well commit it.
    if c.leads(leader) {
        c.none_applied(index);
    }
    c.heal();
    c.agree("answered");
    c.all_apply(["base", "unanswered", "answered"]);
}

/// A follower whose answers got lost has committed what the leader sends it again, and is in step as soon as it is heard (§5.3).
#[story(part = "2B", servers = 3, points = 3, exact)]
fn unheard_follower(c: &Cluster) {
    c.agree("first");
    let leader = c.leader();
    let [unheard, _] = c.others([leader]);
    c.cut_one_way(unheard, leader);
    c.agree_on(2, "second");
    c.agree_on(2, "third");
    c.sleep_ms(1000); // the leader begins again, more than once, from what was confirmed last
    c.heal();
    c.agree("fourth");
    c.all_apply(["first", "second", "third", "fourth"]);
}

/// A leader that was killed takes no more commands (raftapi::Raft::kill).
#[story(part = "2B", servers = 3, points = 1, exact)]
fn a_killed_leader_takes_nothing(c: &Cluster) {
    c.agree("first");
    let leader = c.leader();
    c.kill_all_and_check();
    let taken = c.try_propose(leader, "too late");
    c.expect(&claim::ENDS_WHEN_KILLED, taken.is_err(), || {
        format!(
            "{leader} led and was killed; after that start() took a command, for index {}",
            taken.map_or(0, |(index, _)| index.0)
        )
    });
}

/// An RPC that hangs to one follower holds up neither agreement with the others nor start() and state().
#[story(part = "2B", servers = 3, points = 3, exact)]
fn stuck_rpc_blocks_no_agreement(c: &Cluster) {
    c.agree("first");
    let leader = c.leader();
    let [stuck, other] = c.others([leader]);
    c.hold(leader, stuck);
    c.cut_calls(stuck, leader);
    c.cut_calls(stuck, other);
    c.takes_at_once(leader, "second");
    c.answers_at_once(leader);
    for number in 0..10u64 {
        c.agree_on(2, number);
        c.answers_at_once(leader);
        c.answers_at_once(other);
    }
    c.let_all_pass();
    c.heal();
    c.agree("last");
}

/// A leader that is cut off for an hour causes no storm of RPCs, then or when it is back (§5.3).
#[story(part = "2B", servers = 3, points = 3, exact, limit = 4000, runs = 1)]
fn leader_cut_off_for_an_hour(c: &Cluster) {
    c.agree("first");
    let old = c.leader();
    c.cut_off(old);
    let _ = c.try_propose(old, "in vain");
    c.agree("second");
    let before = c.rpcs();
    c.sleep(Duration::from_secs(3600));
    let sent = c.rpcs() - before;
    const MOST: u64 = 3600 * 4 * 12; // two leaders, two followers each, ten heartbeats a second and some grace
    c.expect(&claim::QUIET_WHEN_IDLE, sent <= MOST, || {
        format!("{sent} RPCs in an hour in which nothing was proposed; at most {MOST} are needed")
    });
    let before = c.rpcs();
    c.rejoin(old);
    c.agree("third");
    c.sleep_ms(1000);
    let sent = c.rpcs() - before;
    c.expect(&claim::FEW_RPCS, sent <= 400, || {
        format!("{sent} RPCs when {old} was back after an hour; at most 400 are needed")
    });
    let leader = c.leader();
    c.expect(
        &claim::STALE_LEADER_STEPS_DOWN,
        leader == old || !c.leads(old),
        || format!("{old} still says that it leads"),
    );
    c.all_apply(["first", "second", "third"]);
}

//! What counts towards a majority, and so is committed (§5.3, §5.4.2).

use raft::Raft;
use tests::prelude::*;

use crate::{agree_often, propose_in_vain};

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

/// A server whose service is busy confirms entries all the same, and they are committed with its help (§5.3).
#[story(part = "2B", servers = 3, points = 2)]
fn a_busy_service_holds_up_no_agreement(c: &Cluster) {
    c.agree("first");
    let leader = c.leader();
    let [busy, away] = c.others([leader]);
    c.set_pace(busy, Duration::from_secs(60)); // longer than anything here takes
    c.agree_on(2, "keeps it busy");
    c.agree_on(2, "waits for it");
    c.sleep_ms(200); // by now the server wants to hand over the second
    c.cut_off(away);
    let (last, _) = c.propose_at(leader, (0..5u64).map(Command::from));
    c.wait(last, 1, None); // two of three hold them, one of which is `busy`
    c.rejoin(away);
    c.set_pace(busy, Duration::ZERO);
    c.sleep_ms(60_000);
    c.agree("last");
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
    let (index, _) = c.propose_at(leader, ["never heard", "nor this"]);
    c.sleep_ms(200); // by now they are sent, and nobody hears them
    c.release_held(Mail::Replies, follower, leader);
    c.sleep_ms(500);
    c.expect(&claim::REPLY_COUNTS_WHAT_WAS_SENT, c.committed(index).0 == 0, || {
        format!("{leader} applied index {index}, which has reached nobody, when {follower} confirmed an earlier entry")
    });
    c.let_all_pass();
    c.rejoin(away);
    c.agree("last");
}

/// Entries are committed while others are on their way, though the log is never confirmed to its end (§5.3).
#[story(part = "2B", servers = 3, points = 2)]
fn commits_while_commands_come_in(c: &Cluster) {
    c.agree("first");
    c.set_delay(Duration::from_millis(20));
    let leader = c.leader();
    let (index, _) = c.propose_at(leader, ["watched"]);
    for number in 0..200u64 {
        c.sleep_ms(5);
        let _ = c.try_propose(leader, number);
    }
    let applied = c.committed(index).0;
    c.expect(&claim::AGREEMENT, applied == 3 || !c.leads(leader), || {
        format!(
            "{leader} took the command at index {index} a second ago and one more every 5 ms since; a message takes 20 ms, and \
             {applied} of three servers have applied it"
        )
    });
    c.heal();
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
    c.handle(Mail::Replies, follower, leader, Handling::Pass); // what is held stays so
    c.agree_among(&[other, voter, last], "kept"); // or the old leader, whose log is longer, might be elected once more
    c.heal();
    c.agree("by all five"); // also in the place of lost ones
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

/// An old leader that brings its entry to a majority does not commit it by that (§5.4.2, Figure 8).
#[story(part = "2B", servers = 5, points = 4, exact)]
fn figure8_step_by_step(c: &Cluster) {
    figure8(c, |_, _| ());
}

/// The same if the old leader has a command of its new term by then, as in the figure: that nobody else has it counts, not
/// that it is there (§5.4.2, Figure 8).
#[story(part = "2B", servers = 5, points = 4, exact)]
fn figure8_with_a_command_of_its_term(c: &Cluster) {
    figure8(c, |c, leader| {
        for other in c.others::<4>([leader]) {
            c.handle(Mail::Requests, leader, other, Handling::Swallow);
        }
        c.propose_at(leader, ["of its term"]);
        c.sleep_ms(100);
    });
}

/// `then` comes after (c), to the leader that has brought the old entry to a majority.
fn figure8(c: &Cluster, then: impl Fn(&Cluster, Server)) {
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
    let leader = c.leader_among(&[s1, s2, s3]);
    c.sleep_ms(1000);
    then(c, leader);
    let committed = c.committed(index).0 > 0;
    // (d) S5 is back, and may overwrite it: a majority finds its log the newest.
    c.cut_off(s1);
    c.cut_off(s2);
    c.let_all_pass();
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
    // Where leaders begin their terms with an entry of their own, S3 may not have taken the old one, or S5 not be elected;
    // or S3 leads in (c), and is still there in (d).
    let log = c.log();
    let either = ["old", "lost or kept", "of its term"].into_iter();
    let either = either.filter(|command| log.contains(&Command::from(*command)));
    let kept: Vec<&str> = either.take(1).collect();
    c.all_apply(["base"].into_iter().chain(kept).chain(["new", "last"]));
}

//! How a follower's log is made like the leader's (§5.3).

use raft::Raft;
use tests::prelude::*;

use crate::{agree_often, propose_in_vain};

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
    repairs_quickly(c, wrong, "with 150 wrong entries", last);
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
    repairs_quickly(c, wrong, "with 150 wrong entries", last);
}

/// The same where entries of a later term stand behind the place at which the leader begins: they tell nothing of how far
/// the wrong ones go back (§5.3).
#[story(part = "2B", servers = 5, points = 3, exact)]
fn quick_backup_before_a_later_term(c: &Cluster) {
    c.agree("base");
    let wrong = c.leader();
    let [between, a, b, d] = c.others([wrong]);
    // 150 entries of one term, 20 of a later one, all of them in vain: another leads between, and tells nobody anything.
    c.cut_off(wrong);
    propose_in_vain(c, wrong, 150);
    c.elect(between, &[a, b]);
    c.rejoin(wrong);
    c.elect(wrong, &[a, b, d]);
    c.cut_off(wrong);
    propose_in_vain(c, wrong, 20);
    c.let_all_pass();
    c.partition(&[&[between, a, b, d]]);
    agree_often(c, 140);
    let last = c.agree("last");
    // Whoever is elected now begins at its own end, which is among the 150.
    let old = c.leader();
    c.cut_off(old);
    let rest: [Server; 3] = c.others([wrong, old]);
    let next = c.leader_among(&rest);
    let how = "with 150 wrong entries of one term and 20 of a later one";
    c.heal();
    c.set_delay(Duration::from_millis(40));
    c.rejoin(wrong);
    is_repaired(c, [wrong, next], how, last);
}

/// A follower that lacks 150 entries gets them in a few round trips from a leader that does not know how many it lacks (§5.3).
#[story(part = "2B", servers = 3, points = 3, exact)]
fn quick_catch_up(c: &Cluster) {
    c.agree("base");
    let [away, _] = c.others([c.leader()]);
    c.cut_off(away);
    agree_often(c, 150);
    let last = c.agree_on(2, "last");
    repairs_quickly(c, away, "without the last 151 entries", last);
}

/// A leader that does not know where the logs part, and so starts at the end of its own, puts that of `wrong` right.
fn repairs_quickly(c: &Cluster, wrong: Server, how: &str, last: LogIndex) {
    let right = c.leader();
    let [next] = c.others([wrong, right]);
    c.cut_off(right);
    c.set_delay(Duration::from_millis(40));
    c.rejoin(wrong);
    c.leader_among(&[next, wrong]);
    is_repaired(c, [wrong, next], how, last);
}

/// `wrong` has come back with a log like this, and `next` has been elected.
fn is_repaired(c: &Cluster, [wrong, next]: [Server; 2], how: &str, last: LogIndex) {
    let all = c.servers().len();
    let limit = Duration::from_secs(4); // 150 round trips take 6 s
    let repaired = c.until(limit, Duration::from_millis(10), || {
        c.committed(last).0 == all
    });
    c.expect(&claim::QUICK_BACKUP, repaired, || {
        format!(
            "{wrong} came back {how}; 4 s after {next} was elected it has not \
             applied the right ones, though a round trip takes 40 ms"
        )
    });
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

/// A leader whose requests do not fit the follower's log yet is there all the same: the follower does not run (Figure 2, Followers).
#[story(part = "2B", servers = 5, points = 3, exact)]
fn refused_requests_postpone_an_election(c: &Cluster) {
    /// Longer than lies between two heartbeats, and less than an election timeout.
    const SILENCE: Duration = Duration::from_millis(120);
    c.agree("first");
    let old = c.leader();
    let [leader, behind, voter, last] = c.others([old]);
    c.handle(Mail::Requests, old, behind, Handling::Swallow);
    c.agree_on(4, "second");
    // The new leader hears of no refusal, so it goes on with requests that do not fit.
    let term = c.elect(leader, &[behind, voter, last]);
    c.handle(Mail::Replies, behind, leader, Handling::Swallow);
    for (follower, handling) in [
        (behind, Handling::Copy),
        (voter, Handling::Pass),
        (last, Handling::Pass),
    ] {
        c.handle(Mail::Requests, leader, follower, handling);
        c.release_held(Mail::Requests, leader, follower);
    }
    c.heal();
    c.sleep_ms(20);
    if c.term_of(behind) == term {
        let (mut heard, mut heard_at) = (0, c.now());
        let (limit, moment) = (Duration::from_secs(2), Duration::from_millis(1));
        let runs = c.until(limit, moment, || {
            let sent = c.held(Mail::Requests, leader, behind);
            if sent > heard {
                (heard, heard_at) = (sent, c.now());
            }
            c.term_of(behind) > term
        });
        let silence = c.now() - heard_at;
        c.expect(&claim::REFUSAL_RESTARTS_TIMER, !runs || silence > SILENCE, || {
            format!(
                "{behind}, whose log lacks an entry, ran for a later term than {term} although {leader}, which leads it, had sent \
                 it a request {silence:?} before"
            )
        });
    }
    c.let_all_pass();
    c.agree("third");
    c.all_apply(["first", "second", "third"]);
}

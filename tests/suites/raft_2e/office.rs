//! Who may run for office, and handing it over (§6; dissertation §3.10, §4.2.3).

use raft::Raft;
use tests::prelude::*;

use crate::{ms, seconds};

/// A server that was removed while it was away runs for office for an hour, and disturbs nobody (§6; dissertation §4.2.3).
#[story(
    part = "2E",
    servers = 4,
    voters = 4,
    points = 4,
    limit = 4000,
    runs = 1,
    exact
)]
fn removed_server_runs_for_an_hour(c: &Cluster) {
    let [a, b, d, x] = c.founding();
    c.agree_among(&[a, b, d, x], "four");
    c.cut_off(x);
    let three = [a, b, d];
    c.change(&three);
    c.agree_among(&three, "three");
    c.rejoin(x);
    let (leader, before) = (c.leader_among(&three), highest(c, &three));
    for ten_minutes in 1..=6u64 {
        c.sleep(seconds(600));
        let terms = highest(c, &three).0 - before.0;
        // Now and then a Raft may elect another leader; this one would be deposed each second.
        c.expect(&claim::REMOVED_DISTURBS_NOBODY, terms <= 2 * ten_minutes, || {
            format!(
                "{terms} terms have begun in {ten_minutes}0 minutes since {x}, which was removed, is back; \
                 {leader} led term {before} then"
            )
        });
        c.agree_among(&three, ten_minutes);
    }
}

/// One voter hears the leader no more, and its log is as good as any; who hears the leader does not help it (§6; dissertation §4.2.3).
#[story(part = "2E", servers = 3, voters = 3, points = 3, exact)]
fn a_heard_leader_stays(c: &Cluster) {
    c.agree("three");
    let leader = c.leader();
    let term = c.term_of(leader);
    let [deaf, hears] = c.others([leader]);
    c.sleep_ms(200); // both know what is committed
    c.cut_calls(leader, deaf);
    c.cut_calls(deaf, leader);
    let stays = !c.until(seconds(3), ms(20), || {
        !c.leads(leader) || c.term_of(hears) > term
    });
    c.expect(&claim::HEARD_LEADER_STAYS, stays, || {
        format!(
            "{leader} led term {term}, and {hears} heard it all the time; {deaf}, which did not, ran for office, and now {hears} \
             is in term {}",
            c.term_of(hears)
        )
    });
    c.heal();
    c.agree("last");
}

fn highest(c: &Cluster, servers: &[Server]) -> Term {
    let terms = servers.iter().map(|s| c.term_of(*s));
    terms.max().unwrap_or_default()
}

/// The leader hands over its office while a client is at work; if its successor is away it goes on (dissertation §3.10).
// Five, so that the votes of those who have just heard the leader are needed: its own may be given in any case.
#[story(part = "2E", servers = 5, voters = 5, points = 4)]
fn transfer_under_load(c: &Cluster) {
    let stop = Flag::default();
    let load = c.start_load(&stop);
    for _ in 0..6 {
        let leader = c.leader();
        let [to, ..]: [Server; 4] = c.others([leader]);
        if c.try_transfer(leader, to).is_err() {
            continue; // it does not lead any more
        }
        let done = c.until(seconds(1), ms(5), || c.leads(to));
        c.expect(&claim::TRANSFER, done, || {
            format!("{leader} was to hand over to {to}, which does not lead 1 s later")
        });
    }
    stop.raise();
    c.join_actor(load);
    let leader = c.leader();
    let [away, others @ ..]: [Server; 4] = c.others([leader]);
    c.cut_off(away);
    if c.try_transfer(leader, away).is_ok() {
        let goes_on = c.until(seconds(2), ms(10), || c.try_propose(leader, "on").is_ok());
        c.expect(&claim::TRANSFER, goes_on || !c.leads(leader), || {
            format!("{leader} was to hand over to {away}, which is cut off; it leads 2 s later, and takes no commands")
        });
    }
    let [a, b, d] = others;
    c.agree_among(&[leader, a, b, d], "last");
}

/// The successor lacks entries: it is told to run only when it has them, and until then there are no new ones (dissertation §3.10, 1 to 3).
#[story(part = "2E", servers = 3, voters = 3, points = 3, exact)]
fn transfer_waits_for_the_log(c: &Cluster) {
    c.agree("first");
    let leader = c.leader();
    let term = c.term_of(leader);
    let [to, _] = c.others([leader]);
    c.hold(leader, to);
    c.propose_at(leader, (2..=9u64).map(Command::from));
    c.sleep_ms(20);
    begin_transfer(c, leader, to);
    c.expect(&claim::TRANSFER, c.try_propose(leader, "late").is_err(), || {
        format!("{leader} is to hand over to {to}, which lacks entries 2 to 9, and goes on taking commands")
    });
    c.sleep_ms(20);
    c.release_last(Mail::Requests, leader, to); // were it told already, it would run
    c.sleep_ms(5);
    c.let_all_pass();
    let done = c.until(seconds(1), ms(5), || c.leads(to));
    let stays = c.leads(leader) && c.term_of(leader) == term;
    c.expect(&claim::TRANSFER, done || stays, || {
        format!("{leader} was to hand over to {to}, which lacked entries 2 to 9; 1 s later neither has the office")
    });
    c.agree("last");
}

/// TimeoutNow arrives when another has been elected already, in a later term (dissertation §3.10; §5.1).
#[story(part = "2E", servers = 3, voters = 3, points = 2, exact)]
fn a_late_timeout_now(c: &Cluster) {
    c.agree("first");
    let leader = c.leader();
    let [to, other] = c.others([leader]);
    c.sleep_ms(200); // all that is committed is known everywhere
    c.hold(leader, to);
    begin_transfer(c, leader, to);
    c.sleep_ms(5);
    for (from, to) in [(leader, other), (to, other), (to, leader)] {
        c.cut_calls(from, to);
    }
    let elected = c.until(seconds(10), ms(10), || c.leads(other));
    c.expect(&claim::ONE_LEADER, elected, || {
        format!(
            "{other} can call everybody and {to} hears nobody else; {other} was not elected in 10 s"
        )
    });
    c.heal();
    c.sleep_ms(300);
    let term = c.term_of(other);
    let late = c.release_held(Mail::Requests, leader, to);
    c.sleep_ms(1000);
    c.expect(&claim::TRANSFER, c.leads(other) && c.term_of(other) == term, || {
        format!(
            "{other} led term {term} when {late} requests of {leader} from an earlier term reached {to}, a TimeoutNow among \
             them; 1 s later {other} is in term {}",
            c.term_of(other)
        )
    });
    c.let_all_pass();
    c.agree("last");
}

fn begin_transfer(c: &Cluster, leader: Server, to: Server) {
    let answer = c.try_transfer(leader, to);
    c.expect(&claim::TRANSFER, answer.is_ok(), || {
        format!("{leader} leads, {to} is a voter, and the transfer is refused")
    });
}

/// An office goes to a voter only, and only its holder hands it over (dissertation §3.10).
#[story(part = "2E", servers = 4, voters = 3, points = 2)]
fn transfer_to_a_voter_only(c: &Cluster) {
    let voters: [Server; 3] = c.founding();
    let [learner] = c.newcomers();
    c.change_to(&voters, &[learner]);
    let leader = c.leader();
    let term = c.term_of(leader);
    let follower = *voters.iter().find(|s| **s != leader).expect("two follow");
    for (at, to, why) in [
        (leader, learner, "it does not vote"),
        (follower, follower, "the one asked does not lead"),
    ] {
        let answer = c.try_transfer(at, to);
        let moved_on = c.term_of(leader) > term; // then all this is about another leader
        c.expect(&claim::CHANGE_REFUSED, answer.is_err() || moved_on, || {
            format!("{at} agreed to hand over to {to}, though {why}")
        });
    }
    c.nobody_leads(
        &[learner],
        seconds(1),
        &claim::LEARNERS_DO_NOT_COUNT,
        "it is a learner",
    );
    c.agree_among(&voters, "last");
}

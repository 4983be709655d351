//! Part 2E, which is optional: membership changes (§6).

mod interrupted;
mod office;
mod snapshots;

use raft::Raft;
use tests::prelude::*;

/// A cluster of one grows to three servers, then to five, and so can do without more of them (§6).
#[story(part = "2E", servers = 5, voters = 1, points = 3)]
fn grow(c: &Cluster) {
    let [a] = c.founding();
    let [b, d, e, f] = c.newcomers();
    c.agree_among(&[a], "one");
    c.change(&[a, b, d]);
    c.agree_among(&[a, b, d], "three");
    c.change(&[a, b, d, e, f]);
    c.agree_among(&[a, b, d, e, f], "five");
    c.cut_off(b);
    c.cut_off(e);
    c.agree_among(&[a, d, f], "three of five");
    c.cut_off(d);
    c.no_agreement_among(&[a, f], seconds(2), "two of five voters are no majority");
    for back in [b, d, e] {
        c.rejoin(back);
    }
    c.agree_among(&[a, b, d, e, f], "last");
}

/// Five servers become three, then one, and those that left are needed no more (§6).
#[story(part = "2E", servers = 5, voters = 5, points = 3)]
fn shrink(c: &Cluster) {
    let [a, b, d, e, f] = c.founding();
    c.agree_among(&[a, b, d, e, f], "five");
    c.change(&[a, b, d]);
    c.crash(e);
    c.crash(f);
    c.agree_among(&[a, b, d], "three");
    c.crash(d);
    c.agree_among(&[a, b], "two of three");
    c.restart(d);
    c.agree_among(&[a, b, d], "three again");
    c.change(&[a]);
    c.crash(b);
    c.crash(d);
    c.agree_among(&[a], "one");
}

/// Every server is replaced, one after the other, while a client is at work (§6).
#[story(part = "2E", servers = 6, voters = 3, points = 4)]
fn replace_everyone_under_load(c: &Cluster) {
    let stop = Flag::default();
    let load = c.start_load(&stop);
    let members = c.replace_three(|_| {});
    stop.raise();
    c.join_actor(load);
    c.agree_among(&members, "last");
}

/// Two of three servers are swapped in one change, and the two that left are gone at once (§6, Figure 10).
#[story(part = "2E", servers = 5, voters = 3, points = 3)]
fn swap_two_at_once(c: &Cluster) {
    let [a, b, d] = c.founding();
    let [e, f] = c.newcomers();
    c.agree_among(&[a, b, d], "old");
    c.change(&[a, e, f]);
    c.crash(b);
    c.crash(d);
    c.agree_among(&[a, e, f], "new");
    c.cut_off(e);
    c.agree_among(&[a, f], "two of three");
}

/// Clusters of four and of two: half of the servers are no majority, before and after (§6).
#[story(part = "2E", servers = 4, voters = 4, points = 3)]
fn even_sizes(c: &Cluster) {
    let [a, b, d, e] = c.founding();
    c.agree_among(&[a, b, d, e], "four");
    c.change(&[a, b]);
    c.crash(d);
    c.crash(e);
    c.agree_among(&[a, b], "two");
    c.cut_off(b);
    c.no_agreement_among(&[a], seconds(2), "one of two voters is no majority");
    c.rejoin(b);
    c.agree_among(&[a, b], "two again");
    c.change(&[a, b, d, e]);
    c.cut_off(d);
    c.agree_among(&[a, b, e], "three of four");
    c.cut_off(e);
    c.no_agreement_among(&[a, b], seconds(2), "two of four voters are no majority");
}

/// A leader that is not in C_new steps down once it is committed, and another takes its place (§6).
#[story(part = "2E", servers = 3, voters = 3, points = 3)]
fn remove_the_leader(c: &Cluster) {
    c.agree("three");
    let leader = c.leader();
    let [a, b] = c.others([leader]);
    c.change(&[a, b]);
    let gone = c.until(seconds(5), ms(10), || !c.leads(leader));
    c.expect(&claim::LEADER_LEAVES, gone, || {
        format!("{leader} still leads, 5 s after {a} and {b} went on without it")
    });
    c.agree_among(&[a, b], "two");
    c.nobody_leads(
        &[leader],
        seconds(2),
        &claim::LEADER_LEAVES,
        "it was removed",
    );
    c.agree_among(&[a, b], "last");
}

/// A leader that is not in C_new does not count itself towards a majority of it (§6).
#[story(part = "2E", servers = 3, voters = 3, points = 3)]
fn a_leaving_leader_does_not_count(c: &Cluster) {
    c.agree("three");
    let leader = c.leader();
    let [a, b] = c.others([leader]);
    c.cut_off(b);
    c.begin_change(&[a, b], &[]);
    c.no_agreement_among(
        &[leader, a],
        seconds(2),
        &format!("of the new voters, {a} and {b}, one is cut off, and the leader is none"),
    );
    c.rejoin(b);
    c.expect_members(&[a, b], &[]);
    c.agree_among(&[a, b], "two");
}

/// A server that was removed is taken in again, with the log that it had; once more after its power failed (§6).
#[story(part = "2E", servers = 3, voters = 3, points = 3)]
fn removed_server_returns(c: &Cluster) {
    let [a, b, x] = c.founding();
    c.agree_among(&[a, b, x], "with it");
    for round in 0..3u64 {
        c.change(&[a, b]);
        for number in 0..5 {
            c.agree_among(&[a, b], 100 * round + number);
        }
        if round == 1 {
            c.crash(x);
        }
        c.change(&[a, b, x]);
        c.agree_among(&[a, b, x], 100 * round + 50);
    }
    c.cut_off(a);
    c.agree_among(&[b, x], "it counts again");
}

/// A configuration is in force as soon as it is in the log, at the leader and at a follower, committed or not (§6).
#[story(part = "2E", servers = 3, voters = 3, points = 3, exact)]
fn in_force_at_once(c: &Cluster) {
    c.agree("three");
    let leader = c.leader();
    let [a, b] = c.others([leader]);
    for to in [a, b] {
        c.hold(leader, to);
    }
    c.begin_change(&[leader, a], &[]);
    let now = c.membership(leader).unwrap_or_default();
    c.expect(&claim::IN_FORCE_AT_ONCE, now.is_joint(), || {
        format!("{leader} has just taken a change, and says that {now} is in force")
    });
    hold_replies(c, leader, &[a, b]);
    for to in [a, b] {
        c.handle(Mail::Requests, leader, to, Handling::Pass);
        c.release_held(Mail::Requests, leader, to);
    }
    expect_joint(c, &[a, b]);
    c.let_all_pass();
    c.expect_members(&[leader, a], &[]);
    c.agree_among(&[leader, a], "two");
}

/// Servers without a vote are sent the log, and neither lead nor count (§6).
#[story(part = "2E", servers = 5, voters = 3, points = 4)]
fn learners_do_not_count(c: &Cluster) {
    let voters: [Server; 3] = c.founding();
    let learners: [Server; 2] = c.newcomers();
    c.change_to(&voters, &learners);
    c.agree_among(&[&voters[..], &learners].concat(), "all five");
    let leader = c.leader();
    let [a, b] = voters
        .into_iter()
        .filter(|s| *s != leader)
        .collect::<Vec<_>>()[..]
    else {
        unreachable!("two of three are left");
    };
    c.cut_off(a);
    c.cut_off(b);
    let why = "only one of three voters is there, with two learners";
    c.no_agreement_among(&[leader], seconds(2), why);
    c.cut_off(leader);
    c.rejoin(a);
    let rest = [&[a][..], &learners].concat();
    c.nobody_leads(&rest, seconds(3), &claim::LEARNERS_DO_NOT_COUNT, why);
    c.crash(a);
    let why = "no voter is there";
    c.nobody_leads(&learners, seconds(3), &claim::LEARNERS_DO_NOT_COUNT, why);
    c.restart(a);
    c.rejoin(b);
    c.rejoin(leader);
    c.agree_among(&[&voters[..], &learners].concat(), "last");
}

/// One change at a time; and what must not begin is refused (§6; raftapi::ChangeError).
#[story(part = "2E", servers = 5, voters = 3, points = 3, exact)]
fn one_change_at_a_time(c: &Cluster) {
    let old: [Server; 3] = c.founding();
    let [e, late] = c.newcomers();
    c.change_to(&old, &[e]);
    let leader = c.leader();
    let now = c.membership(leader);
    let [a, b] = old.into_iter().filter(|s| *s != leader).collect::<Vec<_>>()[..] else {
        unreachable!("two of three are left");
    };
    let refused = |at: Server, voters: &[Server], learners: &[Server], why: &str| {
        let answer = c.try_change(at, voters, learners);
        c.expect(&claim::CHANGE_REFUSED, answer.is_err(), || {
            format!("{at} took a change, though {why}")
        });
        c.expect(&claim::CHANGE_REFUSED, c.membership(leader) == now, || {
            let membership = c.membership(leader).unwrap_or_default();
            format!("{at} refused a change, because {why}; now {leader} has {membership}")
        });
    };
    refused(leader, &[], &[a], "there would be no voters");
    refused(a, &[a, b], &[], "it does not lead");
    let stranger = Server::numbered(5);
    let why = "there is no server 5, the last is server 4";
    refused(leader, &[a, stranger], &[], why);
    refused(leader, &old, &[stranger], why);
    refused(
        leader,
        &[leader, a, b, late],
        &[e],
        "a new voter has an empty log",
    );

    let second_is_refused = |uncommitted: &str| {
        let answer = c.try_change(leader, &[leader, a], &[]);
        c.expect(&claim::ONE_CHANGE, answer == Err(ChangeError::UnderWay), || {
            let answer = answer.map_or_else(|e| format!("answered: {e}"), |(i, t)| format!("took it at {i}@{t}"));
            format!("{leader} was asked for a second change while {uncommitted} of the first was not committed, and {answer}")
        });
    };
    let others: [Server; 4] = c.others([leader]);
    hold_replies(c, leader, &others);
    c.begin_change(&[leader, a, e], &[]);
    for _ in 0..2 {
        second_is_refused("the C_old,new");
        c.sleep_ms(50);
    }
    // Now the C_old,new is committed, and nobody but the leader sees the C_new.
    others.into_iter().for_each(|other| c.hold(leader, other));
    for other in others {
        c.release_held(Mail::Replies, other, leader);
    }
    c.sleep_ms(20);
    second_is_refused("the C_new");
    c.let_all_pass();
    c.expect_members(&[leader, a, e], &[]);
    c.change(&[leader, a, b]);
    c.agree_among(&[leader, a, b], "another");
}

/// A fresh server catches up on a network that loses and delays messages, and then counts (§6).
#[story(part = "2E", servers = 4, voters = 3, points = 3, snapshots)]
fn newcomer_on_a_bad_network(c: &Cluster) {
    let [a, b, d] = c.founding();
    let [new] = c.newcomers();
    for number in 0..60u64 {
        c.agree_among(&[a, b, d], number);
    }
    c.set_reliable(false);
    c.start_server(new);
    c.change(&[a, b, d, new]);
    c.agree_among(&[a, b, d, new], "four");
    c.cut_off(a);
    c.agree_among(&[b, d, new], "three of four");
    c.cut_off(b);
    c.no_agreement_among(&[d, new], seconds(2), "two of four voters are no majority");
}

fn hold_replies(c: &Cluster, leader: Server, from: &[Server]) {
    for from in from {
        c.handle(Mail::Replies, *from, leader, Handling::Hold);
    }
}

/// All these have a C_old,new, which nobody has committed.
fn expect_joint(c: &Cluster, servers: &[Server]) {
    let is_joint = |s: &Server| c.membership(*s).is_some_and(|m| m.is_joint());
    let all = c.until(ms(250), ms(1), || servers.iter().all(is_joint));
    c.expect(&claim::IN_FORCE_AT_ONCE, all, || {
        let said = servers.iter().map(|s| {
            let membership = c.membership(*s).unwrap_or_default();
            format!("{s} has {membership}")
        });
        let said: Vec<String> = said.collect();
        format!(
            "the leader has put a C_old,new into its log and sent it, and hears no answer; 250 ms later {}",
            said.join(", ")
        )
    });
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

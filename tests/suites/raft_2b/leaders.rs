//! What a leader takes, and what becomes of it without a majority (§5.3).

use raft::Raft;
use tests::prelude::*;

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

/// A leader that sends entries all the time, and no heartbeat between them, is the leader all the time (Figure 2, Rules for Servers:
/// Followers).
#[story(part = "2B", servers = 3, points = 2)]
fn a_busy_leader_stays(c: &Cluster) {
    c.agree("first");
    let (leader, term) = (c.leader(), c.terms());
    for number in 0..600u64 {
        c.sleep_ms(5);
        let _ = c.try_propose(leader, number);
    }
    let now = c.term_of(leader);
    c.expect(
        &claim::STABLE_LEADER,
        c.leads(leader) && now == term,
        || {
            format!(
                "{leader} led term {term} and got a command every 5 ms; 3 s later it {} term {now}",
                if c.leads(leader) {
                    "leads"
                } else {
                    "follows in"
                }
            )
        },
    );
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

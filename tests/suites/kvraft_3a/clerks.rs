//! Clerks and their operations: sent again, answered late, held up by nobody (§8).

use kvraft::{Clerk, Server};
use raft::Raft;
use tests::prelude::*;

/// An append whose answer got lost is not done again, however often it is sent (§8).
#[story(part = "3A", servers = 3, points = 3)]
fn lost_answer(c: &Cluster) {
    c.lose_an_answer(|c, _, _| c.sleep_ms(1000));
}

/// A put whose answer got lost is not done again over what another clerk has put since (§8).
#[story(part = "3A", servers = 3, points = 3)]
fn lost_answer_to_a_put(c: &Cluster) {
    let put = |clerk: &mut tests::kv::Clerk| clerk.put("x", "first");
    let value = c.lose_the_answer_to(put, |c, other, _| {
        other.put("x", "second");
        c.sleep_ms(1000);
    });
    c.expect_value(&value, "second");
}

/// The new leader knows what was done under the old one: all servers skip what comes twice (§8).
#[story(part = "3A", servers = 3, points = 4)]
fn lost_answer_and_lost_leader(c: &Cluster) {
    c.lose_an_answer(|c, _, _| c.crash(c.leader_quickly()));
}

/// A copy of an operation that arrives when its clerk is further on does nothing (§8).
#[story(part = "3A", servers = 3, points = 4)]
fn late_copies(c: &Cluster) {
    const CLIENTS: usize = 3;
    const APPENDS: usize = 30;
    let clients = (0..CLIENTS).map(|number| {
        let mut clerk = c.clerk();
        c.send_twice(clerk.number());
        c.start_actor(number, move |_, client| {
            (0..APPENDS).for_each(|number| clerk.append("k", &append_text(client, number)));
        })
    });
    let clients: Vec<_> = clients.collect();
    c.join_answered(clients);
    c.sleep_ms(500); // the last copies arrive
    let value = c.clerk().get("k");
    (0..CLIENTS).for_each(|client| c.expect_appends(&value, client, APPENDS));
}

/// An answer that comes late, when its clerk has long asked something else, is not taken for the answer to that (§8).
#[story(part = "3A", servers = 3, points = 3)]
fn late_answers(c: &Cluster) {
    const CLIENTS: usize = 8;
    const ROUNDS: usize = 6;
    let clients = (0..CLIENTS).map(|number| {
        let mut clerk = c.clerk();
        c.answer_late(clerk.number());
        c.start_actor(number, move |c, client| {
            let key = format!("of {client}"); // nobody else writes it
            for round in 0..ROUNDS {
                let value = round.to_string();
                clerk.put(&key, &value);
                c.expect_value(&clerk.get(&key), &value);
            }
        })
    });
    let clients: Vec<_> = clients.collect();
    c.join_answered(clients);
}

/// A leader that is cut off from the others does not keep a clerk that can reach them (§8).
#[story(part = "3A", servers = 3, points = 4)]
fn a_minority_lets_its_clerk_go(c: &Cluster) {
    let mut clerk = c.clerk();
    clerk.put("x", "old");
    let deposed = c.leader();
    let others: [_; 2] = c.others([deposed]);
    c.partition(&[&[deposed], &others]);
    let mut clerk = c.put_soon(clerk, "x", "new");
    c.expect_value(&clerk.get("x"), "new");
}

/// Two servers that are cut off from the others do not keep a clerk by pointing it at each other (§8).
#[story(part = "3A", servers = 5, points = 3)]
fn a_clerk_is_not_sent_to_and_fro(c: &Cluster) {
    let mut clerk = c.clerk();
    clerk.put("x", "old");
    let deposed = c.leader();
    let servers = c.servers();
    let next = servers[(deposed.number() + 1) % servers.len()]; // whom a clerk may try next, and who knows its leader
    let others: [_; 3] = c.others([deposed, next]);
    c.partition(&[&[deposed, next], &others]);
    let mut clerk = c.put_soon(clerk, "x", "new");
    c.expect_value(&clerk.get("x"), "new");
}

/// A clerk does not wait for ever for a server that does not answer at all.
#[story(part = "3A", servers = 3, points = 3)]
fn a_hanging_server(c: &Cluster) {
    let mut clerk = c.clerk();
    clerk.put("x", "old");
    let hanging = c.leader();
    c.cut_off(hanging);
    c.hang(clerk.number(), hanging);
    let mut clerk = c.put_soon(clerk, "x", "new");
    c.expect_value(&clerk.get("x"), "new");
}

/// A clerk asks the server that has answered before it asks others, which may be slow to say that they do not lead (lab 3A).
#[story(part = "3A", servers = 3, points = 2)]
fn a_clerk_stays_where_it_is_served(c: &Cluster) {
    append_while_others_hang(c, 0);
    c.cut_off(c.leader());
    append_while_others_hang(c, 1); // whoever begins at the same server each time does not find the leader there twice
}

/// A clerk that knows its leader appends to `x` while all other servers hang, as it sees them.
fn append_while_others_hang(c: &Cluster, round: usize) {
    const APPENDS: usize = 30;
    const SOON: Duration = Duration::from_secs(3);
    let mut clerk = c.clerk();
    clerk.get("x");
    let leader = c.leader();
    let others = c.servers().into_iter().filter(|server| *server != leader);
    others.for_each(|other| c.hang(clerk.number(), other));
    let began = c.now();
    (0..APPENDS).for_each(|number| clerk.append("x", &append_text(round, number)));
    let took = c.now() - began;
    c.expect(&claim::CLERK_MOVES_ON, took <= SOON, || {
        format!(
            "{APPENDS} appends took {:.1} s, though {leader}, by which the clerk was served before, answers at once; expected \
             at most {} s",
            took.as_secs_f64(),
            SOON.as_secs()
        )
    });
    let value = clerk.get("x");
    (0..=round).for_each(|round| c.expect_appends(&value, round, APPENDS));
}

/// A clerk whom nobody can serve asks again and again, but not without a pause (raftapi::kv).
#[story(part = "3A", servers = 3, points = 2)]
fn a_clerk_pauses(c: &Cluster) {
    const MOST: u64 = 10_000;
    let mut clerk = c.clerk();
    clerk.put("x", "1");
    c.restart_all(c.servers());
    let [a, b, d] = c.all();
    c.partition(&[&[a], &[b], &[d]]); // nobody leads, and nobody can: all decline at once
    let put = c.start_actor(0, move |_, _| clerk.put("x", "2"));
    let before = c.clerk_calls();
    c.sleep_ms(1000);
    let calls = c.clerk_calls() - before;
    c.expect(&claim::CLERK_PAUSES, calls <= MOST, || {
        format!("nobody led, and a clerk made {calls} calls in a second; expected at most {MOST}")
    });
    c.heal();
    c.join_answered(vec![put]);
    c.expect_value(&c.clerk().get("x"), "2");
}

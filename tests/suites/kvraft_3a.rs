//! Part 3A: a key/value service without snapshots (§8).

use kvraft::{Clerk, Server};
use raft::Raft;
use tests::prelude::*;

/// One client, nothing fails (§8).
#[story(part = "3A", servers = 5, points = 3, original)]
fn basic(c: &Cluster) {
    c.bear(Load {
        clients: 1,
        ..Load::default()
    });
}

/// Operations take much less than a heartbeat each.
#[story(part = "3A", servers = 3, points = 3, original)]
fn speed(c: &Cluster) {
    c.expect_speed();
}

/// No answer is late though nothing fails: whoever waits for an operation is there before it can be applied.
#[story(part = "3A", servers = 3, points = 2, exact)]
fn no_answer_is_late(c: &Cluster) {
    c.expect_no_late_answer();
}

/// Several clients at once (§8).
#[story(part = "3A", servers = 5, points = 3, original)]
fn concurrent(c: &Cluster) {
    c.bear(Load {
        clients: 5,
        ..Load::default()
    });
}

/// The network loses and delays messages: clerks send operations again (§8).
#[story(part = "3A", servers = 5, points = 4, original)]
fn unreliable(c: &Cluster) {
    c.bear(Load {
        clients: 5,
        unreliable: true,
        ..Load::default()
    });
}

/// Appends to one key by several clients: each once, each client's in order (§8).
#[story(part = "3A", servers = 3, points = 4, original)]
fn unreliable_one_key(c: &Cluster) {
    const CLIENTS: usize = 5;
    const APPENDS: usize = 10;
    c.set_reliable(false);
    let mut reader = c.clerk();
    reader.put("k", "");
    let clients = (0..CLIENTS).map(|number| {
        let mut clerk = c.clerk();
        c.start_actor(number, move |_, client| {
            (0..APPENDS).for_each(|number| clerk.append("k", &append_text(client, number)));
        })
    });
    let clients: Vec<_> = clients.collect();
    c.join_answered(clients);
    let value = reader.get("k");
    (0..CLIENTS).for_each(|client| c.expect_appends(&value, client, APPENDS));
}

/// A minority answers nothing; a majority goes on; whoever waited gets an answer after the heal (§8).
#[story(part = "3A", servers = 5, points = 4, original)]
fn one_partition(c: &Cluster) {
    let mut clerk = c.clerk();
    clerk.put("1", "13");
    let leader = c.leader();
    let [with, x, y, z] = c.others([leader]);
    let (minority, majority) = ([leader, with], [x, y, z]);
    c.partition(&[&minority, &majority]);

    let mut lucky = c.clerk_to(majority);
    lucky.put("1", "14");
    c.expect_value(&lucky.get("1"), "14");

    let (mut putter, mut getter) = (c.clerk_to(minority), c.clerk_to(minority));
    let numbers = [putter.number(), getter.number()];
    let put = c.start_actor(0, move |_, _| putter.put("1", "15"));
    let get = c.start_actor(1, move |_, _| _ = getter.get("1"));
    c.sleep_ms(1000);
    for (what, answered) in [("put", put.is_finished()), ("get", get.is_finished())] {
        c.expect(&claim::NOT_WITHOUT_MAJORITY, !answered, || {
            format!("a {what} was answered by {leader} and {with}, whom none of the other three can hear")
        });
    }
    c.expect_value(&lucky.get("1"), "14");
    lucky.put("1", "16");

    c.heal();
    c.sleep_ms(1000);
    for clerk in numbers {
        c.let_reach(clerk, c.servers());
    }
    let answered = c.until(Duration::from_secs(3), Duration::from_millis(10), || {
        put.is_finished() && get.is_finished()
    });
    c.expect(&claim::CLERK_ANSWERED, answered, || {
        "4 s after the network healed no answer has come".into()
    });
    c.join_answered(vec![put, get]);
    c.expect_value(&clerk.get("1"), "15");
}

/// The network splits again and again, with one client (§8).
#[story(part = "3A", servers = 5, points = 3, original)]
fn many_partitions_one_client(c: &Cluster) {
    c.bear(Load {
        clients: 1,
        partitions: true,
        ..Load::default()
    });
}

/// The network splits again and again, with several clients (§8).
#[story(part = "3A", servers = 5, points = 4, original)]
fn many_partitions_many_clients(c: &Cluster) {
    c.bear(Load {
        clients: 5,
        partitions: true,
        ..Load::default()
    });
}

/// Power fails everywhere, with one client (§8).
#[story(part = "3A", servers = 5, points = 3, original)]
fn persist_one_client(c: &Cluster) {
    c.bear(Load {
        clients: 1,
        crash: true,
        ..Load::default()
    });
}

/// Power fails everywhere, with several clients (§8).
#[story(part = "3A", servers = 5, points = 4, original)]
fn persist_concurrent(c: &Cluster) {
    c.bear(Load {
        clients: 5,
        crash: true,
        ..Load::default()
    });
}

/// Power fails everywhere, and messages get lost (§8).
#[story(part = "3A", servers = 5, points = 4, original)]
fn persist_concurrent_unreliable(c: &Cluster) {
    c.bear(Load {
        clients: 5,
        unreliable: true,
        crash: true,
        ..Load::default()
    });
}

/// Power fails everywhere, and the network splits (§8).
#[story(part = "3A", servers = 5, points = 4, original)]
fn persist_partition(c: &Cluster) {
    c.bear(Load {
        clients: 5,
        crash: true,
        partitions: true,
        ..Load::default()
    });
}

/// Power fails everywhere, the network splits, and messages get lost (§8).
#[story(part = "3A", servers = 5, points = 4, original)]
fn persist_partition_unreliable(c: &Cluster) {
    c.bear(Load {
        clients: 5,
        unreliable: true,
        crash: true,
        partitions: true,
        ..Load::default()
    });
}

/// The same with many clients, who all use all keys (§8).
#[story(part = "3A", servers = 7, points = 5, original)]
fn persist_partition_unreliable_linearizable(c: &Cluster) {
    c.bear(Load {
        clients: 15,
        unreliable: true,
        crash: true,
        partitions: true,
        random_keys: true,
    });
}

// --- Beyond the original ---

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

/// A leader that was replaced without knowing it answers no gets (§8).
#[story(part = "3A", servers = 3, points = 4)]
fn no_stale_reads(c: &Cluster) {
    c.expect_no_stale_read();
}

/// Whoever waits for an entry does not get the answer to another that came to stand in its place (§5.3, §8).
#[story(part = "3A", servers = 3, points = 4)]
fn not_the_answer_to_another(c: &Cluster) {
    c.append_at_a_deposed_leader(50);
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

/// A clerk whom nobody can serve asks again and again, but not without a pause (raftapi::kv).
#[story(part = "3A", servers = 3, points = 2)]
fn a_clerk_pauses(c: &Cluster) {
    c.expect_pauses();
}

/// A value need not be short.
#[story(part = "3A", servers = 3, points = 2)]
fn a_large_value(c: &Cluster) {
    let large: String = (0..4 * 1024)
        .map(|_| format!("{:016x}", rng().random::<u64>()))
        .collect();
    let mut clerk = c.clerk();
    clerk.put("x", &large);
    clerk.append("x", "!");
    let value = clerk.get("x");
    c.expect(&claim::READS_OWN_WRITES, value == large + "!", || {
        format!(
            "a get returned {} bytes, not the 65,537 that were written",
            value.len()
        )
    });
}

/// The empty text is a value as any other, a key that was never written has it, and appends begin with it (raftapi::kv).
#[story(part = "3A", servers = 3, points = 2)]
fn empty_values(c: &Cluster) {
    let mut clerk = c.clerk();
    for key in ["x", ""] {
        c.expect_value(&clerk.get(key), "");
        clerk.append(key, "a");
        c.expect_value(&clerk.get(key), "a");
        clerk.put(key, "");
        c.expect_value(&clerk.get(key), "");
        clerk.append(key, "");
        clerk.append(key, "b");
        c.expect_value(&clerk.get(key), "b");
    }
}

/// Keys and values are text, whatever is in it: white space, line breaks, letters of any alphabet (raftapi::kv).
#[story(part = "3A", servers = 3, points = 2)]
fn any_text(c: &Cluster) {
    const TEXTS: [&str; 7] = ["a", "a b", " a ", "a\n", "a\0b", "ä½京", "\t"];
    let mut clerk = c.clerk();
    let values = || TEXTS.iter().cycle().skip(2);
    for (key, value) in TEXTS.iter().zip(values()) {
        clerk.put(key, value);
        clerk.append(key, "\n");
    }
    for (key, value) in TEXTS.iter().zip(values()) {
        c.expect_value(&clerk.get(key), &format!("{value}\n"));
    }
}

/// A clerk that writes the same once more means it: two writes that say the same are two (§8).
#[story(part = "3A", servers = 3, points = 2)]
fn the_same_again(c: &Cluster) {
    let (mut one, mut other) = (c.clerk(), c.clerk());
    (0..3).for_each(|_| one.append("x", "a"));
    c.expect_value(&one.get("x"), "aaa");
    one.put("y", "1");
    other.put("y", "2");
    one.put("y", "1");
    c.expect_value(&other.get("y"), "1");
}

/// Many clients, one key (§8).
#[story(part = "3A", servers = 5, points = 3)]
fn many_clients_one_key(c: &Cluster) {
    const CLIENTS: usize = 20;
    const APPENDS: usize = 10;
    c.set_reliable(false);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let mut clerk = c.clerk();
            c.start_actor(number, move |_, client| {
                for number in 0..APPENDS {
                    clerk.append("k", &append_text(client, number));
                    clerk.get("k");
                }
            })
        })
        .collect();
    c.join_answered(clients);
    let value = c.clerk().get("k");
    (0..CLIENTS).for_each(|client| c.expect_appends(&value, client, APPENDS));
}

/// Servers crash one at a time, any of them, the leader too, while clients work (§8).
#[story(part = "3A", servers = 5, points = 4)]
fn rolling_crashes(c: &Cluster) {
    c.work_while_servers_crash();
}

/// Every thread of a server ends when it is told to.
#[story(part = "3A", servers = 3, points = 2)]
fn kill_ends_it(c: &Cluster) {
    let mut clerk = c.clerk();
    clerk.put("x", "1");
    c.expect_value(&clerk.get("x"), "1"); // what was never alive ends easily
    c.kill_all_and_check();
}

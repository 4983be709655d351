//! Part 3A: a key/value service without snapshots (§8).

mod clerks;
mod values;

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

/// Threads stand still for some milliseconds at any time, and leaders are cut off while clerks wait for them (§8).
#[story(part = "3A", servers = 3, points = 3, stalls = 30)]
fn operations_while_threads_stand_still(c: &Cluster) {
    c.work_while(20, |c| {
        for _ in 0..20 {
            c.sleep_ms(rng().random_range(0..200));
            // Not always long enough for another one to be elected: then all who wait get their answers at once, and some
            // just when they give up.
            let leader = c.leader_quickly();
            c.cut_off(leader);
            c.sleep_ms(rng().random_range(100..350));
            c.rejoin(leader);
        }
    });
}

/// Several clerks append, and threads stand still for some milliseconds at any time: nobody's answer is late (lab 3A).
#[story(part = "3A", servers = 3, points = 2, stalls = 100)]
fn no_answer_is_late_while_threads_stand_still(c: &Cluster) {
    c.expect_no_late_answer();
}

/// Every thread of a server ends when it is told to.
#[story(part = "3A", servers = 3, points = 2)]
fn kill_ends_it(c: &Cluster) {
    let mut clerk = c.clerk();
    clerk.put("x", "1");
    c.expect_value(&clerk.get("x"), "1"); // what was never alive ends easily
    c.kill_all_and_check();
}

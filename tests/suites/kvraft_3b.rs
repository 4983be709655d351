//! Part 3B: a key/value service that takes snapshots (§7, §8).

use std::ops::Range;

use kvraft::{Clerk, Server};
use raft::Raft;
use tests::prelude::*;

/// A server that was cut off gets a snapshot, and answers from it (§7).
#[story(part = "3B", servers = 3, points = 4, original, max_state = 1000)]
fn snapshot_rpc(c: &Cluster) {
    let [a, b, lagging] = c.all();
    let mut clerk = c.clerk();
    clerk.put("a", "A");
    c.partition(&[&[a, b], &[lagging]]);
    let mut first = c.clerk_to([a, b]);
    (0..50).for_each(|number| first.put(&number.to_string(), &number.to_string()));
    c.sleep_ms(1000);
    first.put("b", "B");
    c.expect_bounded_state();
    // Now the majority needs the server that lags, and so a snapshot.
    c.partition(&[&[a, lagging], &[b]]);
    let mut second = c.clerk_to([a, lagging]);
    second.put("c", "C");
    second.put("d", "D");
    for (key, value) in [("a", "A"), ("b", "B"), ("1", "1"), ("49", "49")] {
        c.expect_value(&second.get(key), value);
    }
    c.heal();
    clerk.put("e", "E");
    for (key, value) in [("c", "C"), ("e", "E"), ("1", "1")] {
        c.expect_value(&clerk.get(key), value);
    }
}

/// Snapshots are small, and so is Raft's state (§7).
#[story(part = "3B", servers = 3, points = 3, original, max_state = 1000)]
fn snapshot_size(c: &Cluster) {
    let mut clerk = c.clerk();
    for _ in 0..200 {
        for value in ["0", "1"] {
            clerk.put("x", value);
            c.expect_value(&clerk.get("x"), value);
        }
    }
    c.expect_bounded_state();
    c.expect_small_snapshot(500, "one key with one letter");
}

/// Operations take much less than a heartbeat each, with snapshots too.
#[story(part = "3B", servers = 3, points = 3, original, max_state = 1000)]
fn speed(c: &Cluster) {
    c.expect_speed();
}

/// Power fails everywhere, with one client (§7, §8).
#[story(part = "3B", servers = 5, points = 3, original, max_state = 1000)]
fn snapshot_recover(c: &Cluster) {
    c.bear(Load {
        clients: 1,
        crash: true,
        ..Load::default()
    });
}

/// Power fails everywhere, with many clients (§7, §8).
#[story(part = "3B", servers = 5, points = 4, original, max_state = 1000)]
fn snapshot_recover_many_clients(c: &Cluster) {
    c.bear(Load {
        clients: 20,
        crash: true,
        ..Load::default()
    });
}

/// Messages get lost (§7, §8).
#[story(part = "3B", servers = 5, points = 4, original, max_state = 1000)]
fn snapshot_unreliable(c: &Cluster) {
    c.bear(Load {
        clients: 5,
        unreliable: true,
        ..Load::default()
    });
}

/// Messages get lost, and power fails everywhere (§7, §8).
#[story(part = "3B", servers = 5, points = 4, original, max_state = 1000)]
fn snapshot_unreliable_recover(c: &Cluster) {
    c.bear(Load {
        clients: 5,
        unreliable: true,
        crash: true,
        ..Load::default()
    });
}

/// Messages get lost, power fails everywhere, and the network splits (§7, §8).
#[story(part = "3B", servers = 5, points = 4, original, max_state = 1000)]
fn snapshot_unreliable_recover_concurrent_partition(c: &Cluster) {
    c.bear(Load {
        clients: 5,
        unreliable: true,
        crash: true,
        partitions: true,
        ..Load::default()
    });
}

/// The same with many clients, who all use all keys (§7, §8).
#[story(part = "3B", servers = 7, points = 5, original, max_state = 1000)]
fn snapshot_unreliable_recover_concurrent_partition_linearizable(c: &Cluster) {
    c.bear(Load {
        clients: 15,
        unreliable: true,
        crash: true,
        partitions: true,
        random_keys: true,
    });
}

// --- Beyond the original ---

/// Few entries that are large fill the state as many small ones do (§7).
#[story(part = "3B", servers = 3, points = 2, max_state = 4000)]
fn large_values(c: &Cluster) {
    let mut clerk = c.clerk();
    for letter in 'a'..='z' {
        clerk.put("x", &letter.to_string().repeat(6000));
        c.expect_bounded_state();
    }
    let value = clerk.get("x");
    c.expect(&claim::READS_OWN_WRITES, value == "z".repeat(6000), || {
        format!(
            "a get returned {} bytes, not the 6,000 that were written last",
            value.len()
        )
    });
}

/// What was done before a snapshot is not done again after a restart from it (§7, §8).
#[story(part = "3B", servers = 3, points = 4, max_state = 1000)]
fn lost_answer_and_restart(c: &Cluster) {
    c.lose_an_answer(|c, other, number| {
        bury(c, other, number);
        c.restart_all(c.servers());
    });
}

/// What was done before a snapshot is not done again by a server that got it from the leader (§7, §8).
#[story(part = "3B", servers = 3, points = 4, max_state = 1000)]
fn lost_answer_and_installed_snapshot(c: &Cluster) {
    let [lagging, a, b] = c.all();
    c.cut_off(lagging);
    c.lose_an_answer(|c, other, number| {
        bury(c, other, number);
        c.rejoin(lagging);
        c.sleep_ms(1000);
        // One of those that have seen the append goes; so whoever leads, the other majority counts on `lagging`.
        let gone = if c.leads(a) { a } else { b };
        c.crash(gone);
    });
    // Its own store must be right as well: it answers in the end, once it leads.
    for _ in 0..10 {
        let down = [a, b].into_iter().filter(|s| !c.is_up(*s));
        down.for_each(|s| c.restart(s));
        let leader = c.leader();
        if leader == lagging {
            break;
        }
        c.crash(leader);
        c.leader();
    }
    c.expect_appends(&c.clerk().get("x"), 0, 1);
}

/// Whoever waits for an entry when a leader's snapshot comes is not told that it was done: another may stand in its place (§7, §8).
#[story(part = "3B", servers = 3, points = 3, max_state = 1000)]
fn a_snapshot_answers_nobody(c: &Cluster) {
    // So much that the deposed leader needs a snapshot, which stands for the index at which the clerk waits, too.
    c.append_at_a_deposed_leader(100);
}

/// Gets that go through the log fill it as writes do (§7, §8).
#[story(part = "3B", servers = 3, points = 2, max_state = 1000)]
fn gets_fill_the_log_too(c: &Cluster) {
    let mut clerk = c.clerk();
    clerk.put("x", "1");
    (0..400).for_each(|_| c.expect_value(&clerk.get("x"), "1"));
    c.expect_bounded_state();
}

/// While this clerk keeps still, others write so much that what it did is only in a snapshot.
fn bury(c: &Cluster, other: &mut tests::kv::Clerk, clerk: u32) {
    c.let_reach(clerk, []);
    (0..100).for_each(|round| other.put("y", &round.to_string()));
}

/// Writes come in while snapshots are written, and then power fails everywhere: each snapshot is of the entries up to its index (§7).
#[story(part = "3B", servers = 3, points = 3, max_state = 1000)]
fn writes_during_snapshots(c: &Cluster) {
    const CLIENTS: usize = 10;
    const EACH: usize = 20;
    for round in 0..8 {
        let begin = round * EACH;
        c.together(CLIENTS, move |c, client| {
            let mut clerk = c.clerk();
            let append = |number| clerk.append(&client.to_string(), &append_text(client, number));
            (begin..begin + EACH).for_each(append);
        });
        c.blackout();
        let mut clerk = c.clerk();
        for client in 0..CLIENTS {
            let value = clerk.get(&client.to_string());
            c.expect_appends(&value, client, begin + EACH);
        }
    }
}

/// Somebody waits for an operation all the time, and snapshots are taken all the same: Raft's state stays small meanwhile (§7).
#[story(part = "3B", servers = 3, points = 2, max_state = 1000, exact)]
fn snapshots_wait_for_no_lull(c: &Cluster) {
    const CLIENTS: usize = 20;
    const EACH: usize = 50;
    c.clerk().get("x"); // once there is a leader
    c.set_delay(Duration::from_millis(5)); // so much longer than a clerk's pauses that never all of them have one
    let clients = (0..CLIENTS).map(|number| {
        let mut clerk = c.clerk();
        c.start_actor(number, move |c, client| {
            for round in 0..EACH {
                clerk.put(&client.to_string(), &round.to_string());
                c.sleep(Duration::from_micros(rng().random_range(0..2000)));
            }
        })
    });
    let clients: Vec<_> = clients.collect();
    while !clients.iter().all(|client| client.is_finished()) {
        c.expect_bounded_state();
        c.sleep_ms(20);
    }
    c.join_answered(clients);
    c.expect_bounded_state();
}

/// Servers crash one at a time, any of them, the leader too, while clients work (§7, §8).
#[story(part = "3B", servers = 5, points = 4, max_state = 1000)]
fn rolling_crashes(c: &Cluster) {
    c.work_while_servers_crash();
}

/// Threads stand still for some milliseconds at any time, while clients work, servers crash one at a time, and power fails
/// everywhere (§7, §8).
#[story(part = "3B", servers = 3, points = 3, max_state = 1000, stalls = 10)]
fn crashes_while_threads_stand_still(c: &Cluster) {
    c.work_while(12, |c| {
        for _ in 0..8 {
            crash_in_turn(c, 200..400, 0..300);
            c.blackout();
            c.leader();
        }
    });
}

/// Each server in turn has no power for so long that it needs a snapshot, which comes with entries right behind it: what it holds
/// does not replace what they did (§7).
#[story(part = "3B", servers = 3, points = 3, max_state = 1000)]
fn each_server_needs_a_snapshot(c: &Cluster) {
    c.work_while(12, |c| {
        for _ in 0..4 {
            crash_in_turn(c, 500..800, 100..400);
        }
    });
}

/// One server after the other has no power for some time, and then all have it for some time, in virtual milliseconds.
fn crash_in_turn(c: &Cluster, down: Range<u64>, up: Range<u64>) {
    for server in c.servers() {
        c.crash(server);
        c.sleep_ms(rng().random_range(down.clone()));
        c.restart(server);
        c.sleep_ms(rng().random_range(up.clone()));
    }
}

/// Raft's state stays small, and the snapshot too, however many operations there were (§7).
// A clerk's ten thousand operations may take as long as `speed` lets them: a third of a heartbeat each.
#[story(
    part = "3B",
    servers = 3,
    points = 3,
    runs = 1,
    max_state = 1000,
    limit = 400
)]
fn a_hundred_thousand_operations(c: &Cluster) {
    const CLIENTS: usize = 10;
    const ROUNDS: usize = 20;
    const EACH: usize = 500;
    let mut clerks: Vec<_> = (0..CLIENTS).map(|_| c.clerk()).collect();
    for round in 0..ROUNDS {
        let clients = clerks.into_iter().enumerate().map(|(number, mut clerk)| {
            c.start_actor(number, move |_, client| {
                for number in 1..=EACH {
                    clerk.put(&client.to_string(), &(round * EACH + number).to_string());
                }
                clerk
            })
        });
        let clients: Vec<_> = clients.collect();
        clerks = clients
            .into_iter()
            .map(|client| c.join_actor(client))
            .collect();
        // A service that nobody lets run takes no snapshots: one may be a thousand operations behind while the others
        // have no pause (PCT, seed 0x20000).
        c.sleep_ms(100);
        c.expect_bounded_state();
        c.expect_small_snapshot(1000, "ten short values by as many clerks");
    }
}

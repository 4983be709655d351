//! Part 2A: leader election (§5.2).

mod terms;
mod timers;
mod votes;

use raft::Raft;
use tests::prelude::*;

/// One leader is elected, and it stays while nothing fails (§5.2).
#[story(part = "2A", servers = 3, points = 3, original)]
fn initial_election(c: &Cluster) {
    c.leader();
    c.sleep_ms(50); // the others hear of it
    let term = c.terms();
    c.expect(&claim::TERM_STARTED, term >= Term(1), || {
        format!("saw term {term}")
    });
    c.sleep_ms(2000);
    if c.terms() != term {
        c.warn("the term changed although nothing failed: are heartbeats late, or election timeouts too short?");
    }
    c.leader();
}

/// A leader that was cut off is replaced, gives way when it is back, and nobody leads a minority (§5.2).
#[story(part = "2A", servers = 3, points = 4, original)]
fn re_election(c: &Cluster) {
    let first = c.leader();
    c.cut_off(first);
    c.leader();
    c.rejoin(first); // it finds a newer term and follows
    let second = c.leader();

    let [other, last] = c.others([second]);
    c.cut_off(second);
    c.cut_off(other);
    c.sleep_ms(2000);
    c.no_leader(); // `last` alone is no majority
    c.rejoin(other);
    c.leader();
    c.rejoin(second);
    c.leader();
    c.expect(&claim::ONE_LEADER, c.connected().contains(&last), || {
        format!("{last} is gone")
    });
}

/// Seven servers lose three at a time, again and again; the other four always find a leader (§5.2).
#[story(part = "2A", servers = 7, points = 4, original)]
fn many_elections(c: &Cluster) {
    c.leader();
    for _ in 0..9 {
        let [a, b, d, ..]: [Server; 7] = c.all();
        for gone in [a, b, d] {
            c.cut_off(gone);
        }
        c.leader();
        for back in [a, b, d] {
            c.rejoin(back);
        }
    }
    c.leader();
}

/// Four servers elect a leader even if votes are split, and two of four are no majority (§5.2).
#[story(part = "2A", servers = 4, points = 3)]
fn even_cluster(c: &Cluster) {
    for _ in 0..5 {
        let leader = c.leader();
        c.cut_off(leader);
        c.leader(); // three of four
        c.rejoin(leader);
    }
    let leader = c.leader();
    let [a, b, d] = c.others([leader]);
    c.cut_off(leader);
    c.cut_off(a);
    c.sleep_ms(3000);
    c.no_leader(); // b and d split their votes, or vote for one of them: two of four either way
    c.rejoin(a);
    c.leader_among(&[a, b, d]);
}

/// As long as a majority is there, its leader stays, whoever else is gone (§5.2).
#[story(part = "2A", servers = 5, points = 2, exact)]
fn a_leader_stays_without_a_minority(c: &Cluster) {
    let leader = c.leader();
    let [a, b, ..]: [Server; 4] = c.others([leader]);
    c.cut_off(a);
    c.cut_off(b);
    let term = c.term_of(leader);
    c.sleep_ms(5000);
    leads_on(c, leader, term, || {
        format!(
            "{a} and {b} were cut off; with two others it reaches a majority of five. 5 s later"
        )
    });
    c.rejoin(a);
    c.rejoin(b);
    c.leader();
}

/// `leader` led this term when something happened; it does so now.
#[track_caller]
fn leads_on(c: &Cluster, leader: Server, term: Term, happened: impl FnOnce() -> String) {
    let now = c.state(leader);
    c.expect(&claim::STABLE_LEADER, now == Some((term, true)), || {
        format!(
            "{leader} led term {term} when {} it is in term {}{}",
            happened(),
            c.term_of(leader),
            if c.leads(leader) {
                ""
            } else {
                ", and does not lead"
            }
        )
    });
}

/// Candidates that split the votes time out at different times, and one of them wins (§5.2).
#[story(part = "2A", servers = 4, points = 3)]
fn split_votes(c: &Cluster) {
    // All start at once, and have voted for themselves before they hear of each other.
    c.set_delay(Duration::from_millis(20));
    for _ in 0..5 {
        let leader = c.leader();
        c.cut_off(leader); // the others heard from it last at the same time
        c.leader();
        c.rejoin(leader);
    }
}

/// An RPC that hangs to one server keeps nobody from winning the votes of the others (§5.2).
#[story(part = "2A", servers = 5, points = 3, exact)]
fn stuck_rpc_blocks_no_election(c: &Cluster) {
    let [stuck, ..]: [Server; 5] = c.all();
    let others: [Server; 4] = c.others([stuck]);
    for other in others {
        c.hold(other, stuck);
        c.cut_calls(stuck, other);
    }
    let leader = c.leader_among(&others);
    for server in c.servers() {
        c.answers_at_once(server);
    }
    c.cut_off(leader);
    let left: [Server; 3] = c.others([stuck, leader]);
    c.leader_among(&left);
    for server in c.servers() {
        c.answers_at_once(server);
    }
}

/// A leader with nothing to say sends each follower at most ten heartbeats a second.
#[story(part = "2A", servers = 3, points = 2)]
fn idle_traffic(c: &Cluster) {
    c.leader();
    c.sleep_ms(1000);
    let before = c.rpcs();
    c.sleep_ms(5000);
    let sent = c.rpcs() - before;
    const MOST: u64 = 2 * 5 * 10 + 10; // two followers, five seconds, and a little grace
    c.expect(&claim::QUIET_WHEN_IDLE, sent <= MOST, || {
        format!("{sent} RPCs in 5 idle seconds with 2 followers; at most {MOST} are needed")
    });
}

/// A server that is told to end leaves no thread behind.
#[story(part = "2A", servers = 3, points = 2, exact)]
fn kill_ends_every_thread(c: &Cluster) {
    let leader = c.leader();
    c.cut_off(leader);
    c.sleep_ms(300); // the others are in the middle of an election, the old leader's calls hang
    c.kill_all_and_check();
}

//! Servers that come back: in the midst of elections, and with logs as in Figure 7 (§5.2, §5.3).

use raft::Raft;
use tests::prelude::*;

/// A server whose power failed is back, and hears nobody yet: it waits for a leader before it runs for office (§5.2).
#[story(part = "2C", servers = 3, points = 2, exact)]
fn a_restarted_server_waits(c: &Cluster) {
    c.agree("first");
    let a_little = Duration::from_millis(50); // no more than heartbeats leave between them
    for server in c.servers() {
        let before = c.term_of(server);
        c.crash(server);
        c.boot(server);
        let poll = Duration::from_millis(1);
        let runs = c.until(a_little, poll, || c.term_of(server) > before);
        c.expect(&claim::WAITS_BEFORE_RUNNING, !runs, || {
            format!(
                "{server} was in term {before} when its power failed; {a_little:?} after its restart it runs for term {}",
                c.term_of(server)
            )
        });
        c.rejoin(server);
    }
    c.agree("last");
}

/// What is on a server's disk is not committed for that: after a restart it applies only what it hears to be (Figure 2, commitIndex).
#[story(part = "2C", servers = 3, points = 2, exact)]
fn a_restart_commits_nothing(c: &Cluster) {
    c.agree("first");
    let alone = c.leader();
    c.cut_off(alone);
    let (last, _) = c.propose_at(alone, ["nobody", "hears", "of these"]);
    c.sleep_ms(100); // they are saved
    c.crash(alone);
    c.boot(alone);
    c.sleep_ms(500); // and it hears nobody
    for unheard in [LogIndex(last.0 - 2), last] {
        c.none_applied(unheard);
    }
    c.agree("by the others");
    c.rejoin(alone);
    c.agree("by all");
    c.all_apply(["first", "by the others", "by all"]);
}

/// Power fails everywhere in the midst of elections; nobody votes twice, and the cluster finds a leader (§5.2).
#[story(part = "2C", servers = 5, points = 3)]
fn restart_in_mid_election(c: &Cluster) {
    c.agree("before");
    for round in 0..8u64 {
        let leader = c.leader();
        c.crash(leader);
        c.sleep_ms(rng().random_range(100..400)); // about now somebody runs
        c.restart_all(c.servers());
        c.sleep_ms(rng().random_range(100..400)); // and again
        c.restart_all(c.servers());
        c.agree(round);
    }
}

/// Seven logs as in Figure 7, wrong in all the ways a log can be, become the leader's (§5.3).
#[story(part = "2C", servers = 7, points = 4, exact)]
fn figure7(c: &Cluster) {
    let [top, a, b, x, d, e, f] = c.all();
    let all = [top, a, b, x, d, e, f];
    let but = |gone: &[Server]| -> Vec<Server> {
        all.into_iter().filter(|s| !gone.contains(s)).collect()
    };
    for command in ["1.1", "1.2", "1.3"] {
        c.agree(command);
    }
    // f led terms 2 and 3, and told nobody.
    c.elect(f, &but(&[f]));
    alone(c, f, &["2.4", "2.5", "2.6"]);
    c.restart(f);
    c.elect(f, &but(&[f]));
    alone(c, f, &["3.7", "3.8", "3.9", "3.10", "3.11"]);
    // e leads term 4: one entry for all but f, one more for all but f and b, two for itself.
    c.elect(e, &but(&[e, f]));
    among(c, &but(&[f]));
    c.agree("4.4");
    c.cut_off(b);
    c.agree("4.5");
    alone(c, e, &["4.6", "4.7"]);
    // d leads term 5, of which four servers hear.
    c.elect(d, &[top, a, x]);
    among(c, &[top, a, x, d]);
    c.agree_all(["5.6", "5.7"]);
    // x leads term 6: two entries for four servers, a third for three, the last for itself.
    c.elect(x, &[top, a, d]);
    among(c, &[top, a, x, d]);
    c.agree_all(["6.8", "6.9"]);
    c.cut_off(a);
    c.propose_at(x, ["6.10"]);
    c.sleep_ms(500);
    alone(c, x, &["6.11"]);
    // d leads term 7 and tells nobody.
    c.rejoin(a);
    c.rejoin(b);
    c.elect(d, &[top, a, b]);
    alone(c, d, &["7.11", "7.12"]);
    // The leader at the top of the figure comes to power.
    for back in [e, f] {
        c.rejoin(back);
    }
    c.elect(top, &[a, b, e, f]);
    // x and d have newer logs, and may run as soon as they hear of its term. So they hear of it when it has a majority.
    among(c, &[top, a, b, e, f]);
    c.agree("8.11");
    c.heal();
    for back in all {
        c.rejoin(back);
    }
    c.agree("last");
    c.all_apply([
        "1.1", "1.2", "1.3", "4.4", "4.5", "5.6", "5.7", "6.8", "6.9", "6.10", "8.11", "last",
    ]);
}

/// A leader takes commands that reach nobody, and is gone.
fn alone(c: &Cluster, leader: Server, commands: &[&str]) {
    c.cut_off(leader);
    c.propose_at(leader, commands.iter().copied());
    c.let_all_pass();
}

/// These servers reach each other; the rest is cut off.
fn among(c: &Cluster, servers: &[Server]) {
    c.let_all_pass();
    c.partition(&[servers]);
}

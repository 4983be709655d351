//! Who may be elected: whose log is as good as a majority's (§5.4.1).

use raft::Raft;
use tests::prelude::*;

/// Who lacks a committed entry is never elected, be its log the longer one or of the same term (§5.4.1).
#[story(part = "2B", servers = 5, points = 4, exact)]
fn election_restriction(c: &Cluster) {
    c.agree("base");
    let long = c.leader();
    let others: [Server; 4] = c.others([long]);
    // A long log of an old term …
    c.cut_off(long);
    c.propose_at(long, ["x", "y", "z"]);
    // … against a short one of a newer term, which is committed.
    c.agree("kept");
    let [a, b, short, ..] = others;
    c.never_elected(long, &[a, b]);
    c.heal();

    // A log of the same term, but shorter.
    let leader = c.leader();
    let short = if short == leader { a } else { short };
    c.agree("all"); // now all logs are alike
    c.cut_off(short);
    c.agree("kept too");
    let voters: Vec<Server> = others
        .into_iter()
        .filter(|s| *s != short && *s != leader)
        .take(2)
        .collect();
    c.never_elected(short, &voters);
    c.heal();
    c.agree("last");
}

/// A voter's whole log counts, also entries that it does not know to be committed (§5.4.1).
#[story(part = "2B", servers = 5, points = 3, exact)]
fn a_voters_whole_log_counts(c: &Cluster) {
    c.agree("base");
    let leader = c.leader();
    let [a, b, candidate, away] = c.others([leader]);
    c.cut_off(candidate);
    c.cut_off(away);
    // `a` and `b` get an entry, the leader commits it, and they do not hear of that.
    c.hold(leader, a);
    c.hold(leader, b);
    let (index, _) = c.propose_at(leader, ["kept"]);
    c.until(Duration::from_millis(250), Duration::from_millis(1), || {
        let committed = c.committed(index).0 > 0;
        if !committed {
            c.release_held(Mail::Requests, leader, a);
            c.release_held(Mail::Requests, leader, b);
        }
        committed
    });
    c.cut_off(leader);
    if c.committed(index).0 == 0 {
        return; // a Raft that takes a quarter of a second over an entry
    }
    c.never_elected(candidate, &[a, b]);
    c.let_all_pass();
    c.heal();
    c.rejoin(leader);
    c.rejoin(away);
    c.agree("last");
    c.all_apply(["base", "kept", "last"]);
}

/// A leader that is deposed by a candidate compares their logs before it votes, as a follower does (§5.4.1).
#[story(part = "2B", servers = 3, points = 3, exact)]
fn a_deposed_leader_compares_logs(c: &Cluster) {
    c.agree("base");
    let leader = c.leader();
    let [candidate, follower] = c.others([leader]);
    c.cut_off(candidate);
    c.agree("kept");
    c.cut_off(follower);
    // Its first request that comes in finds a leader, later ones a follower or a candidate.
    c.never_elected(candidate, &[leader]);
    c.heal();
    c.rejoin(follower);
    c.agree("last");
    c.all_apply(["base", "kept", "last"]);
}

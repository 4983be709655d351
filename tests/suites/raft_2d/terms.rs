//! Snapshots and terms: one rule for all requests and replies (§5.1; Figure 13).

use raft::Raft;
use tests::prelude::*;

use crate::agree_up_to;

/// A snapshot is the first that a follower, or a leader of before, hears of a new leader: it brings the term, too (§5.1; Figure 13).
#[story(part = "2D", servers = 5, points = 2, snapshots, exact)]
fn a_snapshot_brings_the_term(c: &Cluster) {
    c.mark_snapshots();
    agree_up_to(c, 3);
    let old = c.leader();
    let [follower, others @ ..] = c.others::<4>([old]);
    let behind = [follower, old];
    // The follower has a leader, and so stays in its term. The others go on in another.
    c.partition(&[&behind, &others]);
    let leader = c.leader_among(&others);
    behind.iter().for_each(|server| c.hold(leader, *server));
    c.keep_links(|from, to| {
        behind.contains(&to) && [old, leader].contains(&from)
            || others.contains(&from) && others.contains(&to)
    });
    let (last, term) = c.propose_at(leader, (0..22u64).map(Command::from));
    c.wait(last, others.len(), None);
    c.sleep_ms(20);
    for server in behind {
        // Heartbeats came before it and after it, and are still held.
        let came = c.release_snapshot(leader, server);
        c.sleep_ms(5);
        let told = c.term_of(server);
        c.expect(&claim::HIGHER_TERM, !came || told >= term, || {
            format!("{server} was sent a snapshot by {leader}, which leads term {term}, and is in term {told}")
        });
    }
    c.let_all_pass();
    c.heal();
    agree_up_to(c, last.0 + 3);
}

/// A server that nobody hears is in a later term, and its leader has only a snapshot for it: the reply tells of the term (Figure 13; §5.1).
#[story(part = "2D", servers = 3, points = 3, snapshots, exact)]
fn a_snapshot_finds_a_later_term(c: &Cluster) {
    let (leader, ahead) = behind_and_ahead(c);
    let term = c.term_of(ahead);
    c.rejoin(ahead);
    let known = c.until(Duration::from_secs(5), Duration::from_millis(10), || {
        c.term_of(leader) >= term
    });
    c.expect(&claim::HIGHER_TERM, known, || {
        let now = c.term_of(leader);
        format!(
            "{leader} is in term {now}; for 5 s it has sent a snapshot to {ahead}, which is in term {term} and replies, and can \
             call nobody"
        )
    });
    agree_up_to(c, 30);
    c.heal();
    agree_up_to(c, 31);
}

/// A server that is behind in entries, for which its leader has only a snapshot, and ahead in terms, of which nobody
/// has heard: (leader, ahead). It is still cut off, and can call nobody when it is back.
fn behind_and_ahead(c: &Cluster) -> (Server, Server) {
    agree_up_to(c, 5);
    let leader = c.leader();
    let [ahead, other] = c.others([leader]);
    c.cut_off(ahead); // and runs for office
    agree_up_to(c, 25);
    c.sleep_ms(1500);
    for to in [leader, other] {
        c.cut_calls(ahead, to);
    }
    (leader, ahead)
}

/// A snapshot from the leader of an earlier term is refused, and nothing of it is taken (§5.1; Figure 13, step 1).
#[story(part = "2D", servers = 3, points = 2, snapshots, exact)]
fn a_snapshot_of_an_earlier_term(c: &Cluster) {
    let (leader, ahead) = behind_and_ahead(c);
    c.handle(Mail::Replies, ahead, leader, Handling::Swallow); // or its term would depose the leader
    let (term, later, had) = (c.term_of(leader), c.term_of(ahead), c.applied(ahead));
    c.rejoin(ahead);
    c.sleep_ms(1500);
    let has = c.applied(ahead);
    c.expect(&claim::STALE_REQUESTS, later == term || has == had, || {
        format!(
            "{ahead} was in term {later}, with entries up to {had}; {leader} of term {term} sent it a snapshot, which it took: \
             now it has them up to {has}"
        )
    });
    c.let_all_pass();
    c.heal();
    agree_up_to(c, 31);
}

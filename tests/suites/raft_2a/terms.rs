//! Who hears of a later term, or of the leader of its own, follows (§5.1, §5.2).

use raft::Raft;
use tests::prelude::*;

use crate::leads_on;

/// A call that got lost fails within 7 s. Until then a leader may make no other to the same server.
const CALLS_HANG: Duration = Duration::from_secs(8);

/// A candidate that hears from a leader of its own term follows it (§5.2).
#[story(part = "2A", servers = 3, points = 3, exact)]
fn equal_term_heartbeat_ends_candidacy(c: &Cluster) {
    let mut saw = None;
    for _ in 0..10 {
        let Some((winner, loser, voter, term)) = c.two_candidates() else {
            break;
        };
        c.release_held(Mail::Requests, winner, voter);
        let won = c.until(Duration::from_millis(20), Duration::from_millis(1), || {
            c.leads(winner)
        });
        let in_time = won && c.term_of(loser) == term;
        c.let_all_pass();
        if !in_time {
            continue; // the loser had already gone on to another term
        }
        c.sleep_ms(2000);
        if c.state(winner) == Some((term, true)) && c.term_of(loser) == term {
            return;
        }
        saw = Some(format!(
            "{winner} won term {term}, in which {loser} was a candidate too; two quiet seconds later {loser} is in term {}",
            c.term_of(loser)
        ));
    }
    c.expect(&claim::CANDIDATE_FOLLOWS, saw.is_none(), || {
        saw.unwrap_or_default()
    });
}

/// A candidate that is far behind takes over the term that it finds in a refusal (§5.1).
#[story(part = "2A", servers = 3, points = 3, exact, limit = 200)]
fn a_refusal_brings_the_term(c: &Cluster) {
    const FAR: u64 = 40;
    let leader = c.leader();
    let [ahead, behind] = c.others([leader]);
    // `ahead` runs for one term after the other, and nobody hears of it.
    c.cut_off(ahead);
    let far = || c.term_of(ahead).0 > c.term_of(behind).0 + FAR;
    if !c.until(Duration::from_secs(100), Duration::from_millis(100), far) {
        return; // it asks for leave before it runs (PreVote)
    }
    c.cut_off(leader);
    c.handle(Mail::Requests, ahead, behind, Handling::Hold);
    c.rejoin(ahead);
    let term = c.term_of(ahead);
    // `behind` runs for terms that `ahead` has long left.
    let told = c.until(Duration::from_secs(4), Duration::from_millis(5), || {
        c.term_of(behind) >= term
    });
    c.expect(&claim::HIGHER_TERM, told, || {
        format!(
            "{behind} is in term {}, 4 s after it could ask {ahead} for its vote, which was in term {term}",
            c.term_of(behind)
        )
    });
}

/// A leader whose messages are lost, but which hears the others, makes way for a new one (§5.1).
#[story(part = "2A", servers = 3, points = 2, exact)]
fn mute_leader(c: &Cluster) {
    let mute = c.leader();
    let others: [Server; 2] = c.others([mute]);
    for other in others {
        c.cut_one_way(mute, other);
    }
    c.leader_among(&others);
    c.sleep_ms(1000);
    c.expect(&claim::STALE_LEADER_STEPS_DOWN, !c.leads(mute), || {
        format!(
            "{mute} still says that it leads term {}, though it hears of a later one",
            c.term_of(mute)
        )
    });
    c.heal();
    c.leader();
}

/// A leader that nobody can call learns from replies that its term is over (§5.1).
#[story(part = "2A", servers = 3, points = 2, exact)]
fn replies_depose_a_leader(c: &Cluster) {
    let old = c.leader();
    let term = c.term_of(old);
    c.cut_off(old);
    let others: [Server; 2] = c.others([old]);
    c.leader_among(&others);
    for other in others {
        c.cut_calls(other, old);
    }
    c.rejoin(old);
    let poll = Duration::from_millis(10);
    let deposed = c.until(CALLS_HANG, poll, || c.term_of(old) > term);
    c.expect(&claim::STALE_LEADER_STEPS_DOWN, deposed, || {
        format!("{old} still leads term {term}, though replies to its heartbeats carry a later one")
    });
    c.heal();
    c.leader();
}

/// A reply that comes late, and carries an earlier term, deposes no leader: a later term does (Figure 2, All Servers).
#[story(part = "2A", servers = 5, points = 2, exact)]
fn a_late_reply_deposes_nobody(c: &Cluster) {
    let leader = c.leader();
    let [late, a, b, ..]: [Server; 4] = c.others([leader]);
    c.handle(Mail::Replies, late, leader, Handling::Hold);
    c.sleep_ms(500);
    c.handle(Mail::Replies, late, leader, Handling::Pass); // what is held stays so
    let first = c.term_of(leader);
    c.cut_off(leader);
    c.leader_among(&c.others::<4>([leader]));
    c.rejoin(leader);
    c.sleep_ms(500); // whoever begins its term with an entry has brought it there, or this log would be the older one
    c.elect(leader, &[a, b]); // once more, in a later term
    for voter in [a, b] {
        c.handle(Mail::Requests, leader, voter, Handling::Pass);
        c.release_held(Mail::Requests, leader, voter);
    }
    c.heal();
    c.sleep_ms(300);
    let term = c.term_of(leader);
    let replies = c.held(Mail::Replies, late, leader);
    if !c.leads(leader) || term == first || replies == 0 {
        return; // a thread stood still, and it was given up
    }
    c.release_held(Mail::Replies, late, leader);
    c.sleep_ms(300);
    leads_on(c, leader, term, || {
        format!(
            "{replies} replies of {late} to what it had sent in term {first} came in; 300 ms later"
        )
    });
}

/// A leader that hears of a later term from a candidate, and from nobody else, leads no more (§5.1).
#[story(part = "2A", servers = 3, points = 2, exact)]
fn a_candidate_deposes_a_leader(c: &Cluster) {
    let leader = c.leader();
    let [candidate, follower] = c.others([leader]);
    let term = c.term_of(leader);
    c.cut_off(candidate);
    let poll = Duration::from_millis(10);
    if !c.until(Duration::from_secs(5), poll, || {
        c.term_of(candidate) > term.next()
    }) {
        return; // it asks for leave before it runs (PreVote)
    }
    // Its requests reach the leader, which goes on hearing from its follower.
    c.keep_links(|from, to| to == leader || (from, to) == (leader, follower));
    c.rejoin(candidate);
    let deposed = c.until(Duration::from_secs(3), poll, || c.term_of(leader) > term);
    c.expect(&claim::STALE_LEADER_STEPS_DOWN, deposed, || {
        format!(
            "{leader} still leads term {term}, though {candidate} asks it for its vote in term {}",
            c.term_of(candidate)
        )
    });
    c.heal();
    c.leader();
}

/// A leader that hears of a later term from that term's leader, and from nobody else, leads no more (§5.1).
#[story(part = "2A", servers = 3, points = 2, exact)]
fn a_new_leader_deposes_the_old(c: &Cluster) {
    let old = c.leader();
    let others: [Server; 2] = c.others([old]);
    c.cut_off(old);
    let new = c.leader_among(&others);
    // What the old one sends is lost, and so are the replies that would tell it.
    c.keep_links(|from, to| from == new || to == new && from != old);
    c.rejoin(old);
    let (limit, poll) = (Duration::from_secs(2), Duration::from_millis(10));
    let deposed = c.until(limit, poll, || !c.leads(old));
    c.expect(&claim::STALE_LEADER_STEPS_DOWN, deposed, || {
        format!(
            "{old} still leads term {}, {limit:?} after it could hear {new}, which leads term {}",
            c.term_of(old),
            c.term_of(new)
        )
    });
    c.heal();
    c.leader();
}

/// A candidate that hears from the leader of a later term, and from nobody else, follows it (§5.1, §5.2).
#[story(part = "2A", servers = 5, points = 2, exact)]
fn a_candidate_hears_a_later_leader(c: &Cluster) {
    const FAR: u64 = 3;
    let old = c.leader();
    let [lone, others @ ..] = c.others::<4>([old]);
    // `lone` has a leader, and so stays in its term, while the others run for one term after the other.
    c.partition(&[&[old, lone]]);
    c.sleep_ms(4000);
    c.partition(&[&[old, lone], &others]);
    let new = c.leader_among(&others);
    let later = c.term_of(new);
    let among_others = |from, to| others.contains(&from) && others.contains(&to);
    c.keep_links(among_others);
    let before = c.term_of(lone);
    c.until(Duration::from_secs(3), Duration::from_millis(1), || {
        c.term_of(lone) > before
    });
    // The leader may still be waiting for a call that was lost (`replicators`, seed 0x1f001a).
    c.hold(new, lone);
    c.keep_links(|from, to| among_others(from, to) || from == new && to == lone);
    c.until(CALLS_HANG, Duration::from_millis(1), || {
        c.held(Mail::Requests, new, lone) > 0
    });
    let runs_for = c.term_of(lone);
    c.handle(Mail::Requests, new, lone, Handling::Pass);
    let heard = c.release_held(Mail::Requests, new, lone) > 0;
    c.sleep_ms(200);
    let told = c.term_of(lone);
    // Not if it asks for leave before it runs (PreVote).
    let far = later.0 > runs_for.0 + FAR;
    c.expect(&claim::HIGHER_TERM, told >= later || !far || !heard, || {
        format!(
            "{lone} was running for term {runs_for} when a request of {new} came in, which leads term {later}; 200 ms later it is in \
             term {told}"
        )
    });
    c.heal();
    c.leader();
}

/// A server that hears nobody but is heard does not keep the others from having a leader for long (§5.2).
#[story(part = "2A", servers = 5, points = 2, exact)]
fn deaf_follower(c: &Cluster) {
    let leader = c.leader();
    let [deaf, ..]: [Server; 4] = c.others([leader]);
    let others: [Server; 4] = c.others([deaf]);
    for other in others {
        c.cut_one_way(other, deaf);
    }
    c.sleep_ms(3000); // its terms grow and the others hear of each
    c.heal();
    c.leader();
    // The leader may still be waiting for a call that was lost, to somebody who hears of it only then (`replicators`, seed 0x1f0027).
    let terms = || c.servers().into_iter().map(|server| c.term_of(server));
    c.until(CALLS_HANG, Duration::from_millis(10), || {
        terms().min() == terms().max()
    });
    c.terms();
}

/// Whoever asks a server for its state at the very moment at which it steps down hears of the old term or of the new one, and
/// never that it leads the new one (raftapi::Raft::state).
#[story(part = "2A", servers = 3, points = 2, exact)]
fn state_while_stepping_down(c: &Cluster) {
    for _ in 0..20 {
        // What it says is held against what is known of the term (rules.rs).
        c.depose_while(|c, old, _| (0..50).for_each(|_| _ = c.state(old)));
    }
    c.leader();
}

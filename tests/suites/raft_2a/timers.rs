//! What restarts the election timer, and what does not (Figure 2, Followers; §5.2).

use raft::Raft;
use tests::prelude::*;

/// Heartbeats of a deposed leader, delivered late, postpone nobody's election (Figure 2, Followers).
#[story(part = "2A", servers = 5, points = 3, exact)]
fn stale_heartbeats_postpone_no_election(c: &Cluster) {
    let old = c.leader();
    let others: [Server; 4] = c.others([old]);
    for other in others {
        c.handle(Mail::Requests, old, other, Handling::Copy);
    }
    // Enough of them for five seconds and more, at one every 50 ms.
    c.until(Duration::from_secs(60), Duration::from_millis(100), || {
        others
            .iter()
            .all(|to| c.held(Mail::Requests, old, *to) >= 110)
    });
    for other in others {
        c.handle(Mail::Requests, old, other, Handling::Swallow);
        c.cut_calls(other, old);
    }
    let new = c.leader_among(&others);
    c.cut_off(new);
    // Three of five are left. They never hear from a leader of their term, only from the past.
    let left: [Server; 3] = c.others([old, new]);
    let before = left
        .map(|s| c.term_of(s))
        .into_iter()
        .max()
        .unwrap_or_default();
    let elected = c.until(Duration::from_secs(5), Duration::from_millis(50), || {
        left.iter().for_each(|to| {
            c.release_next(Mail::Requests, old, *to);
        });
        left.iter().any(|s| c.leads(*s))
    });
    c.expect(&claim::ELECTION_TIMER, elected, || {
        let left = set(left);
        format!(
            "{left}, a majority, elected nobody in 5 s after term {before}, while old heartbeats of {old} came in every 50 ms"
        )
    });
}

/// Requests for a vote in an old term, refused each time, postpone nobody's election (Figure 2, Followers).
#[story(part = "2A", servers = 5, points = 3, exact)]
fn refused_candidates_postpone_no_election(c: &Cluster) {
    let [lonely, ..]: [Server; 5] = c.all();
    let others: [Server; 4] = c.others([lonely]);
    let often = run_unheard(c, lonely, &others);
    c.sleep_ms(1000);
    let leader = c.leader_among(&others);
    c.cut_off(leader);
    let left: [Server; 3] = c.others([lonely, leader]);
    elected_despite_old_requests(c, lonely, &left, often);
}

/// Who has voted for a candidate does not do so again when its requests of earlier terms come in (Figure 2, RequestVote 1).
#[story(part = "2A", servers = 5, points = 2, exact)]
fn old_requests_get_no_vote(c: &Cluster) {
    let [lonely, ..]: [Server; 5] = c.all();
    let others: [Server; 4] = c.others([lonely]);
    // With its last request it gets their votes, and then nobody hears from it.
    let often = run_unheard(c, lonely, &others);
    elected_despite_old_requests(c, lonely, &others, often);
}

/// `lonely` runs again and again, in ever higher terms, and nobody hears of it but for the last time: all are in that term
/// then. Gives how often its earlier requests are to come in, more often than any election timeout that is like its own.
fn run_unheard(c: &Cluster, lonely: Server, others: &[Server]) -> Duration {
    for other in others {
        c.hold(lonely, *other);
        c.cut_calls(*other, lonely);
    }
    c.leader_among(others);
    c.sleep_ms(25_000);
    let asked = c.held(Mail::Requests, lonely, others[0]) as u64;
    for other in others {
        c.release_last(Mail::Requests, lonely, *other);
    }
    c.sleep_ms(20);
    Duration::from_millis(25_000 * 2 / 5 / asked.max(1))
}

/// These servers, a majority, elect a leader while old requests for votes come in.
fn elected_despite_old_requests(c: &Cluster, from: Server, voters: &[Server], often: Duration) {
    let elected = c.until(Duration::from_secs(5), often, || {
        voters.iter().for_each(|to| {
            c.release_next(Mail::Requests, from, *to);
        });
        voters.iter().any(|s| c.leads(*s))
    });
    c.expect(&claim::ELECTION_TIMER, elected, || {
        let voters = set(voters.iter().copied());
        format!(
            "{voters}, a majority, elected nobody in 5 s, while old requests for votes of {from} came in every {often:?}"
        )
    });
}

/// Who gives its vote waits for the winner as long as it waits for any leader (Figure 2, Followers).
#[story(part = "2A", servers = 3, points = 2, exact)]
fn a_vote_restarts_the_timer(c: &Cluster) {
    const ROUNDS: usize = 8;
    let moment = Duration::from_millis(1);
    // How long they wait for a leader that is gone: at least this, since its last heartbeat came before it was cut off.
    let mut patience = Duration::from_secs(5);
    for _ in 0..ROUNDS {
        let leader = c.leader();
        let others: [Server; 2] = c.others([leader]);
        let (term, gone) = (c.terms(), c.now());
        c.cut_off(leader);
        c.until(Duration::from_secs(5), moment, || {
            others.iter().any(|s| c.term_of(*s) > term)
        });
        patience = patience.min(c.now() - gone);
        c.leader_among(&others);
        c.rejoin(leader);
    }
    for _ in 0..ROUNDS {
        let leader = c.leader();
        let elected = elect_unheard(c, leader);
        let voted = c.now();
        if let Some((winner, voter, term)) = elected
            && c.term_of(voter) == term
        {
            c.until(patience / 2, moment, || c.term_of(voter) > term);
            let waited = c.now() - voted;
            c.expect(&claim::ELECTION_TIMER, c.term_of(voter) == term, || {
                format!(
                    "{voter} gave its vote to {winner} and ran for the next term {waited:?} later; a leader that is gone it \
                     gives {patience:?} and more"
                )
            });
        }
        c.let_all_pass();
        c.rejoin(leader);
    }
}

/// `leader` is cut off, one of the others runs, and the third hears its request and nothing more of it: (winner, voter, term).
///
/// `None` if that does not come about, as with a Raft that asks for leave before it runs (PreVote).
fn elect_unheard(c: &Cluster, leader: Server) -> Option<(Server, Server, Term)> {
    let moment = Duration::from_millis(1);
    let [one, other] = c.others([leader]);
    let before = c.terms();
    c.cut_off(leader);
    c.hold(one, other);
    c.hold(other, one);
    let runs = |s: Server| c.term_of(s) > before;
    c.until(Duration::from_secs(5), moment, || runs(one) || runs(other));
    let (winner, voter) = if runs(one) {
        (one, other)
    } else {
        (other, one)
    };
    let term = c.term_of(winner);
    c.release_held(Mail::Requests, winner, voter);
    let won = c.until(Duration::from_millis(20), moment, || c.leads(winner));
    won.then_some((winner, voter, term))
}

/// Who wins an election lets the others know before one more of them runs (Figure 2, Leaders; §5.2).
#[story(part = "2A", servers = 3, points = 2, exact)]
fn a_new_leader_speaks_at_once(c: &Cluster) {
    /// Much less than an election timeout, and less than lies between two heartbeats.
    const SOON: Duration = Duration::from_millis(50);
    for _ in 0..5 {
        let leader = c.leader();
        if let Some((winner, voter, term)) = elect_unheard(c, leader) {
            let moment = Duration::from_millis(1);
            let spoke = c.until(SOON, moment, || c.held(Mail::Requests, winner, voter) > 0);
            c.expect(&claim::SPEAKS_AT_ONCE, spoke || !c.leads(winner), || {
                format!(
                    "{winner} won term {term} with the vote of {voter}, and has sent it nothing {} ms later",
                    SOON.as_millis()
                )
            });
        }
        c.let_all_pass();
        c.rejoin(leader);
    }
}

/// A server that is alone runs again and again, and waits for another length of time each time (§5.2).
#[story(part = "2A", servers = 3, points = 2, exact)]
fn timeouts_are_drawn_anew(c: &Cluster) {
    const ELECTIONS: usize = 9;
    let [alone, _, _] = c.all();
    c.cut_off(alone);
    let began = c.now();
    let (mut term, mut times) = (c.term_of(alone), Vec::new());
    while times.len() < ELECTIONS && c.now() < began + Duration::from_secs(20) {
        c.sleep_ms(1);
        let now = c.term_of(alone);
        if now > term {
            times.push(c.now());
        }
        term = now;
    }
    // Whoever asks for leave before it runs (PreVote) stays in its term.
    if times.len() == ELECTIONS {
        let waits = times.windows(2).map(|two| two[1] - two[0]);
        let waits: Vec<u128> = waits.map(|wait| wait.as_millis()).collect();
        let (least, most) = (waits.iter().min(), waits.iter().max());
        let differ = least
            .zip(most)
            .is_some_and(|(least, most)| most - least > 2);
        c.expect(&claim::TIMEOUT_DRAWN_ANEW, differ, || {
            format!(
                "{alone}, which was alone, ran for office {ELECTIONS} times, after {waits:?} ms"
            )
        });
    }
    c.rejoin(alone);
    c.leader();
}

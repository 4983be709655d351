//! Part 2A: leader election (§5.2).

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

/// A server gives its vote in a term once: to the first of two candidates (§5.2).
#[story(part = "2A", servers = 3, points = 3, exact)]
fn one_vote_a_term(c: &Cluster) {
    for _ in 0..5 {
        let Some((first, second, voter, term)) = c.two_candidates() else {
            return;
        };
        c.release_held(Mail::Requests, first, voter);
        c.sleep_ms(2);
        c.release_held(Mail::Requests, second, voter);
        let twice = c.until(Duration::from_millis(5), Duration::from_millis(1), || {
            c.state(first) == Some((term, true)) && c.state(second) == Some((term, true))
        });
        c.expect(&claim::ELECTION_SAFETY, !twice, || {
            format!("{voter} was asked by {first}, then by {second}, and now both lead term {term}")
        });
        c.let_all_pass();
    }
}

/// A candidate has voted for itself: another candidate of its term does not get its vote (§5.2).
#[story(part = "2A", servers = 3, points = 3, exact)]
fn a_candidate_has_voted(c: &Cluster) {
    for _ in 0..5 {
        let Some((one, other, voter, term)) = c.two_candidates() else {
            return;
        };
        c.release_held(Mail::Requests, one, other);
        c.sleep_ms(2);
        c.release_held(Mail::Requests, other, voter);
        let both = c.until(Duration::from_millis(5), Duration::from_millis(1), || {
            c.state(one) == Some((term, true)) && c.state(other) == Some((term, true))
        });
        c.expect(&claim::ELECTION_SAFETY, !both, || {
            format!("{one} asked {other}, which was a candidate of term {term} too, for its vote; now both lead that term")
        });
        c.let_all_pass();
    }
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
        let [one, other] = c.others([leader]);
        let term = c.terms();
        c.cut_off(leader);
        c.hold(one, other);
        c.hold(other, one);
        let runs = |s: Server| c.term_of(s) > term;
        c.until(Duration::from_secs(5), moment, || runs(one) || runs(other));
        let (winner, voter) = if runs(one) {
            (one, other)
        } else {
            (other, one)
        };
        let term = c.term_of(winner);
        // The voter hears the request, and nothing more of the winner.
        c.release_held(Mail::Requests, winner, voter);
        let voted = c.now();
        let won = c.until(Duration::from_millis(20), moment, || c.leads(winner));
        if won && c.term_of(voter) == term {
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

/// Votes that arrive when their term is over do not count for the next one (§5.2).
#[story(part = "2A", servers = 5, points = 3, exact)]
fn late_votes_do_not_count(c: &Cluster) {
    // Everybody hears every request; nobody hears an answer.
    c.handle_all(Mail::Replies, Handling::Hold);
    let asked = |s: &Server| {
        c.others::<4>([*s])
            .iter()
            .all(|v| c.held(Mail::Replies, *v, *s) > 0)
    };
    let began = c.until(Duration::from_secs(5), Duration::from_millis(1), || {
        c.servers().iter().any(asked)
    });
    c.expect(&claim::SITUATION, began, || {
        "nobody asked for votes within 5 s".into()
    });
    let candidate = c.servers().into_iter().find(asked).expect("somebody asked");
    let term = c.term_of(candidate);
    c.handle_all(Mail::Requests, Handling::Swallow); // from now on nobody hears any request either
    let moved_on = c.until(Duration::from_secs(5), Duration::from_millis(1), || {
        c.term_of(candidate) > term
    });
    if !moved_on {
        return; // a Raft that asks for leave before it runs (PreVote) stays in its term
    }
    for voter in c.others::<4>([candidate]) {
        c.release_held(Mail::Replies, voter, candidate);
    }
    let leads = c.until(Duration::from_secs(1), Duration::from_millis(5), || {
        c.leads(candidate)
    });
    c.expect(&claim::STALE_REPLIES, !leads, || {
        let now = c.term_of(candidate);
        format!("{candidate} leads term {now}, in which nobody got its requests; the votes that came were of term {term}")
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
    let deposed = c.until(Duration::from_secs(8), poll, || c.term_of(old) > term);
    c.expect(&claim::STALE_LEADER_STEPS_DOWN, deposed, || {
        format!("{old} still leads term {term}, though replies to its heartbeats carry a later one")
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
    c.sleep_ms(50);
    c.terms();
}

/// Each time that a candidate runs it hears of one vote, of another server each time: votes of several terms elect nobody (§5.2).
#[story(part = "2A", servers = 5, points = 3, exact)]
fn votes_of_one_term_only(c: &Cluster) {
    let [candidate, voters @ ..]: [Server; 5] = c.all();
    for from in voters {
        let others: [Server; 4] = c.others([from]);
        others.into_iter().for_each(|to| c.cut_calls(from, to));
    }
    for _ in 0..2 {
        for voter in voters {
            for from in voters {
                let handling = match from == voter {
                    true => Handling::Pass,
                    false => Handling::Swallow,
                };
                c.handle(Mail::Replies, from, candidate, handling);
            }
            c.sleep_ms(700); // what rules/votes.rs sees of this must add up
        }
    }
    c.let_all_pass();
    c.heal();
    c.leader();
}

/// Two run for one term and one wins; the loser's requests, late, do not take the office from it and get no vote (§5.1, §5.2).
#[story(part = "2A", servers = 3, points = 3, exact)]
fn a_rivals_late_request(c: &Cluster) {
    c.handle_all(Mail::Requests, Handling::Hold);
    let held = |from: &Server| {
        let others: [Server; 2] = c.others([*from]);
        others
            .iter()
            .any(|to| c.held(Mail::Requests, *from, *to) > 0)
    };
    let all: [Server; 3] = c.all();
    let runs = || all.into_iter().find(held);
    c.until(Duration::from_secs(5), Duration::from_millis(1), || {
        runs().is_some()
    });
    let Some(rival) = runs() else {
        c.fail(
            &claim::ONE_LEADER,
            "5 s after the start nobody has called anybody",
        );
    };
    let [a, b] = c.others([rival]);
    for (from, to) in [(a, b), (b, a), (a, rival), (b, rival)] {
        c.handle(Mail::Requests, from, to, Handling::Pass);
    }
    for to in [a, b] {
        c.handle(Mail::Replies, rival, to, Handling::Swallow); // it may be in a later term by then
    }
    let leader = c.leader_among(&[a, b]);
    let term = c.term_of(leader);
    c.release_next(Mail::Requests, rival, leader);
    let (within, poll) = (Duration::from_millis(300), Duration::from_millis(1));
    let stays = !c.until(within, poll, || {
        !c.leads(leader) || c.term_of(leader) > term
    });
    c.expect(&claim::STABLE_LEADER, stays, || {
        format!("{leader} led term {term} until a request came in that {rival} had sent when it ran for office before")
    });
    // The other one has heard from the leader since it voted for it. That must not have cost it the memory of its vote.
    let other = if leader == a { b } else { a };
    c.release_next(Mail::Requests, rival, other);
    c.sleep_ms(50); // what it answers is checked as it leaves (rules.rs)
    c.let_all_pass();
    c.leader();
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

/// A server that is told to end leaves no thread behind.
#[story(part = "2A", servers = 3, points = 2, exact)]
fn kill_ends_every_thread(c: &Cluster) {
    let leader = c.leader();
    c.cut_off(leader);
    c.sleep_ms(300); // the others are in the middle of an election, the old leader's calls hang
    c.kill_all_and_check();
}

//! Who gives its vote, to whom, and what it counts for (§5.2).

use raft::Raft;
use tests::prelude::*;

/// A server gives its vote in a term once: to the first of two candidates (§5.2).
#[story(part = "2A", servers = 3, points = 3, exact)]
fn one_vote_a_term(c: &Cluster) {
    for round in 0..8 {
        let Some((one, other, voter, term)) = c.two_candidates() else {
            return;
        };
        // A mark for nobody may be a server's number, too: 0.
        let (first, second) = if other.number() == 0 {
            (other, one)
        } else {
            (one, other)
        };
        c.release_held(Mail::Requests, first, voter);
        if round % 2 == 0 {
            c.sleep_ms(2);
        } // else both may be there before it looks at one
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

/// Two candidates ask a server at once, whose threads stand still between any two of their steps: one gets the vote (§5.2).
#[story(part = "2A", servers = 3, points = 3, exact, stalls = 40)]
fn one_vote_for_two_at_once(c: &Cluster) {
    for _ in 0..12 {
        let Some((one, other, voter, term)) = c.two_candidates() else {
            return;
        };
        for candidate in [one, other] {
            c.release_held(Mail::Requests, candidate, voter);
        }
        let both_lead = || {
            [one, other]
                .iter()
                .all(|s| c.state(*s) == Some((term, true)))
        };
        let twice = c.until(
            Duration::from_millis(60),
            Duration::from_millis(1),
            both_lead,
        );
        c.expect(&claim::ELECTION_SAFETY, !twice, || {
            format!(
                "{one} and {other} asked {voter} at the same time, and now both lead term {term}"
            )
        });
        c.let_all_pass();
    }
}

/// A candidate gives its vote in a later term while it still asks for others, with threads that stand still: it asks for none
/// in that term (§5.2).
#[story(part = "2A", servers = 3, points = 2, exact, stalls = 10)]
fn who_has_voted_asks_for_no_vote(c: &Cluster) {
    let moment = Duration::from_micros(200);
    for _ in 0..12 {
        let leader = c.leader();
        let [ahead, other] = c.others([leader]);
        let term = c.term_of(leader);
        // `ahead` runs again and again, and nobody hears it.
        c.cut_calls(leader, ahead);
        c.cut_calls(ahead, leader);
        c.hold(ahead, other);
        c.until(Duration::from_secs(5), Duration::from_millis(5), || {
            c.term_of(ahead) > term.next()
        });
        c.cut_off(leader);
        c.until(Duration::from_secs(5), moment, || c.term_of(other) > term);
        c.release_last(Mail::Requests, ahead, other);
        c.sleep_ms(60);
        c.let_all_pass();
        c.heal();
        c.rejoin(leader);
    }
    c.leader();
}

/// A candidate's request arrives twice, and the first answer gets lost: who has voted for it says so again (Figure 2, RequestVote 2).
#[story(part = "2A", servers = 3, points = 2, exact)]
fn a_yes_is_repeated(c: &Cluster) {
    let moment = Duration::from_millis(1);
    for _ in 0..5 {
        let leader = c.leader();
        let (before, [one, other]) = (c.terms(), c.others([leader]));
        for (from, to) in [(one, other), (other, one)] {
            c.handle(Mail::Requests, from, to, Handling::Copy);
            c.handle(Mail::Replies, from, to, Handling::Swallow);
        }
        c.cut_off(leader);
        let asked = |from, to| c.held(Mail::Requests, from, to) > 0;
        c.until(Duration::from_secs(5), moment, || {
            asked(one, other) || asked(other, one)
        });
        let (candidate, voter) = if asked(one, other) {
            (one, other)
        } else {
            (other, one)
        };
        let term = c.term_of(candidate);
        c.sleep(moment); // the voter has answered, and nobody has heard it
        let both_run = asked(voter, candidate);
        c.handle(Mail::Replies, voter, candidate, Handling::Pass);
        let soon = Duration::from_millis(20);
        c.until(soon, moment, || {
            c.release_held(Mail::Requests, candidate, voter) > 0
        });
        let won = c.until(soon, moment, || c.leads(candidate));
        // Not if it only asks for leave yet (PreVote), or if the voter ran as well.
        let of_one_term = term > before && !both_run && c.term_of(voter) == term;
        c.expect(&claim::VOTE_REPEATED, won || !of_one_term, || {
            format!(
                "{voter} was asked by {candidate} for its vote in term {term}, and its answer got lost; then it was asked \
                 once more, the answer arrived, and {candidate} does not lead"
            )
        });
        c.let_all_pass();
        c.rejoin(leader);
    }
}

/// A candidate that learns of a later term has not voted in it yet: who asks first gets its vote (§5.1, §5.2).
#[story(part = "2A", servers = 3, points = 2, exact)]
fn a_beaten_candidate_votes(c: &Cluster) {
    let moment = Duration::from_millis(1);
    for _ in 0..3 {
        let Some((one, other, away, term)) = c.two_candidates() else {
            return;
        };
        c.cut_off(away);
        let again = |s: Server| c.term_of(s) > term;
        c.until(Duration::from_secs(5), moment, || {
            again(one) || again(other)
        });
        let (first, beaten) = if again(one) {
            (one, other)
        } else {
            (other, one)
        };
        let asked = c.term_of(first);
        let one_runs = c.term_of(beaten) == term;
        let its_own = || c.held(Mail::Requests, beaten, first);
        let before = its_own();
        let won = c.until(Duration::from_millis(20), moment, || {
            c.release_held(Mail::Requests, first, beaten);
            c.leads(first)
        });
        // Or the other ran for that term as well, before it was asked (`ticker`, seed 0x20057f).
        let of_one_term = one_runs
            && its_own() == before
            && c.term_of(first) == asked
            && c.term_of(beaten) == asked;
        c.expect(&claim::NEW_TERM_NEW_VOTE, won || !of_one_term, || {
            format!(
                "{first} and {beaten} ran in term {term}; then {first} asked {beaten} for its vote in term {asked}, and does \
                 not lead"
            )
        });
        c.let_all_pass();
        c.rejoin(away);
    }
}

/// One of the others refuses, then a majority votes for the candidate: it leads (§5.2).
#[story(part = "2A", servers = 5, points = 2, exact)]
fn a_refusal_ends_no_candidacy(c: &Cluster) {
    let moment = Duration::from_millis(1);
    for _ in 0..5 {
        let others: [Server; 4] = c.others([c.leader()]);
        let before = c.terms();
        c.handle_all(Mail::Requests, Handling::Hold);
        let running = || -> Vec<Server> {
            let runs = |s: &Server| c.term_of(*s) > before;
            others.into_iter().filter(runs).collect()
        };
        c.until(Duration::from_secs(3), moment, || running().len() >= 2);
        if let [one, rival] = running()[..] {
            let term = c.term_of(one);
            let two_run = c.term_of(rival) == term;
            let voters = others.iter().filter(|s| ![one, rival].contains(s));
            c.release_held(Mail::Requests, one, rival);
            c.sleep_ms(5); // the refusal is there
            voters
                .clone()
                .for_each(|voter| _ = c.release_held(Mail::Requests, one, *voter));
            let won = c.until(Duration::from_millis(20), moment, || c.leads(one));
            // Whoever has asked for votes itself runs as well.
            let votes = |s: &Server| c.term_of(*s) == term && c.held(Mail::Requests, *s, one) == 0;
            let in_time = c.term_of(one) == term && voters.clone().all(votes);
            c.expect(&claim::MAJORITY_ELECTS, won || !two_run || !in_time, || {
                format!(
                    "{one} asked for votes in term {term}; {rival}, which ran as well, answered first, then {}, and {one} does not lead",
                    set(voters.copied())
                )
            });
        }
        c.let_all_pass();
    }
}

/// A candidate that still hears the leader of an earlier term goes on: it leads when a majority votes for it (§5.1, §5.2).
#[story(part = "2A", servers = 3, points = 2, exact)]
fn an_old_leader_ends_no_candidacy(c: &Cluster) {
    let moment = Duration::from_millis(1);
    for _ in 0..3 {
        let old = c.leader();
        let [candidate, voter] = c.others([old]);
        let before = c.terms();
        c.hold(old, candidate);
        c.hold(candidate, voter);
        // The old one hears of no later term.
        c.handle(Mail::Requests, candidate, old, Handling::Swallow);
        c.handle(Mail::Replies, candidate, old, Handling::Swallow);
        c.until(Duration::from_secs(5), moment, || {
            c.term_of(candidate) > before
        });
        let term = c.term_of(candidate);
        c.release_held(Mail::Requests, old, candidate);
        c.sleep_ms(2);
        c.release_held(Mail::Requests, candidate, voter);
        let won = c.until(Duration::from_millis(20), moment, || c.leads(candidate));
        let voted = term > before && c.term_of(candidate) == term && c.term_of(voter) == term;
        c.expect(&claim::MAJORITY_ELECTS, won || !voted, || {
            format!(
                "{candidate} ran for term {term}; then came heartbeats that {old} had sent in term {before}, then {voter} was asked \
                 for its vote, and {candidate} does not lead"
            )
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

//! Power fails right after a reply has left: what it promised is on disk (Figure 2, Persistent state).

use raft::Raft;
use tests::prelude::*;

/// A server whose power fails right after it gave its vote does not vote again in that term (§5.2).
#[story(part = "2C", servers = 3, points = 4, exact)]
fn vote_survives_power_failure(c: &Cluster) {
    race_until(c, |race| {
        power_fails_as_the_vote_leaves(c, race) && is_the_only_vote(c, race, race.voter)
    });
}

/// The same where the voter was in that term before it was asked, so that nothing changes but its vote (§5.2).
#[story(part = "2C", servers = 3, points = 3, exact)]
fn vote_in_a_known_term_survives_power_failure(c: &Cluster) {
    race_until(c, |race| {
        // The voter has led till now. Its heartbeats reach `first`, whose replies tell of the new term.
        c.release_held(Mail::Requests, race.voter, race.first);
        c.until(Duration::from_millis(20), Duration::from_millis(1), || {
            c.term_of(race.voter) == race.term
        });
        c.term_of(race.voter) == race.term
            && power_fails_as_the_vote_leaves(c, race)
            && is_the_only_vote(c, race, race.voter)
    });
}

/// A server that leads by its own vote, too, and whose power fails, does not vote for another in that term (§5.2).
#[story(part = "2C", servers = 3, points = 3, exact)]
fn own_vote_survives_power_failure(c: &Cluster) {
    race_until(c, |race| {
        let elected = wins(c, race); // with its own vote: the other one is the voter's
        c.restart(race.first);
        elected && is_the_only_vote(c, race, race.first)
    });
}

/// One of three servers runs. The other two have heard nothing of it, and all requests are held.
struct Race {
    first: Server,
    /// Runs next, and maybe for the same term.
    second: Server,
    voter: Server,
    term: Term,
}

/// Up to ten races, until one has come out as the story needs it. None starts with a Raft that asks for leave
/// before it runs (PreVote).
fn race_until(c: &Cluster, serves: impl Fn(&Race) -> bool) {
    for _ in 0..10 {
        let served = a_race(c).is_some_and(|race| serves(&race));
        c.let_all_pass();
        if served {
            return;
        }
    }
}

fn a_race(c: &Cluster) -> Option<Race> {
    let voter = c.leader();
    let [one, other] = c.others([voter]);
    let before = c.terms();
    c.handle_all(Mail::Requests, Handling::Hold);
    let runs = |s: Server| c.term_of(s) > before;
    c.until(Duration::from_secs(3), Duration::from_millis(1), || {
        runs(one) || runs(other)
    });
    let (first, second) = if runs(one) {
        (one, other)
    } else {
        (other, one)
    };
    (runs(first) && !runs(second)).then(|| Race {
        first,
        second,
        voter,
        term: c.term_of(first),
    })
}

/// `first` gets the vote of `voter`. Tells whether it leads its term.
fn wins(c: &Cluster, race: &Race) -> bool {
    c.release_held(Mail::Requests, race.first, race.voter);
    let leads = || c.state(race.first) == Some((race.term, true));
    c.until(Duration::from_millis(20), Duration::from_millis(1), leads);
    leads()
}

/// `first` is elected by the vote of `voter`, whose power fails as the vote leaves, and which is back at once.
fn power_fails_as_the_vote_leaves(c: &Cluster, race: &Race) -> bool {
    c.arm_power_failure(race.voter, race.first);
    let elected = wins(c, race);
    c.lose_power(race.voter);
    c.restart(race.voter);
    elected
}

/// `forgetful` was without power since it voted for `first`, which was elected. Now `second` runs, maybe in the same
/// term, and only `forgetful` hears of it. Tells whether it came to that.
fn is_the_only_vote(c: &Cluster, race: &Race, forgetful: Server) -> bool {
    let Race {
        first,
        second,
        term,
        ..
    } = *race;
    c.handle(Mail::Requests, second, forgetful, Handling::Pass);
    c.until(Duration::from_secs(3), Duration::from_millis(1), || {
        c.term_of(second) >= term
    });
    let in_time = c.term_of(second) == term && c.term_of(forgetful) <= term;
    let twice = c.until(Duration::from_millis(20), Duration::from_millis(1), || {
        c.state(second) == Some((term, true))
    });
    c.expect(&claim::SAVED_BEFORE_REPLY, !(in_time && twice), || {
        format!("{forgetful} voted for {first} in term {term}; its power failed right after; then it voted for {second}")
    });
    in_time
}

/// A server whose power fails right after it confirmed an entry still has it (Figure 2).
#[story(part = "2C", servers = 3, points = 4, exact)]
fn confirmed_entry_survives_power_failure(c: &Cluster) {
    c.agree("first");
    for attempt in 0..10 {
        let leader = c.leader();
        let [keeper, away] = c.others([leader]);
        c.cut_off(away);
        c.arm_power_failure(keeper, leader);
        let (index, _) = c.propose_at(leader, [format!("confirmed {attempt}")]);
        let confirmed = c.until(Duration::from_millis(300), Duration::from_millis(1), || {
            c.committed(index).0 > 0
        });
        c.cut_off(leader);
        c.lose_power(keeper);
        c.restart(keeper);
        c.rejoin(away);
        // These two were told of nothing but by `keeper`. If it forgot, they put something else there.
        c.agree(format!("after {attempt}"));
        c.rejoin(leader);
        if confirmed {
            c.agree("last");
            return;
        }
    }
}

/// A server learns of a term from its leader alone, and its power fails as it answers: it is still in that term (Figure 2).
#[story(part = "2C", servers = 5, points = 2, exact)]
fn a_leaders_term_survives_power_failure(c: &Cluster) {
    c.agree("first");
    let old = c.leader();
    let [unasked, others @ ..] = c.others::<4>([old]);
    // `unasked` hears of no candidate, since it has a leader.
    c.partition(&[&[old, unasked], &others]);
    let leader = c.leader_among(&others);
    let term = c.term_of(leader);
    c.arm_power_failure(unasked, leader);
    c.keep_links(|from, to| from == leader && to == unasked);
    let heard = c.until(Duration::from_millis(200), Duration::from_millis(1), || {
        c.term_of(unasked) == term
    });
    c.sleep_ms(1);
    c.lose_power(unasked);
    c.boot(unasked);
    let back = c.term_of(unasked);
    c.expect(&claim::SAVED_BEFORE_REPLY, !heard || back >= term, || {
        format!("{unasked} answered {leader}, which leads term {term}; its power failed right after; then it was in term {back}")
    });
    c.heal();
    c.rejoin(unasked);
    c.agree("last");
}

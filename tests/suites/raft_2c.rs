//! Part 2C: what a server must remember when its power fails (Figure 2, Persistent state).

use raft::Raft;
use tests::prelude::*;

/// Servers, alone or all at once, lose their power and go on where they were (Figure 2).
#[story(part = "2C", servers = 3, points = 3, original)]
fn persist1(c: &Cluster) {
    c.agree(11);
    c.restart_all(c.servers());
    c.agree(12);

    let leader = c.leader();
    c.restart(leader);
    c.agree(13);

    let leader = c.leader();
    c.cut_off(leader);
    c.agree(14);
    c.restart(leader);
    c.wait(LogIndex(4), 3, None); // the old leader catches up before it meets the next one

    let [other, _] = c.others([c.leader()]);
    c.cut_off(other);
    c.agree(15);
    c.restart(other);
    c.agree(16);
    c.all_apply(11..=16);
}

/// Majorities change while servers lose their power; what one majority agreed on, the next one knows (§5.4).
#[story(part = "2C", servers = 5, points = 4, original)]
fn persist2(c: &Cluster) {
    for round in 0..5 {
        c.agree(10 + 3 * round);
        let leader = c.leader();
        let [a, b, x, y] = c.others([leader]);
        c.cut_off(a);
        c.cut_off(b);
        c.agree(11 + 3 * round);
        for gone in [leader, x, y] {
            c.cut_off(gone);
        }
        c.restart(a);
        c.restart(b);
        c.sleep_ms(1000);
        c.restart(x); // the only one of the three that knows the last command
        c.agree(12 + 3 * round);
        c.rejoin(y);
        c.rejoin(leader);
    }
    c.agree(1000);
    c.all_apply((10..25).chain([1000]));
}

/// Leader and follower of a partitioned minority crash; the log of the leader prevails (§5.4).
#[story(part = "2C", servers = 3, points = 3, original)]
fn persist3(c: &Cluster) {
    c.agree(101);
    let leader = c.leader();
    let [follower, away] = c.others([leader]);
    c.cut_off(away);
    c.agree(102);
    c.crash(leader);
    c.crash(follower);
    c.rejoin(away);
    c.restart(leader);
    c.agree(103);
    c.restart(follower);
    c.agree(104);
    c.all_apply(101..=104);
}

/// Leaders crash right after they took commands, a thousand times (§5.4.2, Figure 8).
#[story(part = "2C", servers = 5, points = 5, original)]
fn figure8(c: &Cluster) {
    c.agree_on(1, random_command());
    for _ in 0..1000 {
        let leader = offer_to_all(c);
        figure8_pause(c);
        if let Some(leader) = leader {
            c.crash(leader);
        }
        if c.servers().iter().filter(|s| c.is_up(**s)).count() < 3 {
            let [any, ..]: [Server; 5] = c.all();
            c.strike(&Fault::Revive(any));
        }
    }
    c.revive_all();
    c.agree(random_command());
}

/// Gives a random command to each server. Returns the last that took it.
fn offer_to_all(c: &Cluster) -> Option<Server> {
    let mut taker = None;
    for server in c.servers() {
        if c.try_propose(server, random_command()).is_ok() {
            taker = Some(server);
        }
    }
    taker
}

/// One time in ten up to half a second, else a few milliseconds: enough for some entries to be committed.
fn figure8_pause(c: &Cluster) {
    let longest = if rng().random_ratio(1, 10) { 500 } else { 13 };
    c.sleep_ms(rng().random_range(0..longest));
}

/// Many commands at a time get through a network that loses and delays messages (§5.3).
#[story(part = "2C", servers = 5, points = 3, original)]
fn unreliable_agree(c: &Cluster) {
    c.set_reliable(false);
    let mut clients = Vec::new();
    for i in 1..50u64 {
        for j in 0..4 {
            clients.push(c.start_actor(j, move |c, j| c.agree_on(1, 100 * i + j as u64)));
        }
        c.agree_on(1, i);
    }
    c.set_reliable(true);
    for client in clients {
        c.join_actor(client);
    }
    c.agree(100);
}

/// Leaders are cut off, messages get lost and overtake each other, a thousand times; then all agree in ten seconds (§5.4.2).
#[story(part = "2C", servers = 5, points = 5, original)]
fn figure8_unreliable(c: &Cluster) {
    c.set_reliable(false);
    c.agree_on(1, random_command());
    for round in 0..1000 {
        if round == 200 {
            c.set_long_reordering(true);
        }
        let leader = offer_to_all(c);
        figure8_pause(c);
        if let Some(leader) = leader
            && rng().random_bool(0.5)
        {
            c.cut_off(leader);
        }
        if c.connected().len() < 3 {
            let [any, ..]: [Server; 5] = c.all();
            c.rejoin(any);
        }
    }
    c.revive_all();
    c.agree(random_command());
}

/// Servers come and go while clients give commands; what a client saw applied stays (Figure 3).
#[story(part = "2C", servers = 5, points = 5, original)]
fn reliable_churn(c: &Cluster) {
    churn(c);
}

/// The same on a network that loses and delays messages (Figure 3).
#[story(part = "2C", servers = 5, points = 5, original)]
fn unreliable_churn(c: &Cluster) {
    c.set_reliable(false);
    churn(c);
}

fn churn(c: &Cluster) {
    let stop = Flag::default();
    let clients: Vec<_> = (0..3)
        .map(|number| {
            let stop = stop.clone();
            c.start_actor(number, move |c, number| churn_client(c, number, &stop))
        })
        .collect();
    c.play(&Nemesis::churn(&c.servers(), 20));
    c.sleep_ms(700);
    c.set_reliable(true);
    c.revive_all();
    stop.raise();
    let seen: Vec<Command> = clients
        .into_iter()
        .flat_map(|client| c.join_actor(client))
        .collect();
    c.sleep_ms(1000);
    let last = c.agree(random_command());
    let mut log = Vec::new();
    for index in 1..=last.0 {
        if let Waited::Applied(command) = c.wait(LogIndex(index), 5, None) {
            log.push(command);
        }
    }
    for command in seen {
        c.expect(&claim::COMMITTED_STAYS, log.contains(&command), || {
            format!(
                "a client saw {command} applied; it is not among the {} entries of the final log",
                log.len()
            )
        });
    }
}

/// Gives commands to whoever takes them, and returns those that it saw applied.
fn churn_client(c: &Cluster, number: usize, stop: &Flag) -> Vec<Command> {
    let mut seen = Vec::new();
    let mut count = 0;
    while !stop.is_raised() {
        count += 1;
        let command = Command::from(format!("client {number} command {count}"));
        let taken = c
            .servers()
            .into_iter()
            .filter_map(|s| c.try_propose(s, &command).ok())
            .last();
        let Some((index, _)) = taken else {
            c.sleep_ms(79 + number as u64 * 17);
            continue;
        };
        for pause in [10, 20, 50, 100, 200] {
            if let (1.., Some(applied)) = c.committed(index) {
                seen.extend((applied == command).then_some(command));
                break;
            }
            c.sleep_ms(pause);
        }
        // Where agreement takes no time at all a client would fill the log without end, and each save writes all of it.
        c.sleep_ms(5);
    }
    seen
}

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
    // The leader at the top of the figure comes to power; all are back.
    for back in [e, f] {
        c.rejoin(back);
    }
    c.elect(top, &[a, b, e, f]);
    c.let_all_pass();
    c.heal();
    for back in all {
        c.rejoin(back);
    }
    c.agree("8.11");
    c.all_apply([
        "1.1", "1.2", "1.3", "4.4", "4.5", "5.6", "5.7", "6.8", "6.9", "6.10", "8.11",
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

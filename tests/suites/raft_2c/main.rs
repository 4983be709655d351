//! Part 2C: what a server must remember when its power fails (Figure 2, Persistent state).

mod power;
mod restarts;
mod stalls;

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

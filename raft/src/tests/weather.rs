// BEGIN SOLUTION
//! The mock network's bad weather in exact time: how long a cluster of bare cores takes to agree
//! when messages are late and get lost as in the tests of 2C, and how many calls it takes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use labsim::rand::RngExt;
use labsim::time::{Duration, Instant};

use super::world::{Flight, World};

/// A world in which each message takes its time.
struct Weather {
    world: World,
    /// When what is under way arrives, and which it is.
    due: BinaryHeap<Reverse<(Instant, usize)>>,
    under_way: Vec<Option<Flight>>,
    /// Requests and replies are late by some milliseconds, and one of ten of each gets lost.
    unreliable: bool,
    /// Two of three replies are held up for 200 to 2200 ms.
    reordering: bool,
    calls: usize,
}

impl Weather {
    fn new(seed: u64, cluster: usize) -> Weather {
        Weather {
            world: World::new(seed, cluster),
            due: BinaryHeap::new(),
            under_way: Vec::new(),
            unreliable: false,
            reordering: false,
            calls: 0,
        }
    }

    /// Sends off what the servers have said.
    fn send(&mut self) {
        let rng = &mut self.world.rng;
        for flight in self.world.flights.drain(..) {
            let is_request = matches!(flight, Flight::Request(..));
            self.calls += usize::from(is_request);
            let mut delay = Duration::from_micros(20);
            if self.unreliable && is_request {
                delay += Duration::from_millis(rng.random_range(0..27));
            }
            if self.reordering && !is_request && rng.random_range(0..3) < 2 {
                let most = rng.random_range(1..=2000);
                delay += Duration::from_millis(200 + rng.random_range(0..most));
            }
            self.due
                .push(Reverse((self.world.now + delay, self.under_way.len())));
            self.under_way.push(Some(flight));
        }
    }

    /// The next thing happens, if there is one until `end`.
    fn step(&mut self, end: Instant) -> bool {
        let message = self.due.peek().map(|Reverse((time, _))| *time);
        let timer = self.world.next_deadline();
        let Some(next) = message.into_iter().chain(timer).min().filter(|t| *t <= end) else {
            self.world.now = end;
            return false;
        };
        self.world.now = self.world.now.max(next);
        self.world.tick();
        if message.is_some_and(|time| time <= self.world.now)
            && let Some(Reverse((_, i))) = self.due.pop()
            && let Some(flight) = self.under_way[i].take()
        {
            self.world.loss = if self.unreliable { 10 } else { 0 };
            self.world.receive(flight);
        }
        self.send();
        (0..self.world.servers.len()).for_each(|i| self.world.apply(i));
        true
    }

    fn pass(&mut self, time: Duration) {
        let end = self.world.now + time;
        while self.step(end) {}
    }

    /// How long it takes until everybody has applied something new. Who leads is asked again each
    /// 500 ms.
    fn agree(&mut self, at_most: Duration) -> Duration {
        let (start, before) = (self.world.now, self.world.last_committed());
        while !self.world.all_applied(before.next()) {
            assert!(
                self.world.now < start + at_most,
                "no agreement within {at_most:?}"
            );
            (0..self.world.servers.len()).for_each(|i| self.world.propose(i));
            let end = self.world.now + Duration::from_millis(500);
            while !self.world.all_applied(before.next()) && self.step(end) {}
        }
        self.world.now - start
    }
}

/// Figure 8 unreliable: disconnected leaders, then all together, with most replies late. The test
/// of 2C gives ten seconds.
#[test]
fn agreement_with_late_replies() {
    let mut times = Vec::new();
    for seed in 0..200 {
        let mut w = Weather::new(seed, 5);
        (w.unreliable, w.reordering) = (true, true);
        for _ in 0..60 {
            let (i, j) = (w.world.pick(), w.world.pick());
            w.world.connect(i, false);
            (0..5).for_each(|i| w.world.propose(i));
            let time = w.world.rng.random_range(0..400);
            w.pass(Duration::from_millis(time));
            w.world.connect(j, true);
        }
        w.world.heal();
        times.push(w.agree(Duration::from_secs(10)));
    }
    times.sort();
    println!(
        "median {:?}, 95 % {:?}, most {:?}",
        times[100], times[190], times[199]
    );
    assert!(
        times[190] < Duration::from_secs(5),
        "95 of 100 take {:?}",
        times[190]
    );
}

/// An unreliable network costs time, but little.
#[test]
fn agreement_with_losses() {
    let mut times = Vec::new();
    for seed in 0..20 {
        let mut w = Weather::new(seed, 5);
        w.unreliable = true;
        w.pass(Duration::from_secs(3));
        times.extend((0..10).map(|_| w.agree(Duration::from_secs(10))));
    }
    times.sort();
    println!(
        "median {:?}, 95 % {:?}, most {:?}",
        times[100], times[190], times[199]
    );
    assert!(
        times[100] < Duration::from_millis(300),
        "half of them take {:?}",
        times[100]
    );
}

/// Calls on a reliable network: those to elect the first leader, for twelve commands that come
/// quickly one after the other, and in a second without any (the limits of count 2B: 30, 42, 60).
#[test]
fn calls_are_few() {
    for seed in 0..100 {
        let mut w = Weather::new(seed, 3);
        w.pass(Duration::from_millis(700));
        assert!(
            (1..=30).contains(&w.calls),
            "{} calls to elect a leader",
            w.calls
        );

        w.agree(Duration::from_secs(5));
        let before = w.calls;
        for _ in 0..12 {
            (0..3).for_each(|i| w.world.propose(i));
            (0..3).for_each(|i| w.world.turn(i, vec![], 0));
            w.send();
            w.pass(Duration::from_micros(100)); // long enough for each to be committed alone
        }
        w.pass(Duration::from_millis(100));
        assert!(
            w.calls - before <= 42,
            "{} calls for 12 commands",
            w.calls - before
        );

        let before = w.calls;
        w.pass(Duration::from_secs(1));
        assert!(
            w.calls - before <= 22,
            "{} calls in an idle second",
            w.calls - before
        );
    }
}
// END SOLUTION

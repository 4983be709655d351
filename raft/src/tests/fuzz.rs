// BEGIN SOLUTION
//! Thousands of schedules by chance, each with its seed. `RAFT_FUZZ=100000` plays that many of each
//! kind, `RAFT_FUZZ_SEED=7` begins with that seed.

use labsim::rand::RngExt;
use labsim::time::Duration;

use super::world::World;

/// How a schedule treats the servers, in events of 1000 and losses of 100.
#[derive(Clone, Copy)]
struct Mood {
    cluster: usize,
    loss: u32,
    echo: u32,
    crashes: u32,
    cuts: u32,
    snapshots: u32,
    /// Events of 1000 in which time passes; the more the later messages are.
    time: u32,
    /// Events of 1000 in which somebody wants another configuration, or another leader. None of it:
    /// the membership is fixed.
    changes: u32,
}

const CALM: Mood = Mood {
    cluster: 3,
    loss: 0,
    echo: 0,
    crashes: 0,
    cuts: 0,
    snapshots: 10,
    time: 150,
    changes: 0,
};

/// All of it at once.
const TROUBLE: Mood = Mood {
    cluster: 5,
    loss: 10,
    echo: 10,
    crashes: 5,
    cuts: 10,
    snapshots: 15,
    ..CALM
};

fn play(seed: u64, mood: Mood, steps: usize) -> World {
    let mut w = match mood.changes {
        0 => World::new(seed, mood.cluster),
        _ => World::open(seed, mood.cluster, 3),
    };
    (w.loss, w.echo) = (mood.loss, mood.echo);
    for _ in 0..steps {
        step(&mut w, mood);
    }
    w
}

fn step(w: &mut World, mood: Mood) {
    let dice = w.rng.random_range(0..1000);
    let i = w.pick();
    let mut below = 0;
    let mut happens = |share: u32| {
        below += share;
        dice < below
    };
    if happens(mood.crashes) {
        w.crash(i);
    } else if happens(mood.crashes * 3) {
        if w.servers[i].up.is_none() {
            w.restart(i);
        }
    } else if happens(mood.cuts) {
        let j = w.pick();
        w.cut[i][j] = true;
    } else if happens(mood.cuts / 4) {
        w.heal();
    } else if happens(mood.snapshots) {
        w.snapshot(i);
    } else if happens(mood.changes) {
        w.change(i);
    } else if happens(mood.changes / 4) {
        w.transfer(i);
    } else if happens(60) {
        w.propose(i);
    } else if happens(100) {
        w.apply(i);
    } else if happens(mood.time) || w.flights.is_empty() {
        let time = w.rng.random_range(0..40);
        w.pass(Duration::from_millis(time));
    } else {
        w.deliver(mood.crashes / 4);
    }
}

/// When all is well again, the servers agree on something new within seconds. Clients ask now and
/// then: what an earlier leader left behind is committed only along with something new (§5.4.2).
fn recovers(w: &mut World) {
    (w.loss, w.echo) = (0, 0);
    w.heal();
    for i in 0..w.servers.len() {
        if w.servers[i].up.is_none() {
            w.restart(i);
        }
    }
    let (start, before) = (w.now, w.last_committed());
    let mut next_command = start;
    let recovered = |w: &World| match w.is_open() {
        true => w.members_applied(before.next()),
        false => w.all_applied(before.next()),
    };
    while !recovered(w) {
        assert!(
            w.now < start + Duration::from_secs(5),
            "no agreement within 5 s after all healed"
        );
        if w.flights.is_empty() || w.percent(5) {
            let next = w.next_deadline().unwrap();
            w.now = w.now.max(next);
            w.tick();
        }
        if w.now >= next_command {
            (0..w.servers.len()).for_each(|i| w.propose(i));
            next_command = w.now + Duration::from_millis(500);
        }
        w.deliver(0);
        (0..w.servers.len()).for_each(|i| w.apply(i));
    }
}

/// Plays many seeds. A failure says which one it was.
fn many(runs: u64, mood: Mood, steps: usize) {
    let from_env = |name: &str| std::env::var(name).ok().and_then(|v| v.parse().ok());
    let runs = from_env("RAFT_FUZZ").unwrap_or(runs);
    let first = from_env("RAFT_FUZZ_SEED").unwrap_or(0);
    let (mut committed, mut leaders, mut changes) = (0, 0, 0);
    for seed in first..first + runs {
        let guard = SayWhich(seed);
        let mut w = play(seed, mood, steps);
        committed += w.last_committed().0;
        leaders += w.terms_with_leader();
        changes += w.changes();
        recovers(&mut w);
        std::mem::forget(guard);
    }
    // Or the checks may have had nothing to look at.
    assert!(
        committed > 2 * runs,
        "only {committed} entries were committed in {runs} runs"
    );
    assert!(
        leaders as u64 >= runs,
        "only {leaders} leaders in {runs} runs"
    );
    assert!(
        mood.changes == 0 || changes as u64 > runs,
        "only {changes} changes in {runs} runs"
    );
    println!("{runs} runs: {committed} entries committed, {leaders} leaders, {changes} changes");
}

struct SayWhich(u64);

impl Drop for SayWhich {
    fn drop(&mut self) {
        eprintln!("replay with RAFT_FUZZ=1 RAFT_FUZZ_SEED={}", self.0);
    }
}

#[test]
fn calm() {
    many(300, CALM, 1000);
}

#[test]
fn lossy() {
    many(
        500,
        Mood {
            loss: 20,
            echo: 10,
            ..CALM
        },
        1000,
    );
}

#[test]
fn late() {
    many(
        500,
        Mood {
            cluster: 5,
            loss: 10,
            echo: 10,
            time: 300,
            ..CALM
        },
        2000,
    );
}

#[test]
fn crashing() {
    many(
        1000,
        Mood {
            loss: 5,
            echo: 5,
            crashes: 6,
            ..CALM
        },
        1000,
    );
}

#[test]
fn cut() {
    many(
        1000,
        Mood {
            cluster: 5,
            cuts: 15,
            loss: 2,
            ..CALM
        },
        1500,
    );
}

#[test]
fn all_at_once() {
    many(1500, TROUBLE, 1500);
}

#[test]
fn even_cluster() {
    let mood = Mood {
        cluster: 4,
        loss: 10,
        echo: 10,
        crashes: 4,
        cuts: 10,
        ..CALM
    };
    many(500, mood, 1500);
}

#[test]
fn without_snapshots() {
    let mood = Mood {
        loss: 10,
        echo: 10,
        crashes: 6,
        cuts: 10,
        snapshots: 0,
        ..CALM
    };
    many(500, mood, 1000);
}

/// The membership changes while all that happens.
#[test]
fn changing_membership() {
    let mood = Mood {
        cluster: 6,
        loss: 5,
        echo: 5,
        changes: 25,
        ..CALM
    };
    many(200, mood, 1500);
}

/// … and servers crash and are cut off.
#[test]
fn changing_membership_in_trouble() {
    let mood = Mood {
        changes: 25,
        ..TROUBLE
    };
    many(400, mood, 1500);
}

/// The same seed is the same story.
#[test]
fn repeats() {
    let story = |seed| {
        let w = play(seed, TROUBLE, 1500);
        let saved: Vec<_> = w
            .servers
            .iter()
            .map(|s| (s.disk.state(), s.disk.saves()))
            .collect();
        (saved, w.last_committed(), w.now)
    };
    assert_eq!(story(11), story(11));
}
// END SOLUTION

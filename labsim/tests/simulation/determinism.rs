//! A run is a function of its program and its seed: the same hash each time, on both backends, whatever is recorded,
//! in debug and in release.

use crate::common::{BACKENDS, SCHEDULERS, simulate};
use labsim::channel::{after, bounded, select, tick, unbounded};
use labsim::rand::{RngExt, rng};
use labsim::sync::atomic::{AtomicU64, Ordering};
use labsim::sync::{Arc, Condvar, Mutex, RwLock};
use labsim::time::{Duration, Instant};
use labsim::{Backend, Config, Domain, Scheduler, TraceLevel, run, thread};

struct Shared {
    total: Mutex<u64>,
    grown: Condvar,
    table: RwLock<Vec<u64>>,
    draws: AtomicU64,
}

/// A program that uses all there is.
fn everything() -> u64 {
    let shared = Arc::new(Shared {
        total: Mutex::new(0),
        grown: Condvar::new(),
        table: RwLock::new(Vec::new()),
        draws: AtomicU64::new(0),
    });
    let (requests, inbox) = unbounded::<u64>();
    let (replies, outbox) = bounded::<u64>(2);
    let (handover, taken) = bounded::<u64>(0);
    let peers: Vec<Domain> = (0..3).map(|i| Domain::new(i, 0)).collect();
    for peer in &peers {
        let (shared, inbox, replies, handover) = (
            shared.clone(),
            inbox.clone(),
            replies.clone(),
            handover.clone(),
        );
        peer.spawn("server", move || {
            serve(&shared, &inbox, &replies, &handover)
        });
    }
    let client = {
        let shared = shared.clone();
        thread::spawn(move || {
            for i in 0..20 {
                thread::sleep(Duration::from_micros(rng().random_range(1..500)));
                requests.send(i).unwrap();
                labsim::trace::event("request", i, 0, || format!("{{\"i\":{i}}}"));
                shared.table.write().push(i);
            }
        })
    };
    let collector = thread::spawn(move || {
        let deadline = after(Duration::from_millis(50));
        let mut sum = 0;
        loop {
            select! {
                recv(outbox) -> m => sum += m.unwrap_or(0),
                recv(taken) -> m => sum += 3 * m.unwrap_or(0),
                recv(deadline) -> _ => return sum,
            }
        }
    });
    thread::sleep(Duration::from_millis(2));
    peers[1].crash();
    let restarted = Domain::new(1, 1);
    let (s, i, r, h) = (
        shared.clone(),
        inbox.clone(),
        replies.clone(),
        handover.clone(),
    );
    restarted.spawn("server", move || serve(&s, &i, &r, &h));
    client.join().unwrap();
    {
        let mut total = shared.total.lock();
        while *total < 5 {
            if shared
                .grown
                .wait_for(&mut total, Duration::from_millis(20))
                .timed_out()
            {
                break;
            }
        }
    }
    let sum = collector.join().unwrap();
    peers[0].crash();
    let begun = Instant::now();
    thread::park_timeout(Duration::from_micros(sum % 100));
    let seen: u64 = shared.table.read().iter().sum();
    sum + seen + shared.draws.load(Ordering::SeqCst) + begun.elapsed().as_nanos() as u64
}

fn serve(
    shared: &Shared,
    inbox: &labsim::channel::Receiver<u64>,
    replies: &labsim::channel::Sender<u64>,
    handover: &labsim::channel::Sender<u64>,
) {
    let ticks = tick(Duration::from_millis(1));
    loop {
        select! {
            recv(inbox) -> m => {
                let Ok(m) = m else { return };
                *shared.total.lock() += 1;
                shared.grown.notify_one();
                if rng().random_bool(0.5) {
                    let _ = replies.send_timeout(m, Duration::from_millis(1));
                } else {
                    select! {
                        send(handover, m) -> _ => {}
                        default(Duration::from_micros(300)) => {}
                    }
                }
            }
            recv(ticks) -> _ => {
                shared.draws.fetch_add(rng().random_range(0..3), Ordering::SeqCst);
                let seen = shared.table.read().len() as u64;
                let _ = thread::spawn(move || seen + 1).join();
            }
        }
    }
}

/// Runs pairs: the first of each on OS threads, the second on fibers. Returns how many agree.
fn agreeing_pairs(seeds: std::ops::Range<u64>) -> u64 {
    let mut agree = 0;
    for seed in seeds {
        let scheduler = SCHEDULERS[seed as usize % SCHEDULERS.len()];
        let config = Config::seed(seed).scheduler(scheduler);
        let os = run(config.clone().backend(Backend::Os), everything);
        let fiber = run(config.backend(Backend::Fiber), everything);
        agree += u64::from(
            os.trace_hash == fiber.trace_hash
                && os.calls == fiber.calls
                && os.elapsed == fiber.elapsed
                && os.unwrap() == fiber.unwrap(),
        );
    }
    agree
}

#[test]
fn both_backends_make_the_same_run() {
    assert_eq!(agreeing_pairs(0..200), 200);
}

/// The whole promise: a thousand of a thousand.
#[test]
fn a_thousand_of_a_thousand_pairs_agree() {
    assert_eq!(agreeing_pairs(0..1000), 1000);
}

/// Runs side by side on several OS threads disturb each other no more than a load on the machine does.
#[test]
fn runs_side_by_side_do_not_mix() {
    let alone: Vec<u64> = (0..20)
        .map(|seed| run(Config::seed(seed).backend(Backend::Fiber), everything).trace_hash)
        .collect();
    let threads: Vec<_> = (0..4)
        .map(|i| {
            std::thread::spawn(move || {
                (0..20)
                    .map(|seed| {
                        run(Config::seed(seed).backend(BACKENDS[i % 2]), everything).trace_hash
                    })
                    .collect::<Vec<u64>>()
            })
        })
        .collect();
    for t in threads {
        assert_eq!(t.join().unwrap(), alone);
    }
}

/// Recording changes nothing.
#[test]
fn the_trace_level_does_not_change_the_run() {
    for scheduler in SCHEDULERS {
        for seed in 0..10 {
            let of = |level| {
                let config = Config::seed(seed).scheduler(scheduler).trace(level);
                let o = simulate(&config, everything);
                (o.trace_hash, o.calls, o.elapsed, o.result.unwrap())
            };
            let off = of(TraceLevel::Off);
            assert_eq!(off, of(TraceLevel::Events), "seed {seed}");
            assert_eq!(off, of(TraceLevel::Calls), "seed {seed}");
        }
    }
}

/// Two recordings of a run are the same to the last event, on both backends.
#[test]
fn the_full_trace_is_the_same() {
    for seed in 0..5 {
        let of = |backend| {
            let config = Config::seed(seed).backend(backend).trace(TraceLevel::Calls);
            run(config, everything).events
        };
        let (os, fiber) = (of(Backend::Os), of(Backend::Fiber));
        for (i, (a, b)) in os.iter().zip(&fiber).enumerate() {
            assert_eq!(a, b, "event {i} of seed {seed}");
        }
        assert_eq!(os.len(), fiber.len());
        assert!(os.is_sorted_by_key(|e| e.at), "time goes forward");
        assert!(
            os.iter()
                .any(|e| e.kind == "request" && e.detail == "{\"i\":3}")
        );
        assert!(
            os.iter()
                .any(|e| e.kind == "call" && e.domain == Some((1, 1)))
        );
    }
}

#[test]
fn other_seeds_make_other_runs() {
    let mut hashes: Vec<u64> = (0..200)
        .map(|seed| run(Config::seed(seed).backend(Backend::Fiber), everything).trace_hash)
        .collect();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), 200);
}

/// The generator is the run's: the draws are those of the seed, whoever makes them.
#[test]
fn draws_come_from_the_seed() {
    let draws = || {
        let mut bytes = [0u8; 5];
        labsim::rand::Rng::fill_bytes(&mut rng(), &mut bytes);
        let first: u64 = rng().random();
        let other: u64 = thread::spawn(|| rng().random()).join().unwrap();
        (bytes, first, other, rng().random_range(0..1000))
    };
    let a = simulate(&Config::seed(5), draws).unwrap();
    assert_eq!(a, simulate(&Config::seed(5), draws).unwrap());
    assert_ne!(a, simulate(&Config::seed(6), draws).unwrap());
}

/// The same number in debug and in release, today and tomorrow. It changes when the simulator makes its choices in
/// another way: then replay commands of old reports are void, so change it knowingly.
#[test]
fn the_hash_of_a_known_run() {
    let hashes = [
        Scheduler::Random { one_in: 50 },
        Scheduler::Pct {
            changes: 3,
            window: 200,
        },
        Scheduler::RunToBlock,
    ]
    .map(|s| {
        format!(
            "{:016x}",
            simulate(&Config::seed(2026).scheduler(s), everything).trace_hash
        )
    });
    assert_eq!(
        hashes,
        ["e011f74ea046e708", "973b60287e1c69b7", "79890c1b4e2fec44"]
    );
}

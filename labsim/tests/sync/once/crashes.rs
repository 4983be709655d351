//! Peers that crash while they make the value, or wait for it.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use labsim::rand::{RngExt, rng};
use labsim::sync::{Arc, LazyLock, Mutex, Once, OnceLock};
use labsim::time::{Duration, Instant};
use labsim::{Backend, Clock, Config, Domain, run, thread};

use super::MS;
use crate::support::{SCHEDULERS, eventually, in_turn, named, on_both};

/// Whoever waits takes over when the peer that makes the value crashes.
#[test]
fn a_crash_of_the_initialiser_lets_another_try() {
    static LAZY: LazyLock<Mutex<Option<u32>>> = LazyLock::new(|| {
        let own = Domain::current().map(|d| d.peer());
        if own.is_some() {
            thread::sleep(Duration::from_secs(1));
        }
        Mutex::new(own)
    });
    for scheduler in SCHEDULERS {
        let outcome = on_both(Config::seed(2).scheduler(scheduler), || {
            let shared = Arc::new((OnceLock::new(), Once::new()));
            let peer = Domain::new(1, 0);
            let s = shared.clone();
            peer.spawn("maker", move || {
                s.0.get_or_init(|| {
                    thread::sleep(Duration::from_secs(1));
                    "peer"
                });
            });
            let s = shared.clone();
            peer.spawn("runner", move || s.1.call_once(|| thread::park()));
            thread::sleep(MS);
            let s = shared.clone();
            let asker = named("asker", move || {
                let mut ran = false;
                s.1.call_once(|| ran = true);
                (*s.0.get_or_init(|| "asker"), ran)
            });
            thread::sleep(MS);
            let waits = !asker.is_finished();
            peer.crash();
            (waits, asker.join().unwrap())
        });
        assert!(outcome.elapsed < MS * 10, "nobody waits for the dead");
        assert_eq!(outcome.unwrap(), (true, ("asker", true)), "{scheduler:?}");
    }
    // A static, which outlives the run in which its first initialiser crashed.
    for backend in [Backend::Os, Backend::Fiber] {
        let outcome = run(in_turn().backend(backend), || {
            let peer = Domain::new(4, 0);
            peer.spawn("maker", || drop(LAZY.lock()));
            thread::sleep(MS);
            peer.crash();
        });
        outcome.unwrap();
    }
    let value = on_both(in_turn(), || *LAZY.lock()).unwrap();
    assert_eq!(value, None, "made by the third run, not by a peer");
}

/// A thread that waits is ended like any other, and the initialiser does not notice.
#[test]
fn a_crash_of_a_waiting_thread_harms_nobody() {
    for scheduler in SCHEDULERS {
        let outcome = on_both(Config::seed(2).scheduler(scheduler), || {
            let shared = Arc::new((OnceLock::new(), Once::new()));
            let peer = Domain::new(1, 0);
            let s = shared.clone();
            let maker = named("maker", move || {
                *s.0.get_or_init(|| {
                    thread::sleep(MS * 10);
                    5
                })
            });
            thread::sleep(MS);
            let s = shared.clone();
            peer.spawn("asker", move || *s.0.get_or_init(|| 6));
            let s = shared.clone();
            peer.spawn("waiter", move || *s.0.wait());
            let s = shared.clone();
            peer.spawn("once", move || s.1.wait());
            thread::sleep(MS);
            let waiting = peer.threads().len();
            peer.crash();
            (waiting, peer.threads().len(), maker.join().unwrap())
        });
        assert_eq!(outcome.unwrap(), (3, 0, 5), "{scheduler:?}");
    }
}

/// A `Drop` that asks for the value while its thread unwinds: it waits for the initialiser, as for a lock.
#[test]
fn a_drop_may_ask_while_unwinding() {
    struct Asks(Arc<OnceLock<u32>>, Arc<Mutex<Vec<u32>>>);
    impl Drop for Asks {
        fn drop(&mut self) {
            let value = *self.0.get_or_init(|| 2);
            self.1.lock().push(value);
        }
    }
    for scheduler in SCHEDULERS {
        let outcome = on_both(Config::seed(3).scheduler(scheduler), || {
            let (cell, seen) = (Arc::new(OnceLock::new()), Arc::new(Mutex::new(Vec::new())));
            let c = cell.clone();
            let maker = named("maker", move || {
                *c.get_or_init(|| {
                    thread::sleep(MS * 50);
                    1
                })
            });
            let peer = Domain::new(1, 0);
            for _ in 0..2 {
                let asks = Asks(cell.clone(), seen.clone());
                peer.spawn("asks", move || {
                    let _asks = asks;
                    thread::park();
                });
            }
            thread::sleep(MS);
            peer.crash();
            let after = Instant::now();
            (
                maker.join().unwrap(),
                seen.lock().clone(),
                after.elapsed() < MS,
            )
        });
        assert_eq!(outcome.unwrap(), (1, vec![1, 1], true), "{scheduler:?}");
    }
}

#[test]
fn on_the_wall_clock_a_crash_ends_waits_and_lets_another_try() {
    let outcome = run(Config::seed(1).clock(Clock::Wall), || {
        let shared = Arc::new((OnceLock::new(), Once::new(), OnceLock::<u8>::new()));
        let peer = Domain::new(1, 0);
        let begun = Arc::new(OnceLock::new());
        let (s, b) = (shared.clone(), begun.clone());
        peer.spawn("maker", move || {
            *s.0.get_or_init(|| {
                b.set(()).unwrap();
                thread::sleep(Duration::from_secs(100));
                1
            })
        });
        begun.wait();
        let s = shared.clone();
        peer.spawn("asker", move || *s.0.get_or_init(|| 2));
        let s = shared.clone();
        peer.spawn("value", move || *s.2.wait());
        let s = shared.clone();
        peer.spawn("once", move || s.1.wait());
        let s = shared.clone();
        let other = named("other", move || *s.0.get_or_init(|| 3));
        eventually(|| peer.threads().len() == 4);
        thread::sleep(MS * 30);
        let waits = !other.is_finished();
        peer.crash();
        (waits, peer.threads().len(), other.join().unwrap())
    });
    // The asker is ended with the maker, so it never makes the value.
    assert_eq!(outcome.unwrap(), (true, 0, 3));
}

/// Initialisers that sleep, lock and crash at any moment: never two at once, one value for all, and the same trace
/// on both backends.
fn storm() -> (u32, u32) {
    struct Shared {
        cell: OnceLock<u32>,
        once: Once,
        making: AtomicU32,
        begun: AtomicU32,
        seen: Mutex<Vec<u32>>,
    }
    struct Making<'a>(&'a AtomicU32);
    impl Drop for Making<'_> {
        fn drop(&mut self) {
            self.0.fetch_sub(1, SeqCst);
        }
    }
    fn make(shared: &Shared) -> u32 {
        assert_eq!(shared.making.fetch_add(1, SeqCst), 0, "two at once");
        let _making = Making(&shared.making);
        let serial = shared.begun.fetch_add(1, SeqCst);
        thread::sleep(MS / 10 * rng().random_range(0..20));
        drop(shared.seen.lock());
        serial
    }
    let shared = Arc::new(Shared {
        cell: OnceLock::new(),
        once: Once::new(),
        making: AtomicU32::new(0),
        begun: AtomicU32::new(0),
        seen: Mutex::new(Vec::new()),
    });
    for life in 0..6 {
        let peer = Domain::new(1, life);
        for i in 0..4 {
            let shared = shared.clone();
            peer.spawn("asker", move || {
                match i {
                    0 => shared.cell.wait(),
                    1 => shared.cell.get_or_init(|| make(&shared)),
                    _ => {
                        shared.once.call_once(|| thread::sleep(MS / 3));
                        shared.cell.get_or_init(|| make(&shared))
                    }
                };
                let value = *shared.cell.get().unwrap();
                shared.seen.lock().push(value);
            });
        }
        thread::sleep(MS / 10 * rng().random_range(0..10));
        peer.crash();
    }
    let value = *shared.cell.get_or_init(|| make(&shared));
    assert!(shared.seen.lock().iter().all(|v| *v == value));
    assert_eq!(shared.making.load(SeqCst), 0);
    (value, shared.begun.load(SeqCst))
}

#[test]
fn a_storm_of_initialisers_and_crashes() {
    let mut given_up = 0;
    for scheduler in SCHEDULERS {
        for seed in 0..60 {
            let (value, begun) = on_both(Config::seed(seed).scheduler(scheduler), storm).unwrap();
            assert_eq!(value + 1, begun, "the last to begin made it");
            given_up += value;
        }
    }
    assert!(given_up > 100, "{given_up} crashed");
}

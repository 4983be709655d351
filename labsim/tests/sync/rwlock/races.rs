//! Many users at once, and what only some of their orders show.

use super::MS;
use crate::support::{SCHEDULERS, in_turn, named, on_both};
use labsim::rand::{RngExt, rng};
use labsim::sync::{Arc, Barrier, RwLock, RwLockReadGuard, RwLockWriteGuard};
use labsim::{Config, Domain, Scheduler, run, thread};
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering::SeqCst};

/// A loop that only looks makes time pass, so that the lock is free in the end.
#[test]
fn looking_is_a_call() {
    let outcome = on_both(in_turn(), || {
        let lock = Arc::new(RwLock::new(0));
        let other = lock.clone();
        named("holder", move || {
            let _guard = other.write();
            thread::sleep(MS);
        });
        thread::sleep(MS / 10);
        while lock.is_locked() {}
        while lock.is_locked_exclusive() {}
    });
    outcome.unwrap();
}

#[test]
fn a_static_serves_run_after_run() {
    static SHARED: RwLock<u32> = RwLock::new(0);
    let mut hashes = Vec::new();
    for _ in 0..3 {
        let outcome = on_both(Config::seed(1), || {
            let add = || named("adder", || *SHARED.write() += 1);
            let adders = [add(), add()];
            // Ended with the run while it holds the lock.
            named("reader", || {
                let _guard = SHARED.read();
                thread::park();
            });
            for a in adders {
                a.join().unwrap();
            }
        });
        hashes.push(outcome.trace_hash);
        outcome.unwrap();
        *SHARED.write() += 1;
    }
    assert_eq!(*SHARED.read(), 3 * (2 * 2 + 1));
    assert!(hashes.iter().all(|h| *h == hashes[0]), "{hashes:?}");
}

/// The classic of this lock: the answer of a read is acted on in a write, and was overtaken in between.
fn check_then_act(one_guard: bool) -> u32 {
    let money = Arc::new(RwLock::new(100u32));
    let withdraw = |money: Arc<RwLock<u32>>| {
        named("withdraw", move || {
            if one_guard {
                let mut money = money.write();
                if *money >= 100 {
                    *money -= 100;
                    return 100;
                }
            } else if *money.read() >= 100 {
                let mut money = money.write();
                *money = money.wrapping_sub(100);
                return 100;
            }
            0
        })
    };
    let both = [withdraw(money.clone()), withdraw(money)];
    both.map(|t| t.join().unwrap()).iter().sum()
}

#[test]
fn a_check_overtaken_before_the_act_is_found() {
    for scheduler in [Scheduler::Random { one_in: 50 }, SCHEDULERS[3]] {
        let paid = |seed, one_guard| {
            let config = Config::seed(seed).scheduler(scheduler);
            run(config, move || check_then_act(one_guard)).unwrap()
        };
        assert!(
            (0..100).any(|seed| paid(seed, false) == 200),
            "{scheduler:?}"
        );
        assert!(
            (0..1000).all(|seed| paid(seed, true) == 100),
            "{scheduler:?}"
        );
    }
}

/// Many threads that lock in every way, some of them crashed and replaced: never a writer beside another, the lock
/// free in the end, and the same trace on both backends.
fn storm() -> (u32, bool) {
    static READERS: AtomicI32 = AtomicI32::new(0);
    static WRITERS: AtomicI32 = AtomicI32::new(0);
    struct Inside(&'static AtomicI32);
    impl Inside {
        fn read() -> Self {
            READERS.fetch_add(1, SeqCst);
            assert_eq!(WRITERS.load(SeqCst), 0, "a writer beside a reader");
            Inside(&READERS)
        }
        fn write() -> Self {
            assert_eq!(READERS.load(SeqCst), 0, "a reader beside a writer");
            assert_eq!(WRITERS.fetch_add(1, SeqCst), 0, "two writers");
            Inside(&WRITERS)
        }
    }
    impl Drop for Inside {
        fn drop(&mut self) {
            self.0.fetch_sub(1, SeqCst);
        }
    }
    fn one_use(lock: &RwLock<u32>) {
        let pause = MS / 20 * rng().random_range(0..10);
        match rng().random_range(0..6) {
            0 => {
                let _guard = lock.read();
                let _inside = Inside::read();
                thread::sleep(pause);
            }
            1 => {
                let mut guard = lock.write();
                let _inside = Inside::write();
                thread::sleep(pause);
                *guard += 1;
            }
            2 => {
                if let Some(_guard) = lock.try_read_for(pause) {
                    let _inside = Inside::read();
                    thread::yield_now();
                }
            }
            3 => {
                if let Some(mut guard) = lock.try_write_for(pause) {
                    let _inside = Inside::write();
                    thread::yield_now();
                    *guard += 1;
                }
            }
            4 => {
                let mut guard = lock.write();
                let inside = Inside::write();
                *guard += 1;
                thread::yield_now();
                drop(inside);
                let _guard = RwLockWriteGuard::downgrade(guard);
                let _inside = Inside::read();
                thread::sleep(pause);
            }
            _ => {
                let mut guard = lock.read();
                RwLockReadGuard::unlocked(&mut guard, || thread::sleep(pause));
                let _inside = Inside::read();
                thread::yield_now();
            }
        }
    }
    READERS.store(0, SeqCst);
    WRITERS.store(0, SeqCst);
    let lock = Arc::new(RwLock::new(0));
    let start = |domain: &Domain| {
        for _ in 0..3 {
            let lock = lock.clone();
            domain.spawn("user", move || {
                loop {
                    one_use(&lock);
                }
            });
        }
    };
    let mut peers: Vec<Domain> = (0..3).map(|p| Domain::new(p, 0)).collect();
    peers.iter().for_each(start);
    for incarnation in 1..8 {
        thread::sleep(MS / 100 * rng().random_range(1..200));
        let victim = rng().random_range(0..3);
        peers[victim].crash();
        peers[victim] = Domain::new(victim as u32, incarnation);
        start(&peers[victim]);
    }
    for peer in &peers {
        peer.crash();
    }
    let free = READERS.load(SeqCst) == 0 && WRITERS.load(SeqCst) == 0;
    let written = *lock.try_write().expect("all threads are gone");
    (written, free)
}

#[test]
fn a_storm_of_users_and_crashes() {
    let mut written = 0;
    for scheduler in SCHEDULERS {
        for seed in 0..40 {
            // One after the other: the counters of `storm` are statics.
            let (n, free) = on_both(Config::seed(seed).scheduler(scheduler), storm).unwrap();
            assert!(free, "seed {seed}, {scheduler:?}");
            written += n;
        }
    }
    assert!(written > 1000, "{written}");
}

/// An object's number enters the trace; one that is used again after its lock was dropped must be as new.
#[test]
fn locks_come_and_go() {
    static SERIAL: AtomicU32 = AtomicU32::new(0);
    let outcome = on_both(in_turn(), || {
        SERIAL.store(0, SeqCst);
        for _ in 0..100 {
            let lock = RwLock::new(SERIAL.fetch_add(1, SeqCst));
            let _guard = lock.read();
            let barrier = Barrier::new(1);
            assert!(barrier.wait().is_leader());
            std::mem::forget(lock.read());
        }
        RwLock::new(5).into_inner()
    });
    assert_eq!(outcome.unwrap(), 5);
}

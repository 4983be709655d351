//! When a wait ends, and who comes in next.

use super::MS;
use crate::support::{SCHEDULERS, eventually, in_turn, named, on_both};
use labsim::sync::{Arc, RwLock, RwLockWriteGuard};
use labsim::time::{Duration, Instant};
use labsim::{Clock, Config, run, thread};

/// Asking with a deadline, or without waiting, is no mistake: it fails in time.
#[test]
fn asking_again_with_a_deadline_fails_in_time() {
    let outcome = on_both(in_turn(), || {
        let lock = RwLock::new(1);
        let _guard = lock.read();
        let none = [
            lock.try_write().is_none(),
            lock.try_write_for(MS * 5).is_none(),
        ];
        (none, lock.try_read().is_some())
    });
    assert!(outcome.elapsed >= MS * 5 && outcome.elapsed < MS * 6);
    assert_eq!(outcome.unwrap(), ([true, true], true));
}

#[test]
fn a_wait_ends_at_its_deadline_to_the_nanosecond() {
    for scheduler in SCHEDULERS {
        let outcome = on_both(Config::seed(3).scheduler(scheduler), || {
            let lock = Arc::new(RwLock::new(1));
            let other = lock.clone();
            named("holder", move || {
                let _guard = other.write();
                thread::sleep(Duration::from_secs(60));
            });
            thread::sleep(MS);
            let call = Duration::from_nanos(100);
            let until = Instant::now() + Duration::from_millis(250);
            let read = lock.try_read_until(until).is_none() && Instant::now() == until + call;
            let until = Instant::now() + Duration::from_millis(250);
            let write = lock.try_write_until(until).is_none() && Instant::now() == until + call;
            // Its own look at the clock and the call itself come on top.
            let begun = Instant::now();
            let for_ = lock.try_read_for(MS).is_none() && begun.elapsed() == MS + 2 * call;
            [read, write, for_]
        });
        assert_eq!(outcome.unwrap(), [true; 3], "{scheduler:?}");
    }
}

/// The lock is had at the moment of the unlock, not at the deadline.
#[test]
fn a_wait_ends_at_the_unlock() {
    let outcome = on_both(in_turn(), || {
        let lock = Arc::new(RwLock::new(1));
        let other = lock.clone();
        named("holder", move || {
            let _guard = other.write();
            thread::sleep(MS * 10);
        });
        thread::sleep(MS);
        lock.try_read_for(Duration::from_secs(60)).is_some()
    });
    assert!(outcome.elapsed >= MS * 10 && outcome.elapsed < MS * 11);
    assert!(outcome.unwrap());
}

/// Readers that wait come in at the downgrade, though a writer waits too.
#[test]
fn readers_that_wait_come_in_at_a_downgrade() {
    for scheduler in SCHEDULERS {
        let outcome = on_both(Config::seed(9).scheduler(scheduler), || {
            let lock = Arc::new(RwLock::new(0));
            let mut guard = lock.write();
            let (w, r) = (lock.clone(), lock.clone());
            let writer = named("writer", move || *w.write() = 9);
            thread::sleep(MS);
            let reader = named("reader", move || *r.read());
            thread::sleep(MS);
            *guard = 5;
            let guard = RwLockWriteGuard::downgrade(guard);
            let seen = reader.join().unwrap();
            let waits = !writer.is_finished();
            drop(guard);
            writer.join().unwrap();
            (seen, waits, *lock.read())
        });
        assert_eq!(outcome.unwrap(), (5, true, 9), "{scheduler:?}");
    }
}

/// Readers in a row cannot keep a writer out, nor writers a reader.
#[test]
fn nobody_starves() {
    for scheduler in SCHEDULERS {
        for seed in 0..10 {
            let outcome = on_both(Config::seed(seed).scheduler(scheduler), || {
                let lock = Arc::new(RwLock::new(0u64));
                for i in 0..4 {
                    let lock = lock.clone();
                    named("busy", move || {
                        loop {
                            if i == 3 {
                                let mut guard = lock.write();
                                *guard += 1;
                                thread::sleep(MS / 4);
                            } else {
                                // Overlapping, so that there is always a reader in.
                                let _guard = lock.read();
                                thread::sleep(MS / 4 * (i + 1));
                            }
                        }
                    });
                }
                thread::sleep(MS * 5);
                let begun = Instant::now();
                for _ in 0..5 {
                    drop(lock.write());
                    drop(lock.read());
                }
                begun.elapsed()
            });
            let took = outcome.unwrap();
            assert!(took < MS * 60, "{took:?} with seed {seed}, {scheduler:?}");
        }
    }
}

/// The wall clock cuts waits into slices; that must not let readers pass a waiting writer by.
#[test]
fn on_the_wall_clock_no_reader_passes_a_waiting_writer() {
    let entered = run(Config::seed(1).clock(Clock::Wall), || {
        let lock = Arc::new(RwLock::new(0));
        let guard = lock.read();
        let (w, r) = (lock.clone(), lock.clone());
        let writer = named("writer", move || *w.write() = 1);
        eventually(|| lock.try_read().is_none());
        let reader = named("reader", move || *r.read());
        let refused = (0..90).all(|_| {
            thread::sleep(MS);
            lock.try_read().is_none() && lock.try_read_for(MS).is_none()
        });
        let waits = !reader.is_finished();
        drop(guard);
        writer.join().unwrap();
        (refused, waits, reader.join().is_ok())
    });
    assert_eq!(entered.unwrap(), (true, true, true));
}

//! Peers that crash while they hold a lock or wait for one.

use super::MS;
use crate::support::{SCHEDULERS, eventually, named, on_both};
use labsim::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};
use labsim::time::Duration;
use labsim::{Clock, Config, Domain, run, thread};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Readers that came after a writer come in when the writer's peer crashes.
#[test]
fn a_crash_of_the_waiting_writer_lets_readers_in() {
    for scheduler in SCHEDULERS {
        let outcome = on_both(Config::seed(9).scheduler(scheduler), || {
            let lock = Arc::new(RwLock::new(7));
            let _first = lock.read();
            let peer = Domain::new(1, 0);
            let (w, r) = (lock.clone(), lock.clone());
            peer.spawn("writer", move || *w.write() += 1);
            thread::sleep(MS);
            let reader = named("reader", move || *r.read());
            thread::sleep(MS);
            let waits = !reader.is_finished();
            peer.crash();
            (waits, reader.join().unwrap(), lock.try_read().is_some())
        });
        assert_eq!(outcome.unwrap(), (true, 7, true), "{scheduler:?}");
    }
}

/// The unlock calls a thread in, which is ended before it runs: another must be called in instead.
#[test]
fn a_crash_of_the_thread_called_in_forgets_nobody() {
    let mut called_in = 0;
    for scheduler in SCHEDULERS {
        for seed in 0..60 {
            let writers_crash = seed % 2 == 0;
            let outcome = on_both(Config::seed(seed).scheduler(scheduler), move || {
                let lock = Arc::new(RwLock::new(0));
                let guard = lock.write();
                let peer = Domain::new(1, 0);
                for _ in 0..2 {
                    let lock = lock.clone();
                    peer.spawn("doomed", move || {
                        if writers_crash {
                            *lock.write() += 100;
                        } else {
                            let _ = *lock.read();
                            thread::yield_now();
                        }
                    });
                }
                thread::sleep(MS);
                let survivors: Vec<_> = (0..2)
                    .map(|i| {
                        let lock = lock.clone();
                        named("survivor", move || match i {
                            0 => *lock.write() += 1,
                            _ => drop(lock.read()),
                        })
                    })
                    .collect();
                thread::sleep(MS);
                drop(guard);
                peer.crash();
                for s in survivors {
                    s.join().unwrap();
                }
                *lock.read()
            });
            let value = outcome.unwrap();
            assert_eq!(value % 100, 1);
            called_in += value / 100;
        }
    }
    assert!(
        called_in > 0,
        "in some runs a doomed writer came in before the crash"
    );
}

/// A crash drops the guards of the threads it ends, whatever they do at the moment.
#[test]
fn a_crash_of_the_holder_frees_the_lock() {
    for scheduler in SCHEDULERS {
        let outcome = on_both(Config::seed(4).scheduler(scheduler), || {
            let (a, b) = (Arc::new(RwLock::new(1)), Arc::new(RwLock::new(2)));
            let peer = Domain::new(1, 0);
            let (a2, b2) = (a.clone(), b.clone());
            peer.spawn("sleeper", move || {
                let _read = a2.read();
                let mut write = b2.write();
                *write += 1;
                let _part = RwLockWriteGuard::map(write, |v| v);
                thread::sleep(Duration::from_secs(100));
            });
            let a2 = a.clone();
            peer.spawn("outside", move || {
                let mut guard = a2.read();
                RwLockReadGuard::unlocked(&mut guard, || thread::sleep(Duration::from_secs(100)));
            });
            thread::sleep(MS);
            let locked = a.try_write().is_none() && b.try_read().is_none();
            peer.crash();
            (locked, *a.write() + *b.write())
        });
        assert_eq!(outcome.unwrap(), (true, 4), "{scheduler:?}");
    }
}

/// A `Drop` that locks while its thread unwinds: it waits for the lock if it must, and the run goes on.
#[test]
fn a_drop_may_lock_while_unwinding() {
    struct Sign(Arc<RwLock<Vec<&'static str>>>, &'static str);
    impl Drop for Sign {
        fn drop(&mut self) {
            let known = self.0.read().len();
            self.0.write().push(self.1);
            assert!(self.0.read().len() > known);
        }
    }
    for scheduler in SCHEDULERS {
        let outcome = on_both(Config::seed(4).scheduler(scheduler), || {
            let log = Arc::new(RwLock::new(Vec::new()));
            let peer = Domain::new(1, 0);
            let l = log.clone();
            peer.spawn("crashed", move || {
                let _sign = Sign(l, "crashed");
                thread::park();
            });
            let l = log.clone();
            let holder = named("holder", move || {
                let _guard = l.write();
                thread::sleep(MS * 20);
            });
            let l = log.clone();
            let panicking = named("panicking", move || {
                thread::sleep(MS);
                let caught = catch_unwind(AssertUnwindSafe(|| {
                    let _sign = Sign(l, "panicked");
                    panic!("caught below");
                }));
                caught.is_err()
            });
            thread::sleep(MS * 2);
            peer.crash();
            holder.join().unwrap();
            let caught = panicking.join().unwrap();
            let mut signs = log.read().clone();
            signs.sort_unstable();
            (caught, signs)
        });
        assert_eq!(outcome.unwrap(), (true, vec!["crashed", "panicked"]));
    }
}

#[test]
fn on_the_wall_clock_a_crash_ends_waits_and_frees_locks() {
    let outcome = run(Config::seed(1).clock(Clock::Wall), || {
        let (a, b) = (Arc::new(RwLock::new(1)), Arc::new(RwLock::new(2)));
        let guards = (a.write(), b.read());
        let peer = Domain::new(1, 0);
        let held = Arc::new(RwLock::new(3));
        let (a2, b2, h2) = (a.clone(), b.clone(), held.clone());
        peer.spawn("reader", move || {
            let _held = h2.write();
            *a2.read()
        });
        peer.spawn("writer", move || *b2.write());
        eventually(|| b.try_read().is_none() && held.is_locked());
        peer.crash();
        assert_eq!(peer.threads().len(), 0);
        let free = held.try_write().is_some() && b.try_read().is_some();
        drop(guards);
        (free, *a.read() + *b.write())
    });
    assert_eq!(outcome.unwrap(), (true, 3));
}

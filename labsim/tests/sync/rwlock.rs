//! RwLock and RecursiveRwLock, on both clocks and both backends.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering::SeqCst};

use labsim::rand::{RngExt, rng};
use labsim::sync::{Arc, Barrier, RecursiveRwLock, RwLock, RwLockReadGuard, RwLockWriteGuard};
use labsim::time::{Duration, Instant};
use labsim::{Clock, Config, Domain, Failure, Scheduler, run, thread};

use crate::support::{SCHEDULERS, eventually, in_turn, named, on_both};

mod real {
    pub use parking_lot::{
        RecursiveRwLock, RwLock, RwLockReadGuard, RwLockWriteGuard, RwLockWriteGuard as Write,
    };
    pub use std::sync::{Arc, Barrier};
    pub use std::thread;
    pub use std::time::{Duration, Instant};
}

mod lab {
    pub use labsim::sync::{Arc, Barrier, RecursiveRwLock, RwLock};
    pub use labsim::sync::{RwLockReadGuard, RwLockWriteGuard, RwLockWriteGuard as Write};
    pub use labsim::thread;
    pub use labsim::time::{Duration, Instant};
}

const MS: Duration = Duration::from_millis(1);

parity! {
    /// Two threads are inside at once, or the barrier would never open.
    fn readers_share() -> u32 {
        let shared = Arc::new((RwLock::new(20), Barrier::new(3)));
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let shared = shared.clone();
                thread::spawn(move || {
                    let value = shared.0.read();
                    shared.1.wait();
                    *value
                })
            })
            .collect();
        let value = *shared.0.read();
        shared.1.wait();
        value + readers.into_iter().map(|r| r.join().unwrap()).sum::<u32>()
    }

    fn writers_exclude_each_other_and_readers() -> (u32, bool) {
        let lock = Arc::new(RwLock::new((0, 0)));
        let writers: Vec<_> = (0..3)
            .map(|_| {
                let lock = lock.clone();
                thread::spawn(move || {
                    for _ in 0..20 {
                        let mut pair = lock.write();
                        pair.0 += 1;
                        thread::yield_now();
                        pair.1 += 1;
                    }
                })
            })
            .collect();
        let mut consistent = true;
        for _ in 0..20 {
            let pair = lock.read();
            thread::yield_now();
            consistent &= pair.0 == pair.1;
            drop(pair);
            thread::yield_now();
        }
        for w in writers {
            w.join().unwrap();
        }
        let pair = lock.read();
        (pair.0 + pair.1, consistent)
    }

    fn try_gives_what_is_free() -> Vec<(&'static str, bool)> {
        fn ask(lock: &Arc<RwLock<u8>>) -> (bool, bool) {
            let lock = lock.clone();
            thread::spawn(move || (lock.try_read().is_some(), lock.try_write().is_some()))
                .join()
                .unwrap()
        }
        let lock = Arc::new(RwLock::new(0));
        let mut seen = Vec::new();
        let mut note = |names: [&'static str; 2], (r, w): (bool, bool)| {
            seen.extend([(names[0], r), (names[1], w)]);
        };
        note(["free: read", "free: write"], ask(&lock));
        let reader = lock.read();
        note(["read: read", "read: write"], ask(&lock));
        drop(reader);
        let writer = lock.write();
        note(["written: read", "written: write"], ask(&lock));
        let reader = RwLockWriteGuard::downgrade(writer);
        note(["downgraded: read", "downgraded: write"], ask(&lock));
        drop(reader);
        note(["free again: read", "free again: write"], ask(&lock));
        seen
    }

    /// The policy that parking_lot documents: no new reader while a writer waits.
    fn a_waiting_writer_keeps_readers_out() -> (bool, bool, u32) {
        let lock = Arc::new(RwLock::new(0));
        let first = lock.read();
        let writer = {
            let lock = lock.clone();
            thread::spawn(move || *lock.write() += 1)
        };
        while lock.try_read().is_some() {
            thread::sleep(Duration::from_millis(1));
        }
        let shut_out = lock.try_read().is_none();
        let late = {
            let lock = lock.clone();
            thread::spawn(move || *lock.read())
        };
        thread::sleep(Duration::from_millis(30));
        let still = !late.is_finished();
        drop(first);
        writer.join().unwrap();
        let _ = late.join().unwrap();
        let seen = *lock.read();
        (shut_out, still, seen)
    }

    fn a_recursive_lock_lets_a_reader_in_again() -> u32 {
        let lock = Arc::new(RecursiveRwLock::new(1));
        let first = lock.read();
        let writer = {
            let lock = lock.clone();
            thread::spawn(move || *lock.write() += 1)
        };
        thread::sleep(Duration::from_millis(30));
        let second = lock.read();
        let sum = *first + *second;
        drop((first, second));
        writer.join().unwrap();
        sum + *lock.read()
    }

    fn timeouts_expire_or_do_not() -> Vec<bool> {
        let lock = Arc::new(RwLock::new(0));
        let mut seen = Vec::new();
        let short = Duration::from_millis(10);
        let long = Duration::from_secs(10);
        let writer = lock.write();
        let other = lock.clone();
        seen.extend(
            thread::spawn(move || {
                let begun = Instant::now();
                // Each in a statement of its own, which drops its guard.
                let a = other.try_read_for(short).is_some();
                let b = other.try_write_for(short).is_some();
                let c = other.try_read_until(Instant::now() + short).is_some();
                let d = other.try_write_until(Instant::now() + short).is_some();
                [a, b, c, d, begun.elapsed() >= short * 4]
            })
            .join()
            .unwrap(),
        );
        let other = lock.clone();
        let patient = thread::spawn(move || {
            let a = other.try_read_for(long).is_some();
            let b = other.try_write_for(long).is_some();
            let c = other.try_write_for(Duration::MAX).is_some();
            let d = other.try_read_for(Duration::MAX).is_some();
            [a, b, c, d]
        });
        thread::sleep(short);
        drop(writer);
        seen.extend(patient.join().unwrap());
        seen
    }

    /// A writer that gives up no longer keeps readers out.
    fn a_writer_that_gives_up_lets_readers_in() -> (bool, u32) {
        let lock = Arc::new(RwLock::new(7));
        let _first = lock.read();
        let writer = {
            let lock = lock.clone();
            thread::spawn(move || lock.try_write_for(Duration::from_millis(60)).is_some())
        };
        thread::sleep(Duration::from_millis(10));
        let reader = {
            let lock = lock.clone();
            thread::spawn(move || *lock.read())
        };
        (writer.join().unwrap(), reader.join().unwrap())
    }

    /// No writer comes between the write lock and the read lock it becomes.
    fn downgrade_lets_no_writer_in() -> (u32, bool, u32) {
        let lock = Arc::new(RwLock::new(0));
        let mut guard = lock.write();
        let writer = {
            let lock = lock.clone();
            thread::spawn(move || *lock.write() = 9)
        };
        let reader = {
            let lock = lock.clone();
            thread::spawn(move || *lock.read())
        };
        thread::sleep(Duration::from_millis(10));
        *guard = 5;
        let guard = Write::downgrade(guard);
        thread::sleep(Duration::from_millis(10));
        let mine = *guard;
        drop(guard);
        writer.join().unwrap();
        let seen = reader.join().unwrap();
        let last = *lock.read();
        (mine, seen == 5 || seen == 9, last)
    }

    fn guards_narrow_and_step_out() -> (String, Vec<i32>) {
        let lock = RwLock::new((String::from("a"), vec![1]));
        {
            let mut part = RwLockWriteGuard::map(lock.write(), |v| &mut v.0);
            part.push('b');
            assert!(lock.try_read().is_none());
        }
        {
            let part = RwLockReadGuard::map(lock.read(), |v| &v.0);
            assert_eq!(format!("{part} {part:?}"), r#"ab "ab""#);
            assert!(lock.try_read().is_some() && lock.try_write().is_none());
        }
        let mut guard = lock.write();
        guard.1.push(2);
        RwLockWriteGuard::unlocked(&mut guard, || lock.write().1.push(3));
        guard.1.push(4);
        drop(guard);
        let mut guard = lock.read();
        RwLockReadGuard::unlocked(&mut guard, || lock.write().1.push(5));
        assert!(std::ptr::eq(RwLockReadGuard::rwlock(&guard), &lock));
        (guard.0.clone(), guard.1.clone())
    }

    fn the_rest_of_the_api() -> (String, Vec<bool>, i32) {
        let mut lock: RwLock<i32> = RwLock::from(3);
        *lock.get_mut() += 1;
        let mut text = format!("{lock:?} {:?}", RwLock::<u8>::default());
        text += &format!(" {} {:?}", lock.read(), lock.read());
        text += &format!(" {}", lock.write());
        let mut locked = vec![lock.is_locked(), lock.is_locked_exclusive()];
        let guard = lock.read();
        locked.extend([lock.is_locked(), lock.is_locked_exclusive()]);
        drop(guard);
        let guard = lock.write();
        locked.extend([lock.is_locked(), lock.is_locked_exclusive()]);
        drop(guard);
        (text, locked, lock.into_inner())
    }

    /// No poisoning, and the lock is free after a panic, for reading and for writing.
    fn a_panic_drops_its_guards() -> (Vec<bool>, u32) {
        let lock = RwLock::new(1);
        let panics = |f: &dyn Fn()| {
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).is_err() && lock.try_write().is_some()
        };
        let all = vec![
            panics(&|| {
                let _guard = lock.read();
                std::panic::resume_unwind(Box::new(1));
            }),
            panics(&|| {
                *lock.write() += 1;
                let _guard = lock.write();
                std::panic::resume_unwind(Box::new(1));
            }),
            panics(&|| {
                let mut guard = lock.write();
                RwLockWriteGuard::unlocked(&mut guard, || std::panic::resume_unwind(Box::new(1)));
            }),
            panics(&|| {
                let _part = RwLockReadGuard::map(lock.read(), |_| std::panic::resume_unwind(Box::new(1)) as &u8);
            }),
        ];
        let value = *lock.read();
        (all, value)
    }
}

/// A thread reads twice, a writer comes in between: both wait for ever.
#[test]
fn a_recursive_read_behind_a_writer_is_a_deadlock() {
    let outcome = on_both(in_turn(), || {
        let lock = Arc::new(RwLock::new(0u32));
        let other = lock.clone();
        let _first = lock.read(); // @first read
        named("writer", move || *other.write() = 1); // @write
        thread::sleep(MS);
        let _second = lock.read(); // @second read
    });
    assert!(matches!(outcome.result, Err(Failure::Deadlock { .. })));
    assert_eq!(
        failure!(outcome),
        "\
deadlock: no thread can run, and none waits for a time to come
  in a circle: 'main' -> 'writer' -> 'main'
  thread 'main' waits to read-lock RwLock<u32> at <second read>, since 0.001000 s; thread 'writer' has waited longer \
to write-lock it, at <write>, and comes first; holds RwLock<u32>, locked at <first read>
  thread 'writer' waits to write-lock RwLock<u32> at <write>, since 0.000000 s; thread 'main' holds it for reading, \
locked at <first read>"
    );
}

#[test]
fn a_deadlock_names_all_readers() {
    let outcome = on_both(in_turn(), || {
        let lock = Arc::new(RwLock::new(0u32));
        let (a, b) = (lock.clone(), lock.clone());
        named("a", move || {
            let _guards = [a.read(), a.read()]; // @a
            thread::park(); // @park a
        });
        named("b", move || {
            let _guard = b.read(); // @b
            thread::park(); // @park b
        });
        thread::sleep(MS);
        *lock.write() += 1; // @write
    });
    let text = failure!(outcome);
    assert_eq!(
        text.lines().nth(1).unwrap(),
        "  thread 'main' waits to write-lock RwLock<u32> at <write>, since 0.001000 s; thread 'a' holds it for \
         reading, locked at <a>; thread 'b' holds it for reading, locked at <b>"
    );
    assert!(text.contains("thread 'b' is parked at <park b>"), "{text}");
}

#[test]
fn a_deadlock_between_two_locks_is_shown_as_a_circle() {
    let outcome = on_both(in_turn(), || {
        let (a, b) = (Arc::new(RwLock::new('a')), Arc::new(RwLock::new("b")));
        let (a2, b2) = (a.clone(), b.clone());
        named("other", move || {
            let _b = b2.read(); // @b
            thread::sleep(MS);
            let _a = a2.write(); // @a after b
        });
        let _a = a.write(); // @a
        thread::sleep(MS);
        let _b = b.write(); // @b after a
    });
    assert_eq!(
        failure!(outcome),
        "\
deadlock: no thread can run, and none waits for a time to come
  in a circle: 'main' -> 'other' -> 'main'
  thread 'main' waits to write-lock RwLock<&str> at <b after a>, since 0.001000 s; thread 'other' holds it for \
reading, locked at <b>; holds RwLock<char>, locked at <a>
  thread 'other' waits to write-lock RwLock<char> at <a after b>, since 0.001001 s; thread 'main' holds it, locked \
at <a>; holds RwLock<&str>, locked at <b>"
    );
}

/// What a thread that locks again is told.
#[track_caller]
fn relock(program: impl Fn() + Clone + Send + 'static) -> String {
    panic_message!(on_both(in_turn(), program))
}

const RELOCK: &str = "this thread locks RwLock<u32> again, which it already holds since <first>: on a real clock it \
                      would wait for itself for ever. Drop the first guard before, or pass it on";

#[test]
fn locking_again_is_reported() {
    let write_write = relock(|| {
        let lock = RwLock::new(1u32);
        let _first = lock.write(); // @first
        let _again = lock.write();
    });
    assert_eq!(write_write, RELOCK);
    let read_write = relock(|| {
        let lock = RwLock::new(1u32);
        let _first = lock.read(); // @first
        let _again = lock.write();
    });
    assert_eq!(read_write, RELOCK);
    let write_read = relock(|| {
        let lock = RwLock::new(1u32);
        let _first = lock.write(); // @first
        let _again = lock.read();
    });
    assert_eq!(write_read, RELOCK);
    let recursive = relock(|| {
        let lock = RecursiveRwLock::new(1u32);
        let _guards = (lock.read(), lock.read()); // @first
        let _again = lock.write();
    });
    assert_eq!(recursive, RELOCK.replace("RwLock", "RecursiveRwLock"));
}

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

#[test]
fn a_read_guard_held_through_a_sleep_is_a_finding() {
    let outcome = on_both(in_turn(), || {
        let lock = RwLock::new(Some(1u8));
        let _guard = lock.read(); // @read
        thread::sleep(MS); // @sleep
    });
    assert_eq!(
        findings!(outcome),
        [
            "thread 'main' holds RwLock<Option<u8>> (locked at <read>) while it waits for the end of a sleep (at \
          <sleep>): whoever wants the lock waits as long. Unlock before waiting"
        ]
    );
}

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

#[test]
fn a_thread_from_outside_is_told_so() {
    let outcome = run(Config::seed(1), || {
        let lock = Arc::new(RwLock::new(0));
        let _guard = lock.read();
        let other = lock.clone();
        let outside = std::thread::Builder::new().name("outside".into());
        let payload = outside
            .spawn(move || drop(other.read()))
            .unwrap()
            .join()
            .unwrap_err();
        thread::panic_message(&*payload).to_owned()
    });
    assert_eq!(
        outcome.unwrap(),
        "a RwLock of a simulation is used by thread \"outside\", which is not part of it: start threads with \
         labsim::thread::spawn, not std::thread::spawn"
    );
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

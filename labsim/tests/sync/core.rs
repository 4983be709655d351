//! Promises of the simulator's core that the sync types rest on.

use labsim::sync::{Arc, Mutex};
use labsim::time::{Duration, Instant};
use labsim::{Config, Domain, thread};

use crate::support::{SCHEDULERS, on_both};

const MS: Duration = Duration::from_millis(1);

/// The timer of a thread that a crash ended means nothing to the thread that has its place in the table now.
#[test]
fn a_timer_dies_with_its_thread() {
    for scheduler in SCHEDULERS {
        let outcome = on_both(Config::seed(1).scheduler(scheduler), || {
            // Its timer stands before those of the sleepers, which so are not noticed to be void.
            let _ticker = thread::spawn(|| {
                loop {
                    thread::sleep(MS * 2);
                }
            });
            let peer = Domain::new(1, 0);
            for _ in 0..3 {
                peer.spawn("sleeper", || thread::sleep(MS * 10));
            }
            thread::sleep(MS);
            peer.crash();
            let sleeps = || {
                let begun = Instant::now();
                thread::sleep(MS * 100);
                begun.elapsed()
            };
            let threads = [
                thread::spawn(sleeps),
                thread::spawn(sleeps),
                thread::spawn(sleeps),
            ];
            threads.map(|t| t.join().unwrap()).iter().min().copied()
        });
        let shortest = outcome.unwrap().unwrap();
        assert!(shortest >= MS * 100, "slept {shortest:?} of 100 ms");
    }
}

/// A thread that gives a lock back and at once takes it again cannot keep the others out.
#[test]
fn a_loop_around_a_lock_lets_others_in() {
    for scheduler in SCHEDULERS {
        for seed in 0..10 {
            let outcome = on_both(Config::seed(seed).scheduler(scheduler), || {
                let lock = Arc::new(Mutex::new(0));
                for _ in 0..2 {
                    let lock = lock.clone();
                    thread::spawn(move || {
                        loop {
                            let mut guard = lock.lock();
                            *guard += 1;
                            thread::sleep(MS);
                        }
                    });
                }
                thread::sleep(MS * 2);
                let begun = Instant::now();
                for _ in 0..5 {
                    drop(lock.lock());
                }
                begun.elapsed()
            });
            let took = outcome.unwrap();
            assert!(took < MS * 60, "{took:?} with seed {seed}, {scheduler:?}");
        }
    }
}

#[test]
fn a_timeout_too_long_for_the_clock_is_none() {
    let outcome = on_both(Config::seed(1), || {
        let lock = Arc::new(Mutex::new(1));
        let other = lock.clone();
        thread::spawn(move || {
            let _guard = other.lock();
            thread::sleep(MS * 3);
        });
        thread::sleep(MS);
        lock.try_lock_for(Duration::MAX).is_some()
    });
    assert!(outcome.unwrap());
}

/// A loop that only looks at a lock makes time pass, so that it is free in the end.
#[test]
fn looking_at_a_mutex_is_a_call() {
    let outcome = on_both(Config::seed(1), || {
        let lock = Arc::new(Mutex::new(1));
        let other = lock.clone();
        thread::spawn(move || {
            let _guard = other.lock();
            thread::sleep(MS * 3);
        });
        thread::sleep(MS);
        while lock.is_locked() {}
    });
    assert!(outcome.elapsed >= MS * 3);
    outcome.unwrap();
}

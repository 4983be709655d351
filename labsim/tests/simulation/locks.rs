//! Mutex and Condvar behave as parking_lot's, whatever the clock.

use crate::common::{always, show};

parity! {
    fn a_mutex_excludes() {
        let n = Arc::new(sync::Mutex::new(0));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let n = n.clone();
                thread::spawn(move || for _ in 0..25 {
                    let mut n = n.lock();
                    let before = *n;
                    thread::yield_now();
                    *n = before + 1;
                })
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().unwrap());
        let inside = *n.lock();
        let unique = Arc::try_unwrap(n).map(sync::Mutex::into_inner).unwrap();
        vec![show((inside, unique))]
    }
}

parity! {
    fn try_lock() {
        let m = Arc::new(sync::Mutex::new(1));
        let mut log = vec![show((m.try_lock().is_some(), m.is_locked()))];
        let guard = m.lock();
        log.push(show((m.try_lock().is_none(), m.is_locked())));
        let theirs = m.clone();
        let other = thread::spawn(move || {
            let before = Instant::now();
            let wait = Duration::from_millis(10);
            let none = (theirs.try_lock_for(wait).is_none(), theirs.try_lock_until(Instant::now() + wait).is_none());
            let waited = before.elapsed() >= 2 * wait;
            (none, waited, theirs.try_lock_until(Instant::now()).is_none())
        });
        log.push(show(other.join().unwrap()));
        // A timed lock of one's own lock times out, it does not wait for itself for ever.
        log.push(show(m.try_lock_for(Duration::from_millis(1)).is_none()));
        let theirs = m.clone();
        let other = thread::spawn(move || theirs.try_lock_for(Duration::from_secs(10)).map(|mut g| { *g += 1; *g }));
        thread::sleep(Duration::from_millis(5));
        drop(guard);
        log.push(show(other.join().unwrap()));
        log
    }
}

parity! {
    fn mutex_values() {
        let mut m = sync::Mutex::new(vec![1, 2, 3]);
        m.get_mut().push(4);
        let mut log = vec![show(&m), show(m.lock().len())];
        {
            let guard = m.lock();
            log.push(show(&m));
            log.push(show(&guard));
        }
        {
            let mut third = sync::MutexGuard::map(m.lock(), |v| &mut v[2]);
            *third = 30;
            log.push(show(m.is_locked()));
        }
        log.push(show((m.is_locked(), m.into_inner())));
        log.push(show(*sync::Mutex::from(5).lock()));
        log.push(show(sync::Mutex::<u8>::default()));
        log
    }
}

parity! {
    /// `unlocked` gives the lock to others meanwhile, and has it again afterwards.
    fn unlocked() {
        let m = Arc::new(sync::Mutex::new(1));
        let mut guard = m.lock();
        let theirs = m.clone();
        let seen = sync::MutexGuard::unlocked(&mut guard, || {
            thread::spawn(move || { *theirs.lock() += 1; }).join().unwrap();
            m.is_locked()
        });
        vec![show((seen, *guard, m.is_locked()))]
    }
}

parity! {
    /// A panic unlocks and poisons nothing.
    fn a_panic_unlocks() {
        let m = sync::Mutex::new(1);
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _guard = m.lock();
            panic!("with the lock");
        }));
        let caught_unlocked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut guard = m.lock();
            sync::MutexGuard::unlocked(&mut guard, || panic!("without the lock"));
        }));
        vec![show((caught.is_err(), caught_unlocked.is_err(), m.is_locked(), *m.lock()))]
    }
}

parity! {
    fn condvar_hands_over() {
        let shared = Arc::new((sync::Mutex::new(0), sync::Condvar::new()));
        let theirs = shared.clone();
        let player = thread::spawn(move || for i in 0..10 {
            let mut turn = theirs.0.lock();
            theirs.1.wait_while(&mut turn, |t| *t != 2 * i + 1);
            *turn += 1;
            theirs.1.notify_all();
        });
        for i in 0..10 {
            let mut turn = shared.0.lock();
            while *turn != 2 * i {
                shared.1.wait(&mut turn);
            }
            *turn += 1;
            shared.1.notify_all();
        }
        player.join().unwrap();
        vec![show(*shared.0.lock())]
    }
}

parity! {
    fn notifications_are_counted() {
        let shared = Arc::new((sync::Mutex::new(0), sync::Condvar::new()));
        let nobody = (shared.1.notify_one(), shared.1.notify_all());
        let waiters: Vec<_> = (0..3)
            .map(|_| {
                let s = shared.clone();
                thread::spawn(move || {
                    let mut n = s.0.lock();
                    *n += 1;
                    s.1.wait(&mut n);
                })
            })
            .collect();
        // Who has counted itself and given the lock back waits.
        while *shared.0.lock() < 3 {
            thread::sleep(Duration::from_millis(1));
        }
        let counts = (shared.1.notify_one(), shared.1.notify_all(), shared.1.notify_one());
        waiters.into_iter().for_each(|w| w.join().unwrap());
        vec![show((nobody, counts))]
    }
}

parity! {
    fn timed_waits() {
        let (m, changed) = (sync::Mutex::new(5), sync::Condvar::new());
        let wait = Duration::from_millis(10);
        let before = Instant::now();
        let mut guard = m.lock();
        let mut log = vec![
            show(changed.wait_for(&mut guard, wait).timed_out()),
            show(changed.wait_until(&mut guard, Instant::now() + wait).timed_out()),
            show(changed.wait_while_for(&mut guard, |n| *n == 5, wait).timed_out()),
            show(changed.wait_while_for(&mut guard, |n| *n == 6, wait).timed_out()),
            show(changed.wait_until(&mut guard, Instant::now()).timed_out()),
        ];
        log.push(show(before.elapsed() >= 3 * wait));
        log.push(show((*guard, m.is_locked())));
        log
    }
}

parity! {
    /// A notification that comes in time ends a timed wait without a timeout, and the lock is held again.
    fn a_timed_wait_that_is_notified() {
        let shared = Arc::new((sync::Mutex::new(false), sync::Condvar::new()));
        let theirs = shared.clone();
        let waiter = thread::spawn(move || {
            let mut done = theirs.0.lock();
            let mut timed_out = false;
            while !*done {
                timed_out |= theirs.1.wait_for(&mut done, Duration::from_secs(10)).timed_out();
            }
            (timed_out, *done, theirs.0.is_locked())
        });
        thread::sleep(Duration::from_millis(30));
        *shared.0.lock() = true;
        shared.1.notify_one();
        vec![show(waiter.join().unwrap()), show(&shared.1)]
    }
}

/// On the wall clock a wait is cut into slices of 20 ms: a notification between two of them must not be lost.
#[test]
fn no_notification_is_lost_between_the_slices_of_a_wait() {
    use labsim::sync::{Arc, Condvar, Mutex};
    use labsim::{Clock, Config, thread, time::Duration};
    for hold in 5..12 {
        let config = Config::seed(1)
            .clock(Clock::Wall)
            .time_limit(Duration::from_secs(5));
        let outcome = labsim::run(config, move || {
            let shared = Arc::new((Mutex::new(false), Condvar::new()));
            let theirs = shared.clone();
            let waiter = thread::spawn(move || {
                let mut done = theirs.0.lock();
                while !*done {
                    theirs.1.wait(&mut done);
                }
            });
            // The lock is held while the waiter's slice ends, so that it is between two slices when it is notified.
            thread::sleep(Duration::from_millis(hold));
            {
                let mut done = shared.0.lock();
                thread::sleep(Duration::from_millis(30));
                *done = true;
            }
            shared.1.notify_one();
            waiter.join().unwrap();
        });
        if let Err(failure) = outcome.result {
            panic!("the notification was lost: {failure}");
        }
    }
}

/// A loop that only looks at a lock is made of labsim calls too.
#[test]
fn polling_a_lock_makes_progress() {
    use labsim::sync::{Arc, Mutex};
    use labsim::{thread, time::Duration};
    always(3, || {
        let lock = Arc::new(Mutex::new(0));
        let theirs = lock.clone();
        let holder = thread::spawn(move || {
            let _guard = theirs.lock();
            thread::sleep(Duration::from_micros(50));
        });
        while !lock.is_locked() && !holder.is_finished() {}
        while lock.is_locked() {}
        holder.join().unwrap();
    });
}

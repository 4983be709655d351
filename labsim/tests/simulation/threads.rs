//! Threads and time behave as std's, whatever the clock.

use crate::common::{always, show, simulate};

parity! {
    fn join_returns_the_result() {
        let t = thread::spawn(|| vec![1, 2, 3]);
        let nested = thread::spawn(|| thread::spawn(|| "inner").join().unwrap());
        vec![show(t.join().unwrap()), show(nested.join().unwrap())]
    }
}

parity! {
    fn names() {
        let named = thread::Builder::new()
            .name("worker".into())
            .spawn(|| thread::current().name().map(str::to_owned))
            .unwrap();
        let mut log = vec![show(named.thread().name()), show(named.join().unwrap())];
        let unnamed = thread::spawn(|| thread::current().name().map(str::to_owned));
        log.push(show(unnamed.thread().name()));
        log.push(show(unnamed.join().unwrap()));
        let unnamed = thread::Builder::new().spawn(|| ()).unwrap();
        log.push(show(unnamed.thread().name()));
        log
    }
}

parity! {
    fn ids_are_unique() {
        let own = thread::current().id();
        let t = thread::spawn(|| thread::current().id());
        let of_handle = t.thread().id();
        let other = thread::spawn(|| ());
        vec![show((
            own == thread::current().id(),
            of_handle == t.join().unwrap(),
            of_handle != own,
            other.thread().id() != of_handle,
        ))]
    }
}

parity! {
    /// A token given before `park` lets it return at once; two are one.
    fn park_takes_one_token() {
        let me = thread::current();
        me.unpark();
        me.unpark();
        thread::park();
        let before = Instant::now();
        thread::park_timeout(Duration::from_millis(10));
        vec![show(before.elapsed() >= Duration::from_millis(10))]
    }
}

parity! {
    fn unpark_wakes_the_parked() {
        let sleeper = thread::spawn(|| {
            let before = Instant::now();
            thread::park_timeout(Duration::from_secs(20));
            before.elapsed() < Duration::from_secs(10)
        });
        thread::sleep(Duration::from_millis(20));
        sleeper.thread().unpark();
        let parent = thread::current();
        let child = thread::spawn(move || parent.unpark());
        thread::park();
        child.join().unwrap();
        vec![show(sleeper.join().unwrap())]
    }
}

parity! {
    fn is_finished() {
        let (tx, rx) = channel::bounded::<()>(0);
        let t = thread::spawn(move || rx.recv().is_err());
        let before = t.is_finished();
        drop(tx);
        while !t.is_finished() {
            thread::sleep(Duration::from_millis(1));
        }
        vec![show((before, t.is_finished(), t.join().unwrap()))]
    }
}

parity! {
    /// A thread goes on when its handle is dropped.
    fn a_detached_thread_goes_on() {
        let (tx, rx) = channel::bounded(1);
        drop(thread::spawn(move || {
            thread::sleep(Duration::from_millis(5));
            tx.send(4).unwrap();
        }));
        vec![show(rx.recv())]
    }
}

parity! {
    fn a_sleep_is_not_shorter() {
        let mut log = Vec::new();
        for ms in [0, 1, 20] {
            let before = Instant::now();
            thread::sleep(Duration::from_millis(ms));
            log.push(show(before.elapsed() >= Duration::from_millis(ms)));
        }
        log
    }
}

parity! {
    fn arithmetic_of_instants() {
        let a = Instant::now();
        let second = Duration::from_secs(1);
        let mut b = a + second;
        let mut log = vec![
            show((b - a, b.duration_since(a), a.duration_since(b), a - b)),
            show((a.checked_duration_since(b), b.checked_duration_since(a), a.saturating_duration_since(b))),
            show((a.checked_add(Duration::MAX), a.checked_sub(Duration::MAX))),
            show((a < b, a == a.min(b), a.max(b) == b, b.cmp(&a), a == b)),
            show(a.checked_add(second) == Some(b) && b.checked_sub(second) == Some(a)),
        ];
        b += second;
        log.push(show(b - a));
        b -= 2 * second;
        log.push(show(a == b && b - Duration::ZERO == a));
        // As on a machine that runs for a while, there is a time before.
        log.push(show(a.checked_sub(Duration::from_secs(60)).is_some()));
        log.push(show(std::panic::catch_unwind(|| Instant::now() + Duration::MAX).is_err()));
        log.push(show(Instant::now() >= a && a.elapsed() < Duration::from_secs(3600)));
        let set: std::collections::HashSet<Instant> = [a, a, b].into();
        log.push(show(set.len()));
        log
    }
}

parity! {
    fn panicking() {
        struct Asks(std::sync::mpsc::Sender<bool>);
        impl Drop for Asks {
            fn drop(&mut self) {
                self.0.send(thread::panicking()).unwrap();
            }
        }
        let (tx, rx) = std::sync::mpsc::channel();
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _asks = Asks(tx.clone());
            panic!("to be caught");
        }));
        drop(Asks(tx));
        vec![show(rx.iter().collect::<Vec<_>>()), show(thread::panicking())]
    }
}

/// Outside a run a panic is the joiner's, as std's; inside it fails the run (see diagnoses.rs).
#[test]
fn join_returns_a_panic_outside_a_run() {
    let payload = labsim::thread::spawn(|| -> () { panic!("mine") })
        .join()
        .unwrap_err();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"mine"));
}

/// A thread's number is its place in the order of spawns, in each replay.
#[test]
fn ids_are_the_same_in_each_replay() {
    use labsim::{Config, thread};
    let ids = || {
        let ids: Vec<_> = (0..5)
            .map(|_| thread::spawn(|| thread::current().id()).join().unwrap())
            .collect();
        ids
    };
    for seed in 0..5 {
        let first = simulate(&Config::seed(seed), ids).unwrap();
        assert_eq!(first, simulate(&Config::seed(seed), ids).unwrap());
    }
}

/// The clock jumps: an hour takes no time, and sleeps end in the order of their ends.
#[test]
fn virtual_time_jumps() {
    use labsim::channel::unbounded;
    use labsim::thread;
    use labsim::time::{Duration, Instant};
    let real = std::time::Instant::now();
    always(3, || {
        let begin = Instant::now();
        let (tx, rx) = unbounded();
        for hours in [3, 1, 2] {
            let tx = tx.clone();
            thread::spawn(move || {
                thread::sleep(Duration::from_secs(hours));
                tx.send(hours).unwrap();
            });
        }
        drop(tx);
        assert_eq!(rx.iter().collect::<Vec<_>>(), [1, 2, 3]);
        assert!(begin.elapsed() < Duration::from_millis(3001));
    });
    assert!(real.elapsed() < std::time::Duration::from_secs(20));
}

/// A number names a thread in its own run: unparking a thread of an earlier run wakes nobody in a later one.
#[test]
fn a_handle_of_an_earlier_run_unparks_nobody() {
    use labsim::time::{Duration, Instant};
    use labsim::{Config, run, thread};

    for backend in crate::common::BACKENDS {
        let config = || Config::seed(1).backend(backend);
        let old = run(config(), || {
            let thread = thread::spawn(|| ());
            let handle = thread.thread().clone();
            thread.join().unwrap();
            handle
        })
        .unwrap();
        let woken_early = run(config(), move || {
            let sleeper = thread::spawn(|| {
                let begun = Instant::now();
                thread::park_timeout(Duration::from_secs(1));
                begun.elapsed() < Duration::from_secs(1)
            });
            thread::sleep(Duration::from_millis(10));
            assert_eq!(
                sleeper.thread().id(),
                old.id(),
                "both are the first of their run"
            );
            old.unpark();
            sleeper.join().unwrap()
        })
        .unwrap();
        assert!(!woken_early, "{backend:?}");
    }
}

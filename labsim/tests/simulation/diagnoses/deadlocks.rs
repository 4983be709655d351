//! Threads that wait for one another.

use super::{config, failure, named};
use crate::common::simulate;
use labsim::channel::{bounded, unbounded};
use labsim::sync::{Arc, Condvar, Mutex};
use labsim::time::Duration;
use labsim::{Domain, thread};

#[test]
fn deadlock_of_two_locks() {
    let text = failure(&config(), || {
        let forks = Arc::new((Mutex::new(1u32), Mutex::new("b")));
        let theirs = forks.clone();
        let right = Domain::new(2, 0).spawn("right", move || {
            let _b = theirs.1.lock(); // @right has b
            thread::sleep(Duration::from_millis(2)); // @not named
            let _a = theirs.0.lock(); // @right wants a
        });
        let _a = forks.0.lock(); // @main has a
        thread::sleep(Duration::from_millis(1)); // @not named
        let _b = forks.1.lock(); // @main wants b
        right.join().unwrap();
    });
    assert_eq!(
        text,
        "deadlock: these threads wait for each other, and so none of them ever goes on\n\
         \x20 in a circle: 'main' -> 'right' -> 'main'\n\
         \x20 thread 'main' waits to lock Mutex<&str> at @main wants b, since 0.001000 s; \
         thread 'right' holds it, locked at @right has b; holds Mutex<u32>, locked at @main has a\n\
         \x20 thread 'right' of peer 2 waits to lock Mutex<u32> at @right wants a, since 0.002001 s; \
         thread 'main' holds it, locked at @main has a; holds Mutex<&str>, locked at @right has b"
    );
}

/// Two threads that hold a lock each and want the other's, as `wants` does it.
fn embrace(wants: fn(&Mutex<u32>) -> bool) -> [thread::JoinHandle<bool>; 2] {
    let locks = Arc::new((Mutex::new(1), Mutex::new(2)));
    let theirs = locks.clone();
    let first = named("first", move || {
        let _mine = locks.0.lock();
        thread::sleep(Duration::from_millis(1));
        wants(&locks.1)
    });
    let second = named("second", move || {
        let _mine = theirs.1.lock();
        thread::sleep(Duration::from_millis(1));
        wants(&theirs.0)
    });
    [first, second]
}

#[test]
fn a_deadlock_of_some_ends_the_run_though_others_go_on() {
    let text = failure(&config(), || {
        let _both = embrace(|other| *other.lock() > 0);
        named("other", || {
            loop {
                thread::sleep(Duration::from_millis(1));
            }
        });
        thread::sleep(Duration::from_secs(3600));
    });
    let mut lines = text.lines();
    assert_eq!(
        lines.next(),
        Some("deadlock: these threads wait for each other, and so none of them ever goes on")
    );
    assert_eq!(
        lines.next(),
        Some("  in a circle: 'first' -> 'second' -> 'first'")
    );
    assert_eq!(lines.count(), 2, "no others are named:\n{text}");
}

#[test]
fn three_in_a_circle_and_one_that_waits_for_it() {
    let text = failure(&config(), || {
        let locks: Arc<[Mutex<()>; 3]> = Arc::default();
        let waits = locks.clone();
        for (i, name) in ["a", "b", "c"].into_iter().enumerate() {
            let locks = locks.clone();
            named(name, move || {
                let _mine = locks[i].lock();
                thread::sleep(Duration::from_millis(3 - i as u64));
                drop(locks[(i + 1) % 3].lock());
            });
        }
        thread::sleep(Duration::from_micros(2500));
        drop(waits[0].lock());
    });
    assert!(
        text.contains("in a circle: 'a' -> 'b' -> 'c' -> 'a'"),
        "{text}"
    );
    assert!(!text.contains("main"), "{text}");
}

#[test]
fn who_waits_for_a_lock_with_a_limit_is_in_no_deadlock() {
    let outcome = simulate(&config(), || {
        let wants = |other: &Mutex<u32>| other.try_lock_for(Duration::from_millis(5)).is_some();
        embrace(wants).map(|thread| thread.join().unwrap())
    });
    let got = outcome.result.unwrap();
    assert_ne!(
        got[0], got[1],
        "whoever gives up first lets the other have it"
    );
}

#[test]
fn a_crash_undoes_a_deadlock_before_it_closes() {
    let outcome = simulate(&config(), || {
        let peer = Domain::new(1, 0);
        let locks = Arc::new((Mutex::new(1), Mutex::new(2)));
        let theirs = locks.clone();
        peer.spawn("doomed", move || {
            let _mine = theirs.1.lock();
            thread::sleep(Duration::from_millis(1));
            drop(theirs.0.lock());
        });
        let _mine = locks.0.lock();
        thread::sleep(Duration::from_millis(2));
        peer.crash();
        *locks.1.lock()
    });
    assert_eq!(outcome.result.unwrap(), 2);
}

#[test]
fn deadlock_on_channels_condvars_and_joins() {
    let text = failure(&config(), || {
        let (tx, rx) = unbounded::<Vec<std::io::Error>>();
        let (full, _full_rx) = bounded::<u8>(1);
        let (zero, _zero_rx) = bounded::<u8>(0);
        full.send(1).unwrap();
        let (full2, rx2) = (full.clone(), rx.clone());
        named("receives", move || rx.recv().is_ok()); // @receive
        named("sends", move || full.send(2)); // @send
        named("hands over", move || zero.send(2)); // @hand over
        named("selects", move || {
            labsim::channel::select! { recv(rx2) -> _ => {}, send(full2, 1) -> _ => {} } // @select
        });
        named("waits", || {
            let (m, changed) = (Mutex::new(0), Condvar::new());
            changed.wait(&mut m.lock()); // @wait
        });
        let parked = named("parks", || thread::park()); // @park
        parked.join().unwrap(); // @join
        drop(tx);
    });
    assert_eq!(
        text,
        "deadlock: no thread can run, and none waits for a time to come\n\
         \x20 thread 'main' waits for the end of thread 'parks' at @join, since 0.000001 s\n\
         \x20 thread 'receives' waits to receive from channel<Vec<Error>> at @receive, since 0.000001 s\n\
         \x20 thread 'sends' waits to send to bounded channel<u8> at @send, since 0.000001 s\n\
         \x20 thread 'hands over' waits to send to a channel at @hand over, since 0.000001 s\n\
         \x20 thread 'selects' waits in a select at @select, since 0.000001 s\n\
         \x20 thread 'waits' waits on a Condvar at @wait, since 0.000001 s\n\
         \x20 thread 'parks' is parked at @park, since 0.000002 s"
    );
}

//! Threads that wait for one another.

use super::{config, failure, named};
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
        "deadlock: no thread can run, and none waits for a time to come\n\
         \x20 in a circle: 'main' -> 'right' -> 'main'\n\
         \x20 thread 'main' waits to lock Mutex<&str> at @main wants b, since 0.001000 s; \
         thread 'right' holds it, locked at @right has b; holds Mutex<u32>, locked at @main has a\n\
         \x20 thread 'right' of peer 2 waits to lock Mutex<u32> at @right wants a, since 0.002001 s; \
         thread 'main' holds it, locked at @main has a; holds Mutex<&str>, locked at @right has b"
    );
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

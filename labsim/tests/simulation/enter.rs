//! Threads that act for another peer than their own.

use labsim::sync::{Arc, Mutex};
use labsim::time::Duration;
use labsim::{Backend, Clock, Config, Domain, thread};

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A crash of the thread's own peer does not tear what it is doing for another, and ends it right after.
fn finishes_what_it_does_for_another() {
    let (own, other) = (Domain::new(1, 0), Domain::new(2, 0));
    let steps = Arc::new(Mutex::new(Vec::new()));
    let (log, host) = (steps.clone(), other.clone());
    own.spawn("helper", move || {
        host.enter(|| {
            for i in 0..3 {
                log.lock().push(i);
                thread::sleep(ms(50));
            }
        });
        log.lock().push(99);
    });
    thread::sleep(ms(70));
    own.crash();
    assert_eq!(*steps.lock(), [0, 1, 2]);
    assert!(own.threads().is_empty());
}

/// If that other peer is dead too, there is nothing to finish.
fn ends_at_once_when_both_are_dead() {
    let (own, other) = (Domain::new(1, 0), Domain::new(2, 0));
    let steps = Arc::new(Mutex::new(0));
    let (log, host) = (steps.clone(), other.clone());
    own.spawn("helper", move || {
        host.enter(|| {
            loop {
                *log.lock() += 1;
                thread::sleep(ms(50));
            }
        });
    });
    thread::sleep(ms(70));
    other.crash();
    own.crash();
    assert_eq!(*steps.lock(), 2);
}

/// Acting for one's own peer is no shelter.
fn ends_at_once_when_it_acts_for_its_own() {
    let own = Domain::new(1, 0);
    let host = own.clone();
    own.spawn("helper", move || {
        host.enter(|| {
            loop {
                thread::sleep(ms(50));
            }
        });
    });
    thread::sleep(ms(70));
    own.crash();
    assert!(own.threads().is_empty());
}

#[test]
fn on_both_clocks() {
    for body in [
        finishes_what_it_does_for_another,
        ends_at_once_when_both_are_dead,
        ends_at_once_when_it_acts_for_its_own,
    ] {
        body();
        for seed in 0..20 {
            let on = |backend| labsim::run(Config::seed(seed).backend(backend), body);
            let (os, fiber) = (on(Backend::Os), on(Backend::Fiber));
            assert_eq!(os.trace_hash, fiber.trace_hash, "seed {seed}");
            os.unwrap();
            fiber.unwrap();
        }
    }
}

/// A panic in what a thread does for another peer counts for that peer.
#[test]
fn a_panic_counts_for_the_peer_whose_code_it_was() {
    let body = || {
        let (own, other) = (Domain::new(1, 0), Domain::new(2, 0));
        let helper = own.spawn("helper", move || other.enter(|| panic!("of peer 2")));
        let _ = helper.join();
        thread::sleep(ms(1000));
    };
    for clock in [Clock::Virtual, Clock::Wall] {
        let Err(failure) = labsim::run(Config::seed(1).clock(clock), body).result else {
            panic!("the panic got lost on the {clock:?} clock")
        };
        let text = failure.to_string();
        assert!(text.contains("of peer 2 panicked at"), "{clock:?}: {text}");
    }
}

//! What is said of a lock that blocks for ever, or is used wrongly.

use super::MS;
use crate::support::{in_turn, named, on_both};
use labsim::sync::{Arc, RecursiveRwLock, RwLock};
use labsim::{Config, Failure, run, thread};

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
deadlock: these threads wait for each other, and so none of them ever goes on
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
        text.lines().nth(3).unwrap(),
        "  thread 'main' waits to write-lock RwLock<u32> at <write>, since 0.001000 s; thread 'a' holds it for \
         reading, locked at <a>; thread 'b' holds it for reading, locked at <b>"
    );
    // Who holds what is told first.
    assert!(
        text.lines()
            .nth(2)
            .unwrap()
            .starts_with("  thread 'b' is parked at <park b>"),
        "{text}"
    );
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
deadlock: these threads wait for each other, and so none of them ever goes on
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

//! Locks taken twice, locks held while waiting, condvars with two mutexes.

use super::{config, failure, findings, named};
use crate::common::simulate;
use labsim::channel::bounded;
use labsim::diagnose::about_to_wait;
use labsim::sync::{Arc, Condvar, Mutex};
use labsim::time::Duration;
use labsim::{Domain, thread};

#[test]
fn relock_of_a_held_mutex() {
    let text = failure(&config(), || {
        let state = Mutex::new(vec![Some(1)]);
        let first = state.lock(); // @first
        let second = state.lock(); // @second
        drop((first, second));
    });
    assert_eq!(
        text,
        "thread 'main' panicked at @second: this thread locks Mutex<Vec<Option<i32>>> again, which it already holds \
         since @first: on a real clock it would wait for itself for ever. Drop the first guard before, or pass it on"
    );
}

#[test]
fn a_condvar_with_two_mutexes() {
    let text = failure(&config(), || {
        let shared = Arc::new((Mutex::new(0), Condvar::new()));
        let other = shared.clone();
        named("other", move || other.1.wait(&mut other.0.lock())); // @first wait
        thread::sleep(Duration::from_millis(1));
        let own = Mutex::new(0);
        shared.1.wait(&mut own.lock()); // @second wait
    });
    assert_eq!(
        text,
        "thread 'main' panicked at @second wait: this thread waits on a Condvar with one mutex while another waits \
         on it, since @first wait, with another one: all who wait on a Condvar must hold the same mutex"
    );
}

/// One after the other is no fault.
#[test]
fn a_condvar_with_one_mutex_and_then_another() {
    simulate(&config(), || {
        let changed = Condvar::new();
        for _ in 0..2 {
            let own = Mutex::new(0);
            changed.wait_for(&mut own.lock(), Duration::from_millis(1));
        }
    })
    .unwrap();
}

#[test]
fn a_lock_held_while_waiting() {
    let found = findings(|| {
        let peer = Domain::new(3, 1);
        let server = peer.spawn("server", || {
            let state = Mutex::new(0u64);
            let (tx, rx) = bounded(1);
            for _ in 0..2 {
                let guard = state.lock(); // @lock
                thread::sleep(Duration::from_millis(1)); // @sleep
                tx.send(1).unwrap();
                rx.recv().unwrap(); // @receive
                about_to_wait(&"the reply to Raft.request_vote"); // @rpc
                drop(guard);
            }
            let child = named("child", || ());
            let _guard = state.lock(); // @lock again
            child.join().unwrap(); // @join
            tx.send(1).unwrap();
            let later = named("later", move || {
                thread::sleep(Duration::from_millis(1));
                (rx.recv().unwrap(), rx.recv().unwrap())
            });
            tx.send(2).unwrap(); // @send
            later.join().unwrap(); // @join later
        });
        server.join().unwrap();
    });
    let finding = |locked: &str, what: &str, at: &str, times: &str| {
        format!(
            "thread 'server' of peer 3 holds Mutex<u64> (locked at @{locked}) while it waits for {what} (at @{at}): \
             whoever wants the lock waits as long. Unlock before waiting{times}"
        )
    };
    assert_eq!(
        found,
        [
            finding("lock", "the end of a sleep", "sleep", " [2 times]"),
            finding("lock", "a message", "receive", " [2 times]"),
            finding(
                "lock",
                "the reply to Raft.request_vote",
                "rpc",
                " [2 times]"
            ),
            finding("lock again", "the end of a thread", "join", ""),
            finding("lock again", "room in a channel", "send", ""),
            finding("lock again", "the end of a thread", "join later", ""),
        ]
    );
}

/// The mutex that a condvar gives back while it waits is no finding; another one that is held is.
#[test]
fn a_second_lock_held_in_a_condvars_wait() {
    let found = findings(|| {
        let (a, b, changed) = (Mutex::new(1u8), Mutex::new('b'), Condvar::new());
        {
            let mut a = a.lock();
            changed.wait_for(&mut a, Duration::from_millis(1));
        }
        let _b = b.lock(); // @b
        let mut a = a.lock();
        changed.wait_for(&mut a, Duration::from_millis(1)); // @wait
    });
    assert_eq!(
        found,
        [
            "thread 'main' holds Mutex<char> (locked at @b) while it waits for a notification (at @wait): \
          whoever wants the lock waits as long. Unlock before waiting"
        ]
    );
}

/// What ends at once is no wait, and locks held over it are nobody's business.
#[test]
fn no_findings_without_a_wait() {
    let found = findings(|| {
        let m = Mutex::new(0);
        let (tx, rx) = bounded(1);
        let guard = m.lock();
        tx.send(1).unwrap();
        rx.try_recv().unwrap();
        tx.try_send(1).unwrap();
        tx.try_send(1).unwrap_err();
        thread::yield_now();
        drop(guard);
        thread::sleep(Duration::from_secs(1));
    });
    assert_eq!(found, [""; 0]);
}

//! A crash ends its threads in whatever they wait.

use super::Ends;
use crate::common::always;
use labsim::channel::{bounded, never, select, unbounded};
use labsim::sync::atomic::{AtomicU32, Ordering};
use labsim::sync::{Arc, Condvar, Mutex};
use labsim::time::{Duration, Instant};
use labsim::{Clock, Config, Domain, run, thread};

/// Crashes a peer whose threads all wait in `wait`, and checks that it is over at once, with every value dropped.
#[track_caller]
fn crash_while_in<F>(wait: F)
where
    F: Fn() + Clone + Send + Sync + 'static,
{
    let at_once = Duration::from_millis(1);
    always(5, crash_of_waiting_threads(wait.clone(), at_once));
    let soon = Duration::from_secs(2);
    let program = crash_of_waiting_threads(wait, soon);
    run(Config::seed(1).clock(Clock::Wall), program).unwrap();
}

fn crash_of_waiting_threads<F>(wait: F, within: Duration) -> impl FnOnce() + Clone + Send + 'static
where
    F: Fn() + Clone + Send + Sync + 'static,
{
    move || {
        let peer = Domain::new(1, 0);
        let ends = Arc::new(AtomicU32::new(0));
        for _ in 0..3 {
            let (wait, ends) = (wait.clone(), Ends(ends.clone()));
            peer.spawn("victim", move || {
                let _ends = ends;
                wait();
                unreachable!("the wait goes on until the crash");
            });
        }
        thread::sleep(Duration::from_millis(50));
        assert_eq!(peer.threads().len(), 3);
        assert_eq!(ends.load(Ordering::SeqCst), 0);
        let before = Instant::now();
        peer.crash();
        let took = before.elapsed();
        assert!(took < within, "the crash took {took:?}");
        assert_eq!(ends.load(Ordering::SeqCst), 3);
        assert!(peer.threads().is_empty());
        assert!(!peer.is_alive());
    }
}

#[test]
fn crash_ends_a_sleep() {
    crash_while_in(|| thread::sleep(Duration::from_secs(3600)));
}

#[test]
fn crash_ends_a_park() {
    crash_while_in(|| {
        loop {
            thread::park();
        }
    });
}

#[test]
fn crash_ends_a_join() {
    always(5, || {
        let peer = Domain::new(1, 0);
        let (tx, rx) = unbounded::<()>();
        let stranger = thread::spawn(|| thread::sleep(Duration::from_secs(5)));
        peer.spawn("victim", move || {
            let _tx = tx;
            stranger.join().unwrap();
            unreachable!("the stranger sleeps for long");
        });
        thread::sleep(Duration::from_secs(1));
        peer.crash();
        assert!(rx.recv().is_err(), "the victim's sender is gone");
        assert!(peer.threads().is_empty());
    });
}

#[test]
fn crash_ends_a_receive() {
    crash_while_in(|| {
        let (_tx, rx) = unbounded::<()>();
        let _ = rx.recv();
    });
    crash_while_in(|| {
        let (_tx, rx) = bounded::<()>(0);
        let _ = rx.recv_timeout(Duration::from_secs(3600));
    });
}

#[test]
fn crash_ends_a_send() {
    crash_while_in(|| {
        let (tx, _rx) = bounded(1);
        tx.send(1).unwrap();
        let _ = tx.send(2);
    });
    crash_while_in(|| {
        let (tx, _rx) = bounded(0);
        let _ = tx.send(1);
    });
}

#[test]
fn crash_ends_a_select() {
    crash_while_in(|| {
        let (tx, rx) = bounded::<u8>(0);
        let (full, _rx) = bounded::<u8>(1);
        full.send(1).unwrap();
        select! {
            recv(rx) -> _ => {}
            send(full, 2) -> _ => {}
            recv(never::<u8>()) -> _ => {}
        }
        drop(tx);
    });
}

#[test]
fn crash_ends_a_wait_on_a_condvar() {
    crash_while_in(|| {
        let (m, changed) = (Mutex::new(()), Condvar::new());
        changed.wait(&mut m.lock());
    });
}

#[test]
fn crash_ends_a_wait_for_a_lock() {
    always(5, || {
        let peer = Domain::new(1, 0);
        let lock = Arc::new(Mutex::new(0));
        let mine = lock.lock();
        for _ in 0..3 {
            let lock = lock.clone();
            peer.spawn("victim", move || {
                *lock.lock() += 1;
            });
        }
        thread::sleep(Duration::from_secs(1));
        peer.crash();
        assert!(peer.threads().is_empty());
        drop(mine);
        assert_eq!(
            *lock.lock(),
            0,
            "nobody of the peer got the lock after the crash"
        );
    });
}

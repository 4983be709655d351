//! Fault domains: a crash ends all threads of one peer, wherever they are, and nobody else's.

mod handover;
mod waits;

use crate::common::{always, simulate};
use labsim::channel::unbounded;
use labsim::sync::Arc;
use labsim::sync::atomic::{AtomicU32, Ordering};
use labsim::time::Duration;
use labsim::{Clock, Config, Domain, run, thread};

/// Counts its drops: the sign that a thread was unwound.
#[derive(Clone)]
struct Ends(Arc<AtomicU32>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// On the wall clock a thread takes a while to begin; one that has not is waited for as well.
#[test]
fn crash_right_after_a_spawn_leaves_nobody() {
    let program = || {
        for _ in 0..50 {
            let peer = Domain::new(1, 0);
            let ends = Arc::new(AtomicU32::new(0));
            for _ in 0..3 {
                let ends = Ends(ends.clone());
                peer.spawn("newborn", move || {
                    let _ends = ends;
                    thread::sleep(Duration::from_secs(3600));
                });
            }
            assert_eq!(peer.threads().len(), 3);
            peer.crash();
            assert_eq!(ends.load(Ordering::SeqCst), 3);
            assert!(peer.threads().is_empty());
        }
    };
    always(5, program);
    run(Config::seed(1).clock(Clock::Wall), program).unwrap();
}

/// A member that crashes its own peer ends with it.
#[test]
fn crash_from_inside_does_not_return() {
    always(20, || {
        let peer = Domain::new(1, 0);
        let ends = Arc::new(AtomicU32::new(0));
        for _ in 0..2 {
            let ends = Ends(ends.clone());
            peer.spawn("idle", move || {
                let _ends = ends;
                thread::sleep(Duration::from_secs(3600));
            });
        }
        let (own, last) = (peer.clone(), Ends(ends.clone()));
        let suicide = peer.spawn("suicide", move || {
            let _last = last;
            own.crash();
            unreachable!("crash does not return to a member");
        });
        let end = suicide.join().unwrap_err();
        assert!(end.is::<thread::EndedEarly>());
        // The others end before anything else runs, or right after.
        thread::yield_now();
        assert!(peer.threads().is_empty());
        assert_eq!(ends.load(Ordering::SeqCst), 3);
    });
}

/// A thread that only acts for the peer survives, what it spawned does not.
#[test]
fn who_entered_survives_and_its_threads_do_not() {
    always(10, || {
        let peer = Domain::new(7, 2);
        assert_eq!(Domain::current(), None);
        let child = peer.enter(|| {
            assert_eq!(Domain::current(), Some(peer.clone()));
            thread::spawn(|| {
                let d = Domain::current().unwrap();
                assert_eq!((d.peer(), d.incarnation()), (7, 2));
                thread::spawn(|| thread::sleep(Duration::from_secs(3600))).join()
            })
        });
        assert_eq!(Domain::current(), None);
        thread::sleep(Duration::from_secs(1));
        assert_eq!(peer.threads().len(), 2);
        peer.enter(|| peer.crash());
        assert!(child.join().unwrap_err().is::<thread::EndedEarly>());
    });
}

/// `enter` ends with its closure also when that panics.
#[test]
fn enter_is_left_by_a_panic() {
    always(2, || {
        let peer = Domain::new(1, 0);
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            peer.enter(|| panic!("inside"));
        }));
        assert!(caught.is_err());
        assert_eq!(Domain::current(), None);
    });
}

/// A peer that starts again is another domain: its threads have nothing to fear from the first one's end.
#[test]
fn a_restarted_peer_is_a_new_incarnation() {
    always(10, || {
        let first = Domain::new(4, 0);
        first.spawn("server", || thread::sleep(Duration::from_secs(3600)));
        first.crash();
        let second = Domain::new(4, 1);
        let server = second.spawn("server", || {
            thread::sleep(Duration::from_secs(1));
            let d = Domain::current().unwrap();
            (d.peer(), d.incarnation())
        });
        first.crash();
        assert!(second.is_alive() && first != second);
        assert_eq!(server.join().unwrap(), (4, 1));
    });
}

/// A dead peer starts nothing.
#[test]
fn a_dead_peer_spawns_nothing() {
    always(5, || {
        let peer = Domain::new(1, 0);
        peer.crash();
        let ran = Arc::new(AtomicU32::new(0));
        let (a, b) = (ran.clone(), ran.clone());
        let spawned = peer.spawn("late", move || a.fetch_add(1, Ordering::SeqCst));
        let entered = peer.enter(|| thread::spawn(move || b.fetch_add(1, Ordering::SeqCst)));
        thread::sleep(Duration::from_secs(1));
        assert!(spawned.is_finished() && entered.is_finished());
        assert!(spawned.join().unwrap_err().is::<thread::EndedEarly>());
        assert!(entered.join().is_err());
        assert_eq!(ran.load(Ordering::SeqCst), 0);
    });
}

/// `threads` says who lives, in the order of their start, and what each waits for.
#[test]
fn threads_lists_the_living() {
    let outcome = simulate(&Config::seed(1), || {
        let peer = Domain::new(2, 0);
        let (_tx, rx) = unbounded::<u8>();
        peer.spawn("first", || thread::sleep(Duration::from_secs(9)));
        peer.spawn("second", move || rx.recv());
        peer.spawn("third", || ());
        thread::sleep(Duration::from_secs(1));
        peer.threads()
            .iter()
            .map(|t| (t.who(), t.wait.as_ref().map(|w| w.what.clone())))
            .collect::<Vec<_>>()
    });
    let waits = |who: &str, what: &str| (who.to_owned(), Some(what.to_owned()));
    assert_eq!(
        outcome.unwrap(),
        [
            waits("thread 'first' of peer 2", "sleeps"),
            waits(
                "thread 'second' of peer 2",
                "waits to receive from channel<u8>"
            ),
        ]
    );
}

/// Two peers crash each other, a third looks on.
#[test]
fn crashes_may_cross() {
    always(20, || {
        let (a, b) = (Domain::new(0, 0), Domain::new(1, 0));
        let (of_a, of_b) = (a.clone(), b.clone());
        let x = a.spawn("x", move || of_b.crash());
        let y = b.spawn("y", move || of_a.crash());
        let (_, _) = (x.join(), y.join());
        a.crash();
        b.crash();
        assert!(a.threads().is_empty() && b.threads().is_empty());
    });
}

/// A thread that is ready, and was never blocked, ends as well, at its next labsim call.
#[test]
fn crash_ends_a_thread_that_computes() {
    always(20, || {
        let peer = Domain::new(1, 0);
        let rounds = Arc::new(AtomicU32::new(0));
        let counts = rounds.clone();
        peer.spawn("busy", move || {
            loop {
                counts.fetch_add(1, Ordering::SeqCst);
                thread::yield_now();
            }
        });
        thread::sleep(Duration::from_micros(100));
        peer.crash();
        let after = rounds.load(Ordering::SeqCst);
        thread::sleep(Duration::from_secs(1));
        assert_eq!(rounds.load(Ordering::SeqCst), after);
    });
}

//! Fault domains: a crash ends all threads of one peer, wherever they are, and nobody else's.

use crate::common::{always, simulate};
use labsim::channel::{bounded, never, select, unbounded};
use labsim::sync::atomic::{AtomicU32, Ordering};
use labsim::sync::{Arc, Condvar, Mutex};
use labsim::time::{Duration, Instant};
use labsim::{Clock, Config, Domain, run, thread};

/// Counts its drops: the sign that a thread was unwound.
#[derive(Clone)]
struct Ends(Arc<AtomicU32>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

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

/// A dead peer's lock is free again for those who live.
#[test]
fn crash_of_the_holder_frees_the_lock() {
    always(20, || {
        let peer = Domain::new(1, 0);
        let lock = Arc::new(Mutex::new(0));
        let held = lock.clone();
        peer.spawn("holder", move || {
            let mut n = held.lock();
            *n += 1;
            thread::sleep(Duration::from_secs(3600));
        });
        thread::sleep(Duration::from_secs(1));
        let waiters: Vec<_> = (0..3)
            .map(|_| {
                let lock = lock.clone();
                thread::spawn(move || *lock.lock() += 1)
            })
            .collect();
        thread::sleep(Duration::from_secs(1));
        peer.crash();
        waiters.into_iter().for_each(|w| w.join().unwrap());
        assert_eq!(*lock.lock(), 4);
    });
}

/// Who is told to go on and dies before it can passes the word on: the message is for one of those who live.
#[test]
fn a_notification_to_a_doomed_thread_goes_to_another() {
    always(50, || {
        let peer = Domain::new(1, 0);
        let m = Arc::new((Mutex::new(0), Condvar::new()));
        let wait = |m: Arc<(Mutex<i32>, Condvar)>| {
            move || {
                let mut n = m.0.lock();
                while *n == 0 {
                    m.1.wait(&mut n);
                }
                *n -= 1;
            }
        };
        peer.spawn("doomed", wait(m.clone()));
        let lives = thread::spawn(wait(m.clone()));
        thread::sleep(Duration::from_secs(1));
        *m.0.lock() += 1;
        m.1.notify_one();
        let taken_by_the_dead = {
            peer.crash();
            *m.0.lock() == 0
        };
        if taken_by_the_dead {
            *m.0.lock() += 1;
            m.1.notify_one();
        }
        lives.join().unwrap();
    });
}

/// The same for messages: what the dead have not taken is there for the living.
#[test]
fn a_message_for_a_doomed_receiver_goes_to_another() {
    for capacity in [1, 5] {
        always(50, move || {
            let peer = Domain::new(1, 0);
            let (tx, rx) = bounded::<u32>(capacity);
            // Std's: between the receive and the count there must be no labsim call, where the thread might end.
            let taken = Arc::new(std::sync::atomic::AtomicU32::new(0));
            let receive = |rx: labsim::channel::Receiver<u32>,
                           taken: Arc<std::sync::atomic::AtomicU32>| {
                move || {
                    if rx.recv().is_ok() {
                        taken.fetch_add(1, Ordering::SeqCst);
                    }
                }
            };
            peer.spawn("doomed", receive(rx.clone(), taken.clone()));
            let lives = thread::spawn(receive(rx, taken.clone()));
            thread::sleep(Duration::from_secs(1));
            tx.send(1).unwrap();
            peer.crash();
            drop(tx);
            lives.join().unwrap();
            assert_eq!(taken.load(Ordering::SeqCst), 1);
        });
    }
}

/// A receive that was chosen and not completed gives its message back when its thread is ended.
#[test]
fn a_claimed_message_of_a_dead_thread_goes_to_another() {
    always(5, || {
        let peer = Domain::new(1, 0);
        let (tx, rx) = unbounded();
        let claims = rx.clone();
        peer.spawn("doomed", move || {
            let mut select = labsim::channel::Select::new();
            select.recv(&claims);
            let operation = select.select();
            thread::sleep(Duration::from_secs(3600));
            operation.recv(&claims).unwrap();
        });
        thread::sleep(Duration::from_secs(1));
        tx.send("message").unwrap();
        thread::sleep(Duration::from_secs(1));
        let lives = thread::spawn(move || rx.recv());
        thread::sleep(Duration::from_secs(1));
        peer.crash();
        assert_eq!(lives.join().unwrap(), Ok("message"));
        drop(tx);
    });
}

/// A place that was chosen to send to, and not filled, is there for another sender.
#[test]
fn a_reserved_place_of_a_dead_thread_goes_to_another() {
    always(5, || {
        let peer = Domain::new(1, 0);
        let (tx, rx) = bounded(1);
        let reserves = tx.clone();
        peer.spawn("doomed", move || {
            select! {
                send(reserves, { thread::sleep(Duration::from_secs(3600)); "dead" }) -> r => r.unwrap(),
            }
        });
        thread::sleep(Duration::from_secs(1));
        let lives = thread::spawn(move || tx.send("alive"));
        thread::sleep(Duration::from_secs(1));
        assert!(rx.try_recv().is_err());
        peer.crash();
        assert_eq!(lives.join().unwrap(), Ok(()));
        assert_eq!(rx.recv(), Ok("alive"));
    });
}

/// A rendezvous whose sender dies between its choice and its message: the receiver waits on, for another sender.
#[test]
fn a_receiver_left_by_a_dead_sender_receives_from_another() {
    always(5, || {
        let peer = Domain::new(1, 0);
        let (tx, rx) = bounded(0);
        let dies = tx.clone();
        let receiver = thread::spawn(move || rx.recv());
        thread::sleep(Duration::from_secs(1));
        peer.spawn("doomed", move || {
            select! {
                send(dies, { thread::sleep(Duration::from_secs(3600)); "dead" }) -> r => r.unwrap(),
            }
        });
        thread::sleep(Duration::from_secs(1));
        peer.crash();
        assert_eq!(tx.send("alive"), Ok(()));
        assert_eq!(receiver.join().unwrap(), Ok("alive"));
    });
}

/// A rendezvous whose receiver dies before the message: it is lost with it, and the channel is still open.
#[test]
fn a_sender_left_by_a_dead_receiver_may_send_again() {
    always(5, || {
        let peer = Domain::new(1, 0);
        let (tx, rx) = bounded(0);
        let dies = rx.clone();
        peer.spawn("doomed", move || dies.recv());
        thread::sleep(Duration::from_secs(1));
        let sender = thread::spawn(move || {
            let sent = select! {
                send(tx, { thread::sleep(Duration::from_secs(2)); "to the dead" }) -> r => r,
            };
            (sent, tx.send("to the living"))
        });
        thread::sleep(Duration::from_secs(1));
        peer.crash();
        let got: Vec<_> = rx.iter().collect();
        let (first, second) = sender.join().unwrap();
        assert_eq!(
            first,
            Ok(()),
            "a receiver is left, so the channel is not disconnected"
        );
        assert_eq!(second, Ok(()));
        assert_eq!(got.last(), Some(&"to the living"));
    });
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

//! What a dead thread was told or held is for those who live: locks, notifications, messages, places in a channel.

use crate::common::always;
use labsim::channel::{bounded, select, unbounded};
use labsim::sync::atomic::Ordering;
use labsim::sync::{Arc, Condvar, Mutex};
use labsim::time::Duration;
use labsim::{Domain, thread};

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

//! What a thread may do while it unwinds, because its peer crashed, its run is over, or it panicked: anything a
//! `Drop` does must neither abort the process nor hang it.

use crate::common::{BACKENDS, always, simulate};
use labsim::channel::{bounded, select, unbounded};
use labsim::sync::atomic::{AtomicBool, Ordering};
use labsim::sync::{Arc, Condvar, Mutex, RwLock};
use labsim::time::{Duration, Instant};
use labsim::{Config, Domain, Failure, Scheduler, run, thread};

/// Calls its function when dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Everything there is to call, none of it with what it waits for in sight.
fn every_call(lock: &Mutex<u32>) {
    *lock.lock() += 1;
    let _ = lock.try_lock_for(Duration::from_secs(1));
    thread::sleep(Duration::from_secs(3600));
    thread::yield_now();
    thread::park();
    thread::park_timeout(Duration::from_secs(1));
    let _ = Instant::now().elapsed();

    let (tx, rx) = bounded(1);
    tx.send(1).unwrap();
    assert!(tx.send(2).is_err(), "no wait for room");
    assert!(tx.send_timeout(2, Duration::from_secs(9)).is_err());
    assert_eq!(rx.recv(), Ok(1), "what is there can be had");
    assert!(rx.recv().is_err(), "no wait for a message");
    assert!(rx.recv_timeout(Duration::from_secs(9)).is_err());
    let (zero_tx, zero_rx) = bounded::<u8>(0);
    assert!(zero_tx.send(1).is_err() && zero_rx.recv().is_err());
    let chosen = select! {
        recv(rx) -> m => m.is_ok(),
        recv(zero_rx) -> m => m.is_ok(),
        default(Duration::from_secs(9)) => false,
    };
    assert!(!chosen);
    select! {
        recv(rx) -> m => assert!(m.is_err()),
        recv(zero_rx) -> m => assert!(m.is_err()),
    }

    let child = thread::spawn(|| unreachable!("nothing is spawned"));
    assert!(child.join().is_err());
    let changed = Condvar::new();
    changed.wait(&mut lock.lock());
    changed.wait_for(&mut lock.lock(), Duration::from_secs(9));
    changed.notify_one();
    changed.notify_all();
    let rw = RwLock::new(0);
    drop(rw.read());
    *rw.write() += 1;
    labsim::trace::event("drop", 1, 2, String::new);
}

#[test]
fn a_drop_may_call_anything_during_a_crash() {
    always(10, || {
        let peer = Domain::new(1, 0);
        let lock = Arc::new(Mutex::new(0));
        for _ in 0..3 {
            let lock = lock.clone();
            peer.spawn("victim", move || {
                let _noisy = OnDrop(|| every_call(&lock));
                thread::sleep(Duration::from_secs(3600));
            });
        }
        thread::sleep(Duration::from_secs(1));
        let before = Instant::now();
        peer.crash();
        assert!(
            before.elapsed() < Duration::from_millis(1),
            "no drop has really slept"
        );
        assert_eq!(*lock.lock(), 3);
    });
}

#[test]
fn a_drop_may_call_anything_at_the_end_of_the_run() {
    always(10, || {
        let lock = Arc::new(Mutex::new(0));
        for _ in 0..3 {
            let lock = lock.clone();
            thread::spawn(move || {
                let _noisy = OnDrop(|| every_call(&lock));
                thread::sleep(Duration::from_secs(3600));
            });
        }
        thread::sleep(Duration::from_secs(1));
    });
}

#[test]
fn a_drop_may_call_anything_after_a_panic() {
    for seed in 0..10 {
        let outcome = simulate(&Config::seed(seed), || {
            let lock = Arc::new(Mutex::new(0));
            let mut bad = OnDrop(|| every_call(&lock));
            let _ = &mut bad;
            panic!("for a reason");
        });
        let Err(Failure::Panic { record, .. }) = outcome.result else {
            panic!("seed {seed}: {:?}", outcome.result);
        };
        assert_eq!(record.message, "for a reason");
    }
}

/// A drop may crash another peer, even its own.
#[test]
fn a_drop_may_crash_a_peer() {
    always(10, || {
        let (a, b) = (Domain::new(0, 0), Domain::new(1, 0));
        b.spawn("bystander", || thread::sleep(Duration::from_secs(3600)));
        let (of_a, of_b) = (a.clone(), b.clone());
        a.spawn("chain", move || {
            let _noisy = OnDrop(|| {
                of_b.crash();
                of_a.crash();
            });
            thread::sleep(Duration::from_secs(3600));
        });
        thread::sleep(Duration::from_secs(1));
        a.crash();
        b.crash();
        assert!(a.threads().is_empty() && b.threads().is_empty());
    });
}

/// A lock that somebody alive holds is worth waiting for, while unwinding too: its holder is at work.
#[test]
fn a_drop_waits_for_a_lock_of_the_living() {
    always(10, || {
        let peer = Domain::new(1, 0);
        let lock = Arc::new(Mutex::new(Vec::new()));
        let (mine, go) = (lock.clone(), bounded(0));
        let (tx, rx) = go;
        let holder = thread::spawn(move || {
            let mut log = mine.lock();
            tx.send(()).unwrap();
            thread::sleep(Duration::from_secs(5));
            log.push("holder");
        });
        rx.recv().unwrap();
        let own = lock.clone();
        peer.spawn("victim", move || {
            let _noisy = OnDrop(|| own.lock().push("victim"));
            thread::sleep(Duration::from_secs(3600));
        });
        thread::sleep(Duration::from_secs(1));
        peer.crash();
        holder.join().unwrap();
        assert_eq!(*lock.lock(), ["holder", "victim"]);
    });
}

/// One thread caught a panic long ago. Another one's panic, which waits for a lock meanwhile, is not its business
/// (fibers share an OS thread, and with it std's notion of "panicking").
#[test]
fn a_caught_panic_is_over() {
    for seed in 0..20 {
        let outcome = simulate(&Config::seed(seed), || {
            let lock = Arc::new(Mutex::new(0));
            let (held, has) = (lock.clone(), bounded(0));
            let (tx, rx) = has;
            let calm = thread::spawn(move || {
                let caught = std::panic::catch_unwind(|| panic!("caught"));
                assert!(caught.is_err());
                let mut n = held.lock();
                tx.send(()).unwrap();
                thread::sleep(Duration::from_secs(10));
                let slept = Instant::now();
                thread::sleep(Duration::from_secs(10));
                assert!(
                    slept.elapsed() >= Duration::from_secs(10),
                    "the sleep was refused"
                );
                assert!(!thread::panicking());
                *n = 7;
            });
            rx.recv().unwrap();
            let other = lock.clone();
            let peer = Domain::new(1, 0);
            peer.spawn("victim", move || {
                let _noisy = OnDrop(|| *other.lock() += 1);
                thread::sleep(Duration::from_secs(3600));
            });
            thread::sleep(Duration::from_secs(1));
            peer.crash();
            calm.join().unwrap();
            // Into a variable: the guard must go before the lock does.
            #[allow(clippy::let_and_return)]
            let n = *lock.lock();
            n
        });
        assert_eq!(outcome.unwrap(), 8, "seed {seed}");
    }
}

/// The text of a run's failure, on each backend.
fn failures(f: fn()) -> Vec<String> {
    BACKENDS
        .map(|backend| {
            let config = Config::seed(1)
                .backend(backend)
                .scheduler(Scheduler::RunToBlock);
            run(config, f).result.unwrap_err().to_string()
        })
        .to_vec()
}

#[track_caller]
fn stuck(f: fn(), thread: &str) {
    for text in failures(f) {
        assert!(text.contains("the run could not be ended"), "{text}");
        assert!(text.contains(thread), "{text}");
    }
}

/// A drop that waits for ever in a loop cannot be helped: the run is given up, and says so.
#[test]
fn a_drop_that_waits_on_a_condvar_for_ever_is_reported() {
    stuck(
        || {
            thread::Builder::new()
                .name("never".into())
                .spawn(|| {
                    let (m, changed) = (Mutex::new(false), Condvar::new());
                    let _noisy = OnDrop(|| {
                        let mut done = m.lock();
                        while !*done {
                            changed.wait(&mut done);
                        }
                    });
                    thread::sleep(Duration::from_secs(3600));
                })
                .unwrap();
            thread::sleep(Duration::from_secs(1));
        },
        "thread 'never'",
    );
}

#[test]
fn a_drop_that_polls_for_ever_is_reported() {
    stuck(
        || {
            let peer = Domain::new(1, 0);
            peer.spawn("poller", || {
                let done = AtomicBool::new(false);
                let _noisy = OnDrop(|| {
                    while !done.load(Ordering::SeqCst) {
                        thread::yield_now();
                    }
                });
                thread::sleep(Duration::from_secs(3600));
            });
            thread::sleep(Duration::from_secs(1));
            peer.crash();
        },
        "thread 'poller' of peer 1",
    );
}

/// A thread that catches its end and goes on is given up like one whose drop does.
#[test]
fn a_thread_that_catches_its_end_and_goes_on_is_reported() {
    stuck(
        || {
            let peer = Domain::new(1, 0);
            peer.spawn("immortal", || {
                loop {
                    let _ = std::panic::catch_unwind(|| thread::sleep(Duration::from_secs(1)));
                }
            });
            thread::sleep(Duration::from_secs(1));
            peer.crash();
        },
        "thread 'immortal' of peer 1",
    );
}

/// A drop that locks what its own thread holds would wait for itself. A panic there would end the process.
#[test]
fn a_drop_that_relocks_is_reported() {
    stuck(
        || {
            let peer = Domain::new(1, 0);
            peer.spawn("selfish", || {
                let lock = Mutex::new(0);
                let _mine = lock.lock();
                let _noisy = OnDrop(|| *lock.lock() += 1);
                thread::sleep(Duration::from_secs(3600));
            });
            thread::sleep(Duration::from_secs(1));
            peer.crash();
        },
        "thread 'selfish' of peer 1",
    );
}

/// After a run that was given up, the next one in the same test is as good as ever.
#[test]
fn a_run_after_one_that_was_given_up() {
    a_drop_that_waits_on_a_condvar_for_ever_is_reported();
    always(3, || {
        let (tx, rx) = unbounded();
        let t = thread::spawn(move || tx.send(1));
        assert_eq!(rx.recv(), Ok(1));
        t.join().unwrap().unwrap();
    });
}

/// The peer is crashed while one of its threads, in a drop, waits for a lock that another one holds.
#[test]
fn two_doomed_threads_may_wait_for_each_other() {
    always(20, || {
        let peer = Domain::new(1, 0);
        let lock = Arc::new(Mutex::new(0));
        for _ in 0..4 {
            let lock = lock.clone();
            peer.spawn("victim", move || {
                let again = lock.clone();
                let _noisy = OnDrop(|| *again.lock() += 1);
                let mut n = lock.lock();
                *n += 1;
                thread::sleep(Duration::from_millis(10));
                drop(n);
                thread::sleep(Duration::from_millis(10));
            });
        }
        thread::sleep(Duration::from_millis(25));
        peer.crash();
        assert!(peer.threads().is_empty());
        let _ = *lock.lock();
    });
}

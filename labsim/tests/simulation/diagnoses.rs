//! The text of each diagnosis, word for word. A place in this file is shown as the mark `// @name` on its line.

use crate::common::{BACKENDS, simulate, with_marks};
use labsim::channel::{bounded, unbounded};
use labsim::diagnose::about_to_wait;
use labsim::sync::{Arc, Condvar, Mutex};
use labsim::time::Duration;
use labsim::{Clock, Config, Domain, Failure, Outcome, Scheduler, run, thread};

fn config() -> Config {
    Config::seed(1).scheduler(Scheduler::RunToBlock)
}

fn marked(report: &str) -> String {
    with_marks(report, file!(), include_str!("diagnoses.rs"))
}

/// How the run failed, in words.
#[track_caller]
fn failure<T: Send + 'static>(config: &Config, f: fn() -> T) -> String {
    match simulate(config, f).result {
        Ok(_) => panic!("the run did not fail"),
        Err(failure) => marked(&failure.to_string()),
    }
}

/// What was found in a run that succeeded.
#[track_caller]
fn findings(f: fn()) -> Vec<String> {
    let outcome: Outcome<()> = simulate(&config(), f);
    if let Err(failure) = outcome.result {
        panic!("{failure}");
    }
    outcome
        .findings
        .iter()
        .map(|f| marked(&f.to_string()))
        .collect()
}

fn named<T: Send + 'static>(
    name: &str,
    f: impl FnOnce() -> T + Send + 'static,
) -> thread::JoinHandle<T> {
    thread::Builder::new().name(name.into()).spawn(f).unwrap()
}

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

#[test]
fn not_finished_in_time() {
    let text = failure(&config().time_limit(Duration::from_secs(3)), || {
        named("runs", || {
            thread::sleep(Duration::from_millis(1));
            loop {
                thread::yield_now(); // @yield
            }
        });
        thread::sleep(Duration::from_secs(10)); // @sleep
    });
    assert!(
        text.starts_with(
            "not finished after 3s\n  thread 'main' sleeps at @sleep, since 0.000000 s\n"
        ),
        "{text}"
    );
    assert!(
        text.ends_with("\n  thread 'runs' is ready to run; its last labsim call was at @yield"),
        "{text}"
    );
}

#[test]
fn too_many_calls() {
    let mut config = config();
    config.call_limit = 5000;
    let text = failure(&config, || {
        loop {
            thread::yield_now(); // @yield
        }
    });
    assert_eq!(
        text,
        "not finished after 5000 labsim calls\n\
         \x20 thread 'main' is ready to run; its last labsim call was at @yield"
    );
}

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

#[test]
fn busy_loop() {
    let found = findings(|| {
        let n = Mutex::new(0);
        for _ in 0..200_000 {
            *n.lock() += 1; // @poll
        }
    });
    assert_eq!(
        found,
        [
            "thread 'main' made 300000 labsim calls without waiting once (last at @poll): does it poll in a loop? \
          Sleep in between, or wait on a Condvar or a channel"
        ]
    );
}

/// A thread that is busy for good reasons, and waits now and then, is none.
#[test]
fn no_busy_loop_with_waits() {
    let found = findings(|| {
        let n = Mutex::new(0);
        for i in 0..400_000 {
            *n.lock() += 1;
            if i % 10_000 == 0 {
                thread::sleep(Duration::from_micros(1));
            }
        }
    });
    assert_eq!(found, [""; 0]);
}

#[test]
fn a_thread_that_spins() {
    for backend in BACKENDS {
        let config = config()
            .backend(backend)
            .spin_limit(Duration::from_millis(300));
        let spins = |calls: bool| {
            move || {
                Domain::new(4, 0)
                    .spawn("spins", move || {
                        if calls {
                            thread::yield_now(); // @last call
                        }
                        // As a student's forgotten std sleep: it holds the baton all the time.
                        std::thread::sleep(std::time::Duration::from_secs(2));
                    })
                    .join()
                    .unwrap(); // @join
            }
        };
        let text = run(config.clone(), spins(true))
            .result
            .unwrap_err()
            .to_string();
        assert_eq!(
            marked(&text),
            "thread 'spins' of peer 4 has run for 0.3 s without a labsim call; its last was at @last call. Does it \
             loop, or wait by std::thread::sleep, std::sync or blocking I/O?",
            "{backend:?}"
        );
        let text = run(config, spins(false)).result.unwrap_err().to_string();
        assert_eq!(
            marked(&text),
            "thread 'spins' of peer 4 has run for 0.3 s without a labsim call; it made none. Does it \
             loop, or wait by std::thread::sleep, std::sync or blocking I/O?",
            "{backend:?}"
        );
    }
}

#[test]
fn a_panic_in_a_thread() {
    let boom = || {
        let t = Domain::new(5, 0).spawn("bad", || {
            let seen = 2;
            assert_eq!(1, seen, "one is not {seen}"); // @panic
        });
        let _ = t.join();
    };
    let expected = "thread 'bad' of peer 5 panicked at @panic: assertion `left == right` failed: one is not 2\n  \
                    left: 1\n right: 2";
    assert_eq!(failure(&config(), boom), expected);
    let wall = run(config().clock(Clock::Wall), boom);
    assert_eq!(marked(&wall.result.unwrap_err().to_string()), expected);
}

#[test]
fn a_panic_in_main() {
    assert_eq!(
        failure(&config(), || -> () { panic!("no {}", "way") }), // @panic
        "thread 'main' panicked at @panic: no way"
    );
}

/// A panic with a value is in the outcome, value and all.
#[test]
fn a_panic_with_a_value() {
    for backend in BACKENDS {
        let outcome = run(config().backend(backend), || std::panic::panic_any(42u64));
        let Err::<(), _>(Failure::Panic {
            payload,
            record,
            thread,
            ..
        }) = outcome.result
        else {
            panic!("the run did not fail");
        };
        assert_eq!(payload.downcast_ref(), Some(&42u64));
        assert_eq!(record.message, "(a value that is not a message)");
        assert_eq!(
            (thread.id, thread.name.as_str(), thread.peer),
            (0, "main", None)
        );
    }
}

/// `Outcome::unwrap` panics with the whole report.
#[test]
fn unwrap_reports() {
    let payload =
        std::panic::catch_unwind(|| run(config(), || panic!("inside")).unwrap()).unwrap_err();
    let text = payload.downcast_ref::<String>().unwrap();
    assert!(text.starts_with("thread 'main' panicked at "), "{text}");
    assert!(text.ends_with(": inside"), "{text}");
}

/// A caught panic fails nothing.
#[test]
fn a_caught_panic_is_no_failure() {
    let outcome = simulate(&config(), || {
        let caught = std::panic::catch_unwind(|| panic!("caught"));
        thread::sleep(Duration::from_secs(1));
        caught.is_err()
    });
    assert!(outcome.unwrap());
}

/// What a thread of no simulation says when it touches what belongs to one.
fn outside<F>(touch: F) -> String
where
    F: FnOnce() + Send + 'static,
{
    let stranger = std::thread::Builder::new()
        .name("stranger".into())
        .spawn(touch)
        .unwrap();
    let payload = stranger.join().unwrap_err();
    payload
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| payload.downcast_ref::<&str>().map(|s| (*s).to_owned()))
        .unwrap()
}

#[test]
fn objects_touched_from_outside() {
    for backend in BACKENDS {
        let said = run(config().backend(backend), || {
            let lock = Arc::new(Mutex::new(0));
            *lock.lock() += 1;
            let changed = Arc::new(Condvar::new());
            changed.notify_one();
            let (tx, rx) = unbounded::<u8>();
            let (zero, zero_rx) = bounded::<u8>(0);
            let ticks = labsim::channel::after(Duration::from_secs(1));
            let me = thread::current();
            let (l1, l2, l3) = (lock.clone(), lock.clone(), lock.clone());
            let (c1, c2) = (changed.clone(), changed.clone());
            let (tx2, rx2) = (tx.clone(), rx.clone());
            let said = [
                (
                    "Mutex",
                    outside(move || {
                        let _ = l1.lock();
                    }),
                ),
                (
                    "Mutex",
                    outside(move || {
                        let _ = l2.try_lock();
                    }),
                ),
                (
                    "Mutex",
                    outside(move || {
                        let _ = l3.try_lock_for(Duration::ZERO);
                    }),
                ),
                (
                    "Condvar",
                    outside(move || {
                        let _ = c1.notify_one();
                    }),
                ),
                (
                    "Condvar",
                    outside(move || {
                        let _ = c2.notify_all();
                    }),
                ),
                ("channel", outside(move || tx2.send(1).unwrap())),
                (
                    "channel",
                    outside(move || {
                        let _ = rx2.recv();
                    }),
                ),
                (
                    "channel",
                    outside(move || {
                        let _ = zero.try_send(1);
                    }),
                ),
                (
                    "channel",
                    outside(move || {
                        let _ = zero_rx.try_recv();
                    }),
                ),
                (
                    "channel",
                    outside(move || {
                        let _ = ticks.try_recv();
                    }),
                ),
                (
                    "channel",
                    outside(move || labsim::channel::select! { recv(rx) -> _ => {} }),
                ),
                ("thread", outside(move || me.unpark())),
            ];
            // The run goes on unharmed.
            thread::sleep(Duration::from_secs(1));
            *lock.lock() += 1;
            drop(tx);
            said
        })
        .unwrap();
        for (i, (what, text)) in said.into_iter().enumerate() {
            assert_eq!(
                text,
                format!(
                    "a {what} of a simulation is used by thread \"stranger\", which is not part of it: start \
                     threads with labsim::thread::spawn, not std::thread::spawn"
                ),
                "case {i}, {backend:?}"
            );
        }
    }
}

#[test]
fn a_channel_made_outside() {
    let (tx, rx) = bounded::<u8>(1);
    let (tx2, rx2) = (tx.clone(), rx.clone());
    let works = simulate(&config(), move || {
        // What need not wait works: a test may hand results out so.
        (tx2.send(7), rx2.recv(), rx2.try_recv().is_err())
    });
    assert_eq!(works.unwrap(), (Ok(()), Ok(7), true));
    let waits = {
        let rx = rx.clone();
        move || {
            let _ = rx.recv();
        } // @receive
    };
    let selects = move || labsim::channel::select! { recv(rx) -> _ => {} }; // @select
    let text = "a thread of a simulation waits on a channel that was made outside it, where the simulator cannot \
                see what comes: make the channel inside the run";
    for failed in [
        simulate(&config(), waits).result,
        simulate(&config(), selects).result,
    ] {
        let report = failed.unwrap_err().to_string();
        assert!(report.ends_with(text), "{report}");
    }
    drop(tx);
}

/// A lock that somebody outside holds at that moment.
#[test]
fn a_lock_held_outside() {
    let lock = Arc::new(Mutex::new(0));
    let theirs = lock.clone();
    let _guard = lock.lock();
    let report = simulate(&config(), move || *theirs.lock() += 1)
        .result
        .unwrap_err()
        .to_string();
    assert!(
        report.ends_with(
            "Mutex is held by a thread outside the simulation, or was left locked by an earlier run"
        ),
        "{report}"
    );
}

#[test]
fn one_run_inside_another() {
    let text = failure(&config(), || run(Config::default(), || ()).unwrap()); // @inner
    assert_eq!(
        text,
        "thread 'main' panicked at @inner: labsim::run was called inside a simulation: one cannot hold another"
    );
}

/// An object of two simulations that run at the same time (a static, say) would tie them together.
#[test]
fn one_object_in_two_runs() {
    static SHARED: Mutex<u32> = Mutex::new(0);
    let (ready, other_may_go) = std::sync::mpsc::channel::<()>();
    let (end, may_end) = std::sync::mpsc::channel::<()>();
    let first = std::thread::spawn(move || {
        run(config(), move || {
            *SHARED.lock() += 1;
            ready.send(()).unwrap();
            may_end.recv().unwrap();
        })
        .unwrap();
    });
    other_may_go.recv().unwrap();
    let report = failure(&config(), || *SHARED.lock() += 1); // @second
    end.send(()).unwrap();
    first.join().unwrap();
    assert!(
        report.ends_with(
            "a Mutex is used by two simulations that run at the same time: what is shared between tests (a static, an \
             argument of both) must not be a labsim object"
        ),
        "{report}"
    );
    // One after the other is fine.
    run(config(), || *SHARED.lock() += 1).unwrap();
}

#[test]
fn a_run_that_cannot_end() {
    struct WaitsForEver;
    impl Drop for WaitsForEver {
        fn drop(&mut self) {
            let (m, changed) = (Mutex::new(false), Condvar::new());
            changed.wait_while(&mut m.lock(), |done| !*done); // @for ever
        }
    }
    let stuck = |end: fn()| {
        BACKENDS.map(|backend| {
            let outcome = run(config().backend(backend), move || {
                Domain::new(6, 0).spawn("clings", || {
                    let _value = WaitsForEver;
                    thread::sleep(Duration::from_secs(9));
                });
                thread::sleep(Duration::from_secs(1));
                end();
            });
            marked(&outcome.result.unwrap_err().to_string())
        })
    };
    let text = "the run could not be ended: these threads wait in a Drop for what never comes\n\
                \x20 thread 'clings' of peer 6 is ready to run; its last labsim call was at @for ever";
    for report in stuck(|| ()) {
        assert!(report.starts_with(text), "{report}");
    }
    for report in stuck(|| panic!("the reason")) {
        let (before, after) = report.split_once('\n').unwrap();
        assert!(before.starts_with("thread 'main' panicked at "), "{report}");
        assert!(before.ends_with(": the reason"), "{report}");
        assert!(after.starts_with(text), "{report}");
    }
}

//! Runs without an end: limits of time and calls, busy loops, drops that wait.

use super::{config, failure, findings, marked, named};
use crate::common::BACKENDS;
use labsim::sync::{Arc, Condvar, Mutex};
use labsim::time::Duration;
use labsim::{Domain, run, thread};

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

/// The report of a run with many threads is cut somewhere: what matters comes first.
#[test]
fn who_keeps_others_waiting_is_named_first() {
    let text = failure(&config().time_limit(Duration::from_secs(3)), || {
        let lock = Arc::new(Mutex::new(0));
        let theirs = lock.clone();
        let idle = || thread::sleep(Duration::from_secs(10));
        named("idle", idle);
        named("waits", move || {
            thread::sleep(Duration::from_millis(1));
            *theirs.lock() += 1;
        });
        named("keeps", move || {
            let _guard = lock.lock();
            idle();
        });
        idle();
    });
    let names: Vec<&str> = text
        .split("thread '")
        .skip(1)
        .map(|t| t.split('\'').next().unwrap())
        .collect();
    assert_eq!(names, ["keeps", "waits", "keeps", "main", "idle"], "{text}");
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

//! What a panic in a simulated thread becomes.

use super::{config, failure, marked};
use crate::common::{BACKENDS, simulate};
use labsim::time::Duration;
use labsim::{Clock, Domain, Failure, run, thread};

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

//! Who waits for a value, how long, and what is said when it can never come.

use std::panic::{AssertUnwindSafe, catch_unwind};

use labsim::sync::{Arc, LazyLock, Mutex, Once, OnceLock};
use labsim::time::Duration;
use labsim::{Clock, Config, run, thread};

use super::MS;
use crate::support::{SCHEDULERS, in_turn, named, on_both};

/// The others wait in virtual time, and no longer than the initialiser takes.
#[test]
fn the_others_wait_in_virtual_time() {
    for scheduler in SCHEDULERS {
        let outcome = on_both(Config::seed(2).scheduler(scheduler), || {
            let shared = Arc::new((OnceLock::new(), Once::new()));
            let threads: Vec<_> = (0..4)
                .map(|i| {
                    let shared = shared.clone();
                    named("asker", move || {
                        shared
                            .1
                            .call_once(|| thread::sleep(Duration::from_secs(30)));
                        *shared.0.get_or_init(|| {
                            thread::sleep(Duration::from_secs(30));
                            i
                        })
                    })
                })
                .collect();
            let values: Vec<i32> = threads.into_iter().map(|t| t.join().unwrap()).collect();
            values.iter().all(|v| *v == values[0])
        });
        assert!(outcome.elapsed >= Duration::from_secs(60));
        assert!(outcome.elapsed < Duration::from_secs(61));
        assert!(outcome.unwrap());
    }
}

#[test]
fn a_deadlock_names_the_thread_that_makes_the_value() {
    let outcome = on_both(in_turn(), || {
        let shared = Arc::new((OnceLock::new(), Mutex::new('m')));
        let other = shared.clone();
        named("maker", move || {
            let make = || {
                thread::sleep(MS);
                *other.1.lock() // @lock in init
            };
            other.0.get_or_init(make); // @begin
        });
        let _guard = shared.1.lock(); // @lock
        thread::sleep(MS / 2);
        shared.0.get_or_init(|| 'x'); // @ask
    });
    assert_eq!(
        failure!(outcome),
        "\
deadlock: these threads wait for each other, and so none of them ever goes on
  in a circle: 'main' -> 'maker' -> 'main'
  thread 'main' waits for OnceLock<char> to be initialised at <ask>, since 0.000500 s; thread 'maker' is at it since <begin>; \
holds Mutex<char>, locked at <lock>
  thread 'maker' waits to lock Mutex<char> at <lock in init>, since 0.001001 s; thread 'main' holds it, locked at <lock>"
    );
}

#[test]
fn a_wait_for_a_value_that_never_comes_is_a_deadlock() {
    let outcome = on_both(in_turn(), || {
        let (cell, once) = (Arc::new(OnceLock::<Vec<u8>>::new()), Arc::new(Once::new()));
        let other = once.clone();
        named("other", move || other.wait()); // @once
        cell.wait(); // @value
    });
    assert_eq!(
        failure!(outcome),
        "\
deadlock: no thread can run, and none waits for a time to come
  thread 'main' waits for OnceLock<Vec<u8>> to be set by another thread at <value>, since 0.000000 s
  thread 'other' waits for Once to be set by another thread at <once>, since 0.000000 s"
    );
}

#[track_caller]
fn panic_of(program: impl Fn() + Clone + Send + 'static) -> String {
    panic_message!(on_both(in_turn(), program))
}

#[test]
fn an_initialiser_that_asks_itself_is_told_so() {
    let text = "the initialiser of KIND (running since <begin>) asks for the same KIND: it would wait for itself for \
                ever. Make the value without it";
    let once_lock = panic_of(|| {
        let cell = OnceLock::new();
        let make = || *cell.get_or_init(|| 1u8);
        cell.get_or_init(make); // @begin
    });
    assert_eq!(once_lock, text.replace("KIND", "OnceLock<u8>"));
    let set = panic_of(|| {
        let cell = OnceLock::new();
        let make = || cell.set(1u8).map_or(0, |()| 1);
        cell.get_or_init(make); // @begin
    });
    assert_eq!(set, text.replace("KIND", "OnceLock<u8>"));
    let once = panic_of(|| {
        let once = Once::new();
        once.call_once(|| once.call_once(|| ())); // @begin
    });
    assert_eq!(once, text.replace("KIND", "Once"));
    static LAZY: LazyLock<u8> = LazyLock::new(|| *LAZY + 1);
    let lazy = panic_of(|| {
        let _ = *LAZY; // @begin
    });
    assert_eq!(lazy, text.replace("KIND", "LazyLock<u8>"));
}

/// The same on the wall clock, and outside a run, where std would hang or panic.
#[test]
fn an_initialiser_that_asks_itself_is_told_so_on_the_wall_clock() {
    let ask = || {
        let cell = OnceLock::new();
        let payload = catch_unwind(AssertUnwindSafe(|| {
            *cell.get_or_init(|| *cell.wait_or_ask())
        }))
        .unwrap_err();
        (
            thread::panic_message(&*payload).to_owned(),
            cell.get().copied(),
        )
    };
    let message = |(text, left): (String, Option<u8>)| {
        assert!(
            text.starts_with("the initialiser of OnceLock<u8>"),
            "{text}"
        );
        assert_eq!(left, None);
    };
    message(ask());
    message(run(Config::seed(1).clock(Clock::Wall), ask).unwrap());
}

trait Ask {
    fn wait_or_ask(&self) -> &u8;
}

impl Ask for OnceLock<u8> {
    fn wait_or_ask(&self) -> &u8 {
        self.get_or_init(|| 0)
    }
}

#[test]
fn a_lock_held_through_a_wait_for_a_value_is_a_finding() {
    let outcome = on_both(in_turn(), || {
        let shared = Arc::new((OnceLock::new(), Mutex::new(1u8)));
        let other = shared.clone();
        named("setter", move || {
            thread::sleep(MS);
            other.0.set(1).unwrap();
        });
        let _guard = shared.1.lock(); // @lock
        shared.0.wait(); // @wait
    });
    assert_eq!(
        findings!(outcome),
        [
            "thread 'main' holds Mutex<u8> (locked at <lock>) while it waits for the value of a OnceLock (at <wait>): \
          whoever wants the lock waits as long. Unlock before waiting"
        ]
    );
}

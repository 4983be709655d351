//! Once, OnceLock and LazyLock, on both clocks and both backends.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::mpsc;

use labsim::rand::{RngExt, rng};
use labsim::sync::{Arc, LazyLock, Mutex, Once, OnceLock};
use labsim::time::{Duration, Instant};
use labsim::{Backend, Clock, Config, Domain, Failure, run, thread};

use crate::support::{SCHEDULERS, eventually, in_turn, named, on_both};

mod real {
    pub use std::sync::{Arc, LazyLock, Once, OnceLock};
    pub use std::thread;
    pub use std::time::Duration;
}

mod lab {
    pub use labsim::sync::{Arc, LazyLock, Once, OnceLock};
    pub use labsim::thread;
    pub use labsim::time::Duration;
}

const MS: Duration = Duration::from_millis(1);

parity! {
    fn one_initialiser_runs_and_all_see_its_value() -> (Vec<u32>, u32) {
        let cell = Arc::new((OnceLock::new(), std::sync::atomic::AtomicU32::new(0)));
        let threads: Vec<_> = (0..4)
            .map(|i| {
                let cell = cell.clone();
                thread::spawn(move || {
                    let value = *cell.0.get_or_init(|| {
                        cell.1.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                        thread::sleep(Duration::from_millis(5));
                        thread::yield_now();
                        i
                    });
                    value - *cell.0.get().unwrap()
                })
            })
            .collect();
        let differences = threads.into_iter().map(|t| t.join().unwrap()).collect();
        (differences, cell.1.load(std::sync::atomic::Ordering::SeqCst))
    }

    fn the_api_of_a_once_lock() -> Vec<String> {
        let mut cell = OnceLock::new();
        let mut seen = vec![format!("{cell:?} {:?}", cell.get())];
        seen.push(format!("{:?}", cell.get_mut()));
        seen.push(format!("{:?} {:?}", cell.set(1), cell.set(2)));
        seen.push(format!("{cell:?} {} {}", cell.get_or_init(|| 3), cell.wait()));
        *cell.get_mut().unwrap() += 10;
        let copy = cell.clone();
        seen.push(format!("{copy:?} {}", copy == cell));
        seen.push(format!("{:?} {:?} {:?}", cell.take(), cell.take(), cell.get()));
        seen.push(format!("{} {:?}", copy == cell, cell.clone()));
        seen.push(format!("{:?} {:?}", cell.set(4), cell.into_inner()));
        seen.push(format!("{:?} {:?}", OnceLock::from(5).get(), OnceLock::<u8>::default().into_inner()));
        seen
    }

    fn wait_returns_when_another_thread_has_set_it() -> (u32, bool) {
        let both = Arc::new((OnceLock::new(), Once::new()));
        let waiters: Vec<_> = (0..3)
            .map(|_| {
                let both = both.clone();
                thread::spawn(move || {
                    both.1.wait();
                    *both.0.wait()
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(10));
        both.0.set(7).unwrap();
        let early = both.1.is_completed();
        thread::sleep(Duration::from_millis(10));
        both.1.call_once(|| ());
        (waiters.into_iter().map(|w| w.join().unwrap()).sum(), early)
    }

    /// `set` waits for an initialiser that is under way, and then comes too late.
    fn set_waits_for_the_initialiser() -> (Result<(), u32>, u32) {
        let cell = Arc::new((OnceLock::new(), OnceLock::new()));
        let other = cell.clone();
        let maker = thread::spawn(move || {
            *other.0.get_or_init(|| {
                other.1.set(()).unwrap();
                thread::sleep(Duration::from_millis(40));
                1
            })
        });
        cell.1.wait();
        (cell.0.set(2), maker.join().unwrap())
    }

    fn a_panic_leaves_the_cell_empty() -> (bool, Option<u32>, u32) {
        let cell = OnceLock::new();
        let caught = std::panic::catch_unwind(|| {
            cell.get_or_init(|| std::panic::resume_unwind(Box::new(1)));
        });
        (caught.is_err(), cell.get().copied(), *cell.get_or_init(|| 2))
    }

    fn once_runs_one_function() -> (Vec<bool>, bool) {
        let once = Arc::new(Once::new());
        let ran = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (once, ran) = (once.clone(), ran.clone());
                thread::spawn(move || {
                    once.call_once(|| {
                        thread::sleep(Duration::from_millis(5));
                        assert!(!ran.swap(true, std::sync::atomic::Ordering::SeqCst));
                    });
                    ran.load(std::sync::atomic::Ordering::SeqCst) && once.is_completed()
                })
            })
            .collect();
        let done = threads.into_iter().map(|t| t.join().unwrap()).collect();
        once.call_once(|| panic!("it has run"));
        (done, Once::new().is_completed())
    }

    fn a_lazy_value_is_made_on_first_use() -> Vec<String> {
        let made = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let m = made.clone();
        let lazy = Arc::new(LazyLock::new(move || {
            thread::sleep(Duration::from_millis(5));
            vec![m.fetch_add(1, std::sync::atomic::Ordering::SeqCst)]
        }));
        let mut seen = vec![format!("{lazy:?}")];
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let lazy = lazy.clone();
                thread::spawn(move || lazy.len() + LazyLock::force(&lazy).len())
            })
            .collect();
        seen.push(format!("{:?}", readers.into_iter().map(|r| r.join().unwrap()).collect::<Vec<_>>()));
        seen.push(format!("{lazy:?} {made:?} {:?}", LazyLock::<String>::default().as_str()));
        seen
    }
}

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
deadlock: no thread can run, and none waits for a time to come
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

/// Whoever waits takes over when the peer that makes the value crashes.
#[test]
fn a_crash_of_the_initialiser_lets_another_try() {
    static LAZY: LazyLock<Mutex<Option<u32>>> = LazyLock::new(|| {
        let own = Domain::current().map(|d| d.peer());
        if own.is_some() {
            thread::sleep(Duration::from_secs(1));
        }
        Mutex::new(own)
    });
    for scheduler in SCHEDULERS {
        let outcome = on_both(Config::seed(2).scheduler(scheduler), || {
            let shared = Arc::new((OnceLock::new(), Once::new()));
            let peer = Domain::new(1, 0);
            let s = shared.clone();
            peer.spawn("maker", move || {
                s.0.get_or_init(|| {
                    thread::sleep(Duration::from_secs(1));
                    "peer"
                });
            });
            let s = shared.clone();
            peer.spawn("runner", move || s.1.call_once(|| thread::park()));
            thread::sleep(MS);
            let s = shared.clone();
            let asker = named("asker", move || {
                let mut ran = false;
                s.1.call_once(|| ran = true);
                (*s.0.get_or_init(|| "asker"), ran)
            });
            thread::sleep(MS);
            let waits = !asker.is_finished();
            peer.crash();
            (waits, asker.join().unwrap())
        });
        assert!(outcome.elapsed < MS * 10, "nobody waits for the dead");
        assert_eq!(outcome.unwrap(), (true, ("asker", true)), "{scheduler:?}");
    }
    // A static, which outlives the run in which its first initialiser crashed.
    for backend in [Backend::Os, Backend::Fiber] {
        let outcome = run(in_turn().backend(backend), || {
            let peer = Domain::new(4, 0);
            peer.spawn("maker", || drop(LAZY.lock()));
            thread::sleep(MS);
            peer.crash();
        });
        outcome.unwrap();
    }
    let value = on_both(in_turn(), || *LAZY.lock()).unwrap();
    assert_eq!(value, None, "made by the third run, not by a peer");
}

/// A thread that waits is ended like any other, and the initialiser does not notice.
#[test]
fn a_crash_of_a_waiting_thread_harms_nobody() {
    for scheduler in SCHEDULERS {
        let outcome = on_both(Config::seed(2).scheduler(scheduler), || {
            let shared = Arc::new((OnceLock::new(), Once::new()));
            let peer = Domain::new(1, 0);
            let s = shared.clone();
            let maker = named("maker", move || {
                *s.0.get_or_init(|| {
                    thread::sleep(MS * 10);
                    5
                })
            });
            thread::sleep(MS);
            let s = shared.clone();
            peer.spawn("asker", move || *s.0.get_or_init(|| 6));
            let s = shared.clone();
            peer.spawn("waiter", move || *s.0.wait());
            let s = shared.clone();
            peer.spawn("once", move || s.1.wait());
            thread::sleep(MS);
            let waiting = peer.threads().len();
            peer.crash();
            (waiting, peer.threads().len(), maker.join().unwrap())
        });
        assert_eq!(outcome.unwrap(), (3, 0, 5), "{scheduler:?}");
    }
}

/// A panic that is caught leaves the value unmade; std would poison the Once and the LazyLock.
#[test]
fn a_caught_panic_lets_another_try() {
    let program = || {
        let tries = Arc::new(AtomicU32::new(0));
        let t = tries.clone();
        let once = Once::new();
        let lazy = LazyLock::new(move || {
            assert!(t.fetch_add(1, SeqCst) > 0, "the first fails");
            8
        });
        let failed = [
            catch_unwind(AssertUnwindSafe(|| once.call_once(|| panic!("no")))).is_err(),
            catch_unwind(AssertUnwindSafe(|| *lazy)).is_err(),
            once.is_completed(),
        ];
        let mut ran = false;
        once.call_once(|| ran = true);
        (failed, ran, *lazy, tries.load(SeqCst))
    };
    let expected = ([true, true, false], true, 8, 2);
    assert_eq!(on_both(in_turn(), program).unwrap(), expected);
    assert_eq!(
        run(Config::seed(1).clock(Clock::Wall), program).unwrap(),
        expected
    );
}

/// An initialiser without a labsim call leaves the same trace as the value of an earlier run.
#[test]
fn a_static_does_not_change_the_trace_of_later_runs() {
    static TABLE: LazyLock<Vec<u32>> = LazyLock::new(|| (0..5).collect());
    static CELL: OnceLock<u32> = OnceLock::new();
    static ONCE: Once = Once::new();
    let program = || {
        let threads = [0, 1].map(|i| {
            named("user", move || {
                ONCE.call_once(|| ());
                let sum = TABLE.iter().sum::<u32>() + CELL.get_or_init(|| 1);
                let lock = Mutex::new(sum + rng().random_range(0..1000));
                thread::sleep(MS * i);
                *lock.lock()
            })
        });
        threads.map(|t| t.join().unwrap())
    };
    let first = run(Config::seed(6), program);
    let again = on_both(Config::seed(6), program);
    assert_eq!(first.trace_hash, again.trace_hash);
    assert_eq!(first.unwrap(), again.unwrap());
}

/// Two simulations at once, as two tests of one process are. One makes the value of a static, in virtual time
/// and in real, the other waits for it without a word.
#[test]
fn simulations_at_the_same_time_share_a_static() {
    static MADE: AtomicU32 = AtomicU32::new(0);
    static SHARED: LazyLock<u32> = LazyLock::new(|| {
        std::thread::sleep(Duration::from_millis(100));
        thread::sleep(Duration::from_secs(3));
        std::thread::sleep(Duration::from_millis(100));
        MADE.fetch_add(1, SeqCst) + 40
    });
    let runs: Vec<_> = [Backend::Os, Backend::Fiber, Backend::Os, Backend::Fiber]
        .into_iter()
        .map(|backend| {
            std::thread::spawn(move || {
                let config = Config::seed(1).backend(backend);
                let program = || {
                    let threads = [(); 3].map(|()| thread::spawn(|| *SHARED));
                    threads.map(|t| t.join().unwrap())
                };
                run(config, program).unwrap()
            })
        })
        .collect();
    for run in runs {
        assert_eq!(run.join().unwrap(), [40; 3]);
    }
    assert_eq!(*SHARED, 40, "outside a run");
    assert_eq!(MADE.load(SeqCst), 1);
}

/// The initialiser's run was given up, and its thread is as good as dead: the next run makes the value. The old
/// thread comes back later, and does no harm.
#[test]
fn a_run_that_was_given_up_leaves_the_cell_to_the_next() {
    static CELL: OnceLock<&str> = OnceLock::new();
    let (go_on, told) = mpsc::channel();
    let (back, came) = mpsc::channel();
    let spins = Config::seed(1).spin_limit(Duration::from_millis(200));
    let outcome = run(spins, move || {
        CELL.get_or_init(|| {
            told.recv().unwrap();
            back.send(()).unwrap();
            "the first"
        });
    });
    assert!(matches!(outcome.result, Err(Failure::Spin { .. })));
    let second = run(Config::seed(1), || *CELL.get_or_init(|| "the second"));
    assert_eq!(second.unwrap(), "the second");
    go_on.send(()).unwrap();
    came.recv().unwrap();
    std::thread::sleep(Duration::from_millis(50));
    let left = run(Config::seed(1), || CELL.get().copied());
    assert_eq!(left.unwrap(), Some("the second"));
}

/// A `Drop` that asks for the value while its thread unwinds: it waits for the initialiser, as for a lock.
#[test]
fn a_drop_may_ask_while_unwinding() {
    struct Asks(Arc<OnceLock<u32>>, Arc<Mutex<Vec<u32>>>);
    impl Drop for Asks {
        fn drop(&mut self) {
            let value = *self.0.get_or_init(|| 2);
            self.1.lock().push(value);
        }
    }
    for scheduler in SCHEDULERS {
        let outcome = on_both(Config::seed(3).scheduler(scheduler), || {
            let (cell, seen) = (Arc::new(OnceLock::new()), Arc::new(Mutex::new(Vec::new())));
            let c = cell.clone();
            let maker = named("maker", move || {
                *c.get_or_init(|| {
                    thread::sleep(MS * 50);
                    1
                })
            });
            let peer = Domain::new(1, 0);
            for _ in 0..2 {
                let asks = Asks(cell.clone(), seen.clone());
                peer.spawn("asks", move || {
                    let _asks = asks;
                    thread::park();
                });
            }
            thread::sleep(MS);
            peer.crash();
            let after = Instant::now();
            (
                maker.join().unwrap(),
                seen.lock().clone(),
                after.elapsed() < MS,
            )
        });
        assert_eq!(outcome.unwrap(), (1, vec![1, 1], true), "{scheduler:?}");
    }
}

#[test]
fn on_the_wall_clock_a_crash_ends_waits_and_lets_another_try() {
    let outcome = run(Config::seed(1).clock(Clock::Wall), || {
        let shared = Arc::new((OnceLock::new(), Once::new(), OnceLock::<u8>::new()));
        let peer = Domain::new(1, 0);
        let begun = Arc::new(OnceLock::new());
        let (s, b) = (shared.clone(), begun.clone());
        peer.spawn("maker", move || {
            *s.0.get_or_init(|| {
                b.set(()).unwrap();
                thread::sleep(Duration::from_secs(100));
                1
            })
        });
        begun.wait();
        let s = shared.clone();
        peer.spawn("asker", move || *s.0.get_or_init(|| 2));
        let s = shared.clone();
        peer.spawn("value", move || *s.2.wait());
        let s = shared.clone();
        peer.spawn("once", move || s.1.wait());
        let s = shared.clone();
        let other = named("other", move || *s.0.get_or_init(|| 3));
        eventually(|| peer.threads().len() == 4);
        thread::sleep(MS * 30);
        let waits = !other.is_finished();
        peer.crash();
        (waits, peer.threads().len(), other.join().unwrap())
    });
    // The asker is ended with the maker, so it never makes the value.
    assert_eq!(outcome.unwrap(), (true, 0, 3));
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

/// Initialisers that sleep, lock and crash at any moment: never two at once, one value for all, and the same trace
/// on both backends.
fn storm() -> (u32, u32) {
    struct Shared {
        cell: OnceLock<u32>,
        once: Once,
        making: AtomicU32,
        begun: AtomicU32,
        seen: Mutex<Vec<u32>>,
    }
    struct Making<'a>(&'a AtomicU32);
    impl Drop for Making<'_> {
        fn drop(&mut self) {
            self.0.fetch_sub(1, SeqCst);
        }
    }
    fn make(shared: &Shared) -> u32 {
        assert_eq!(shared.making.fetch_add(1, SeqCst), 0, "two at once");
        let _making = Making(&shared.making);
        let serial = shared.begun.fetch_add(1, SeqCst);
        thread::sleep(MS / 10 * rng().random_range(0..20));
        drop(shared.seen.lock());
        serial
    }
    let shared = Arc::new(Shared {
        cell: OnceLock::new(),
        once: Once::new(),
        making: AtomicU32::new(0),
        begun: AtomicU32::new(0),
        seen: Mutex::new(Vec::new()),
    });
    for life in 0..6 {
        let peer = Domain::new(1, life);
        for i in 0..4 {
            let shared = shared.clone();
            peer.spawn("asker", move || {
                match i {
                    0 => shared.cell.wait(),
                    1 => shared.cell.get_or_init(|| make(&shared)),
                    _ => {
                        shared.once.call_once(|| thread::sleep(MS / 3));
                        shared.cell.get_or_init(|| make(&shared))
                    }
                };
                let value = *shared.cell.get().unwrap();
                shared.seen.lock().push(value);
            });
        }
        thread::sleep(MS / 10 * rng().random_range(0..10));
        peer.crash();
    }
    let value = *shared.cell.get_or_init(|| make(&shared));
    assert!(shared.seen.lock().iter().all(|v| *v == value));
    assert_eq!(shared.making.load(SeqCst), 0);
    (value, shared.begun.load(SeqCst))
}

#[test]
fn a_storm_of_initialisers_and_crashes() {
    let mut given_up = 0;
    for scheduler in SCHEDULERS {
        for seed in 0..60 {
            let (value, begun) = on_both(Config::seed(seed).scheduler(scheduler), storm).unwrap();
            assert_eq!(value + 1, begun, "the last to begin made it");
            given_up += value;
        }
    }
    assert!(given_up > 100, "{given_up} crashed");
}

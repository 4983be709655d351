//! Values that outlive the attempt, or the run, that made them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::mpsc;

use labsim::rand::{RngExt, rng};
use labsim::sync::{Arc, LazyLock, Mutex, Once, OnceLock};
use labsim::time::Duration;
use labsim::{Backend, Clock, Config, Failure, run, thread};

use super::MS;
use crate::support::{in_turn, named, on_both};

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

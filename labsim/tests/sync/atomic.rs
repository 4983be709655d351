//! Atomics, on both clocks and both backends.

use std::panic::catch_unwind;

use labsim::sync::Arc;
use labsim::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering, Ordering::SeqCst, fence,
};
use labsim::time::{Duration, Instant};
use labsim::{Clock, Config, Domain, Scheduler, run, thread};

use crate::support::{SCHEDULERS, in_turn, on_both};

mod real {
    pub use std::sync::Arc;
    pub use std::sync::atomic::*;
    pub use std::thread;
}

mod lab {
    pub use labsim::sync::Arc;
    pub use labsim::sync::atomic::*;
    pub use labsim::thread;
}

const MS: Duration = Duration::from_millis(1);

/// Every operation of an integer type, with what each gave.
macro_rules! integer_operations {
    ($type:ident, $one:expr) => {{
        use Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
        let mut a = $type::new($one);
        let mut seen = vec![a.load(Relaxed), a.swap($one + 4, AcqRel)];
        a.store($one + 5, Release);
        seen.extend([a.fetch_add(7, SeqCst), a.fetch_sub(2, Relaxed)]);
        seen.extend([a.fetch_and(0x0d, Acquire), a.fetch_or(0x30, Release)]);
        seen.extend([a.fetch_xor(0x11, SeqCst), a.fetch_nand(0x2a, SeqCst)]);
        seen.extend([a.fetch_max($one, SeqCst), a.fetch_min($one, SeqCst)]);
        // Past both ends.
        a.store($one.wrapping_sub($one).wrapping_sub(1), SeqCst);
        seen.extend([
            a.fetch_add(3, SeqCst),
            a.fetch_sub(5, SeqCst),
            a.load(Acquire),
        ]);
        let now = a.load(SeqCst);
        let mut results = vec![
            a.compare_exchange(now, 9, AcqRel, Relaxed),
            a.compare_exchange(now, 8, SeqCst, Acquire),
            a.compare_exchange_weak(now, 8, SeqCst, Acquire),
            a.fetch_update(SeqCst, Relaxed, |x| Some(x + 1)),
            a.fetch_update(SeqCst, Relaxed, |x| (x > 99).then_some(1)),
        ];
        while a.compare_exchange_weak(10, 11, SeqCst, Relaxed).is_err() {}
        results.push(Ok(a.load(SeqCst)));
        *a.get_mut() += 1;
        let text = format!("{a:?} {:?} {:?}", $type::default(), $type::from(3));
        seen.push(a.into_inner());
        format!("{seen:?} {results:?} {text}")
    }};
}

parity! {
    fn integers() -> Vec<String> {
        vec![
            integer_operations!(AtomicU8, 1u8),
            integer_operations!(AtomicU16, 1u16),
            integer_operations!(AtomicU32, 1u32),
            integer_operations!(AtomicU64, 1u64),
            integer_operations!(AtomicUsize, 1usize),
            integer_operations!(AtomicI8, 1i8),
            integer_operations!(AtomicI16, 1i16),
            integer_operations!(AtomicI32, 1i32),
            integer_operations!(AtomicI64, 1i64),
            integer_operations!(AtomicIsize, 1isize),
        ]
    }

    fn a_bool() -> String {
        use Ordering::{Relaxed, SeqCst};
        let mut a = AtomicBool::new(false);
        let mut seen = vec![a.load(SeqCst), a.swap(true, SeqCst), a.fetch_and(false, SeqCst)];
        a.store(true, SeqCst);
        seen.extend([a.fetch_nand(true, SeqCst), a.fetch_or(true, SeqCst), a.fetch_xor(true, SeqCst)]);
        seen.extend([a.fetch_not(SeqCst), a.load(Relaxed)]);
        let results = [
            a.compare_exchange(false, true, SeqCst, SeqCst),
            a.compare_exchange(true, false, SeqCst, SeqCst),
            a.fetch_update(SeqCst, SeqCst, |b| Some(!b)),
        ];
        *a.get_mut() ^= true;
        let text = format!("{seen:?} {results:?} {a:?} {:?}", AtomicBool::default());
        format!("{text} {}", a.into_inner())
    }

    fn a_pointer() -> Vec<bool> {
        use Ordering::SeqCst;
        let (mut x, mut y) = (1, 2);
        let (px, py): (*mut i32, *mut i32) = (&mut x, &mut y);
        let mut a = AtomicPtr::new(px);
        let seen = vec![
            a.load(SeqCst) == px,
            a.swap(py, SeqCst) == px,
            a.compare_exchange(px, px, SeqCst, SeqCst) == Err(py),
            a.compare_exchange(py, px, SeqCst, SeqCst) == Ok(py),
            a.fetch_update(SeqCst, SeqCst, |p| Some(if p == px { py } else { p })) == Ok(px),
            *a.get_mut() == py,
            AtomicPtr::<u8>::default().load(SeqCst).is_null(),
            format!("{a:p} {a:?}") == format!("{py:p} {py:?}"),
        ];
        a.store(px, SeqCst);
        assert_eq!(a.into_inner(), px);
        seen
    }

    /// One step each, so nothing is lost, whoever comes in between.
    fn fetch_add_loses_nothing() -> u32 {
        static TOTAL: AtomicU32 = AtomicU32::new(0);
        TOTAL.store(0, Ordering::SeqCst);
        let total = Arc::new(AtomicU32::new(0));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let total = total.clone();
                thread::spawn(move || {
                    for _ in 0..25 {
                        total.fetch_add(1, Ordering::Relaxed);
                        let add = |n| Some(n + 1);
                        total.fetch_update(Ordering::AcqRel, Ordering::Acquire, add).unwrap();
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().unwrap());
        fence(Ordering::SeqCst);
        total.load(Ordering::Acquire)
    }
}

/// The textbook race: read, add, write back.
fn counter(read_then_write: bool) -> u32 {
    let count = Arc::new(AtomicU32::new(0));
    let add = |count: Arc<AtomicU32>| {
        thread::spawn(move || {
            for _ in 0..2 {
                if read_then_write {
                    let n = count.load(SeqCst);
                    count.store(n + 1, SeqCst);
                } else {
                    count.fetch_add(1, SeqCst);
                }
            }
        })
    };
    let both = [add(count.clone()), add(count.clone())];
    both.into_iter().for_each(|t| t.join().unwrap());
    count.load(SeqCst)
}

#[test]
fn a_lost_update_is_found() {
    for scheduler in [Scheduler::default(), SCHEDULERS[2], SCHEDULERS[3]] {
        let counts = |seed, racy| {
            let config = Config::seed(seed).scheduler(scheduler);
            run(config, move || counter(racy)).unwrap()
        };
        assert!((0..100).any(|seed| counts(seed, true) < 4), "{scheduler:?}");
        assert!(
            (0..1000).all(|seed| counts(seed, false) == 4),
            "{scheduler:?}"
        );
    }
}

/// A bug that needs a preemption in each of two threads: Peterson's lock with the flag set too late.
fn peterson(flag_first: bool) -> bool {
    struct Shared {
        wants: [AtomicBool; 2],
        turn: AtomicUsize,
        inside: AtomicUsize,
        clash: AtomicBool,
    }
    let shared = Arc::new(Shared {
        wants: [const { AtomicBool::new(false) }; 2],
        turn: AtomicUsize::new(0),
        inside: AtomicUsize::new(0),
        clash: AtomicBool::new(false),
    });
    let threads = [0, 1].map(|me| {
        let s = shared.clone();
        thread::spawn(move || {
            let other = 1 - me;
            for _ in 0..2 {
                if flag_first {
                    s.wants[me].store(true, SeqCst);
                    s.turn.store(other, SeqCst);
                } else {
                    s.turn.store(other, SeqCst);
                    s.wants[me].store(true, SeqCst);
                }
                while s.wants[other].load(SeqCst) && s.turn.load(SeqCst) == other {
                    thread::yield_now();
                }
                if s.inside.fetch_add(1, SeqCst) > 0 {
                    s.clash.store(true, SeqCst);
                }
                s.inside.fetch_sub(1, SeqCst);
                s.wants[me].store(false, SeqCst);
            }
        })
    });
    threads.into_iter().for_each(|t| t.join().unwrap());
    shared.clash.load(SeqCst)
}

#[test]
fn a_lock_with_its_flag_too_late_is_found() {
    let pct = Scheduler::Pct {
        changes: 3,
        window: 40,
    };
    for scheduler in [SCHEDULERS[2], pct] {
        let clashes = |seed, right| {
            let config = Config::seed(seed).scheduler(scheduler);
            run(config, move || peterson(right)).unwrap()
        };
        assert!((0..1000).any(|seed| clashes(seed, false)), "{scheduler:?}");
        assert!((0..2000).all(|seed| !clashes(seed, true)), "{scheduler:?}");
    }
}

/// Code that takes a weak exchange for a strong one is wrong on real hardware, and fails here.
#[test]
fn a_weak_exchange_fails_now_and_then() {
    let outcome = on_both(in_turn(), || {
        let a = AtomicU32::new(5);
        let tries = (0..1000).map(|_| a.compare_exchange_weak(5, 5, SeqCst, SeqCst));
        let (ok, failed): (Vec<_>, Vec<_>) = tries.partition(|r| r.is_ok());
        assert!(failed.iter().all(|r| *r == Err(5)));
        ok.len()
    });
    let ok = outcome.unwrap();
    assert!((700..990).contains(&ok), "{ok} of 1000");
}

/// A loop that spins on a flag makes time pass, and whoever sets the flag comes to run.
#[test]
fn a_spin_on_a_flag_ends() {
    for scheduler in SCHEDULERS {
        let outcome = on_both(Config::seed(1).scheduler(scheduler), || {
            let flag = Arc::new(AtomicBool::new(false));
            let other = flag.clone();
            thread::spawn(move || {
                thread::sleep(MS);
                other.store(true, SeqCst);
            });
            let begun = Instant::now();
            while !flag.load(SeqCst) {
                std::hint::spin_loop();
            }
            begun.elapsed() >= MS
        });
        assert!(outcome.unwrap(), "{scheduler:?}");
    }
}

/// A thread that spins ends with its peer, on both clocks.
#[test]
fn a_crash_ends_a_spin() {
    let program = || {
        let flag = Arc::new(AtomicBool::new(false));
        let peer = Domain::new(1, 0);
        let f = flag.clone();
        peer.spawn("spin", move || while !f.load(SeqCst) {});
        let f = flag.clone();
        peer.spawn("weak", move || {
            while f
                .compare_exchange_weak(true, false, SeqCst, SeqCst)
                .is_err()
            {}
        });
        thread::sleep(MS * 5);
        peer.crash();
        peer.threads().len()
    };
    assert_eq!(on_both(Config::seed(1), program).unwrap(), 0);
    let wall = Config::seed(1).clock(Clock::Wall);
    assert_eq!(run(wall, program).unwrap(), 0);
}

#[test]
fn orderings_that_make_no_sense_are_refused_as_by_std() {
    let text = |f: fn()| {
        let payload = catch_unwind(f).expect_err("std refuses it");
        thread::panic_message(&*payload).to_owned()
    };
    // Through a function, for the compiler refuses them where it sees them.
    fn hidden(order: Ordering) -> Ordering {
        std::hint::black_box(order)
    }
    macro_rules! attempts {
        ($atomic:ident) => {{
            let all: [fn(); 4] = [
                || {
                    $atomic::new(0).load(hidden(Ordering::Release));
                },
                || $atomic::new(0).store(0, hidden(Ordering::Acquire)),
                || {
                    let failure = hidden(Ordering::Release);
                    let _ = $atomic::new(0).compare_exchange(0, 1, SeqCst, failure);
                },
                || fence(hidden(Ordering::Relaxed)),
            ];
            all
        }};
    }
    fn of_std() -> [fn(); 4] {
        use std::sync::atomic::{AtomicU8, fence};
        attempts!(AtomicU8)
    }
    fn of_lab() -> [fn(); 4] {
        use labsim::sync::atomic::AtomicU8;
        attempts!(AtomicU8)
    }
    let real = of_std().map(text);
    assert_eq!(of_lab().map(text), real);
    assert_eq!(
        on_both(in_turn(), move || of_lab().map(text)).unwrap(),
        real
    );
}

/// Statics may be shared by whatever runs in the process: an atomic is nothing that a run must own.
#[test]
fn a_static_is_shared_by_runs_at_the_same_time() {
    static SHARED: AtomicU32 = AtomicU32::new(0);
    static NOWHERE: AtomicPtr<u8> = AtomicPtr::new(std::ptr::null_mut());
    let add = || {
        for _ in 0..100 {
            SHARED.fetch_add(1, SeqCst);
        }
        assert!(NOWHERE.load(SeqCst).is_null());
    };
    let runs = [1, 2].map(|seed| std::thread::spawn(move || run(Config::seed(seed), add).unwrap()));
    runs.into_iter().for_each(|r| r.join().unwrap());
    add();
    assert_eq!(SHARED.load(SeqCst), 300);
    assert_eq!(size_of::<AtomicU32>(), 4);
}

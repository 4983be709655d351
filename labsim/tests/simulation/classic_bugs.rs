//! Classic concurrency bugs. Both schedulers must find each within the stated number of seeds; the program as it should
//! be must not fail in ten times as many.
//!
//! The bounds are several times the seeds needed today (`cargo test -p labsim --test simulation seeds_needed
//! -- --ignored --nocapture` prints those), and every run is a function of its seed, so a test fails only if the scheduler has
//! become worse.

use crate::common::simulate;
use labsim::channel::unbounded;
use labsim::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use labsim::sync::{Arc, Condvar, Mutex};
use labsim::time::Duration;
use labsim::{Backend, Config, Scheduler, run, thread};

/// The default. The programs here are short, a few dozen calls, so it preempts rarely in them.
const RANDOM: Scheduler = Scheduler::Random { one_in: 50 };

/// Three changes of priority in a program of about this length.
const PCT: Scheduler = Scheduler::Pct {
    changes: 3,
    window: 60,
};

/// A bug, and the seeds within which it must show.
struct Bug {
    name: &'static str,
    wrong: fn(),
    right: fn(),
    /// Seeds, for the random scheduler and for PCT.
    within: [u64; 2],
}

impl Bug {
    fn config(seed: u64, scheduler: Scheduler) -> Config {
        Config::seed(seed)
            .scheduler(scheduler)
            .time_limit(Duration::from_secs(60))
            .backend(Backend::Fiber)
    }

    /// The first seed from 0 that fails, below `limit`.
    fn first_failure(&self, scheduler: Scheduler, limit: u64) -> Option<u64> {
        (0..limit).find(|seed| {
            run(Self::config(*seed, scheduler), self.wrong)
                .result
                .is_err()
        })
    }

    fn check(&self) {
        for (scheduler, within) in [RANDOM, PCT].into_iter().zip(self.within) {
            let Some(seed) = self.first_failure(scheduler, within) else {
                panic!(
                    "{}: {scheduler:?} does not find it in {within} seeds",
                    self.name
                );
            };
            // It is the same run on both backends, so it can be looked at in a debugger.
            let again = simulate(&Self::config(seed, scheduler), self.wrong);
            assert!(
                again.result.is_err(),
                "{}: seed {seed} does not fail again",
                self.name
            );
            for seed in 0..10 * within {
                if let Err(failure) = run(Self::config(seed, scheduler), self.right).result {
                    panic!(
                        "{}: the right program fails with seed {seed} under {scheduler:?}: {failure}",
                        self.name
                    );
                }
            }
        }
    }
}

fn spawn(name: &str, f: impl FnOnce() + Send + 'static) -> thread::JoinHandle<()> {
    thread::Builder::new().name(name.into()).spawn(f).unwrap()
}

fn join(threads: impl IntoIterator<Item = thread::JoinHandle<()>>) {
    threads.into_iter().for_each(|t| t.join().unwrap());
}

// ---- Lost wake-up: the flag is looked at, then the lock is given up, then the wait begins.

fn lost_wakeup(recheck: bool) {
    let shared = Arc::new((Mutex::new(false), Condvar::new()));
    let theirs = shared.clone();
    let setter = spawn("setter", move || {
        *theirs.0.lock() = true;
        theirs.1.notify_one();
    });
    let (ready, changed) = &*shared;
    if recheck {
        let mut guard = ready.lock();
        while !*guard {
            changed.wait(&mut guard);
        }
    } else {
        let is_ready = *ready.lock();
        if !is_ready {
            // The notification that comes here finds nobody waiting.
            changed.wait(&mut ready.lock());
        }
    }
    join([setter]);
}

const LOST_WAKEUP: Bug = Bug {
    name: "lost wake-up",
    wrong: || lost_wakeup(false),
    right: || lost_wakeup(true),
    within: [500, 100],
};

#[test]
fn finds_a_lost_wakeup() {
    LOST_WAKEUP.check();
}

// ---- Notify before wait: a wait without looking at the condition at all.

fn notify_before_wait(look_first: bool) {
    let shared = Arc::new((Mutex::new(false), Condvar::new()));
    let theirs = shared.clone();
    let setter = spawn("setter", move || {
        *theirs.0.lock() = true;
        theirs.1.notify_one();
    });
    let (ready, changed) = &*shared;
    let mut guard = ready.lock();
    while look_first && !*guard {
        changed.wait(&mut guard);
    }
    if !look_first {
        changed.wait(&mut guard);
    }
    drop(guard);
    join([setter]);
}

const NOTIFY_BEFORE_WAIT: Bug = Bug {
    name: "notify before wait",
    wrong: || notify_before_wait(false),
    right: || notify_before_wait(true),
    within: [500, 50],
};

#[test]
fn finds_a_wait_without_a_look() {
    NOTIFY_BEFORE_WAIT.check();
}

// ---- ABBA: two locks, taken in two orders.

fn transfer(ordered: bool) {
    let accounts = Arc::new((Mutex::new(100), Mutex::new(100)));
    let theirs = accounts.clone();
    let back = spawn("back", move || {
        if ordered {
            let mut a = theirs.0.lock();
            let mut b = theirs.1.lock();
            (*a, *b) = (*a + 1, *b - 1);
        } else {
            let mut b = theirs.1.lock();
            let mut a = theirs.0.lock();
            (*a, *b) = (*a + 1, *b - 1);
        }
    });
    {
        let mut a = accounts.0.lock();
        let mut b = accounts.1.lock();
        (*a, *b) = (*a - 1, *b + 1);
    }
    join([back]);
    assert_eq!((*accounts.0.lock(), *accounts.1.lock()), (100, 100));
}

const ABBA: Bug = Bug {
    name: "ABBA deadlock",
    wrong: || transfer(false),
    right: || transfer(true),
    within: [500, 50],
};

#[test]
fn finds_an_abba_deadlock() {
    ABBA.check();
}

// ---- Check, unlock, act: what was checked need not hold any more.

fn withdraw(one_step: bool) {
    let balance = Arc::new(Mutex::new(100));
    let threads = ["left", "right"].map(|name| {
        let balance = balance.clone();
        spawn(name, move || {
            if one_step {
                let mut b = balance.lock();
                if *b >= 100 {
                    *b -= 100;
                }
            } else {
                let enough = *balance.lock() >= 100;
                if enough {
                    *balance.lock() -= 100;
                }
            }
        })
    });
    join(threads);
    let left = *balance.lock();
    assert!(left >= 0, "overdrawn: {left}");
}

const CHECK_THEN_ACT: Bug = Bug {
    name: "check-then-act",
    wrong: || withdraw(false),
    right: || withdraw(true),
    within: [500, 50],
};

#[test]
fn finds_a_check_then_act() {
    CHECK_THEN_ACT.check();
}

// ---- A race that needs two preemptions: away from the writer at the right place, and back at the right place.

/// The reader sees a half-made update only if it comes between the writer's two steps, and notices only if the
/// writer's second step comes between its own two looks.
fn two_preemptions(one_step: bool) {
    let shared = Arc::new((Mutex::new(0), Mutex::new(0)));
    let theirs = shared.clone();
    let writer = spawn("writer", move || {
        if one_step {
            let (mut a, mut b) = (theirs.0.lock(), theirs.1.lock());
            (*a, *b) = (1, 1);
        } else {
            *theirs.0.lock() = 1;
            *theirs.1.lock() = 1;
        }
    });
    let reader = if one_step {
        let (a, b) = (shared.0.lock(), shared.1.lock());
        [(*a, *b), (*a, *b)]
    } else {
        let look = || {
            let b = *shared.1.lock();
            let a = *shared.0.lock();
            (a, b)
        };
        [look(), look()]
    };
    join([writer]);
    // (1, 0) and then (1, 1): the reader saw the change happen under its eyes.
    assert_ne!(
        reader,
        [(1, 0), (1, 1)],
        "the update was seen half-made, and then whole"
    );
}

const TWO_PREEMPTIONS: Bug = Bug {
    name: "two preemptions",
    wrong: || two_preemptions(false),
    right: || two_preemptions(true),
    within: [2000, 200],
};

#[test]
fn finds_a_race_of_two_preemptions() {
    TWO_PREEMPTIONS.check();
}

// ---- Three philosophers: each takes the left fork first.

fn dine(one_is_left_handed: bool) {
    let forks: Arc<[Mutex<u32>; 3]> = Arc::new(std::array::from_fn(|_| Mutex::new(0)));
    let philosophers = [0, 1, 2].map(|i| {
        let forks = forks.clone();
        spawn(&format!("philosopher {i}"), move || {
            let (mut first, mut second) = (i, (i + 1) % 3);
            if one_is_left_handed && i == 2 {
                std::mem::swap(&mut first, &mut second);
            }
            for _ in 0..2 {
                let mut a = forks[first].lock();
                let mut b = forks[second].lock();
                (*a, *b) = (*a + 1, *b + 1);
            }
        })
    });
    join(philosophers);
    assert!(forks.iter().all(|f| *f.lock() == 4));
}

const PHILOSOPHERS: Bug = Bug {
    name: "dining philosophers",
    wrong: || dine(false),
    right: || dine(true),
    within: [2000, 200],
};

#[test]
fn finds_the_philosophers_deadlock() {
    PHILOSOPHERS.check();
}

// ---- Double-checked initialisation: the flag is set before the value is there.

fn double_checked(flag_last: bool) {
    let shared = Arc::new((AtomicBool::new(false), Mutex::new(0), AtomicU32::new(0)));
    let threads = ["first", "second"].map(|name| {
        let shared = shared.clone();
        spawn(name, move || {
            let (made, lock, value) = &*shared;
            if !made.load(Ordering::Acquire) {
                let mut times = lock.lock();
                if !made.load(Ordering::Acquire) {
                    *times += 1;
                    if flag_last {
                        value.store(42, Ordering::Release);
                        made.store(true, Ordering::Release);
                    } else {
                        made.store(true, Ordering::Release);
                        value.store(42, Ordering::Release);
                    }
                }
            }
            assert_eq!(value.load(Ordering::Acquire), 42, "used before it was made");
        })
    });
    join(threads);
    assert_eq!(*shared.1.lock(), 1);
}

const DOUBLE_CHECKED: Bug = Bug {
    name: "double-checked init",
    wrong: || double_checked(false),
    right: || double_checked(true),
    within: [500, 50],
};

#[test]
fn finds_a_wrong_double_checked_init() {
    DOUBLE_CHECKED.check();
}

// ---- One condvar for two kinds of waiters, woken one at a time: the signal goes to the wrong kind.

/// A queue of capacity 1, two producers and two consumers. With one condvar and `notify_one`, a consumer can wake
/// the other consumer, and nobody wakes the producers.
fn bounded_queue(two_condvars: bool) {
    struct Queue {
        items: Mutex<Vec<u32>>,
        filled: Condvar,
        drained: Condvar,
    }
    let queue = Arc::new(Queue {
        items: Mutex::new(Vec::new()),
        filled: Condvar::new(),
        drained: Condvar::new(),
    });
    let mut threads = Vec::new();
    for _ in 0..2 {
        let q = queue.clone();
        threads.push(spawn("producer", move || {
            for i in 0..3 {
                let mut items = q.items.lock();
                while !items.is_empty() {
                    q.drained.wait(&mut items);
                }
                items.push(i);
                let changed = if two_condvars { &q.filled } else { &q.drained };
                changed.notify_one();
            }
        }));
        let q = queue.clone();
        threads.push(spawn("consumer", move || {
            for _ in 0..3 {
                let mut items = q.items.lock();
                while items.is_empty() {
                    let changed = if two_condvars { &q.filled } else { &q.drained };
                    changed.wait(&mut items);
                }
                items.pop();
                q.drained.notify_one();
            }
        }));
    }
    join(threads);
}

const ONE_CONDVAR_QUEUE: Bug = Bug {
    name: "bounded queue with one condvar",
    wrong: || bounded_queue(false),
    right: || bounded_queue(true),
    within: [200, 100],
};

#[test]
fn finds_a_bounded_queue_with_one_condvar() {
    ONE_CONDVAR_QUEUE.check();
}

// ---- notify_one where two kinds wait: one for its turn, one for the end.

fn two_kinds_of_waiters(notify_all: bool) {
    let shared = Arc::new((Mutex::new(0), Condvar::new()));
    let wait_for = |level: i32| {
        let shared = shared.clone();
        move || {
            let mut n = shared.0.lock();
            while *n < level {
                shared.1.wait(&mut n);
            }
        }
    };
    let low = spawn("waits for 1", wait_for(1));
    let high = spawn("waits for 2", wait_for(2));
    let raise = || {
        *shared.0.lock() += 1;
        if notify_all {
            shared.1.notify_all();
        } else {
            shared.1.notify_one();
        }
    };
    thread::sleep(Duration::from_millis(1));
    // Level 2 comes only after the thread that waits for 1 has gone on.
    raise();
    join([low]);
    raise();
    join([high]);
}

const TWO_KINDS: Bug = Bug {
    name: "notify_one among two kinds of waiters",
    wrong: || two_kinds_of_waiters(false),
    right: || two_kinds_of_waiters(true),
    within: [100, 100],
};

#[test]
fn finds_a_notify_one_for_the_wrong_waiter() {
    TWO_KINDS.check();
}

// ---- A reply that overtakes the bookkeeping: the classic of servers with a map of pending calls.

fn reply_before_register(register_first: bool) {
    let pending: Arc<Mutex<Option<labsim::channel::Sender<u32>>>> = Arc::default();
    let (request, requests) = unbounded();
    let table = pending.clone();
    let server = spawn("server", move || {
        let n: u32 = requests.recv().unwrap();
        // A reply that nobody has asked for is dropped.
        if let Some(waiting) = table.lock().take() {
            waiting.send(n + 1).unwrap();
        }
    });
    let (tx, rx) = unbounded();
    if register_first {
        *pending.lock() = Some(tx);
        request.send(1).unwrap();
    } else {
        request.send(1).unwrap();
        *pending.lock() = Some(tx);
    }
    assert_eq!(rx.recv_timeout(Duration::from_secs(5)), Ok(2));
    join([server]);
}

const REPLY_FIRST: Bug = Bug {
    name: "reply before the call is registered",
    wrong: || reply_before_register(false),
    right: || reply_before_register(true),
    within: [500, 50],
};

#[test]
fn finds_a_reply_that_comes_too_early() {
    REPLY_FIRST.check();
}

/// Prints how often each bug shows, and the seeds needed in the mean and at most.
#[test]
#[ignore = "prints figures, checks nothing"]
fn seeds_needed() {
    let bugs = [
        LOST_WAKEUP,
        NOTIFY_BEFORE_WAIT,
        ABBA,
        CHECK_THEN_ACT,
        TWO_PREEMPTIONS,
        PHILOSOPHERS,
        DOUBLE_CHECKED,
        ONE_CONDVAR_QUEUE,
        TWO_KINDS,
        REPLY_FIRST,
    ];
    println!(
        "{:<40} {:>10} {:>24} {:>24}",
        "bug", "calls", "random: 1 in, first", "PCT: 1 in, first"
    );
    for bug in bugs {
        let calls = run(Bug::config(0, Scheduler::RunToBlock), bug.right).calls;
        let of = |scheduler| {
            const RUNS: u64 = 20_000;
            let fails = |seed| run(Bug::config(seed, scheduler), bug.wrong).result.is_err();
            let failing: Vec<u64> = (0..RUNS).filter(|seed| fails(*seed)).collect();
            let first = failing.first().map_or("none".into(), u64::to_string);
            format!("{:.1}, {first}", RUNS as f64 / failing.len() as f64)
        };
        println!(
            "{:<40} {calls:>10} {:>24} {:>24}",
            bug.name,
            of(RANDOM),
            of(PCT)
        );
    }
}

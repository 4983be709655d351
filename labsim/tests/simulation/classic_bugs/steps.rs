//! What must be one step is two, or the two come in the wrong order.

use labsim::channel::unbounded;
use labsim::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use labsim::sync::{Arc, Mutex};
use labsim::time::Duration;

use super::{Bug, join, spawn};

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

pub(super) const CHECK_THEN_ACT: Bug = Bug {
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

pub(super) const TWO_PREEMPTIONS: Bug = Bug {
    name: "two preemptions",
    wrong: || two_preemptions(false),
    right: || two_preemptions(true),
    within: [2000, 200],
};

#[test]
fn finds_a_race_of_two_preemptions() {
    TWO_PREEMPTIONS.check();
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

pub(super) const DOUBLE_CHECKED: Bug = Bug {
    name: "double-checked init",
    wrong: || double_checked(false),
    right: || double_checked(true),
    within: [500, 50],
};

#[test]
fn finds_a_wrong_double_checked_init() {
    DOUBLE_CHECKED.check();
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

pub(super) const REPLY_FIRST: Bug = Bug {
    name: "reply before the call is registered",
    wrong: || reply_before_register(false),
    right: || reply_before_register(true),
    within: [500, 50],
};

#[test]
fn finds_a_reply_that_comes_too_early() {
    REPLY_FIRST.check();
}

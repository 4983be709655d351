//! Bugs of those who wait on a condvar: woken too early, never, or in another's place.

use labsim::sync::{Arc, Condvar, Mutex};
use labsim::thread;
use labsim::time::Duration;

use super::{Bug, join, spawn};

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

pub(super) const LOST_WAKEUP: Bug = Bug {
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

pub(super) const NOTIFY_BEFORE_WAIT: Bug = Bug {
    name: "notify before wait",
    wrong: || notify_before_wait(false),
    right: || notify_before_wait(true),
    within: [500, 50],
};

#[test]
fn finds_a_wait_without_a_look() {
    NOTIFY_BEFORE_WAIT.check();
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

pub(super) const ONE_CONDVAR_QUEUE: Bug = Bug {
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

pub(super) const TWO_KINDS: Bug = Bug {
    name: "notify_one among two kinds of waiters",
    wrong: || two_kinds_of_waiters(false),
    right: || two_kinds_of_waiters(true),
    within: [100, 100],
};

#[test]
fn finds_a_notify_one_for_the_wrong_waiter() {
    TWO_KINDS.check();
}

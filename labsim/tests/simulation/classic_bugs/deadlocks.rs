//! Locks that are taken in two orders.

use labsim::sync::{Arc, Mutex};

use super::{Bug, join, spawn};

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

pub(super) const ABBA: Bug = Bug {
    name: "ABBA deadlock",
    wrong: || transfer(false),
    right: || transfer(true),
    within: [500, 50],
};

#[test]
fn finds_an_abba_deadlock() {
    ABBA.check();
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

pub(super) const PHILOSOPHERS: Bug = Bug {
    name: "dining philosophers",
    wrong: || dine(false),
    right: || dine(true),
    within: [2000, 200],
};

#[test]
fn finds_the_philosophers_deadlock() {
    PHILOSOPHERS.check();
}

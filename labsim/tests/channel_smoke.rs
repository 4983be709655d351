//! Channels in a simulation, on both backends.
use std::time::Duration;

use labsim::channel::{Receiver, Sender, after, bounded, never, select, tick, unbounded};
use labsim::{Backend, Clock, Config, run, thread};

fn everywhere<T: Send + PartialEq + std::fmt::Debug + 'static>(f: fn() -> T, expect: T) {
    for seed in 0..100 {
        let os = run(Config::seed(seed), f);
        let fiber = run(Config::seed(seed).backend(Backend::Fiber), f);
        assert_eq!(
            (os.trace_hash, os.calls),
            (fiber.trace_hash, fiber.calls),
            "seed {seed}"
        );
        assert_eq!(os.unwrap(), expect, "seed {seed}");
        assert_eq!(fiber.unwrap(), expect, "seed {seed}");
    }
    assert_eq!(run(Config::seed(1).clock(Clock::Wall), f).unwrap(), expect);
}

fn sum(cap: Option<usize>, n: u64) -> u64 {
    let (tx, rx): (Sender<u64>, Receiver<u64>) = cap.map_or_else(unbounded, bounded);
    let senders: Vec<_> = (0..4)
        .map(|i| {
            let tx = tx.clone();
            thread::spawn(move || (0..n).for_each(|j| tx.send(i * n + j).unwrap()))
        })
        .collect();
    drop(tx);
    let receivers: Vec<_> = (0..3)
        .map(|_| {
            let rx = rx.clone();
            thread::spawn(move || rx.iter().sum::<u64>())
        })
        .collect();
    drop(rx);
    senders.into_iter().for_each(|s| s.join().unwrap());
    receivers.into_iter().map(|r| r.join().unwrap()).sum()
}

#[test]
fn every_message_arrives_once() {
    everywhere(|| sum(None, 20), 80 * 79 / 2);
    everywhere(|| sum(Some(0), 20), 80 * 79 / 2);
    everywhere(|| sum(Some(1), 20), 80 * 79 / 2);
    everywhere(|| sum(Some(7), 20), 80 * 79 / 2);
}

fn selected(cap: usize) -> (u64, u64) {
    let (a_tx, a) = bounded::<u64>(cap);
    let (b_tx, b) = bounded::<u64>(cap);
    let (back, got) = bounded::<u64>(cap);
    let workers: Vec<_> = (0..3)
        .map(|_| {
            let (a, b, back) = (a.clone(), b.clone(), back.clone());
            thread::spawn(move || {
                let (mut a, mut b) = (a, b);
                let mut open = 2;
                let mut pending = Vec::new();
                while open > 0 || !pending.is_empty() {
                    if pending.is_empty() {
                        select! {
                            recv(a) -> m => match m { Ok(m) => pending.push(m), Err(_) => { a = never(); open -= 1 } },
                            recv(b) -> m => match m { Ok(m) => pending.push(m * 1000), Err(_) => { b = never(); open -= 1; } }
                        }
                    } else {
                        select! {
                            send(back, pending.pop().unwrap()) -> r => r.unwrap(),
                            default(Duration::from_millis(1)) => thread::yield_now(),
                        }
                    }
                }
            })
        })
        .collect();
    drop((a, b, back));
    let s1 = thread::spawn(move || (0..10).for_each(|i| a_tx.send(i).unwrap()));
    let s2 = thread::spawn(move || (0..10).for_each(|i| b_tx.send(i).unwrap()));
    let all: Vec<u64> = got.iter().collect();
    for t in workers.into_iter().chain([s1, s2]) {
        t.join().unwrap();
    }
    (all.iter().sum(), all.len() as u64)
}

#[test]
fn select_loses_and_doubles_nothing() {
    everywhere(|| selected(0), (45045, 20));
    everywhere(|| selected(1), (45045, 20));
    everywhere(|| selected(3), (45045, 20));
}

#[test]
fn time_channels() {
    everywhere(
        || {
            let (_tx, rx) = unbounded::<()>();
            let ticks = tick(Duration::from_millis(10));
            let end = after(Duration::from_millis(105));
            let mut n = 0;
            loop {
                select! {
                    recv(ticks) -> _ => n += 1,
                    recv(end) -> _ => break,
                    recv(rx) -> _ => unreachable!(),
                }
            }
            n >= 9 && rx.recv_timeout(Duration::from_millis(5)).is_err()
        },
        true,
    );
}

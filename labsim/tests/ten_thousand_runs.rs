//! Ten thousand runs in one process leave neither threads nor memory behind. The only test of its file: it counts
//! what the whole process has.
#![cfg(target_os = "linux")]

use labsim::channel::bounded;
use labsim::sync::{Arc, Mutex};
use labsim::time::Duration;
use labsim::{Backend, Config, Domain, run, thread};

/// A small run with all that could stay behind: threads that still wait, a crash, a panic, messages, guards.
fn small_run(seed: u64) {
    let peer = Domain::new(0, 0);
    let lock = Arc::new(Mutex::new(vec![0u8; 1000]));
    let (tx, rx) = bounded::<Vec<u8>>(2);
    for _ in 0..3 {
        let (lock, tx) = (lock.clone(), tx.clone());
        peer.spawn("server", move || {
            loop {
                lock.lock()[0] += 1;
                tx.send(vec![1; 1000]).unwrap();
            }
        });
    }
    rx.recv().unwrap();
    thread::spawn(move || thread::sleep(Duration::from_secs(3600)));
    if seed.is_multiple_of(3) {
        peer.crash();
    }
    if seed.is_multiple_of(7) {
        panic!("a run that fails is cleaned up too");
    }
}

/// Threads, and resident memory in KiB.
fn usage() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let field = |name: &str| {
        let line = status.lines().find(|l| l.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    (field("Threads:"), field("VmRSS:"))
}

#[test]
fn ten_thousand_runs_leave_nothing_behind() {
    for backend in [Backend::Os, Backend::Fiber] {
        let runs = |seeds: std::ops::Range<u64>| {
            for seed in seeds {
                let outcome = run(Config::seed(seed).backend(backend), move || small_run(seed));
                assert_eq!(
                    outcome.result.is_err(),
                    seed.is_multiple_of(7),
                    "seed {seed}"
                );
            }
        };
        runs(0..100);
        let (threads, memory) = usage();
        let begun = std::time::Instant::now();
        runs(100..10_000);
        let (threads_after, memory_after) = usage();
        println!(
            "{backend:?}: {threads} threads, {memory} KiB after 100 runs; {threads_after}, {memory_after} KiB after \
             10000 ({:?})",
            begun.elapsed()
        );
        assert!(
            threads_after * 10 <= threads * 11,
            "{backend:?}: {threads} threads, then {threads_after}"
        );
        assert!(
            memory_after * 10 <= memory * 11,
            "{backend:?}: {memory} KiB, then {memory_after} KiB"
        );
    }
}

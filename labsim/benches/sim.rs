//! What the simulator costs: a switch, a lock, a sleep, a whole run. Each figure of a simulation is measured inside one run,
//! so that starting it does not count.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use labsim::channel::bounded;
use labsim::sync::Mutex;
use labsim::{Backend, Config, Scheduler, run, thread};

const BACKENDS: [(&str, Backend); 2] = [("os", Backend::Os), ("fiber", Backend::Fiber)];

/// Runs `f` in a simulation that switches only when a thread waits.
fn quiet(backend: Backend, f: impl FnOnce() -> Duration + Send + 'static) -> Duration {
    let config = Config::seed(1)
        .backend(backend)
        .scheduler(Scheduler::RunToBlock);
    run(config.time_limit(Duration::from_secs(1 << 30)), f).unwrap()
}

/// Two threads that wake each other in turn: each unpark and park is one switch.
fn ping_pong(rounds: u64) -> Duration {
    let main = thread::current();
    let other = thread::spawn(move || {
        for _ in 0..rounds {
            thread::park();
            main.unpark();
        }
    });
    let start = Instant::now();
    for _ in 0..rounds {
        other.thread().unpark();
        thread::park();
    }
    let elapsed = start.elapsed();
    other.join().unwrap();
    elapsed / 2
}

fn switches(c: &mut Criterion) {
    let mut group = c.benchmark_group("switch");
    for (name, backend) in BACKENDS {
        group.bench_function(name, |b| {
            b.iter_custom(|n| quiet(backend, move || ping_pong(n)));
        });
    }
    group.finish();
}

fn locks(c: &mut Criterion) {
    let mut group = c.benchmark_group("lock_unlock");
    group.bench_function("simulated", |b| {
        b.iter_custom(|n| {
            quiet(Backend::Fiber, move || {
                let mutex = Mutex::new(0u64);
                let start = Instant::now();
                for _ in 0..n {
                    *black_box(&mutex).lock() += 1;
                }
                start.elapsed()
            })
        });
    });
    group.bench_function("wall", |b| {
        let mutex = Mutex::new(0u64);
        b.iter(|| *black_box(&mutex).lock() += 1);
    });
    group.finish();
}

fn messages(c: &mut Criterion) {
    let mut group = c.benchmark_group("bounded_1_message");
    for (name, backend) in BACKENDS {
        group.bench_function(name, |b| {
            b.iter_custom(|n| {
                quiet(backend, move || {
                    let (tx, rx) = bounded(1);
                    let sender = thread::spawn(move || (0..n).for_each(|i| tx.send(i).unwrap()));
                    let start = Instant::now();
                    assert_eq!(rx.iter().count() as u64, n);
                    let elapsed = start.elapsed();
                    sender.join().unwrap();
                    elapsed
                })
            });
        });
    }
    group.finish();
}

/// One virtual hour of five threads that sleep 10 ms in a loop.
fn hour() -> Duration {
    let start = Instant::now();
    let sleepers: Vec<_> = (0..5)
        .map(|_| {
            thread::spawn(|| (0..360_000).for_each(|_| thread::sleep(Duration::from_millis(10))))
        })
        .collect();
    sleepers.into_iter().for_each(|s| s.join().unwrap());
    start.elapsed()
}

fn hours(c: &mut Criterion) {
    let mut group = c.benchmark_group("virtual_hour_of_5_sleepers");
    group.sample_size(10).warm_up_time(Duration::from_millis(1));
    for (name, backend) in BACKENDS {
        group.bench_function(name, |b| {
            b.iter_custom(|n| (0..n).map(|_| quiet(backend, hour)).sum())
        });
    }
    group.finish();
}

fn runs(c: &mut Criterion) {
    let mut group = c.benchmark_group("run_with_10_threads");
    for (name, backend) in BACKENDS {
        group.bench_function(name, |b| {
            b.iter(|| {
                quiet(backend, || {
                    let threads: Vec<_> = (0..10).map(|_| thread::spawn(|| ())).collect();
                    threads.into_iter().for_each(|t| t.join().unwrap());
                    Duration::ZERO
                })
            });
        });
    }
    group.finish();
}

criterion_group!(benches, switches, locks, messages, hours, runs);
criterion_main!(benches);

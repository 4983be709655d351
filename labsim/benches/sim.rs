//! What the simulator costs: a switch, a lock, a sleep, a whole run. Each figure of a simulation is measured inside one run,
//! so that starting it does not count.

use std::hint::black_box;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
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

/// What the system asks for a hand-over between bare OS threads on one core: `threads` of them in a ring, each of
/// which wakes the next and waits. No simulation on OS threads can be quicker.
fn bare_ring(threads: usize, rounds: u64) -> Duration {
    let tokens: Vec<AtomicBool> = (0..threads).map(|_| AtomicBool::new(false)).collect();
    let members: Vec<OnceLock<std::thread::Thread>> =
        (0..threads).map(|_| OnceLock::new()).collect();
    let ready = std::sync::Barrier::new(threads);
    let (tokens, members, ready) = (&tokens, &members, &ready);
    let member = move |me: usize| {
        confine_to_first_core();
        members[me].set(std::thread::current()).unwrap();
        ready.wait();
        let start = Instant::now();
        for _ in 0..rounds {
            while me != 0 && !tokens[me].swap(false, Ordering::Acquire) {
                std::thread::park();
            }
            let next = (me + 1) % threads;
            tokens[next].store(true, Ordering::Release);
            members[next].get().unwrap().unpark();
            while me == 0 && !tokens[me].swap(false, Ordering::Acquire) {
                std::thread::park();
            }
        }
        start.elapsed()
    };
    std::thread::scope(|scope| {
        let ring: Vec<_> = (0..threads)
            .map(|me| scope.spawn(move || member(me)))
            .collect();
        let times: Vec<Duration> = ring.into_iter().map(|t| t.join().unwrap()).collect();
        times[0] / threads as u32
    })
}

#[cfg(target_os = "linux")]
fn confine_to_first_core() {
    // SAFETY: an all-zero `cpu_set_t` is an empty set; core 0 is below CPU_SETSIZE. A refusal only makes it slower.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(0, &mut set);
        libc::sched_setaffinity(0, std::mem::size_of_val(&set), &set);
    }
}

#[cfg(not(target_os = "linux"))]
fn confine_to_first_core() {}

fn bare(c: &mut Criterion) {
    let mut group = c.benchmark_group("bare_switch");
    for threads in [2, 5] {
        group.bench_function(format!("{threads}_threads"), |b| {
            b.iter_custom(|n| bare_ring(threads, n));
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

criterion_group!(benches, bare, switches, locks, messages, hours, runs);
criterion_main!(benches);

//! The simulator at large.

use labsim::sync::{Arc, Condvar, Mutex};
use labsim::{Backend, Config, Domain, Failure, Scheduler, run, thread};
use std::time::Duration;

fn work() -> u64 {
    let m = Arc::new(Mutex::new(0u64));
    let cv = Arc::new(Condvar::new());
    let hs: Vec<_> = (0..5)
        .map(|i| {
            let (m, cv) = (m.clone(), cv.clone());
            thread::spawn(move || {
                for _ in 0..100 {
                    *m.lock() += i;
                    thread::sleep(Duration::from_micros(i * 10 + 1));
                    cv.notify_one();
                }
            })
        })
        .collect();
    let mut g = m.lock();
    while *g < 500 {
        cv.wait_for(&mut g, Duration::from_millis(1));
    }
    drop(g);
    for h in hs {
        h.join().unwrap();
    }
    *m.lock()
}

#[test]
fn same_hash() {
    for seed in 0..50 {
        for s in [
            Scheduler::default(),
            Scheduler::RunToBlock,
            Scheduler::Pct {
                changes: 3,
                window: 1000,
            },
        ] {
            let a = run(Config::seed(seed).scheduler(s), work);
            let b = run(
                Config::seed(seed).scheduler(s).backend(Backend::Fiber),
                work,
            );
            assert_eq!(a.trace_hash, b.trace_hash);
            assert_eq!(a.calls, b.calls);
            assert_eq!(a.unwrap(), 1000);
            assert_eq!(b.unwrap(), 1000);
        }
    }
}

#[test]
fn deadlock() {
    for b in [Backend::Os, Backend::Fiber] {
        let mut seen = 0;
        for seed in 0..200 {
            let o = run(Config::seed(seed).backend(b), || {
                let a = Arc::new(Mutex::new(0));
                let c = Arc::new(Mutex::new(0));
                let (a2, c2) = (a.clone(), c.clone());
                let h = thread::Builder::new()
                    .name("other".into())
                    .spawn(move || {
                        let _g = c2.lock();
                        let _h = a2.lock();
                    })
                    .unwrap();
                {
                    let _g = a.lock();
                    let _h = c.lock();
                }
                h.join().unwrap();
            });
            if let Err(f @ Failure::Deadlock { .. }) = &o.result {
                if seen == 0 {
                    println!("{f}");
                }
                seen += 1;
            }
        }
        println!("{b:?} {seen}");
        assert!(seen > 0);
    }
}

struct Noisy(Arc<Mutex<u32>>);
impl Drop for Noisy {
    fn drop(&mut self) {
        *self.0.lock() += 1;
        thread::sleep(Duration::from_secs(1));
    }
}

#[test]
fn crash() {
    for b in [Backend::Os, Backend::Fiber] {
        let o = run(Config::seed(1).backend(b), || {
            let d = Domain::new(3, 0);
            let m = Arc::new(Mutex::new(0));
            for i in 0..4 {
                let m = m.clone();
                d.spawn("t", move || {
                    let _n = Noisy(m);
                    thread::spawn(|| {
                        loop {
                            thread::sleep(Duration::from_millis(3))
                        }
                    });
                    loop {
                        thread::sleep(Duration::from_millis(i))
                    }
                });
            }
            thread::sleep(Duration::from_millis(100));
            assert_eq!(d.threads().len(), 8);
            let g = m.lock();
            drop(g);
            d.crash();
            assert_eq!(d.threads().len(), 0);
            *m.lock()
        });
        println!("{:?} {:?}", o.elapsed, o.trace_hash);
        assert_eq!(o.unwrap(), 4);
    }
}

#[test]
fn panics() {
    for b in [Backend::Os, Backend::Fiber] {
        let o = run(Config::seed(1).backend(b), || {
            let h = thread::Builder::new()
                .name("bad".into())
                .spawn(|| {
                    assert_eq!(1, 2, "oh");
                })
                .unwrap();
            let _ = h.join();
        });
        println!("{}", o.result.unwrap_err());
        let o = run(
            Config::seed(1)
                .backend(b)
                .spin_limit(Duration::from_millis(300)),
            || {
                let h = thread::Builder::new()
                    .name("spin".into())
                    .spawn(|| {
                        let t = std::time::Instant::now();
                        while t.elapsed() < Duration::from_secs(1) {}
                    })
                    .unwrap();
                let _ = h.join();
            },
        );
        println!("{}", o.result.unwrap_err());
    }
}

#[test]
fn spawned_many() {
    for b in [Backend::Os, Backend::Fiber] {
        let t = std::time::Instant::now();
        for seed in 0..1000 {
            run(Config::seed(seed).backend(b), || {
                let h: Vec<_> = (0..10)
                    .map(|_| thread::spawn(|| thread::sleep(Duration::from_secs(1))))
                    .collect();
                for h in h {
                    h.join().unwrap();
                }
            })
            .unwrap();
        }
        println!("{b:?} {:?}", t.elapsed());
    }
}

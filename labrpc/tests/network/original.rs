//! The original lab's tests of its own network, in our words.

use crate::common::*;
use labsim::thread;
use labsim::time::{Duration, Instant};

#[test]
fn basic() {
    on_clocks(|| {
        for mode in MODES {
            let world = World::new(mode);
            let client = world.client("end");
            assert_eq!(client.handler2(&111).unwrap(), "handler2-111");
            assert_eq!(client.handler1(&"9099".to_string()).unwrap(), 9099);
            let result = client.background().handler2(&5).recv().unwrap();
            assert_eq!(result.unwrap(), "handler2-5");
        }
    });
}

#[test]
fn types() {
    on_clocks(|| {
        for mode in MODES {
            let world = World::new(mode);
            let args = Arg {
                x: -7,
                tags: vec!["a".into(), String::new()],
            };
            let reply = world.client("end").handler4(&args).unwrap();
            assert_eq!(
                reply,
                Reply {
                    x: "struct".into(),
                    seen: Some(args)
                }
            );
        }
    });
}

#[test]
fn disconnect() {
    on_clocks(|| {
        for mode in MODES {
            let world = World::new(mode);
            let client = world.client("end");
            world.net.enable("end", false);
            assert!(
                client.handler2(&111).is_err(),
                "a disabled end carried a call"
            );
            world.net.enable("end", true);
            assert_eq!(client.handler2(&111).unwrap(), "handler2-111");
            assert_eq!(*world.junk.log2.lock(), [111]);
        }
    });
}

#[test]
fn counts() {
    on_clocks(|| {
        let world = World::new(Mode::Blocking);
        let client = world.client("end");
        for i in 0..17 {
            assert_eq!(client.handler2(&i).unwrap(), format!("handler2-{i}"));
        }
        assert_eq!(world.net.count("server"), 17);
        assert_eq!(world.net.total_count(), 17);
    });
}

#[test]
fn bytes() {
    on_clocks(|| {
        let world = World::new(Mode::Blocking);
        let client = world.client("end");
        let text = "x".repeat(284);
        for _ in 0..17 {
            assert_eq!(client.handler6(&text).unwrap(), 284);
        }
        let sent = world.net.total_bytes();
        assert!(
            (4828..=6000).contains(&sent),
            "17 calls with 284 bytes each counted as {sent}"
        );
        for _ in 0..17 {
            assert_eq!(client.handler7(&107).unwrap().len(), 107);
        }
        let more = world.net.total_bytes() - sent;
        assert!(
            (1800..=2500).contains(&more),
            "17 replies of 107 bytes each counted as {more}"
        );
    });
}

#[test]
fn concurrent_many() {
    on_clocks(|| {
        for mode in MODES {
            let world = World::new(mode);
            let threads: Vec<_> = (0..20)
                .map(|i| {
                    let client = world.client(&format!("end-{i}"));
                    thread::spawn(move || {
                        for j in 0..10 {
                            let n = i * 100 + j;
                            assert_eq!(client.handler2(&n).unwrap(), format!("handler2-{n}"));
                        }
                    })
                })
                .collect();
            threads.into_iter().for_each(|t| t.join().unwrap());
            assert_eq!(world.net.count("server"), 200);
            assert_eq!(world.junk.log2.lock().len(), 200);
        }
    });
}

#[test]
fn unreliable() {
    on_clocks(|| {
        for mode in MODES {
            let world = World::new(mode);
            world.net.set_reliable(false);
            let threads: Vec<_> = (0..300)
                .map(|i| {
                    let client = world.client(&format!("end-{i}"));
                    thread::spawn(move || match client.handler2(&i) {
                        Ok(reply) => {
                            assert_eq!(reply, format!("handler2-{i}"));
                            1
                        }
                        Err(_) => 0,
                    })
                })
                .collect();
            let succeeded: i32 = threads.into_iter().map(|t| t.join().unwrap()).sum();
            assert!(
                (1..300).contains(&succeeded),
                "{succeeded} of 300 calls succeeded"
            );
        }
    });
}

#[test]
fn concurrent_one() {
    on_clocks(|| {
        for mode in MODES {
            let world = World::new(mode);
            let end = world.end("end");
            let threads: Vec<_> = (0..20)
                .map(|n| {
                    let client = junk::Client::new(end.clone());
                    thread::spawn(move || {
                        assert_eq!(client.handler2(&n).unwrap(), format!("handler2-{n}"));
                    })
                })
                .collect();
            threads.into_iter().for_each(|t| t.join().unwrap());
            let mut log = world.junk.log2.lock().clone();
            log.sort();
            assert_eq!(log, (0..20).collect::<Vec<_>>());
            assert_eq!(world.net.count("server"), 20);
        }
    });
}

/// Calls that wait for a disabled end do not delay a later call on it, once it is enabled again.
#[test]
fn regression1() {
    on_clocks(|| {
        for mode in MODES {
            let world = World::new(mode);
            let end = world.end("end");
            world.net.enable("end", false);
            let threads: Vec<_> = (0..20)
                .map(|n| {
                    let client = junk::Client::new(end.clone());
                    thread::spawn(move || client.handler2(&n).is_ok())
                })
                .collect();
            thread::sleep(Duration::from_millis(100));
            let start = Instant::now();
            world.net.enable("end", true);
            let client = junk::Client::new(end);
            assert_eq!(client.handler2(&99).unwrap(), "handler2-99");
            let took = start.elapsed();
            assert!(
                took < Duration::from_millis(30),
                "the call on the enabled end took {took:?}"
            );
            assert!(
                threads.into_iter().all(|t| !t.join().unwrap()),
                "a call passed a disabled end"
            );
            assert_eq!(*world.junk.log2.lock(), [99]);
            assert_eq!(world.net.count("server"), 1);
        }
    });
}

/// A caller learns within 100 ms that the server which has its request was deleted.
#[test]
fn killed() {
    on_clocks(|| {
        for mode in MODES {
            let world = World::new(mode);
            let client = world.client("end");
            let caller = thread::spawn(move || {
                let result = client.handler3(&99);
                (result, Instant::now())
            });
            thread::sleep(Duration::from_millis(1050)); // between two looks
            assert!(
                !caller.is_finished(),
                "the handler takes 20 s, and its caller has returned"
            );
            let deleted = Instant::now();
            world.net.delete_server("server");
            let (result, returned) = caller.join().unwrap();
            assert!(result.is_err(), "a deleted server answered: {result:?}");
            let took = returned - deleted;
            assert!(
                took <= Duration::from_millis(100),
                "the caller learnt of it only after {took:?}"
            );
        }
    });
}

#[test]
fn sequential() {
    on_clocks(|| {
        let world = World::new(Mode::Blocking);
        let client = world.client("end");
        for i in 0..10_000 {
            assert_eq!(client.handler2(&i).unwrap(), format!("handler2-{i}"));
        }
    });
}

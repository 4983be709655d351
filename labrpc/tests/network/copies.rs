//! Copies, bandwidth, and messages that are under way when the network changes.

use crate::common::*;
use labrpc::{Delay, Path};
use labsim::channel::unbounded;
use labsim::time::Instant;

/// A duplicated request runs its handler twice, and its caller gets one reply. The other is counted.
#[test]
fn duplicated_requests_run_twice() {
    on_clocks(|| {
        for mode in MODES {
            let world = World::new(mode);
            let client = world.client("end");
            let path = Path {
                duplicate: 1.0,
                ..Path::default()
            };
            world.net.set_link("end", Some(on_request(path)));
            for n in 1..=10 {
                assert_eq!(client.handler2(&n).unwrap(), format!("handler2-{n}"));
            }
            eventually("20 handlers have run", || {
                world.junk.log2.lock().len() == 20
            });
            eventually("10 replies came late", || {
                world.net.server_counters("server").late_replies == 10
            });
            let counted = world.net.server_counters("server");
            assert_eq!(
                (counted.requests, counted.arrived, counted.replies),
                (10, 20, 10)
            );
        }
    });
}

#[test]
fn duplicated_replies_are_ignored_and_counted() {
    on_clocks(|| {
        for mode in MODES {
            let world = World::new(mode);
            let client = world.client("end");
            let reply = Path {
                duplicate: 1.0,
                ..Path::default()
            };
            world.net.set_link("end", Some(on_reply(reply)));
            let before = world.net.total_bytes();
            for n in 0..10 {
                assert_eq!(client.handler2(&n).unwrap(), format!("handler2-{n}"));
            }
            eventually("10 replies came late", || {
                world.net.server_counters("server").late_replies == 10
            });
            let counted = world.net.server_counters("server");
            assert_eq!((counted.arrived, counted.replies), (10, 10));
            assert_eq!(
                world.net.total_bytes() - before,
                counted.request_bytes + counted.reply_bytes
            );
            assert_eq!(*world.junk.log2.lock(), (0..10).collect::<Vec<_>>());
        }
    });
}

/// A call whose one copy is lost lives by the other.
#[test]
fn one_copy_is_enough() {
    on_clocks(|| {
        let world = World::new(Mode::Deferred);
        let client = world.client("end");
        let path = Path {
            duplicate: 1.0,
            loss: 0.5,
            ..Path::default()
        };
        world.net.set_link("end", Some(on_request(path)));
        let answered = (0..400).filter(|n| client.handler2(n).is_ok()).count();
        // Both copies are lost one time in four: 300 expected, standard deviation 8.7.
        assert!(
            (248..=352).contains(&answered),
            "{answered} of 400 calls were answered"
        );
    });
}

/// 10,000 bytes at 100,000 a second take 100 ms, and a second message queues behind the first.
#[test]
fn bandwidth_delays_by_length_and_queues() {
    on_clocks(|| {
        let world = World::new(Mode::Deferred);
        let client = world.client("end");
        let request = Path {
            bytes_per_second: Some(100_000),
            ..Path::default()
        };
        world.net.set_link("end", Some(on_request(request)));
        let text = "x".repeat(10_000);
        let (to, done) = unbounded();
        let start = Instant::now();
        for _ in 0..2 {
            let to = to.clone();
            client
                .callback()
                .handler6(&text, move |r| to.send((r, Instant::now())).unwrap());
        }
        for due in [100, 200] {
            let (result, at) = done.recv().unwrap();
            assert_eq!(result.unwrap(), 10_000);
            let took = at - start;
            assert!(
                took >= ms(due) && took < ms(due + 3) + slack(),
                "{took:?} for {due} ms"
            );
        }
        let start = Instant::now();
        assert!(client.handler6(&String::new()).is_ok());
        assert!(
            start.elapsed() < slack(),
            "a short message took {:?}",
            start.elapsed()
        );
    });
}

/// A request is under way when its server is replaced: it does not reach the new one, which its caller never meant,
/// and fails when it is due.
#[test]
fn a_request_does_not_reach_the_next_server() {
    on_clocks(|| {
        let world = World::new(Mode::Deferred);
        let client = world.client("end");
        let request = Path {
            delay: Delay::fixed(ms(50)),
            ..Path::default()
        };
        world.net.set_link("end", Some(on_request(request)));
        let result = client.background().handler2(&1);
        world.restart();
        assert!(result.recv().unwrap().is_err());
        assert!(world.junk.log2.lock().is_empty());
        assert_eq!(world.net.count("server"), 0);
    });
}

/// A reply is under way when its server dies, or is replaced, or the link is cut: it does not arrive.
#[test]
fn a_reply_on_its_way_is_tested_again_when_it_is_due() {
    on_clocks(|| {
        let deaths: [fn(&World); 3] = [
            |w| w.net.delete_server("server"),
            |w| w.restart(),
            |w| w.net.enable("end", false),
        ];
        for die in deaths {
            let world = World::new(Mode::Deferred);
            let client = world.client("end");
            let reply = Path {
                delay: Delay::fixed(ms(50)),
                ..Path::default()
            };
            world.net.set_link("end", Some(on_reply(reply)));
            let start = Instant::now();
            let result = client.background().handler2(&1);
            assert_eq!(*world.junk.log2.lock(), [1]);
            die(&world);
            assert!(
                result.recv().unwrap().is_err(),
                "a dead server's reply arrived"
            );
            assert!(start.elapsed() >= ms(50), "told before the reply was due");
        }
    });
}

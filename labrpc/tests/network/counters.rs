//! Counters per server, per method, and in total.

use crate::common::*;
use labrpc::{Counters, Link, Path};

#[test]
fn every_method_and_server_is_counted_for_itself() {
    on_clocks(|| {
        for mode in MODES {
            let world = World::new(mode);
            let client = world.client("end");
            for n in 0..3 {
                client.handler2(&n).unwrap();
            }
            client.handler6(&"x".repeat(1000)).unwrap();
            let counts = world.net.counts();
            let two = counts.methods["Junk.handler2"];
            let six = counts.methods["Junk.handler6"];
            assert_eq!((two.requests, two.arrived, two.replies), (3, 3, 3));
            assert_eq!((six.requests, six.arrived, six.replies), (1, 1, 1));
            // Seven bytes: labgob's six, and one for a small number.
            assert_eq!((two.request_bytes, two.arrived_bytes), (21, 21));
            assert_eq!(
                two.reply_bytes,
                3 * labgob::encoded_len("handler2-0") as u64
            );
            assert_eq!(
                six.request_bytes,
                labgob::encoded_len(&"x".repeat(1000)) as u64
            );
            let server = &counts.servers["server"];
            assert_eq!(server.methods, counts.methods);
            assert_eq!(server.total, counts.total);
            assert_eq!(world.net.method_counters("Junk.handler6"), six);
            assert_eq!(world.net.server_counters("server"), counts.total);
            assert_eq!(world.net.total_bytes(), counts.total.bytes());
            assert_eq!(world.net.total_count(), 4);
            assert_eq!(
                world.net.method_counters("Junk.nothing"),
                Counters::default()
            );
            assert_eq!(world.net.server_counters("nobody"), Counters::default());
        }
    });
}

/// Requests count when they are sent, also those that are lost; arrivals and replies when they get there.
#[test]
fn lost_messages_count_as_far_as_they_came() {
    on_clocks(|| {
        let world = World::new(Mode::Deferred);
        let client = world.client("end");
        let lost = || Path {
            loss: 1.0,
            ..Path::default()
        };
        let links: [(Option<Link>, [u64; 3]); 3] = [
            (Some(on_request(lost())), [1, 0, 0]),
            (Some(on_reply(lost())), [2, 1, 0]),
            (None, [3, 2, 1]),
        ];
        for (link, expected) in links {
            world.net.set_link("end", link);
            let _ = client.handler2(&1);
            let c = world.net.method_counters("Junk.handler2");
            assert_eq!([c.requests, c.arrived, c.replies], expected);
            assert_eq!(
                [c.request_bytes, c.arrived_bytes],
                [7 * c.requests, 7 * c.arrived]
            );
            assert_eq!(c.reply_bytes, 17 * c.replies);
        }
        world.net.enable("end", false);
        let _ = client.handler2(&1);
        assert_eq!(world.net.total_count(), 4);
        assert_eq!(world.net.count("server"), 2);
    });
}

/// A restart begins a server's counts anew, and leaves those of the network.
#[test]
fn a_new_server_counts_from_zero() {
    on_clocks(|| {
        let world = World::new(Mode::Deferred);
        let client = world.client("end");
        client.handler2(&1).unwrap();
        world.net.delete_server("server");
        assert_eq!(
            world.net.count("server"),
            1,
            "a deleted server's counts can still be read"
        );
        world.restart();
        assert_eq!(world.net.count("server"), 0);
        client.handler2(&2).unwrap();
        assert_eq!(world.net.count("server"), 1);
        assert_eq!(world.net.total_count(), 2);
    });
}

#[test]
fn counts_are_data() {
    let world = World::new(Mode::Deferred);
    world.client("end").handler2(&1).unwrap();
    let counts = world.net.counts();
    let text = serde_json::to_string(&counts).unwrap();
    assert_eq!(
        serde_json::from_str::<labrpc::Counts>(&text).unwrap(),
        counts,
        "through {text}"
    );
}

//! Links' own settings: cuts, loss, delays, duplicates, bandwidth; and that they are data.

use crate::common::*;
use labrpc::{Delay, Hold, Link, Path, RpcError};
use labsim::channel::unbounded;
use labsim::thread;
use labsim::time::Instant;

/// The network's links as the settings of its three switches.
#[test]
fn switches_set_links_without_settings_of_their_own() {
    on_clocks(|| {
        let world = World::new(Mode::Deferred);
        world.end("a");
        world.end("b");
        let own = Link {
            notice: Delay::fixed(ms(7)),
            ..Link::default()
        };
        world.net.set_link("b", Some(own.clone()));
        assert_eq!(world.net.link("a"), Link::default());
        world.net.set_reliable(false);
        assert_eq!(world.net.link("a"), Link::unreliable());
        world.net.set_long_reordering(true);
        assert_eq!(world.net.link("a"), Link::unreliable().reordering());
        assert_eq!(world.net.link("b"), own);
        world.net.set_reliable(true);
        assert_eq!(world.net.link("a"), Link::default().reordering());
        world.net.set_link("b", None);
        assert_eq!(world.net.link("b"), Link::default().reordering());
        assert!(world.net.is_reliable() && world.net.has_long_reordering());
        assert!(!world.net.has_long_delays());
    });
}

#[test]
fn links_survive_json_and_labgob() {
    let link = Link {
        request: Path {
            loss: 0.25,
            delay: Delay::exponential(ms(3), ms(50)),
            duplicate: 0.5,
            bytes_per_second: Some(125_000),
            ..Path::default()
        },
        reply: Path {
            cut: true,
            hold: Some(Hold {
                probability: 0.5,
                delay: Delay::uniform(ms(1), ms(2)),
            }),
            ..Path::default()
        },
        notice: Delay::fixed(ms(100)),
    };
    let text = serde_json::to_string(&link).unwrap();
    assert_eq!(
        serde_json::from_str::<Link>(&text).unwrap(),
        link,
        "through {text}"
    );
    assert_eq!(
        labgob::decode::<Link>(&labgob::encode(&link)).unwrap(),
        link
    );
}

/// What one writes by hand may leave out what is as usual, and is refused if misspelt.
#[test]
fn links_are_easy_to_write_by_hand() {
    let text = r#"{ "request": { "loss": 0.1, "delay": { "uniform": { "min_us": 0, "max_us": 26000, "step_us": 1000 } } },
                    "reply": { "loss": 0.1 } }"#;
    assert_eq!(
        serde_json::from_str::<Link>(text).unwrap(),
        Link::unreliable()
    );
    let error = serde_json::from_str::<Link>(r#"{ "request": { "lost": 0.1 } }"#).unwrap_err();
    assert!(
        error.to_string().contains("unknown field `lost`"),
        "{error}"
    );
}

#[test]
#[should_panic(expected = "the settings for the link of end \"a\" make no sense: \
                           request.loss is 2; a probability is from 0 to 1")]
fn settings_that_make_no_sense_are_refused() {
    let world = World::new(Mode::Deferred);
    world.end("a");
    let request = Path {
        loss: 2.0,
        ..Path::default()
    };
    world.net.set_link("a", Some(on_request(request)));
}

/// A cut way to the server: the handler never runs. A cut way back: it runs, and its result is lost.
#[test]
fn cuts_are_one_way() {
    on_clocks(|| {
        for mode in MODES {
            let world = World::new(mode);
            let client = world.client("end");
            let cut = || Path {
                cut: true,
                ..Path::default()
            };
            world.net.set_link("end", Some(on_request(cut())));
            assert!(client.handler2(&1).is_err());
            assert!(world.junk.log2.lock().is_empty());
            world.net.set_link("end", Some(on_reply(cut())));
            assert!(client.handler2(&2).is_err());
            assert_eq!(*world.junk.log2.lock(), [2]);
            world.net.set_link("end", None);
            assert!(client.handler2(&3).is_ok());
            assert_eq!(*world.junk.log2.lock(), [2, 3]);
            let counted = world.net.server_counters("server");
            assert_eq!(
                (counted.requests, counted.arrived, counted.replies),
                (3, 2, 1)
            );
        }
    });
}

/// Cutting the way back stops a reply whose handler runs already, and its caller learns of it at the next look.
#[test]
fn a_cut_during_the_handler_stops_its_reply() {
    on_clocks(|| {
        let world = World::new(Mode::Blocking);
        let client = world.client("end");
        let caller = thread::spawn(move || (client.handler3(&1), Instant::now()));
        thread::sleep(ms(250));
        let cut = Instant::now();
        let reply = Path {
            cut: true,
            ..Path::default()
        };
        world.net.set_link("end", Some(on_reply(reply)));
        let (result, at) = caller.join().unwrap();
        assert!(
            matches!(result, Err(RpcError::NoReply { .. })),
            "{result:?}"
        );
        let took = at - cut;
        assert!(
            took <= ms(100),
            "the caller learnt of the cut only after {took:?}"
        );
    });
}

/// A link that was cut and is whole again by the next look has lost nothing.
#[test]
fn a_cut_shorter_than_a_look_goes_unnoticed() {
    on_clocks(|| {
        for mode in MODES {
            let world = World::new(mode);
            let end = world.end("end");
            let result = slow::Client::new(end).background().sleep_ms(&400);
            thread::sleep(ms(120));
            world.net.enable("end", false);
            thread::sleep(ms(30));
            world.net.enable("end", true);
            assert_eq!(result.recv().unwrap().unwrap(), 400);
        }
    });
}

#[test]
fn certain_loss_fails_at_once_and_loses_the_right_message() {
    on_clocks(|| {
        let world = World::new(Mode::Blocking);
        let client = world.client("end");
        let loss = || Path {
            loss: 1.0,
            ..Path::default()
        };
        let start = Instant::now();
        world.net.set_link("end", Some(on_request(loss())));
        assert!(client.handler2(&1).is_err());
        world.net.set_link("end", Some(on_reply(loss())));
        assert!(client.handler2(&2).is_err());
        assert!(
            start.elapsed() < ms(20),
            "losses were told after {:?}",
            start.elapsed()
        );
        assert_eq!(*world.junk.log2.lock(), [2]);
    });
}

/// `notice` is a caller's own time-out: it learns of a loss only so much later.
#[test]
fn notice_delays_the_news_of_a_loss() {
    on_clocks(|| {
        let world = World::new(Mode::Deferred);
        let client = world.client("end");
        let notice = Delay::fixed(ms(50));
        for (request, reply) in [(1.0, 0.0), (0.0, 1.0)] {
            let path = |loss| Path {
                loss,
                ..Path::default()
            };
            let link = Link {
                request: path(request),
                reply: path(reply),
                notice: notice.clone(),
            };
            world.net.set_link("end", Some(link));
            let start = Instant::now();
            assert!(client.handler2(&1).is_err());
            let took = start.elapsed();
            assert!(
                took >= ms(50) && took < ms(50) + slack(),
                "told after {took:?}"
            );
        }
        let reply = Path {
            cut: true,
            ..Path::default()
        };
        world.net.set_link(
            "end",
            Some(Link {
                reply,
                notice,
                ..Link::default()
            }),
        );
        let start = Instant::now();
        assert!(client.handler2(&1).is_err());
        assert!(
            start.elapsed() >= ms(50),
            "told of a cut after {:?}",
            start.elapsed()
        );
    });
}

#[test]
fn fixed_delays_add_up() {
    on_clocks(|| {
        for mode in MODES {
            let world = World::new(mode);
            let client = world.client("end");
            let path = |n| Path {
                delay: Delay::fixed(ms(n)),
                ..Path::default()
            };
            let link = Link {
                request: path(30),
                reply: path(20),
                notice: Delay::None,
            };
            world.net.set_link("end", Some(link));
            let start = Instant::now();
            assert_eq!(client.handler2(&1).unwrap(), "handler2-1");
            let took = start.elapsed();
            assert!(
                took >= ms(50) && took < ms(50) + slack(),
                "30 and 20 ms took {took:?}"
            );
        }
    });
}

/// Later messages overtake one that is held back.
#[test]
fn a_hold_reorders_replies() {
    on_clocks(|| {
        let world = World::new(Mode::Deferred);
        let client = world.client("end");
        let (to, replies) = unbounded();
        let call = |n: i32| {
            let to = to.clone();
            client
                .callback()
                .handler2(&n, move |r| to.send(r.unwrap()).unwrap());
        };
        let held = Hold {
            probability: 1.0,
            delay: Delay::fixed(ms(40)),
        };
        let reply = Path {
            hold: Some(held),
            ..Path::default()
        };
        world.net.set_link("end", Some(on_reply(reply)));
        call(1);
        world.net.set_link("end", None);
        call(2);
        assert_eq!(replies.recv().unwrap(), "handler2-2");
        assert_eq!(replies.recv().unwrap(), "handler2-1");
    });
}

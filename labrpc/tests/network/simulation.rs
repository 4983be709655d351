//! What the network owes a simulation: reproducible runs, reports that name names, nothing left behind.

use crate::common::*;
use labrpc::{Network, Server, Verdict};
use labsim::sync::{Arc, Mutex};
use labsim::{Backend, Config, Domain, Outcome, TraceLevel, thread};

/// A network with peer 1's server and an end of peer 2.
fn peers(mode: Mode) -> (Network, junk::Client) {
    let net = Network::new();
    let server = Server::in_domain(&Domain::new(1, 0));
    net.add_server("one", server.with(service(&Arc::default(), mode)));
    let end = net.make_end_in("2-1", &Domain::new(2, 0));
    net.connect("2-1", "one");
    net.enable("2-1", true);
    (net, junk::Client::new(end))
}

fn run(seed: u64, body: impl Fn() + Send + Sync + Clone + 'static) -> Outcome<()> {
    let on = |backend| labsim::run(Config::seed(seed).backend(backend), body.clone());
    let (os, fiber) = (on(Backend::Os), on(Backend::Fiber));
    assert_eq!(
        os.trace_hash, fiber.trace_hash,
        "with seed {seed} OS threads and fibers part"
    );
    os
}

#[track_caller]
fn failure(outcome: Outcome<()>) -> String {
    outcome
        .result
        .expect_err("a panic did not fail its run")
        .to_string()
}

#[test]
fn a_panic_in_a_handler_fails_the_run_for_its_peer() {
    for delayed in [false, true] {
        for mode in MODES {
            let text = failure(run(7, move || {
                let (net, client) = peers(mode);
                if delayed {
                    net.intercept(Arc::new(|_| Verdict::Delay(ms(10))));
                }
                let _ = client.fail(&6824);
                thread::sleep(ms(100));
            }));
            let kind = if mode == Mode::Deferred {
                "deferred "
            } else {
                ""
            };
            let message = format!(": the {kind}handler was asked to fail with 6824");
            assert!(
                text.contains("of peer 1 panicked at") && text.contains(&message),
                "{text}"
            );
            assert!(text.contains("labrpc/tests/network/common.rs:"), "{text}");
        }
    }
}

#[test]
fn a_panic_in_a_callback_fails_the_run_for_its_peer() {
    for delayed in [false, true] {
        for mode in MODES {
            let text = failure(run(7, move || {
                let (net, client) = peers(mode);
                if delayed {
                    net.intercept(Arc::new(|_| Verdict::Delay(ms(10))));
                }
                client
                    .callback()
                    .handler2(&1, |r| panic!("the callback got {r:?}"));
                thread::sleep(ms(100));
            }));
            assert!(text.contains("of peer 2 panicked at"), "{text}");
            assert!(
                text.contains(": the callback got Ok(\"handler2-1\")"),
                "{text}"
            );
        }
    }
}

/// A lock held across a call is reported once, with the lock's line and the call's.
#[test]
fn a_lock_held_across_a_call_is_a_finding() {
    let outcome = run(1, || {
        let (_net, client) = peers(Mode::Blocking);
        let lock = Mutex::new(5u8);
        let guard = lock.lock();
        client.handler2(&1).unwrap();
        drop(guard);
        client.background().handler2(&1).recv().unwrap().unwrap();
    });
    let findings: Vec<String> = outcome.findings.iter().map(ToString::to_string).collect();
    let [finding] = &findings[..] else {
        panic!("one finding expected, not {findings:#?}")
    };
    let (lock, call) = (
        line_of("let guard = lock.lock()"),
        line_of("client.handler2(&1).unwrap();"),
    );
    let expected = format!(
        "thread 'main' holds Mutex<u8> (locked at labrpc/tests/network/simulation.rs:{lock}:26) while it waits for the \
         reply to Junk.handler2 on end \"2-1\" (at labrpc/tests/network/simulation.rs:{call}:16): whoever wants the lock \
         waits as long. Unlock before waiting"
    );
    assert_eq!(*finding, expected);
}

/// The first line of this file with this text.
fn line_of(text: &str) -> usize {
    let lines = include_str!("simulation.rs").lines();
    1 + lines
        .into_iter()
        .position(|l| l.trim().starts_with(text))
        .expect("the text is there")
}

#[test]
fn a_byte_more_or_less_is_another_trace() {
    let hash = |n: i32| {
        let body = move || drop(peers(Mode::Deferred).1.handler2(&n).unwrap());
        run(3, body).trace_hash
    };
    assert_eq!(hash(1), hash(1));
    assert_ne!(hash(1), hash(2));
}

#[test]
fn the_trace_tells_what_happened_to_each_message() {
    let body = || {
        let (net, client) = peers(Mode::Deferred);
        client.handler2(&1).unwrap();
        net.intercept_requests(Arc::new(|_| Verdict::Delay(ms(10))));
        client.handler2(&2).unwrap();
        net.stop_intercepting();
        net.intercept_replies(Arc::new(|_| Verdict::Drop));
        client.handler2(&3).unwrap_err();
        net.stop_intercepting();
        net.delete_server("one");
        client.handler2(&4).unwrap_err();
    };
    let outcome = labsim::run(Config::seed(4).trace(TraceLevel::Events), body);
    let events = outcome.events.iter().filter(|e| e.kind.starts_with("rpc."));
    let told: Vec<String> = events.map(|e| shorten(e.kind, e.a, &e.detail)).collect();
    let expected = [
        "rpc.request 1 one from 2 to 1 7 bytes arrives 0",
        "rpc.reply 1 one from 2 to 1 17 bytes arrives 0",
        "rpc.request 2 one from 2 to 1 7 bytes arrives 10000",
        "rpc.arrive 2 one from 2 to 1 7 bytes",
        "rpc.reply 2 one from 2 to 1 17 bytes arrives 0",
        "rpc.request 3 one from 2 to 1 7 bytes arrives 0",
        "rpc.reply 3 one from 2 to 1 17 bytes lost intercepted",
        "rpc.failed 3",
        "rpc.request 4 null from 2 to null 7 bytes lost no-server",
        "rpc.failed 4",
    ];
    assert_eq!(told, expected);
    outcome.unwrap();
}

/// One line of an event, whose detail must be JSON.
fn shorten(kind: &str, a: u64, detail: &str) -> String {
    let json: serde_json::Value = serde_json::from_str(detail).expect(detail);
    assert_eq!(json["call"], a, "{detail}");
    let plain = |v: &serde_json::Value| v.to_string().replace('"', "");
    let mut line = format!("{kind} {a}");
    if kind != "rpc.failed" {
        let [server, from, to, bytes] = ["server", "from", "to", "bytes"].map(|f| plain(&json[f]));
        assert_eq!(json["method"], "Junk.handler2");
        line += &format!(" {server} from {from} to {to} {bytes} bytes");
    }
    match plain(&json["fate"]).as_str() {
        "arrives" => line += &format!(" arrives {}", plain(&json["after_us"])),
        "lost" => line += &format!(" lost {}", plain(&json["cause"])),
        _ => {}
    }
    line
}

/// Idle workers end when their server is deleted, all of a peer's when it crashes, and the network's thread with it.
#[test]
fn no_thread_outlives_its_use() {
    simulate(|| {
        let host = Domain::new(9, 0);
        let net = host.enter(Network::new);
        let threads = |domain: &Domain| {
            let names = domain.threads().into_iter().map(|t| t.name);
            names.collect::<Vec<String>>()
        };
        assert_eq!(threads(&host), ["rpc network"]);
        let (one, junk) = (Domain::new(1, 0), Arc::new(Junk::default()));
        let start = || {
            net.add_server(
                "one",
                Server::in_domain(&one).with(slow::service(junk.clone())),
            )
        };
        start();
        let end = net.make_end("end");
        net.connect("end", "one");
        net.enable("end", true);
        let client = slow::Client::new(end);
        let results: Vec<_> = (0..3).map(|_| client.background().sleep_ms(&50)).collect();
        results
            .iter()
            .for_each(|r| assert!(r.recv().unwrap().is_ok()));
        assert_eq!(threads(&one), ["rpc worker of one"; 3]);
        client.sleep_ms(&1).unwrap();
        assert_eq!(
            threads(&one).len(),
            3,
            "an idle worker takes the next request"
        );
        net.delete_server("one");
        thread::sleep(ms(1));
        assert!(threads(&one).is_empty(), "workers outlive their server");
        start();
        let result = client.background().sleep_ms(&5000);
        thread::sleep(ms(1));
        one.crash();
        assert!(threads(&one).is_empty());
        result.recv().unwrap().unwrap_err();
        drop((net, client));
        thread::sleep(ms(1));
        assert!(
            threads(&host).is_empty(),
            "the network's thread outlives it"
        );
    });
}

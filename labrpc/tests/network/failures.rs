//! Handlers that panic or never answer, peers that crash, networks that end.

use crate::common::*;
use labrpc::{Delay, Network, Path, Responder, RpcError, Server};
use labsim::Domain;
use labsim::channel::{Sender, unbounded};
use labsim::sync::{Arc, Mutex};
use labsim::thread;
use labsim::time::Instant;

labrpc::service! {
    mod keep: "Keep" {
        fn take(u32) -> u32;
    }
}

/// Keeps every request and answers none.
#[derive(Default)]
struct Keeper(Mutex<Vec<Responder<u32>>>);

impl keep::DeferredHandler for Keeper {
    fn take(&self, _: u32, reply: Responder<u32>) {
        self.0.lock().push(reply);
    }
}

fn keeper(net: &Network, domain: &Domain) -> Arc<Keeper> {
    let keeper = Arc::new(Keeper::default());
    let server = Server::in_domain(domain).with(keep::deferred_service(keeper.clone()));
    net.add_server("keeper", server);
    keeper
}

fn end_to(net: &Network, server: &str) -> keep::Client {
    let end = net.make_end("end");
    net.connect("end", server);
    net.enable("end", true);
    keep::Client::new(end)
}

/// On the wall clock, where a panic is its own thread's affair. In a simulation it ends the run.
#[test]
fn a_panic_in_a_handler_fails_its_call_only() {
    for mode in MODES {
        let world = World::new(mode);
        let client = world.client("end");
        for n in 0..3 {
            let result = client.fail(&n);
            assert!(
                matches!(result, Err(RpcError::NoReply { .. })),
                "{result:?}"
            );
            assert_eq!(client.handler2(&n).unwrap(), format!("handler2-{n}"));
        }
        // The same where the network's thread brings the request.
        let request = Path {
            delay: Delay::fixed(ms(5)),
            ..Path::default()
        };
        world.net.set_link("end", Some(on_request(request)));
        client.fail(&9).unwrap_err();
        assert_eq!(client.handler2(&9).unwrap(), "handler2-9");
    }
}

/// Again on the wall clock.
#[test]
fn a_panic_in_a_callback_harms_nobody_else() {
    let world = World::new(Mode::Deferred);
    let client = world.client("end");
    for delay in [0, 5] {
        let reply = Path {
            delay: Delay::fixed(ms(delay)),
            ..Path::default()
        };
        world.net.set_link("end", Some(on_reply(reply)));
        client
            .callback()
            .handler2(&1, |_| panic!("a callback was asked to fail"));
        assert_eq!(client.handler2(&2).unwrap(), "handler2-2");
    }
}

#[test]
fn dropping_a_responder_fails_its_call_at_once() {
    on_clocks(|| {
        let net = Network::new();
        let keeper = keeper(&net, &Domain::new(1, 0));
        let result = end_to(&net, "keeper").background().take(&1);
        let start = Instant::now();
        keeper.0.lock().clear();
        assert!(matches!(
            result.recv().unwrap(),
            Err(RpcError::NoReply { .. })
        ));
        assert!(
            start.elapsed() < slack(),
            "told after {:?}",
            start.elapsed()
        );
    });
}

/// A reply may be sent by any thread, much later.
#[test]
fn responders_can_wait() {
    on_clocks(|| {
        let net = Network::new();
        let keeper = keeper(&net, &Domain::new(1, 0));
        let client = end_to(&net, "keeper");
        let results: Vec<_> = (0..3).map(|n| client.background().take(&n)).collect();
        thread::sleep(ms(150));
        for (n, reply) in (0..).zip(std::mem::take(&mut *keeper.0.lock())) {
            thread::spawn(move || reply.send(n * 10));
        }
        let replies: Vec<u32> = results.iter().map(|r| r.recv().unwrap().unwrap()).collect();
        assert_eq!(replies, [0, 10, 20]);
    });
}

/// The server's peer has crashed, whether or not the server was deleted: its callers find out as from a deleted one,
/// and so do later ones as from a missing one.
#[test]
fn a_crash_fails_calls_within_100_ms() {
    on_clocks(|| {
        let net = Network::new();
        let domain = Domain::new(1, 0);
        let junk = Arc::new(Junk::default());
        net.add_server(
            "server",
            Server::in_domain(&domain).with(slow::service(junk)),
        );
        let end = net.make_end("end");
        net.connect("end", "server");
        net.enable("end", true);
        let client = slow::Client::new(end);
        let result = client.background().sleep_ms(&20_000);
        thread::sleep(ms(50));
        domain.crash();
        net.delete_server("server");
        let start = Instant::now();
        assert!(result.recv().unwrap().is_err());
        assert!(
            start.elapsed() <= ms(100),
            "told after {:?}",
            start.elapsed()
        );
        client.sleep_ms(&1).unwrap_err();
        assert_eq!(net.count("server"), 1);
    });
}

#[test]
fn what_a_dead_peer_sends_goes_nowhere() {
    on_clocks(|| {
        let world = World::new(Mode::Deferred);
        let domain = Domain::new(7, 0);
        let end = world.net.make_end_in("from-7", &domain);
        world.net.connect("from-7", "server");
        world.net.enable("from-7", true);
        let client = junk::Client::new(end);
        client.handler2(&1).unwrap();
        domain.crash();
        client.handler2(&2).unwrap_err();
        assert_eq!(*world.junk.log2.lock(), [1]);
        assert_eq!(
            world.net.total_count(),
            1,
            "what a dead peer sends was never on the network"
        );
    });
}

/// A reply comes when its caller has crashed: its callback does not run.
#[test]
fn callbacks_of_a_dead_peer_do_not_run() {
    on_clocks(|| {
        let net = Network::new();
        let keeper = keeper(&net, &Domain::new(1, 0));
        let domain = Domain::new(2, 0);
        let end = net.make_end_in("end", &domain);
        net.connect("end", "keeper");
        net.enable("end", true);
        let (to, results) = unbounded();
        let client = keep::Client::new(end);
        client.callback().take(&1, move |r| to.send(r).unwrap());
        domain.crash();
        let replies = std::mem::take(&mut *keeper.0.lock());
        replies.into_iter().for_each(|reply| reply.send(1));
        assert!(
            results.recv().is_err(),
            "the callback of a crashed peer ran"
        );
    });
}

/// Code of a peer that runs on another's thread acts for its peer, so what it spawns belongs there.
#[test]
fn handlers_and_callbacks_act_for_their_peers() {
    struct Says(Sender<(&'static str, Option<u32>)>);
    fn me() -> Option<u32> {
        Domain::current().map(|d| d.peer())
    }
    impl keep::DeferredHandler for Says {
        fn take(&self, n: u32, reply: Responder<u32>) {
            self.0.send(("deferred", me())).unwrap();
            reply.send(n);
        }
    }
    impl keep::Handler for Says {
        fn take(&self, n: u32) -> u32 {
            self.0.send(("handler", me())).unwrap();
            n
        }
    }
    on_clocks(|| {
        let net = Network::new();
        let (to, said) = unbounded();
        let says = || Arc::new(Says(to.clone()));
        let (one, two) = (Domain::new(1, 0), Domain::new(2, 0));
        net.add_server(
            "a",
            Server::in_domain(&one).with(keep::deferred_service(says())),
        );
        net.add_server("b", Server::in_domain(&one).with(keep::service(says())));
        for server in ["a", "b"] {
            let end = net.make_end_in(server, &two);
            net.connect(server, server);
            net.enable(server, true);
            let to = to.clone();
            let client = keep::Client::new(end);
            client
                .callback()
                .take(&1, move |_| to.send(("callback", me())).unwrap());
            assert_eq!(said.recv().unwrap().1, Some(1));
            assert_eq!(said.recv().unwrap(), ("callback", Some(2)));
        }
        assert_eq!(me(), None);
    });
}

/// What belongs to no peer, a server or a callback, does not run on a peer's thread, nor end with it.
#[test]
fn what_belongs_to_no_peer_survives_a_crash() {
    on_clocks(|| {
        for mode in MODES {
            let world = World::new(mode);
            let peer = Domain::new(1, 0);
            let end = world.net.make_end_in("end", &peer);
            world.net.connect("end", "server");
            world.net.enable("end", true);
            let client = junk::Client::new(end);
            peer.spawn("caller", move || drop(client.handler2(&1)));
            eventually("the peer's call has run", || {
                world.junk.log2.lock().len() == 1
            });
            peer.crash();
            world.client("other").handler2(&2).unwrap();

            let peer = Domain::new(2, 0);
            let server = Server::in_domain(&peer).with(service(&world.junk, mode));
            world.net.add_server("peer", server);
            let end = world.net.make_end("to-peer");
            world.net.connect("to-peer", "peer");
            world.net.enable("to-peer", true);
            let (to, peers) = unbounded();
            let client = junk::Client::new(end);
            client
                .callback()
                .handler2(&3, move |_| to.send(Domain::current()).unwrap());
            assert_eq!(peers.recv().unwrap(), None);
        }
    });
}

#[test]
fn shutting_down_fails_calls_in_flight_and_later_ones() {
    on_clocks(|| {
        let net = Network::new();
        let _keeper = keeper(&net, &Domain::new(1, 0));
        let client = end_to(&net, "keeper");
        let in_flight = client.background().take(&1);
        net.shutdown();
        let closed = Err(RpcError::Closed {
            method: "Keep.take".into(),
        });
        assert_eq!(in_flight.recv().unwrap(), closed);
        assert_eq!(client.take(&2), closed);
        net.shutdown();
    });
}

/// Dropping the last handle ends the network as well, also for those who wait for what is due much later.
#[test]
fn dropping_the_network_shuts_it_down() {
    on_clocks(|| {
        let net = Network::new();
        let _keeper = keeper(&net, &Domain::new(1, 0));
        net.set_long_delays(true);
        let client = end_to(&net, "keeper");
        let answered_never = client.background().take(&1);
        net.enable("end", false);
        let told_late = client.background().take(&2);
        drop(net.clone());
        assert!(told_late.try_recv().is_err());
        drop(net);
        assert!(answered_never.recv().unwrap().is_err());
        assert!(told_late.recv().unwrap().is_err());
        assert_eq!(
            client.take(&3),
            Err(RpcError::Closed {
                method: "Keep.take".into()
            })
        );
    });
}

/// Idle workers end when their server is deleted, and the network's thread with the network. (On the wall clock, where a
/// thread's end can be seen by its thread-locals.)
#[test]
fn no_thread_outlives_its_use() {
    static LIVING: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    use std::sync::atomic::Ordering::SeqCst;
    struct Alive;
    impl Drop for Alive {
        fn drop(&mut self) {
            LIVING.fetch_sub(1, SeqCst);
        }
    }
    thread_local! { static ALIVE: Alive = { LIVING.fetch_add(1, SeqCst); Alive } }
    struct Marks;
    impl keep::Handler for Marks {
        fn take(&self, n: u32) -> u32 {
            ALIVE.with(|_| thread::sleep(ms(50)));
            n
        }
    }
    let net = Network::new();
    net.add_server("marks", Server::new().with(keep::service(Arc::new(Marks))));
    let client = end_to(&net, "marks");
    let results: Vec<_> = (0..5).map(|n| client.background().take(&n)).collect();
    results
        .iter()
        .for_each(|r| assert!(r.recv().unwrap().is_ok()));
    assert_eq!(
        LIVING.load(SeqCst),
        5,
        "five requests at once take five workers"
    );
    client.take(&9).unwrap();
    assert_eq!(
        LIVING.load(SeqCst),
        5,
        "an idle worker takes the next request"
    );
    // A callback that is due later runs on the network's thread.
    let reply = Path {
        delay: Delay::fixed(ms(5)),
        ..Path::default()
    };
    net.set_link("end", Some(on_reply(reply)));
    let (to, done) = unbounded();
    client
        .callback()
        .take(&1, move |_| ALIVE.with(|_| to.send(()).unwrap()));
    done.recv().unwrap();
    assert_eq!(LIVING.load(SeqCst), 6);
    net.delete_server("marks");
    eventually("the workers have ended", || LIVING.load(SeqCst) == 1);
    drop(net);
    eventually("the network's thread has ended", || {
        LIVING.load(SeqCst) == 0
    });
}

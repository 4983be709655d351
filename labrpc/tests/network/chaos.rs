//! Peers crash at any point of any call, on a network with every fault there is, and no call is ever forgotten.

use crate::common::{ms, simulate};
use labrpc::{
    Cause, Delay, Fate, Hold, Link, MessageSeen, Network, Observer, Path, Responder, Server,
};
use labsim::channel::{Sender, unbounded};
use labsim::rand::{RngExt, rng};
use labsim::sync::{Arc, Mutex};
use labsim::time::{Duration, Instant};
use labsim::{Domain, thread};

labrpc::service! {
    mod cell: "Cell" {
        fn add(u64) -> u64;
    }
}
labrpc::service! {
    mod actor: "Actor" {
        fn add(u64) -> u64;
    }
}

/// Answers by blocking a while.
struct Cell(Mutex<u64>);

impl cell::Handler for Cell {
    fn add(&self, n: u64) -> u64 {
        let mut sum = self.0.lock();
        *sum += n;
        thread::sleep(Duration::from_micros(rng().random_range(0..30_000)));
        *sum
    }
}

/// Hands requests to a thread.
struct Inbox(Sender<(u64, Responder<u64>)>);

impl actor::DeferredHandler for Inbox {
    fn add(&self, n: u64, reply: Responder<u64>) {
        // The actor may have crashed.
        let _ = self.0.send((n, reply));
    }
}

/// Cuts the power of the peer whose thread is in the middle of sending or delivering, now and then.
struct PowerCuts;

impl PowerCuts {
    fn maybe(&self) {
        if rng().random_ratio(1, 60)
            && let Some(domain) = Domain::current()
        {
            domain.crash();
        }
    }
}

impl Observer for PowerCuts {
    fn on_request(&self, _: &MessageSeen<'_>, _: Fate) {
        self.maybe();
    }
    fn on_arrival(&self, _: &MessageSeen<'_>) {
        self.maybe();
    }
    fn on_reply(&self, _: &MessageSeen<'_>, _: Fate) {
        self.maybe();
    }
    fn on_delivery(&self, _: &MessageSeen<'_>) {
        self.maybe();
    }
    fn on_lost(&self, _: &MessageSeen<'_>, _: Cause) {
        self.maybe();
    }
}

const PEERS: u32 = 3;

/// Some peers, each with an actor and a blocking service, and two threads that call the others.
struct World {
    net: Network,
    domains: Vec<Domain>,
}

impl World {
    fn new() -> World {
        let net = Network::new();
        net.set_long_reordering(true);
        net.observe(Arc::new(PowerCuts));
        let domains = (0..PEERS).map(|peer| Domain::new(peer, 0)).collect();
        let world = World { net, domains };
        (0..PEERS).for_each(|peer| world.start(peer));
        world
    }

    fn name(&self, from: u32, to: u32) -> String {
        format!("{from}.{}-{to}", self.domains[from as usize].incarnation())
    }

    /// Starts a peer in its present domain.
    fn start(&self, me: u32) {
        let domain = &self.domains[me as usize];
        let (to, inbox) = unbounded::<(u64, Responder<u64>)>();
        domain.spawn("actor", move || {
            let mut sum = 0;
            for (n, reply) in inbox {
                sum += n;
                reply.send(sum);
            }
        });
        let server = Server::in_domain(domain)
            .with(cell::service(Arc::new(Cell(Mutex::new(0)))))
            .with(actor::deferred_service(Arc::new(Inbox(to))));
        self.net.add_server(&me.to_string(), server);
        for to in 0..PEERS {
            let name = self.name(me, to);
            let end = self.net.make_end_in(&name, domain);
            self.net.connect(&name, &to.to_string());
            self.net.enable(&name, true);
            let (cells, actors) = (cell::Client::new(end.clone()), actor::Client::new(end));
            domain.spawn("caller", move || {
                loop {
                    let _ = cells.add(&1);
                    let pending = actors.background().add(&1);
                    let _ = pending.recv();
                    thread::sleep(ms(1));
                }
            });
        }
    }

    /// Cuts a peer's power, in either order of what a harness does, and starts it anew.
    fn crash(&mut self, peer: u32) {
        let domain = self.domains[peer as usize].clone();
        let delete_first = rng().random_bool(0.5);
        if delete_first {
            self.net.delete_server(&peer.to_string());
        }
        domain.crash();
        self.net.delete_server(&peer.to_string());
        assert!(
            domain.threads().is_empty(),
            "{:?} outlive a crash",
            domain.threads()
        );
        self.domains[peer as usize] = Domain::new(peer, domain.incarnation() + 1);
        self.start(peer);
    }
}

fn any_path() -> Path {
    let mut rng = rng();
    let delay = Delay::Uniform {
        min_us: 0,
        max_us: 5000,
        step_us: 1,
    };
    Path {
        cut: rng.random_bool(0.1),
        loss: if rng.random_bool(0.5) { 0.2 } else { 0.0 },
        delay: if rng.random_bool(0.5) {
            delay.clone()
        } else {
            Delay::None
        },
        hold: rng.random_bool(0.3).then_some(Hold {
            probability: 0.3,
            delay,
        }),
        duplicate: if rng.random_bool(0.5) { 0.3 } else { 0.0 },
        bytes_per_second: rng.random_bool(0.2).then_some(10_000),
    }
}

/// Makes trouble of one kind.
fn trouble(world: &mut World) {
    let (a, b) = (rng().random_range(0..PEERS), rng().random_range(0..PEERS));
    match rng().random_range(0..6) {
        0 | 1 => world.crash(a),
        2 => {
            let link = Link {
                request: any_path(),
                reply: any_path(),
                notice: Delay::None,
            };
            world.net.set_link(&world.name(a, b), Some(link));
        }
        3 => world.net.set_link(&world.name(a, b), None),
        4 => world.net.enable(&world.name(a, b), rng().random_bool(0.5)),
        _ => world.net.set_reliable(rng().random_bool(0.5)),
    }
}

/// A caller that never crashes makes calls all the while. Each of them ends, and soon: within the longest delay there is, a
/// handler's time, and a look.
#[test]
fn every_call_ends() {
    simulate(|| {
        let mut world = World::new();
        let (to, results) = unbounded();
        let mut sent = 0;
        for to_peer in 0..PEERS {
            let name = format!("tester-{to_peer}");
            let end = world.net.make_end(&name);
            world.net.connect(&name, &to_peer.to_string());
            world.net.enable(&name, true);
            let (cells, actors) = (cell::Client::new(end.clone()), actor::Client::new(end));
            let to = to.clone();
            thread::spawn(move || {
                for n in 0..100 {
                    let start = Instant::now();
                    let to = to.clone();
                    let done = move |r| drop(to.send((n, start.elapsed(), r)));
                    match n % 2 {
                        0 => cells.callback().add(&1, done),
                        _ => actors.callback().add(&1, done),
                    }
                    thread::sleep(ms(7));
                }
            });
            sent += 100;
        }
        drop(to);
        for _ in 0..60 {
            trouble(&mut world);
            for peer in 0..PEERS {
                if !world.domains[peer as usize].is_alive() {
                    world.crash(peer);
                }
            }
            thread::sleep(Duration::from_micros(rng().random_range(0..20_000)));
        }
        let (mut ended, mut answered) = (0, 0);
        while let Ok((n, took, result)) = results.recv_timeout(Duration::from_secs(60)) {
            // 2.2 s of reordering, and a queue of some handlers of up to 30 ms each.
            assert!(took < Duration::from_secs(10), "call {n} took {took:?}");
            ended += 1;
            answered += u32::from(result.is_ok());
        }
        assert_eq!(ended, sent, "calls were forgotten");
        assert!(answered > 0, "no call of {sent} was answered");
        world.domains.iter().for_each(Domain::crash);
        thread::sleep(Duration::from_secs(10));
        assert_eq!(world.net.in_flight(), 0, "calls are left when nobody is");
    });
}

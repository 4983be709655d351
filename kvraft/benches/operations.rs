// BEGIN SOLUTION
//! Operations of three servers on the wall clock, over a reliable network without delay, with
//! snapshots: `cargo bench -p kvraft`.
//!
//! Servers, clerks and the network share the machine's cores, so these figures are of all of them.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

use kvraft::{Clerk, ReadIndexServer, Server};
use labrpc::{ClientEnd, Network};
use labsim::Domain;
use labsim::thread;
use labsim::time::{Duration, Instant};
use raft::Raft;
use raftapi::kv::{KvClerk, KvServer};
use raftapi::{Disk, PeerId};

const SERVERS: usize = 3;
/// Bytes of Raft state at which a server takes a snapshot.
const MAX_STATE: usize = 1 << 20;

fn main() {
    let appends = |clerk: &mut Clerk, number: usize| clerk.append(&key(number), "x");
    let gets = |clerk: &mut Clerk, number: usize| _ = clerk.get(&key(number));
    latency(&Service::start::<Server<Raft>>(), 1000);
    for clerks in [1, 10, 100] {
        let service = Service::start::<Server<Raft>>();
        throughput(&service, "appends", clerks, appends);
        throughput(&service, "gets", clerks, gets);
        let service = Service::start::<ReadIndexServer<Raft>>();
        throughput(&service, "gets, ReadIndex", clerks, gets);
    }
}

fn key(number: usize) -> String {
    (number % 1000).to_string()
}

/// Appends by one clerk, one at a time.
fn latency(service: &Service, appends: usize) {
    let mut clerk = service.clerk("appends one at a time");
    let append = |_| {
        let begin = Instant::now();
        clerk.append("x", "x 0 1234 y");
        begin.elapsed()
    };
    let mut times: Vec<Duration> = (0..appends).map(append).collect();
    times.sort();
    let at = |percent: usize| times[times.len() * percent / 100];
    println!(
        "{appends} appends, one at a time: median {:?}, 99 % {:?}",
        at(50),
        at(99)
    );
}

/// As many operations as so many clerks get done in two seconds.
fn throughput(service: &Service, what: &str, clerks: usize, act: fn(&mut Clerk, usize)) {
    const TIME: Duration = Duration::from_secs(2);
    let begin = Instant::now();
    let work = |mut clerk: Clerk| {
        move || {
            let mut done = 0;
            while begin.elapsed() < TIME {
                act(&mut clerk, done);
                done += 1;
            }
            done
        }
    };
    let clerks: Vec<_> = (0..clerks)
        .map(|number| thread::spawn(work(service.clerk(&format!("{what}, {number}")))))
        .collect();
    let count = clerks.len();
    let done: usize = clerks.into_iter().map(|clerk| clerk.join().unwrap()).sum();
    println!(
        "{what}, {count} clerks: {:.0} operations/s",
        done as f64 / begin.elapsed().as_secs_f64()
    );
}

/// Servers that have a leader.
struct Service {
    net: Network,
    _servers: Vec<Box<dyn KvServer>>,
}

impl Service {
    fn start<S: KvServer>() -> Service {
        let net = Network::new();
        let servers = (0..SERVERS).map(|me| -> Box<dyn KvServer> {
            let domain = Domain::new(me as u32, 0);
            let ends = ends(&net, &format!("server {me}"), Some(&domain));
            let persister = Disk::new().mount(&domain);
            let server = domain.enter(|| S::start(ends, PeerId(me), persister, Some(MAX_STATE)));
            let on_net = labrpc::Server::in_domain(&domain);
            let on_net = server
                .services()
                .into_iter()
                .fold(on_net, labrpc::Server::with);
            net.add_server(&me.to_string(), on_net);
            Box::new(server)
        });
        let _servers = servers.collect();
        let service = Service { net, _servers };
        service.clerk("first").put("x", ""); // once there is a leader
        service
    }

    fn clerk(&self, name: &str) -> Clerk {
        Clerk::new(ends(&self.net, name, None))
    }
}

/// A caller's ends, one to each server.
fn ends(net: &Network, caller: &str, domain: Option<&Domain>) -> Vec<ClientEnd> {
    let end = |to: usize| {
        let name = format!("{caller} to {to}");
        let end = match domain {
            Some(domain) => net.make_end_in(&name, domain),
            None => net.make_end(&name),
        };
        net.connect(&name, &to.to_string());
        net.enable(&name, true);
        end
    };
    (0..SERVERS).map(end).collect()
}
// END SOLUTION

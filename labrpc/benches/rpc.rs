//! One RPC with an argument of 100 bytes, all included: encode, dispatch, handler, reply, decode.

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use labrpc::{Network, Responder, Server};
use labsim::channel::{Sender, unbounded};
use labsim::sync::Arc;
use labsim::time::Duration;
use labsim::{Backend, Config, thread};

labrpc::service! {
    mod echo: "Echo" {
        fn len(Bytes) -> usize;
    }
}

struct Echo;

impl echo::Handler for Echo {
    fn len(&self, args: Bytes) -> usize {
        args.len()
    }
}

impl echo::DeferredHandler for Echo {
    fn len(&self, args: Bytes, reply: Responder<usize>) {
        reply.send(args.len());
    }
}

/// Hands requests to an actor's thread.
struct Inbox(Sender<(Bytes, Responder<usize>)>);

impl echo::DeferredHandler for Inbox {
    fn len(&self, args: Bytes, reply: Responder<usize>) {
        let _ = self.0.send((args, reply));
    }
}

/// Who answers.
#[derive(Clone, Copy)]
enum Answer {
    Worker,
    Actor,
    OnArrival,
}

const ANSWERS: [(&str, Answer); 3] = [
    ("handler on a worker", Answer::Worker),
    ("actor with an inbox", Answer::Actor),
    ("answered on arrival", Answer::OnArrival),
];

fn world(answer: Answer) -> (Network, echo::Client) {
    let net = Network::new();
    let end = net.make_end("end");
    net.connect("end", "server");
    net.enable("end", true);
    let service = match answer {
        Answer::Worker => echo::service(Arc::new(Echo)),
        Answer::Actor => echo::deferred_service(Arc::new(actor())),
        Answer::OnArrival => echo::deferred_service(Arc::new(Echo)),
    };
    net.add_server("server", Server::new().with(service));
    (net, echo::Client::new(end))
}

fn actor() -> Inbox {
    let (to, inbox) = unbounded::<(Bytes, Responder<usize>)>();
    thread::spawn(move || {
        for (args, reply) in inbox {
            reply.send(args.len());
        }
    });
    Inbox(to)
}

fn wall(c: &mut Criterion) {
    let args = Bytes::from(vec![7; 100]);
    let mut group = c.benchmark_group("wall clock");
    for (name, answer) in ANSWERS {
        let (_net, client) = world(answer);
        group.bench_function(name, |b| b.iter(|| client.len(&args).unwrap()));
    }
    group.finish();
}

/// So many calls in one simulation; the real time they took.
fn simulated(backend: Backend, answer: Answer, calls: u64) -> Duration {
    let calls = move || {
        let (_net, client) = world(answer);
        let args = Bytes::from(vec![7; 100]);
        client.len(&args).unwrap();
        let start = std::time::Instant::now();
        for _ in 0..calls {
            client.len(&args).unwrap();
        }
        start.elapsed()
    };
    labsim::run(Config::seed(1).backend(backend), calls).unwrap()
}

fn simulation(c: &mut Criterion) {
    for (backend, label) in [(Backend::Fiber, "fibers"), (Backend::Os, "OS threads")] {
        let mut group = c.benchmark_group(format!("simulation on {label}"));
        for (name, answer) in ANSWERS {
            group.bench_function(name, |b| b.iter_custom(|n| simulated(backend, answer, n)));
        }
        group.finish();
    }
}

criterion_group!(benches, wall, simulation);
criterion_main!(benches);

//! One RPC with an argument of 100 bytes, all included: encode, dispatch, handler, reply, decode.

use criterion::{Criterion, criterion_group, criterion_main};
use labrpc::{Network, Responder, Server};
use labsim::channel::{Sender, unbounded};
use labsim::sync::Arc;
use labsim::thread;

labrpc::service! {
    mod echo: "Echo" {
        fn len(Vec<u8>) -> usize;
    }
}

struct Echo;

impl echo::Handler for Echo {
    fn len(&self, args: Vec<u8>) -> usize {
        args.len()
    }
}

impl echo::DeferredHandler for Echo {
    fn len(&self, args: Vec<u8>, reply: Responder<usize>) {
        reply.send(args.len());
    }
}

/// Hands requests to an actor's thread.
struct Inbox(Sender<(Vec<u8>, Responder<usize>)>);

impl echo::DeferredHandler for Inbox {
    fn len(&self, args: Vec<u8>, reply: Responder<usize>) {
        let _ = self.0.send((args, reply));
    }
}

fn world(server: Server) -> (Network, echo::Client) {
    let net = Network::new();
    let end = net.make_end("end");
    net.connect("end", "server");
    net.enable("end", true);
    net.add_server("server", server);
    (net, echo::Client::new(end))
}

fn actor() -> Server {
    let (to, inbox) = unbounded::<(Vec<u8>, Responder<usize>)>();
    thread::spawn(move || {
        for (args, reply) in inbox {
            reply.send(args.len());
        }
    });
    Server::new().with(echo::deferred_service(Arc::new(Inbox(to))))
}

fn wall(c: &mut Criterion) {
    let args = vec![7; 100];
    let echo = Arc::new(Echo);
    let servers = [
        (
            "handler on a worker",
            Server::new().with(echo::service(echo.clone())),
        ),
        ("actor with an inbox", actor()),
        (
            "answered on arrival",
            Server::new().with(echo::deferred_service(echo)),
        ),
    ];
    let mut group = c.benchmark_group("wall clock");
    for (name, server) in servers {
        let (_net, client) = world(server);
        group.bench_function(name, |b| b.iter(|| client.len(&args).unwrap()));
    }
    group.finish();
}

criterion_group!(benches, wall);
criterion_main!(benches);

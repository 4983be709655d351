//! What the test files share: the service of the original lab's own tests, and small networks.
#![allow(dead_code)]

use labrpc::{ClientEnd, Link, Network, Path, Responder, Server, Service};
use labsim::sync::{Arc, Mutex};
use labsim::thread;
use labsim::time::Duration;
use labsim::{Backend, Config, Scheduler};
use serde::{Deserialize, Serialize};

/// An argument with more than one field.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Arg {
    pub x: i32,
    pub tags: Vec<String>,
}

/// A reply with more than one field.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    pub x: String,
    pub seen: Option<Arg>,
}

labrpc::service! {
    /// The service of the original lab's own tests.
    pub mod junk: "Junk" {
        /// The number's length after it has been doubled as text; noted in the server's first log.
        fn handler1(String) -> i32;
        /// The number as text.
        fn handler2(i32) -> String;
        /// Takes 20 seconds.
        fn handler3(i32) -> i32;
        /// A struct in, a struct out.
        fn handler4(Arg) -> Reply;
        /// Long text in, its length out.
        fn handler6(String) -> usize;
        /// A number in, so much text out.
        fn handler7(usize) -> String;
        /// Panics.
        fn fail(i32) -> i32;
    }
}

labrpc::service! {
    /// A second service on the same server.
    pub mod slow: "Slow" {
        /// Sleeps for so many ms, and returns the number.
        fn sleep_ms(u64) -> u64;
    }
}

impl slow::Handler for Junk {
    fn sleep_ms(&self, args: u64) -> u64 {
        thread::sleep(Duration::from_millis(args));
        args
    }
}

/// Answers, and keeps a log of what it was asked.
#[derive(Default)]
pub struct Junk {
    pub log1: Mutex<Vec<String>>,
    pub log2: Mutex<Vec<i32>>,
}

impl junk::Handler for Junk {
    fn handler1(&self, args: String) -> i32 {
        let n = args.parse().unwrap_or(-1);
        self.log1.lock().push(args);
        n
    }
    fn handler2(&self, args: i32) -> String {
        self.log2.lock().push(args);
        format!("handler2-{args}")
    }
    fn handler3(&self, args: i32) -> i32 {
        thread::sleep(Duration::from_secs(20));
        -args
    }
    fn handler4(&self, args: Arg) -> Reply {
        Reply {
            x: "struct".into(),
            seen: Some(args),
        }
    }
    fn handler6(&self, args: String) -> usize {
        args.len()
    }
    fn handler7(&self, args: usize) -> String {
        "y".repeat(args)
    }
    fn fail(&self, args: i32) -> i32 {
        panic!("the handler was asked to fail with {args}")
    }
}

impl junk::DeferredHandler for Junk {
    fn handler1(&self, args: String, reply: Responder<i32>) {
        reply.send(junk::Handler::handler1(self, args));
    }
    fn handler2(&self, args: i32, reply: Responder<String>) {
        reply.send(junk::Handler::handler2(self, args));
    }
    fn handler3(&self, args: i32, reply: Responder<i32>) {
        thread::spawn(move || {
            thread::sleep(Duration::from_secs(20));
            reply.send(-args);
        });
    }
    fn handler4(&self, args: Arg, reply: Responder<Reply>) {
        reply.send(junk::Handler::handler4(self, args));
    }
    fn handler6(&self, args: String, reply: Responder<usize>) {
        reply.send(args.len());
    }
    fn handler7(&self, args: usize, reply: Responder<String>) {
        reply.send("y".repeat(args));
    }
    fn fail(&self, args: i32, _: Responder<i32>) {
        panic!("the deferred handler was asked to fail with {args}")
    }
}

/// Both ways to answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    Blocking,
    Deferred,
}

pub const MODES: [Mode; 2] = [Mode::Blocking, Mode::Deferred];

pub fn service(junk: &Arc<Junk>, mode: Mode) -> Service {
    match mode {
        Mode::Blocking => junk::service(junk.clone()),
        Mode::Deferred => junk::deferred_service(junk.clone()),
    }
}

/// A network with one server, "server", and what it logs.
pub struct World {
    pub net: Network,
    pub junk: Arc<Junk>,
    mode: Mode,
}

impl World {
    pub fn new(mode: Mode) -> World {
        let world = World {
            net: Network::new(),
            junk: Arc::default(),
            mode,
        };
        world.restart();
        world
    }

    /// Puts a new server in the place of the old.
    pub fn restart(&self) {
        let server = Server::new().with(service(&self.junk, self.mode));
        self.net
            .add_server("server", server.with(slow::service(self.junk.clone())));
    }

    /// An end that is connected to the server and enabled.
    pub fn end(&self, name: &str) -> ClientEnd {
        let end = self.net.make_end(name);
        self.net.connect(name, "server");
        self.net.enable(name, true);
        end
    }

    pub fn client(&self, name: &str) -> junk::Client {
        junk::Client::new(self.end(name))
    }
}

/// Runs a test's body on the wall clock, then in simulations: many seeds, few preemptions and many, on both kinds of
/// threads, which must give the same trace.
#[track_caller]
pub fn on_clocks(body: fn()) {
    body();
    simulate(body);
}

/// Runs a test's body in simulations only.
#[track_caller]
pub fn simulate(body: fn()) {
    for seed in seeds() {
        let one_in = if seed % 2 == 0 { 50 } else { 3 };
        let config = Config::seed(seed).scheduler(Scheduler::Random { one_in });
        let [os, fiber] = [Backend::Os, Backend::Fiber].map(|backend| {
            let outcome = labsim::run(config.clone().backend(backend), body);
            if let Err(failure) = outcome.result {
                panic!("with seed {seed} on {backend:?} threads: {failure}");
            }
            outcome.trace_hash
        });
        assert_eq!(os, fiber, "with seed {seed} OS threads and fibers part");
    }
}

/// The seeds to try: `LAB_RUNS` of them, from `LAB_SEED` on.
fn seeds() -> std::ops::Range<u64> {
    let number = |name: &str, default| {
        let set = std::env::var(name).ok();
        set.map_or(default, |n| {
            n.parse()
                .unwrap_or_else(|_| panic!("{name}={n} is no number"))
        })
    };
    let first = number("LAB_SEED", 0);
    first..first + number("LAB_RUNS", 10)
}

/// How late something may be: on the wall clock the machine may be busy, in a simulation calls cost a little.
pub fn slack() -> Duration {
    ms(if labsim::is_simulated() { 5 } else { 60 })
}

/// Waits until something is so.
#[track_caller]
pub fn eventually(what: &str, so: impl Fn() -> bool) {
    for _ in 0..500 {
        if so() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("not so even after 5 s: {what}");
}

pub fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A link that is perfect but for its way to the server.
pub fn on_request(request: Path) -> Link {
    Link {
        request,
        ..Link::default()
    }
}

/// A link that is perfect but for its way back.
pub fn on_reply(reply: Path) -> Link {
    Link {
        reply,
        ..Link::default()
    }
}

//! The clerk: another server at random if one does not answer soon.

use labrpc::ClientEnd;
use labsim::rand::{Rng, rng};
use labsim::thread;
use labsim::time::Duration;
use raftapi::kv::KvClerk;

use crate::message::{Args, Kind, kv_rpc};

/// How long an answer may take. Shorter than what a handler has: then the clerk is elsewhere already.
const PATIENCE: Duration = Duration::from_millis(200);

/// A client of the service.
pub struct Clerk {
    servers: Vec<kv_rpc::Client>,
    id: u64,
    number: u32,
    leader: usize,
}

impl KvClerk for Clerk {
    fn new(servers: Vec<ClientEnd>) -> Self {
        let servers: Vec<_> = servers.into_iter().map(kv_rpc::Client::new).collect();
        let leader = rng().next_u64() as usize % servers.len();
        Clerk {
            servers,
            id: rng().next_u64(),
            number: 0,
            leader,
        }
    }

    fn get(&mut self, key: &str) -> String {
        self.run(Kind::Get, key, "")
    }

    fn put(&mut self, key: &str, value: &str) {
        self.run(Kind::Put, key, value);
    }

    fn append(&mut self, key: &str, value: &str) {
        self.run(Kind::Append, key, value);
    }
}

impl Clerk {
    fn run(&mut self, kind: Kind, key: &str, value: &str) -> String {
        self.number += 1;
        let args = Args {
            kind,
            key: key.to_string(),
            value: value.to_string(),
            ticket: (self.id, self.number),
        };
        loop {
            let answer = self.servers[self.leader].background().submit(&args);
            if let Ok(Ok(Some(value))) = answer.recv_timeout(PATIENCE) {
                return value;
            }
            self.leader = rng().next_u64() as usize % self.servers.len();
            thread::sleep(Duration::from_millis(10));
        }
    }
}

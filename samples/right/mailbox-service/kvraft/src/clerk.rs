//! The clerk: it asks all servers at once.

use labrpc::ClientEnd;
use labsim::channel::unbounded;
use labsim::rand::{Rng, rng};
use labsim::time::{Duration, Instant};
use raftapi::kv::KvClerk;

use crate::message::{Letter, What, box_rpc};

/// When all are asked again.
const ROUND: Duration = Duration::from_millis(250);

/// A client of the service.
pub struct Clerk {
    servers: Vec<box_rpc::Client>,
    id: u64,
    number: u64,
}

impl KvClerk for Clerk {
    fn new(servers: Vec<ClientEnd>) -> Self {
        Clerk {
            servers: servers.into_iter().map(box_rpc::Client::new).collect(),
            id: rng().next_u64(),
            number: 0,
        }
    }

    fn get(&mut self, key: &str) -> String {
        self.send(key, What::Read)
    }

    fn put(&mut self, key: &str, value: &str) {
        self.send(key, What::Be(value.to_string()));
    }

    fn append(&mut self, key: &str, value: &str) {
        self.send(key, What::Grow(value.to_string()));
    }
}

impl Clerk {
    fn send(&mut self, key: &str, what: What) -> String {
        self.number += 1;
        let letter = Letter {
            from: self.id,
            number: self.number,
            key: key.to_string(),
            what,
        };
        let (tell, told) = unbounded();
        loop {
            for server in &self.servers {
                let tell = tell.clone();
                server
                    .callback()
                    .post(&letter, move |answer| _ = tell.send(answer));
            }
            let again = Instant::now() + ROUND;
            while let Ok(answer) = told.recv_deadline(again) {
                if let Ok(Ok(value)) = answer {
                    return value;
                }
            }
        }
    }
}

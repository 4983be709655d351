//! The clerk: one server after the other, beginning with the one that answered last.

use labrpc::{ClientEnd, RpcError};
use labsim::channel::Receiver;
use labsim::rand::{Rng, rng};
use labsim::thread;
use labsim::time::Duration;
use raftapi::kv::KvClerk;

use crate::message::{Answer, Change, Get, Ticket, store_rpc};

/// A client of the service.
pub struct Clerk {
    servers: Vec<store_rpc::Client>,
    ticket: Ticket,
    leader: usize,
}

impl KvClerk for Clerk {
    fn new(servers: Vec<ClientEnd>) -> Self {
        Clerk {
            servers: servers.into_iter().map(store_rpc::Client::new).collect(),
            ticket: Ticket {
                clerk: rng().next_u64(),
                number: 0,
            },
            leader: 0,
        }
    }

    fn get(&mut self, key: &str) -> String {
        let get = Get {
            ticket: self.next_ticket(),
            key: key.to_string(),
        };
        self.until_done(|server| server.background().get(&get))
    }

    fn put(&mut self, key: &str, value: &str) {
        self.change(key, value, false);
    }

    fn append(&mut self, key: &str, value: &str) {
        self.change(key, value, true);
    }
}

impl Clerk {
    fn next_ticket(&mut self) -> Ticket {
        self.ticket.number += 1;
        self.ticket
    }

    fn change(&mut self, key: &str, value: &str, append: bool) {
        let change = Change {
            ticket: self.next_ticket(),
            key: key.to_string(),
            value: value.to_string(),
            append,
        };
        self.until_done(|server| server.background().change(&change));
    }

    fn until_done(
        &mut self,
        call: impl Fn(&store_rpc::Client) -> Receiver<Result<Answer, RpcError>>,
    ) -> String {
        loop {
            let reply = call(&self.servers[self.leader]).recv_timeout(Duration::from_secs(1));
            if let Ok(Ok(Answer::Ok(value))) = reply {
                return value;
            }
            self.leader = (self.leader + 1) % self.servers.len();
            if self.leader == 0 {
                thread::sleep(Duration::from_millis(100)); // time for an election
            }
        }
    }
}

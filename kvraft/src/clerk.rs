//! The client's side of the service.

use labrpc::ClientEnd;
use raftapi::kv::KvClerk;
// BEGIN SOLUTION
use labsim::log::debug;
use labsim::rand::{Rng, rng};
use labsim::thread;
use labsim::time::Duration;
use raftapi::PeerId;

use crate::message::{ClerkId, Op, Reply, Request, kv_rpc};

/// How long a server may take to answer. Longer than a server keeps a request that it cannot
/// commit (`server::PATIENCE`), so that one which is alive has its say; shorter than a network
/// may take to report a lost call.
const PATIENCE: Duration = Duration::from_millis(700);

/// After all servers have declined: time for an election to get on.
const PAUSE: Duration = Duration::from_millis(25);
// END SOLUTION

/// A client of the service.
pub struct Clerk {
    // BEGIN SOLUTION
    servers: Vec<kv_rpc::Client>,
    id: ClerkId,
    /// The number of the last operation begun.
    number: u64,
    /// The server asked first: the one that answered last.
    leader: PeerId,
    // END SOLUTION
    // STUB: // What must a clerk remember from one operation to the next?
}

impl KvClerk for Clerk {
    fn new(servers: Vec<ClientEnd>) -> Clerk {
        // BEGIN SOLUTION
        Clerk {
            servers: servers.into_iter().map(kv_rpc::Client::new).collect(),
            id: ClerkId(rng().next_u64()),
            number: 0,
            leader: PeerId(0),
        }
        // END SOLUTION
        // STUB: let _ = servers;
        // STUB: Clerk {}
    }

    fn get(&mut self, key: &str) -> String {
        // BEGIN SOLUTION
        let key = key.to_string();
        self.execute(Op::Get { key })
        // END SOLUTION
        // STUB: let _ = key;
        // STUB: String::new()
    }

    fn put(&mut self, key: &str, value: &str) {
        // BEGIN SOLUTION
        let (key, value) = (key.to_string(), value.to_string());
        self.execute(Op::Put { key, value });
        // END SOLUTION
        // STUB: let _ = (key, value);
    }

    fn append(&mut self, key: &str, value: &str) {
        // BEGIN SOLUTION
        let (key, value) = (key.to_string(), value.to_string());
        self.execute(Op::Append { key, value });
        // END SOLUTION
        // STUB: let _ = (key, value);
    }
}

// BEGIN SOLUTION
impl Clerk {
    /// Sends the operation until a server has executed it.
    ///
    /// It has one number, however often it is sent: by that number the servers know it again. A new
    /// number for each try would make each try an operation of its own.
    fn execute(&mut self, op: Op) -> String {
        self.number += 1;
        let request = Request {
            clerk: self.id,
            number: self.number,
            op,
        };
        loop {
            if let Some(value) = self.ask_around(&request) {
                return value;
            }
            thread::sleep(PAUSE);
        }
    }

    /// Asks as many servers as there are, beginning with the one believed to lead. A hint is
    /// followed once a round: two deposed leaders could hint at each other for ever.
    fn ask_around(&mut self, request: &Request) -> Option<String> {
        let mut may_follow = true;
        for _ in 0..self.servers.len() {
            let hint = match self.ask(request) {
                Some(Reply::Done(value)) => return Some(value),
                Some(Reply::NotHere { leader }) => leader,
                None => None,
            };
            let next = PeerId((self.leader.0 + 1) % self.servers.len());
            let hinted = hint.filter(|hint| may_follow && *hint != self.leader);
            may_follow &= hinted.is_none();
            self.leader = hinted.unwrap_or(next);
        }
        None
    }

    /// Asks one server. No answer in time is as good as none: a server may hang, and the network
    /// may take its time to say that one is dead.
    fn ask(&self, request: &Request) -> Option<Reply> {
        let answer = self.servers[self.leader.0].background().execute(request);
        let reply = answer.recv_timeout(PATIENCE).ok()?.ok();
        debug!(target: "clerk", "clerk {:x} asks server {} for its operation {}: {reply:?}", self.id.0, self.leader, request.number);
        reply
    }
}
// END SOLUTION

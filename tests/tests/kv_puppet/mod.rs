//! A pretender of a key/value service: server 0 has the store and does everything alone. It passes
//! the simplest stories, and has one flaw at a time for a check to find.

use std::collections::BTreeMap;

use labrpc::{ClientEnd, Service};
use labsim::channel::unbounded;
use labsim::sync::{Arc, Mutex};
use labsim::thread;
use labsim::time::Duration;
use raftapi::kv::{KvClerk, KvServer};
use raftapi::{PeerId, Persister, Raft};

use crate::puppet::{self, Puppet};

labrpc::service! {
    /// What a clerk asks for.
    pub mod store_rpc: "Store" {
        /// Writes, and gives what the key's value was before.
        fn write((String, String, bool)) -> String;
        /// The key's value.
        fn read(String) -> String;
    }
}

/// What is wrong with a service.
pub mod flaw {
    /// Nothing.
    pub const NONE: u8 = 0;
    /// Appends get lost.
    pub const FORGETS: u8 = 1;
    /// Appends are done twice.
    pub const TWICE: u8 = 2;
    /// Gets give the value before the last write.
    pub const STALE: u8 = 3;
    /// Nobody is ever answered.
    pub const SILENT: u8 = 4;
    /// Each server has a store of its own and answers for itself.
    pub const LOCAL: u8 = 5;
    /// Everything takes 50 ms.
    pub const SLOW: u8 = 6;
    /// Raft's state and the snapshot grow with each write.
    pub const HOARDS: u8 = 7;
    /// There are no snapshots.
    pub const NO_SNAPSHOT: u8 = 8;
    /// No write is answered, and gets give a value that many of them together might almost make.
    pub const RIDDLE: u8 = 9;
    /// Clerks ask nobody.
    pub const IDLE: u8 = 10;
    /// Nobody is ever served, and clerks ask on without a pause.
    pub const RESTLESS: u8 = 11;
}

/// A server of the service.
pub struct Pretender<const FLAW: u8> {
    raft: Puppet<{ puppet::NONE }>,
    shelf: Arc<Shelf<FLAW>>,
}

/// Its store.
struct Shelf<const FLAW: u8> {
    persister: Persister,
    limited: bool,
    values: Mutex<BTreeMap<String, Values>>,
}

/// A key's value, and the one before.
#[derive(Clone, Default)]
struct Values {
    now: String,
    before: String,
    writes: usize,
}

impl<const FLAW: u8> Shelf<FLAW> {
    fn take_time(&self) {
        match FLAW {
            flaw::SILENT => thread::sleep(Duration::from_secs(3600)),
            flaw::SLOW => thread::sleep(Duration::from_millis(50)),
            _ => {}
        }
    }
}

impl<const FLAW: u8> store_rpc::Handler for Shelf<FLAW> {
    fn write(&self, (key, value, append): (String, String, bool)) -> String {
        self.take_time();
        if FLAW == flaw::RIDDLE {
            thread::sleep(Duration::from_secs(3600));
        }
        let mut values = self.values.lock();
        let slot = values.entry(key).or_default();
        slot.before = slot.now.clone();
        slot.writes += 1;
        let times = match FLAW {
            flaw::FORGETS if append => 0,
            flaw::TWICE if append => 2,
            _ => 1,
        };
        if !append {
            slot.now.clear();
        }
        (0..times).for_each(|_| slot.now += &value);
        let (state, snapshot) = match FLAW {
            flaw::HOARDS => (slot.writes * 1000, slot.writes * 1000),
            flaw::NO_SNAPSHOT => (100, 0),
            _ => (100, 100),
        };
        if self.limited || FLAW == flaw::HOARDS {
            self.persister.save(vec![0; state], vec![0; snapshot]);
        }
        slot.before.clone()
    }

    fn read(&self, key: String) -> String {
        self.take_time();
        if FLAW == flaw::RIDDLE {
            return "a".repeat(150) + "b";
        }
        let values = self.values.lock();
        let slot = values.get(&key).cloned().unwrap_or_default();
        if FLAW == flaw::STALE {
            slot.before
        } else {
            slot.now
        }
    }
}

impl<const FLAW: u8> KvServer for Pretender<FLAW> {
    fn start(
        peers: Vec<ClientEnd>,
        me: PeerId,
        persister: Persister,
        max_state: Option<usize>,
    ) -> Self {
        let (apply, _) = unbounded();
        let shelf = Shelf {
            persister: persister.clone(),
            limited: max_state.is_some(),
            values: Mutex::default(),
        };
        Pretender {
            raft: Puppet::make(peers, me, persister, apply),
            shelf: Arc::new(shelf),
        }
    }

    fn services(&self) -> Vec<Service> {
        vec![self.raft.service(), store_rpc::service(self.shelf.clone())]
    }

    fn raft(&self) -> &dyn Raft {
        &self.raft
    }

    fn kill(&self) {
        self.raft.kill();
    }
}

/// A clerk of the service. It asks server 0; those of local stores ask whomever they reach.
pub struct Client<const FLAW: u8> {
    servers: Vec<store_rpc::Client>,
}

impl<const FLAW: u8> Client<FLAW> {
    fn ask<T>(&self, ask: impl Fn(&store_rpc::Client) -> Option<T>) -> T {
        let asked = if FLAW == flaw::LOCAL {
            self.servers.len()
        } else {
            1
        };
        loop {
            let answer = self.servers[..asked].iter().find_map(&ask);
            match answer.filter(|_| FLAW != flaw::RESTLESS) {
                Some(answer) => return answer,
                None if FLAW == flaw::RESTLESS => {}
                None => thread::sleep(Duration::from_millis(25)),
            }
        }
    }

    fn write(&self, key: &str, value: &str, append: bool) {
        let write = (key.to_string(), value.to_string(), append);
        self.ask(|server| server.write(&write).ok());
    }
}

impl<const FLAW: u8> KvClerk for Client<FLAW> {
    fn new(servers: Vec<ClientEnd>) -> Self {
        let servers = servers.into_iter().map(store_rpc::Client::new).collect();
        Client { servers }
    }

    fn get(&mut self, key: &str) -> String {
        if FLAW == flaw::IDLE {
            return String::new();
        }
        self.ask(|server| server.read(&key.to_string()).ok())
    }

    fn put(&mut self, key: &str, value: &str) {
        self.write(key, value, false);
    }

    fn append(&mut self, key: &str, value: &str) {
        self.write(key, value, true);
    }
}

//! The server.

use labrpc::{ClientEnd, Service};
use labsim::channel::{Receiver, unbounded};
use labsim::sync::{Arc, Condvar, Mutex};
use labsim::thread;
use labsim::time::{Duration, Instant};
use raftapi::kv::KvServer;
use raftapi::{ApplyMsg, PeerId, Persister, Raft};

use crate::message::{Answer, Change, Entry, Get, store_rpc};
use crate::state::Machine;

/// How long a handler waits.
const PATIENCE: Duration = Duration::from_millis(500);

/// A server.
pub struct Server<R: Raft>(Arc<Shared<R>>);

struct Shared<R> {
    raft: R,
    persister: Persister,
    max_state: Option<usize>,
    inner: Mutex<Inner>,
    applied: Condvar,
}

struct Inner {
    machine: Machine,
    killed: bool,
}

impl<R: Raft> KvServer for Server<R> {
    fn start(
        peers: Vec<ClientEnd>,
        me: PeerId,
        persister: Persister,
        max_state: Option<usize>,
    ) -> Self {
        let machine = Machine::load(&persister.snapshot());
        let (apply_tx, apply_rx) = unbounded();
        let shared = Arc::new(Shared {
            raft: R::make(peers, me, persister.clone(), apply_tx),
            persister,
            max_state,
            inner: Mutex::new(Inner {
                machine,
                killed: false,
            }),
            applied: Condvar::new(),
        });
        let for_applier = shared.clone();
        thread::spawn(move || for_applier.apply_all(apply_rx));
        Server(shared)
    }

    fn services(&self) -> Vec<Service> {
        vec![self.0.raft.service(), store_rpc::service(self.0.clone())]
    }

    fn raft(&self) -> &dyn Raft {
        &self.0.raft
    }

    fn kill(&self) {
        self.0.raft.kill();
        self.0.inner.lock().killed = true;
        self.0.applied.notify_all();
    }
}

impl<R: Raft> store_rpc::Handler for Shared<R> {
    fn get(&self, get: Get) -> Answer {
        self.execute(Entry::Get(get))
    }

    fn change(&self, change: Change) -> Answer {
        self.execute(Entry::Change(change))
    }
}

impl<R: Raft> Shared<R> {
    fn execute(&self, entry: Entry) -> Answer {
        let ticket = entry.ticket();
        let mut inner = self.inner.lock();
        // Sent again, and done meanwhile. Any server may say so, leader or not.
        if let Some(answer) = inner.machine.answer(ticket) {
            return Answer::Ok(answer.clone());
        }
        let Ok((_, term)) = self.raft.start(labgob::encode(&entry).into()) else {
            return Answer::WrongLeader;
        };
        let begun = Instant::now();
        loop {
            if let Some(answer) = inner.machine.answer(ticket) {
                return Answer::Ok(answer.clone());
            }
            if inner.killed || begun.elapsed() >= PATIENCE {
                return Answer::Timeout;
            }
            if self.raft.state() != (term, true) {
                return Answer::WrongLeader;
            }
            self.applied
                .wait_for(&mut inner, Duration::from_millis(100));
        }
    }

    fn apply_all(&self, messages: Receiver<ApplyMsg>) {
        for message in messages {
            let mut inner = self.inner.lock();
            match message {
                ApplyMsg::Command { index, command, .. } => {
                    let entry = labgob::decode(&command).expect("an entry of this service");
                    inner.machine.execute(entry);
                    if let Some(limit) = self.max_state
                        && self.persister.state_len() > limit
                    {
                        let snapshot = labgob::encode(&inner.machine);
                        self.raft.snapshot(index, snapshot.into());
                    }
                }
                ApplyMsg::Snapshot { snapshot, .. } => inner.machine = Machine::load(&snapshot),
            }
            drop(inner);
            self.applied.notify_all();
        }
    }
}

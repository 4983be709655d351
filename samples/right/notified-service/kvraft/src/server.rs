//! The server.

use std::collections::BTreeMap;

use labrpc::{ClientEnd, Service};
use labsim::channel::{Receiver, Sender, bounded, unbounded};
use labsim::sync::{Arc, Mutex};
use labsim::thread;
use labsim::time::Duration;
use raftapi::kv::KvServer;
use raftapi::{ApplyMsg, LogIndex, PeerId, Persister, Raft};

use crate::message::{Args, kv_rpc};
use crate::table::Table;

/// How long a handler waits.
const PATIENCE: Duration = Duration::from_millis(300);

/// Who did it, and a get's value.
type Outcome = ((u64, u32), String);

/// A server.
pub struct Server<R: Raft>(Arc<Shared<R>>);

struct Shared<R> {
    raft: R,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    table: Table,
    /// The last entry in the table.
    last: LogIndex,
    handlers: BTreeMap<LogIndex, Sender<Outcome>>,
    killed: bool,
}

impl<R: Raft> KvServer for Server<R> {
    fn start(
        peers: Vec<ClientEnd>,
        me: PeerId,
        persister: Persister,
        max_state: Option<usize>,
    ) -> Self {
        let mut inner = Inner::default();
        inner.load(&persister.snapshot());
        let (apply_tx, apply_rx) = unbounded();
        let shared = Arc::new(Shared {
            raft: R::make(peers, me, persister.clone(), apply_tx),
            inner: Mutex::new(inner),
        });
        let applier = shared.clone();
        thread::spawn(move || {
            for message in apply_rx {
                applier.apply(message);
                if max_state.is_some_and(|limit| persister.state_len() > limit / 2) {
                    applier.write_snapshot();
                }
            }
        });
        Server(shared)
    }

    fn services(&self) -> Vec<Service> {
        vec![self.0.raft.service(), kv_rpc::service(self.0.clone())]
    }

    fn raft(&self) -> &dyn Raft {
        &self.0.raft
    }

    fn kill(&self) {
        self.0.inner.lock().killed = true;
        self.0.raft.kill();
    }
}

impl<R: Raft> kv_rpc::Handler for Shared<R> {
    fn submit(&self, args: Args) -> Option<String> {
        let ticket = args.ticket;
        let (index, outcome) = self.propose(&args)?;
        let told = outcome.recv_timeout(PATIENCE);
        if told.is_err() {
            // Perhaps somebody else's by now, who then waits in vain and is asked again.
            self.inner.lock().handlers.remove(&index);
        }
        told.ok()
            .and_then(|(done, value)| (done == ticket).then_some(value))
    }
}

impl<R: Raft> Shared<R> {
    fn propose(&self, args: &Args) -> Option<(LogIndex, Receiver<Outcome>)> {
        let mut inner = self.inner.lock();
        if inner.killed {
            return None;
        }
        let (index, _) = self.raft.start(labgob::encode(args).into()).ok()?;
        let (tell, told) = bounded(1);
        inner.handlers.insert(index, tell);
        Some((index, told))
    }

    /// Under the lock only as long as it takes to write the bytes.
    fn write_snapshot(&self) {
        let (last, snapshot) = {
            let inner = self.inner.lock();
            (inner.last, labgob::encode(&inner.table))
        };
        self.raft.snapshot(last, snapshot.into());
    }

    fn apply(&self, message: ApplyMsg) {
        let mut inner = self.inner.lock();
        match message {
            ApplyMsg::Command { index, command, .. } => {
                let args: Args = labgob::decode(&command).expect("an entry of this service");
                let outcome = (args.ticket, inner.table.apply(args));
                inner.last = index;
                if let Some(tell) = inner.handlers.remove(&index) {
                    let _ = tell.send(outcome);
                }
            }
            ApplyMsg::Snapshot {
                index, snapshot, ..
            } => {
                inner.load(&snapshot);
                inner.last = index;
            }
        }
    }
}

impl Inner {
    fn load(&mut self, snapshot: &[u8]) {
        if !snapshot.is_empty() {
            self.table = labgob::decode(snapshot).expect("a snapshot of this service");
        }
    }
}

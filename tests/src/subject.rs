//! What is under test, without its type: the harness is compiled once, whatever it tests.

use labrpc::{ClientEnd, Service};
use labsim::Domain;
use labsim::channel::{Sender, bounded};
use labsim::sync::Arc;
use raftapi::kv::{KvClerk, KvServer};
use raftapi::view::{RpcView, SavedView};
use raftapi::{ApplyMsg, PeerId, Persister, Raft};

use crate::applier::{Applier, SERVICE};
use crate::{Cluster, Server};

/// Makes a peer, as `raftapi::Raft::make` does.
type MakeRaft = fn(Vec<ClientEnd>, PeerId, Persister, Sender<ApplyMsg>) -> Arc<dyn Raft>;
/// Starts a server of the key/value service; the number is `max_state`.
type StartServer = fn(Vec<ClientEnd>, PeerId, Persister, Option<usize>) -> Arc<dyn KvServer>;

/// What is under test: a Raft, or a key/value service on one.
#[derive(Clone, Copy)]
pub struct Kind {
    pub(crate) make: Make,
    pub(crate) view_rpc: fn(&str, bool, &[u8]) -> Option<RpcView>,
    pub(crate) view_saved: fn(&[u8]) -> Option<SavedView>,
}

/// How a server of the kind is made.
#[derive(Clone, Copy)]
pub(crate) enum Make {
    /// A Raft; the harness plays the service on it.
    Raft(MakeRaft),
    /// A key/value server, which makes its own Raft; and a clerk.
    Kv {
        start: StartServer,
        clerk: fn(Vec<ClientEnd>) -> Box<dyn KvClerk>,
    },
}

impl Kind {
    /// The Raft `R`.
    pub fn of<R: Raft>() -> Kind {
        Kind::made_by::<R>(Make::Raft(|peers, me, persister, apply| {
            Arc::new(R::make(peers, me, persister, apply))
        }))
    }

    /// The service of servers `S`, on the Raft `R`, and clerks `C`.
    pub fn kv<R: Raft, S: KvServer, C: KvClerk>() -> Kind {
        Kind::made_by::<R>(Make::Kv {
            start: |peers, me, persister, max_state| {
                Arc::new(S::start(peers, me, persister, max_state))
            },
            clerk: |servers| Box::new(C::new(servers)),
        })
    }

    fn made_by<R: Raft>(make: Make) -> Kind {
        Kind {
            make,
            view_rpc: R::view_rpc,
            view_saved: R::view_saved,
        }
    }
}

/// A server in one of its lives.
#[derive(Clone)]
pub(crate) enum Subject {
    Raft(Arc<dyn Raft>),
    Kv(Arc<dyn KvServer>),
}

impl Subject {
    pub fn raft(&self) -> &dyn Raft {
        match self {
            Subject::Raft(raft) => &**raft,
            Subject::Kv(server) => server.raft(),
        }
    }

    pub fn services(&self) -> Vec<Service> {
        match self {
            Subject::Raft(raft) => vec![raft.service()],
            Subject::Kv(server) => server.services(),
        }
    }

    pub fn kill(&self) {
        match self {
            Subject::Raft(raft) => raft.kill(),
            Subject::Kv(server) => server.kill(),
        }
    }
}

impl Cluster {
    /// Starts what is under test from what is on its disk.
    pub(crate) fn power_on(
        &self,
        server: Server,
        domain: &Domain,
        ends: Vec<ClientEnd>,
        persister: Persister,
    ) -> Subject {
        match self.shared.kind.make {
            Make::Raft(make) => {
                Subject::Raft(self.power_on_raft(make, server, domain, ends, persister))
            }
            Make::Kv { start, .. } => {
                let max_state = Some(self.shared.run.story.max_state).filter(|limit| *limit > 0);
                Subject::Kv(domain.enter(|| start(ends, server.into(), persister, max_state)))
            }
        }
    }

    fn power_on_raft(
        &self,
        make: MakeRaft,
        server: Server,
        domain: &Domain,
        ends: Vec<ClientEnd>,
        persister: Persister,
    ) -> Arc<dyn Raft> {
        let shared = &self.shared;
        let restarted = shared
            .run
            .board
            .history
            .lock()
            .restart(server, &persister.snapshot());
        if let Err(broken) = restarted {
            self.end_with(broken);
        }
        let (apply, messages) = bounded(shared.run.story.apply_room);
        let raft = domain.enter(|| make(ends, server.into(), persister, apply));
        let applier = Applier {
            shared: shared.clone(),
            server,
            raft: raft.clone(),
            domain: domain.clone(),
            snapshots: shared.run.story.snapshots,
        };
        domain.spawn(SERVICE, move || applier.run(messages));
        raft
    }
}

//! What is under test, without its type: the harness is compiled once, whatever it tests.

use labrpc::{ClientEnd, Service};
use labsim::Domain;
use labsim::channel::{Sender, bounded};
use labsim::sync::Arc;
use raftapi::kv::{KvClerk, KvServer};
use raftapi::view::{RpcView, SavedView};
use raftapi::{ApplyMsg, Membership, PeerId, Persister, Raft};

use crate::applier::{Applier, SERVICE};
use crate::{Cluster, Server, claim};

/// Makes a peer, as `raftapi::Raft::make` does.
type MakeRaft = fn(Vec<ClientEnd>, PeerId, Persister, Sender<ApplyMsg>) -> Arc<dyn Raft>;
/// Makes one in a cluster whose membership can change.
type MakeMember =
    fn(Vec<ClientEnd>, PeerId, Persister, Sender<ApplyMsg>, Membership) -> Option<Arc<dyn Raft>>;
/// Starts a server of the key/value service; the number is `max_state`.
type StartServer = fn(Vec<ClientEnd>, PeerId, Persister, Option<usize>) -> Arc<dyn KvServer>;
/// Starts one in a cluster whose membership can change.
type StartMember =
    fn(Vec<ClientEnd>, PeerId, Persister, Option<usize>, Membership) -> Option<Arc<dyn KvServer>>;

/// What is under test: a Raft, or a key/value service on one.
#[derive(Clone, Copy)]
pub struct Kind {
    pub(crate) make: Make,
    pub(crate) view_rpc: fn(&str, bool, &[u8]) -> Option<RpcView>,
    pub(crate) view_saved: fn(&[u8]) -> Option<SavedView>,
    pub(crate) view_membership: fn(&[u8]) -> Option<Membership>,
}

/// How a server of the kind is made.
#[derive(Clone, Copy)]
pub(crate) enum Make {
    /// A Raft; the harness plays the service on it.
    Raft { make: MakeRaft, member: MakeMember },
    /// A key/value server, which makes its own Raft; and a clerk.
    Kv {
        start: StartServer,
        member: StartMember,
        clerk: fn(Vec<ClientEnd>) -> Box<dyn KvClerk>,
    },
}

impl Kind {
    /// The Raft `R`.
    pub fn of<R: Raft>() -> Kind {
        Kind::made_by::<R>(Make::Raft {
            make: |peers, me, persister, apply| Arc::new(R::make(peers, me, persister, apply)),
            member: |peers, me, persister, apply, first| {
                Some(Arc::new(R::make_member(
                    peers, me, persister, apply, first,
                )?))
            },
        })
    }

    /// The service of servers `S`, on the Raft `R`, and clerks `C`.
    pub fn kv<R: Raft, S: KvServer, C: KvClerk>() -> Kind {
        Kind::made_by::<R>(Make::Kv {
            start: |peers, me, persister, max_state| {
                Arc::new(S::start(peers, me, persister, max_state))
            },
            member: |peers, me, persister, max_state, first| {
                Some(Arc::new(S::start_member(
                    peers, me, persister, max_state, first,
                )?))
            },
            clerk: |servers| Box::new(C::new(servers)),
        })
    }

    fn made_by<R: Raft>(make: Make) -> Kind {
        Kind {
            make,
            view_rpc: R::view_rpc,
            view_saved: R::view_saved,
            view_membership: R::view_membership,
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
            Make::Raft { .. } => Subject::Raft(self.power_on_raft(server, domain, ends, persister)),
            Make::Kv { start, member, .. } => {
                let max_state = Some(self.shared.run.story.max_state).filter(|limit| *limit > 0);
                let me = server.into();
                Subject::Kv(domain.enter(|| {
                    match self.first_members(server) {
                        None => start(ends, me, persister, max_state),
                        Some(first) => member(ends, me, persister, max_state, first)
                            .unwrap_or_else(|| self.not_written("KvServer::start_member")),
                    }
                }))
            }
        }
    }

    /// The configuration that a server begins with, where it can change.
    fn first_members(&self, server: Server) -> Option<Membership> {
        let founders = self.founders();
        let first = match founders.contains(&server) {
            true => Membership::of(founders.into_iter().map(PeerId::from)),
            false => Membership::default(),
        };
        self.shared.run.story.is_open().then_some(first)
    }

    /// Ends the story: what the test is about is not there yet.
    pub(crate) fn not_written(&self, method: &str) -> ! {
        self.end_with(claim::MEMBERS_WRITTEN.broken(format!(
            "{method} is not written: it gives what raftapi gives for a server that does not"
        )))
    }

    fn power_on_raft(
        &self,
        server: Server,
        domain: &Domain,
        ends: Vec<ClientEnd>,
        persister: Persister,
    ) -> Arc<dyn Raft> {
        let shared = &self.shared;
        let Make::Raft { make, member } = shared.kind.make else {
            unreachable!("the service makes its own Raft");
        };
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
        let me = server.into();
        let raft = domain.enter(|| match self.first_members(server) {
            None => make(ends, me, persister, apply),
            Some(first) => member(ends, me, persister, apply, first)
                .unwrap_or_else(|| self.not_written("Raft::make_member")),
        });
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

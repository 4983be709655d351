//! A replicated key/value service: a state machine on top of Raft (Raft paper, §8).
//!
//! # What the service promises
//!
//! Clients see *one* store that does one operation at a time, though there are several servers and
//! any minority of them may be down: the service is linearizable (Herlihy and Wing, "Linearizability:
//! A Correctness Condition for Concurrent Objects", 1990). In particular each operation takes effect
//! exactly once, however often its clerk had to send it.
//!
//! # The way of an operation
//!
//! ```text
//!   clerk ── execute(request) ──▶ server that leads
//!                                   │  start(request)      ┌───────────────▶ every server
//!                                   ▼                      │ ApplyMsg, in log order
//!                                  Raft ── a majority has it            │
//!                                                                       ▼
//!   clerk ◀───────── reply ──── the handler that waits ◀── result ── Store::apply
//! ```
//!
//! 1. [`Clerk`] numbers the operation and sends it, to one server after another, until one has
//!    executed it.
//! 2. The server that leads puts it into the log and waits. Any other says that it does not lead.
//! 3. What is committed comes out of Raft at every server, in the same order, and is applied to the
//!    [`Store`]. There a duplicate is noticed and skipped: the only place where all servers agree
//!    on what came before.
//! 4. The server at which a handler waits for this entry hands it the result.
//!
//! A get goes this way too, which is simple and right, and costs a majority's disk writes. A real
//! service can do without (§8; "ReadIndex" in §6.4 of Ongaro's dissertation).
// BEGIN SOLUTION
//! So can this one: [`ReadIndexServer`].
// END SOLUTION
//!
//! # Which file holds what
//!
//! | file | what is in it |
//! |---|---|
//! | `lib.rs` | this, and the server as the tests see it |
//! | [`message`] | what clerk and server say to each other; what goes into the log |
//! | [`clerk`] | the client's side: numbering, retrying, finding the leader |
// BEGIN SOLUTION
//! | [`store`] | the state machine: keys, values, and who has had what done |
//! | `server.rs` | the RPC handler: propose, wait |
//! | `reads.rs` | the way of a get that does not enter the log |
//! | `waiting.rs` | which handler waits for which entry, and when it waits in vain |
//! | `applier.rs` | the thread that takes what Raft has committed |
//! | `snapshots.rs` | the thread that writes snapshots when Raft's state has grown |
// END SOLUTION
// STUB: //! | … | the rest is yours: the store, the RPC handler, the thread that applies |
//!
//! # What is left out
//!
//! - The end of a session (dissertation §6.3). The store remembers one number for each clerk there
//!   ever was. A real service lets clerks register, and forgets those that are long gone, at a
//!   moment on which all servers agree.
// BEGIN SOLUTION
//!
//! # Solution and handout
//!
//! What a student writes stands between `// BEGIN SOLUTION` and `// END SOLUTION`; `raft`'s page says
//! what becomes of it in the handout.
// END SOLUTION
#![forbid(unsafe_code)]

pub mod clerk;
pub mod message;
// BEGIN SOLUTION
pub mod store;

mod applier;
mod reads;
mod server;
mod snapshots;
mod waiting;
// END SOLUTION

pub use clerk::Clerk;
// BEGIN SOLUTION
pub use reads::ReadIndexServer;
pub use store::Store;

use labsim::channel::{Sender, bounded, unbounded};
use labsim::sync::Arc;
use labsim::thread;
use raftapi::ApplyMsg;

use crate::applier::Applier;
use crate::message::kv_rpc;
use crate::server::Core;
use crate::snapshots::{Latest, Limit, Snapshotter};
// END SOLUTION

use labrpc::{ClientEnd, Service};
use raftapi::kv::KvServer;
use raftapi::{Membership, PeerId, Persister, Raft};

/// One server of the service, on a Raft of type `R`.
pub struct Server<R: Raft> {
    // BEGIN SOLUTION
    core: Arc<Core<R>>,
    // END SOLUTION
    // STUB: raft: R,
}

impl<R: Raft> KvServer for Server<R> {
    fn start(
        peers: Vec<ClientEnd>,
        me: PeerId,
        persister: Persister,
        max_state: Option<usize>,
    ) -> Server<R> {
        // BEGIN SOLUTION
        Server::start_fixed(peers, me, persister, max_state, false)
        // END SOLUTION
        // STUB: // Read the snapshot, make the Raft, and spawn the thread that takes what it commits.
        // STUB: let _ = max_state;
        // STUB: let (apply_tx, _) = labsim::channel::unbounded();
        // STUB: Server { raft: R::make(peers, me, persister, apply_tx) }
    }

    fn start_member(
        peers: Vec<ClientEnd>,
        me: PeerId,
        persister: Persister,
        max_state: Option<usize>,
        first: Membership,
    ) -> Option<Server<R>> {
        // BEGIN SOLUTION
        let make = |peers, me, persister, apply| R::make_member(peers, me, persister, apply, first);
        Server::start_with(peers, me, persister, max_state, false, make)
        // END SOLUTION
        // STUB: // As `start`, on `R::make_member`; for those who have done part 2E.
        // STUB: let _ = (peers, me, persister, max_state, first);
        // STUB: None
    }

    fn services(&self) -> Vec<Service> {
        // BEGIN SOLUTION
        vec![self.core.raft.service(), kv_rpc::service(self.core.clone())]
        // END SOLUTION
        // STUB: // Add your own.
        // STUB: vec![self.raft.service()]
    }

    fn raft(&self) -> &dyn Raft {
        // BEGIN SOLUTION
        &self.core.raft
        // END SOLUTION
        // STUB: &self.raft
    }

    fn kill(&self) {
        // BEGIN SOLUTION
        self.core.kill();
        // END SOLUTION
        // STUB: self.raft.kill();
    }
}

// BEGIN SOLUTION
impl<R: Raft> Server<R> {
    /// The membership never changes. With `read_index` gets do not enter the log.
    fn start_fixed(
        peers: Vec<ClientEnd>,
        me: PeerId,
        persister: Persister,
        max_state: Option<usize>,
        read_index: bool,
    ) -> Server<R> {
        let make = |peers, me, persister, apply| Some(R::make(peers, me, persister, apply));
        let server = Server::start_with(peers, me, persister, max_state, read_index, make);
        server.expect("any Raft can be made")
    }

    /// On the Raft that `make` makes, if it can.
    fn start_with(
        peers: Vec<ClientEnd>,
        me: PeerId,
        persister: Persister,
        max_state: Option<usize>,
        read_index: bool,
        make: impl FnOnce(Vec<ClientEnd>, PeerId, Persister, Sender<ApplyMsg>) -> Option<R>,
    ) -> Option<Server<R>> {
        let store = Store::restore(&persister.snapshot());
        let (apply_tx, messages) = unbounded();
        let raft = make(peers, me, persister.clone(), apply_tx)?;
        let core = Arc::new(Core::new(me, raft, store, read_index));
        let limit = Limit {
            persister,
            max_state,
        };
        let latest = Latest::default();
        let (orders, taken) = bounded(1);
        let snapshotter = Snapshotter {
            core: core.clone(),
            limit: limit.clone(),
            latest: latest.clone(),
            orders: taken,
        };
        spawn(format!("kv {me} snapshots"), move || snapshotter.run());
        let applier = Applier {
            core: core.clone(),
            limit,
            latest,
            snapshots: orders,
        };
        spawn(format!("kv {me} applier"), move || applier.run(messages));
        Some(Server { core })
    }
}

impl<R: Raft> Drop for Server<R> {
    fn drop(&mut self) {
        KvServer::kill(self);
    }
}

fn spawn(name: String, run: impl FnOnce() + Send + 'static) {
    thread::Builder::new()
        .name(name)
        .spawn(run)
        .expect("a thread for the server");
}
// END SOLUTION

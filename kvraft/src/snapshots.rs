// BEGIN SOLUTION
//! The thread that writes snapshots (§7). Writing one takes time in proportion to the whole store,
//! which neither the applier nor a handler has.

use labsim::channel::Receiver;
use labsim::log::debug;
use labsim::sync::Arc;
use raftapi::{LogIndex, Raft};

use crate::server::Core;
use crate::store::Store;

/// The store as the entries up to `index` made it.
pub(crate) struct Picture {
    pub index: LogIndex,
    pub store: Store,
}

/// The thread that writes.
pub(crate) struct Snapshotter<R> {
    pub core: Arc<Core<R>>,
    pub orders: Receiver<Picture>,
}

impl<R: Raft> Snapshotter<R> {
    /// Runs until the applier has ended.
    pub fn run(self) {
        for Picture { index, store } in self.orders {
            let snapshot = store.snapshot();
            debug!(target: "kv", "server {} has a snapshot at {index}, {} bytes", self.core.me, snapshot.len());
            self.core.raft.snapshot(index, snapshot.into());
        }
    }
}
// END SOLUTION

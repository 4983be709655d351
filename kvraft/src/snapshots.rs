// BEGIN SOLUTION
//! The thread that writes snapshots (§7). Writing one takes time in proportion to the whole store,
//! which neither the applier nor a handler has.

use labsim::channel::Receiver;
use labsim::log::debug;
use labsim::sync::{Arc, Mutex};
use raftapi::{LogIndex, Persister, Raft};

use crate::server::Core;
use crate::store::Store;

/// The store as the entries up to `index` made it.
pub(crate) struct Picture {
    pub index: LogIndex,
    pub store: Store,
}

/// The latest picture, until it is written. A later one takes its place, so that the last entry for a long time is
/// not left out because a snapshot was being written when it came.
pub(crate) type Latest = Arc<Mutex<Option<Picture>>>;

/// How large Raft's state may become; `None`: as large as it likes.
#[derive(Clone)]
pub(crate) struct Limit {
    pub persister: Persister,
    pub max_state: Option<usize>,
}

impl Limit {
    /// Whether Raft's state nears the limit. Not only when it is there: entries arrive while the
    /// snapshot is written.
    pub fn is_near(&self) -> bool {
        let near = |limit: usize| limit / 4 * 3;
        self.max_state
            .is_some_and(|limit| self.persister.state_len() >= near(limit))
    }
}

/// The thread that writes.
pub(crate) struct Snapshotter<R> {
    pub core: Arc<Core<R>>,
    pub limit: Limit,
    pub latest: Latest,
    pub orders: Receiver<()>,
}

impl<R: Raft> Snapshotter<R> {
    /// Runs until the applier has ended.
    pub fn run(self) {
        for () in self.orders {
            let latest = self.latest.lock().take();
            // It was ordered while the last snapshot was being written, which may have been enough.
            let Some(Picture { index, store }) = latest.filter(|_| self.limit.is_near()) else {
                continue;
            };
            let snapshot = store.snapshot();
            debug!(target: "kv", "server {} has a snapshot at {index}, {} bytes", self.core.me, snapshot.len());
            self.core.raft.snapshot(index, snapshot.into());
        }
    }
}
// END SOLUTION

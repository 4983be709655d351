// BEGIN SOLUTION
//! The thread that takes what Raft has committed, in the order of the log.

use bytes::Bytes;
use labsim::channel::{Receiver, Sender};
use labsim::log::info;
use labsim::sync::Arc;
use raftapi::{ApplyMsg, LogIndex, Raft, Term};

use crate::server::{Core, State};
use crate::snapshots::{Latest, Limit, Picture};
use crate::store::Store;

/// The thread that applies.
pub(crate) struct Applier<R> {
    pub core: Arc<Core<R>>,
    pub limit: Limit,
    pub latest: Latest,
    /// To the thread that writes snapshots: there is a picture. Dropped when this one ends; then that one ends too.
    pub snapshots: Sender<()>,
}

impl<R: Raft> Applier<R> {
    /// Runs until Raft has ended.
    pub fn run(self, messages: Receiver<ApplyMsg>) {
        for message in messages {
            match message {
                ApplyMsg::Command {
                    index,
                    term,
                    command,
                } => self.apply(index, term, &command),
                ApplyMsg::Snapshot {
                    index, snapshot, ..
                } => self.install(index, &snapshot),
            }
        }
    }

    fn apply(&self, index: LogIndex, term: Term, command: &Bytes) {
        let request = labgob::decode(command)
            .unwrap_or_else(|e| panic!("the entry at {index} is no operation: {e}"));
        let mut state = self.core.state.lock();
        let result = state.store.apply(request);
        state.waiting.applied(index, term, result);
        self.note_applied(&mut state, index);
        if self.limit.is_near() {
            let store = state.store.clone();
            drop(state);
            *self.latest.lock() = Some(Picture { index, store });
            let _ = self.snapshots.try_send(()); // an order that is not taken yet is enough
        }
    }

    /// Takes over the state of a leader that no longer has the entries (§7).
    fn install(&self, index: LogIndex, snapshot: &Bytes) {
        info!(target: "kv", "server {} goes on from a snapshot at {index}", self.core.me);
        let store = Store::restore(snapshot);
        let mut state = self.core.state.lock();
        state.store = store;
        state.waiting.skipped(index);
        self.note_applied(&mut state, index);
    }

    fn note_applied(&self, state: &mut State, index: LogIndex) {
        state.applied = index;
        if self.core.read_index {
            self.core.moved.notify_all();
        }
    }
}
// END SOLUTION

//! What survives a crash: term, vote, log and snapshot ("Persistent state on all servers" of
//! Figure 2, and what §7 adds).
//!
//! Whoever changes any of it calls [`Node::must_save`]. [`Node::finish`] then saves, once for all
//! that happened in a turn, and nothing leaves the core before. So no handler can reply too early.

// BEGIN SOLUTION
use labsim::log::debug;
use raftapi::view::SavedView;
use raftapi::{PeerId, Persister, Term};
use serde::{Deserialize, Serialize};

use crate::log::Log;
use crate::node::Node;

/// The state as it is on disk. The snapshot lies beside it.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Saved<L> {
    pub term: Term,
    pub voted_for: Option<PeerId>,
    /// A reference when saving: the log is not copied.
    pub log: L,
}

/// What an earlier incarnation saved, or the state of a new server.
///
/// # Panics
/// If the disk holds something else.
pub(crate) fn restore(persister: &Persister) -> Saved<Log> {
    let state = persister.state();
    if state.is_empty() {
        return Saved::default();
    }
    labgob::decode(&state).unwrap_or_else(|e| panic!("the saved state cannot be read: {e}"))
}

/// What a saved state says, for the tests' checks.
pub(crate) fn view_saved(state: &[u8]) -> Option<SavedView> {
    let saved = labgob::decode::<Saved<Log>>(state).ok()?;
    let base = saved.log.base();
    let entries = saved
        .log
        .after(base.index, usize::MAX)
        .into_iter()
        .map(Into::into)
        .collect();
    Some(SavedView {
        term: saved.term,
        vote: saved.voted_for,
        snapshot: base.into(),
        entries,
    })
}

impl Node {
    /// Term, vote, log or snapshot has changed.
    pub fn must_save(&mut self) {
        self.unsaved = true;
    }

    /// Saves what has changed, log and snapshot in one step.
    pub fn persist(&mut self) {
        if !self.unsaved {
            return;
        }
        let state = labgob::encode(&Saved {
            term: self.term,
            voted_for: self.voted_for,
            log: &self.log,
        });
        debug!(target: "persist", "server {} saves term {}, vote {:?}, log to {}", self.me, self.term, self.voted_for, self.log.last());
        self.persister.save(state, self.snapshot.clone());
        self.unsaved = false;
    }
}
// END SOLUTION

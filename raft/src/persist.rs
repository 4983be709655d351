//! What survives a crash: term, vote, log and snapshot ("Persistent state on all servers" of
//! Figure 2, and what §7 adds).
// BEGIN SOLUTION
//!
//! Whoever changes any of it calls [`Node::must_save`]. [`Node::finish`] then saves, once for all
//! that happened in a turn, and nothing leaves the core before. So no handler can reply too early.

use bytes::BytesMut;
use labsim::log::debug;
use raftapi::view::SavedView;
use raftapi::{PeerId, Persister, Term};
use serde::{Deserialize, Serialize};

use crate::log::Log;
use crate::message::EntryId;
use crate::node::Node;
use crate::records::Records;

/// The state as it is on disk. The snapshot lies beside it.
#[derive(Serialize, Deserialize)]
struct Saved<R> {
    term: Term,
    voted_for: Option<PeerId>,
    base: EntryId,
    /// The entries after the base. A reference when saving: they are copied once, to the disk.
    records: R,
}

/// What an earlier incarnation saved: term, vote and log. Those of a new server if nothing is there.
///
/// # Panics
/// If the disk holds something else.
pub(crate) fn restore(persister: &Persister) -> (Term, Option<PeerId>, Log) {
    let state = persister.state();
    if state.is_empty() {
        return Default::default();
    }
    let read = read(&state);
    read.unwrap_or_else(|| panic!("the {} bytes of saved state are not ours", state.len()))
}

fn read(state: &[u8]) -> Option<(Term, Option<PeerId>, Log)> {
    let saved = labgob::decode::<Saved<BytesMut>>(state).ok()?;
    let log = Log::new(saved.base, Records::read(saved.records.freeze())?);
    Some((saved.term, saved.voted_for, log))
}

/// What a saved state says, for the tests' checks.
pub(crate) fn view_saved(state: &[u8]) -> Option<SavedView> {
    let (term, vote, log) = read(state)?;
    let snapshot = log.base().into();
    let entries = log.into_entries().into_iter().map(Into::into).collect();
    Some(SavedView {
        term,
        vote,
        snapshot,
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
        self.records.follow(&self.log);
        let state = labgob::encode(&Saved {
            term: self.term,
            voted_for: self.voted_for,
            base: self.log.base(),
            records: self.records.bytes(),
        });
        debug!(target: "persist", "server {} saves term {}, vote {:?}, log to {}", self.me, self.term, self.voted_for, self.log.last());
        self.persister.save(state, self.snapshot.clone());
        self.unsaved = false;
    }
}
// END SOLUTION
// STUB: // Part 2C. Save whenever term, vote or log change, and before anybody can hear of it: before a reply
// STUB: // goes out, and before a candidate or leader calls. `raftapi::Persister` has an example.

//! What survives a crash: term, vote, log and snapshot ("Persistent state on all servers" of
//! Figure 2, and what §7 adds).
// BEGIN SOLUTION
//!
//! Whoever changes any of it calls [`Node::must_save`]. [`Node::finish`] then saves, once for all
//! that happened in a turn, and nothing leaves the core before. So no handler can reply too early.

use bytes::BytesMut;
use raftapi::view::SavedView;
use raftapi::{Membership, PeerId, Persister, Term};
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
    /// Part 2E: the configuration at the base, unless it is still the first one.
    membership: Option<Membership>,
    /// The entries after the base. A reference when saving: they are copied once, to the disk.
    records: R,
}

/// What an earlier incarnation saved. The default is a new server's.
#[derive(Default)]
pub(crate) struct Restored {
    pub term: Term,
    pub voted_for: Option<PeerId>,
    pub log: Log,
    /// The configuration at the log's base, unless it is still the first one.
    pub membership: Option<Membership>,
}

/// What an earlier incarnation saved, or a new server's state if nothing is there.
///
/// # Panics
/// If the disk holds something else.
pub(crate) fn restore(persister: &Persister) -> Restored {
    let state = persister.state();
    if state.is_empty() {
        return Restored::default();
    }
    let read = read(&state);
    read.unwrap_or_else(|| panic!("the {} bytes of saved state are not ours", state.len()))
}

fn read(state: &[u8]) -> Option<Restored> {
    let saved = labgob::decode::<Saved<BytesMut>>(state).ok()?;
    let log = Log::new(saved.base, Records::read(saved.records.freeze())?);
    Some(Restored {
        term: saved.term,
        voted_for: saved.voted_for,
        log,
        membership: saved.membership,
    })
}

/// What a saved state says, for the tests' checks.
pub(crate) fn view_saved(state: &[u8]) -> Option<SavedView> {
    let Restored {
        term,
        voted_for: vote,
        log,
        ..
    } = read(state)?;
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
            membership: self.members.to_save(),
            records: self.records.bytes(),
        });
        self.persister.save(state, self.snapshot.clone());
        self.unsaved = false;
    }
}
// END SOLUTION
// STUB: // Part 2C. Save whenever term, vote or log change, and before anybody can hear of it: before a reply
// STUB: // goes out, and before a candidate or leader calls. `raftapi::Persister` has an example.

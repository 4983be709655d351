//! The log: a snapshot's end, and the entries after it. All index arithmetic is here.
//!
//! ```text
//!                base          last
//!    ┄┄┄┄┄┄┄┄┄┄┄┄┐│             │
//!     a snapshot │├───┬───┬───┬─┴─┐
//!     stands for ││ x │ y │ z │ w │      entries[0] is at base.index + 1
//!    ┄┄┄┄┄┄┄┄┄┄┄┄┘└───┴───┴───┴───┘
//! ```

// BEGIN SOLUTION
use std::collections::VecDeque;

use bytes::Bytes;
use raftapi::{LogIndex, Term};

use crate::message::{ConflictHint, Entry, EntryId};

/// The log of one peer. Terms never decrease along it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Log {
    /// The last entry that the snapshot stands for: committed, and no longer here. 0@0 at first.
    base: EntryId,
    /// The entries after `base`, in order.
    entries: VecDeque<Entry>,
}

impl Log {
    /// The log with these entries after a snapshot's end.
    pub fn new(base: EntryId, entries: VecDeque<Entry>) -> Log {
        Log { base, entries }
    }

    /// The end of what the snapshot stands for.
    pub fn base(&self) -> EntryId {
        self.base
    }

    /// The last entry, or the base if there is none after it.
    pub fn last(&self) -> EntryId {
        let index = LogIndex(self.base.index.0 + self.entries.len() as u64);
        EntryId {
            term: self.entries.back().map_or(self.base.term, |e| e.term),
            index,
        }
    }

    /// The term of the entry at `index`; `None` before the base and after the end.
    pub fn term_at(&self, index: LogIndex) -> Option<Term> {
        if index == self.base.index {
            Some(self.base.term)
        } else {
            self.get(index).map(|e| e.term)
        }
    }

    /// The entry's identity at `index`.
    ///
    /// # Panics
    /// Before the base and after the end.
    pub fn id_at(&self, index: LogIndex) -> EntryId {
        let (base, last) = (self.base, self.last());
        let Some(term) = self.term_at(index) else {
            panic!("asked for the entry at {index}; the log holds {base} to {last}");
        };
        EntryId { term, index }
    }

    /// The entry at `index`; `None` up to the base and after the end.
    pub fn get(&self, index: LogIndex) -> Option<&Entry> {
        let place = index.0.checked_sub(self.base.index.0 + 1)?;
        self.entries.get(place as usize)
    }

    /// The entry at `index`.
    ///
    /// # Panics
    /// Up to the base and after the end.
    pub fn entry(&self, index: LogIndex) -> &Entry {
        let (base, last) = (self.base, self.last());
        let entry = self.get(index);
        entry
            .unwrap_or_else(|| panic!("no entry at {index}; those after {base} to {last} are here"))
    }

    /// The log holds the entry `id`, and so every entry of `id`'s log up to there (§5.3).
    ///
    /// What lies before the base is committed, and whoever leads holds all that is committed
    /// (§5.4), so a leader's `prev` there cannot differ from ours.
    pub fn contains(&self, id: EntryId) -> bool {
        id.index < self.base.index || self.term_at(id.index) == Some(id.term)
    }

    /// Adds a command at the end, as a leader does, and says where.
    pub fn append(&mut self, term: Term, command: Bytes) -> EntryId {
        self.push(Entry {
            term,
            command,
            membership: None,
        })
    }

    /// Adds an entry at the end, and says where.
    pub fn push(&mut self, entry: Entry) -> EntryId {
        let (last, term) = (self.last(), entry.term);
        assert!(
            term >= last.term,
            "term {term} after {last}: terms never decrease along the log"
        );
        self.entries.push_back(entry);
        self.last()
    }

    /// Stores what a leader sent to go after `prev`, which the log contains, and says whether that
    /// changed anything. A suffix is cut off only where an entry truly conflicts.
    pub fn merge(&mut self, prev: EntryId, entries: Vec<Entry>) -> bool {
        assert!(
            self.contains(prev),
            "{prev} is not in the log, which ends with {}",
            self.last()
        );
        let Some(first_new) = self.first_new(prev, &entries) else {
            return false;
        };
        self.truncate(first_new);
        let known = (first_new.0 - prev.index.0 - 1) as usize;
        self.entries.extend(entries.into_iter().skip(known));
        true
    }

    /// The first index where `entries`, which go after `prev`, say something that the log does not:
    /// another term, or an entry after the end.
    pub fn first_new(&self, prev: EntryId, entries: &[Entry]) -> Option<LogIndex> {
        let indices = (prev.index.0 + 1..).map(LogIndex);
        let mut new = indices.zip(entries).skip_while(|&(index, e)| {
            // Up to the base all is committed, so it is the same.
            index <= self.base.index || self.term_at(index) == Some(e.term)
        });
        new.next().map(|(index, _)| index)
    }

    /// Cuts off the entries from `index` on.
    fn truncate(&mut self, index: LogIndex) {
        assert!(
            index > self.base.index,
            "cut at {index}, inside the snapshot to {}",
            self.base
        );
        self.entries
            .truncate((index.0 - self.base.index.0 - 1) as usize);
    }

    /// What to tell a leader whose `prev` is not in this log (end of §5.3).
    pub fn conflict_hint(&self, prev: EntryId) -> ConflictHint {
        assert!(
            !self.contains(prev),
            "{prev} is in the log: there is no conflict"
        );
        let Some(term) = self.term_at(prev.index) else {
            return ConflictHint {
                term: None,
                first: self.last().index.next(),
            };
        };
        let place = self.entries.partition_point(|e| e.term < term);
        ConflictHint {
            term: Some(term),
            first: LogIndex(self.base.index.0 + 1 + place as u64),
        }
    }

    /// Where a leader goes on with a follower that rejected its `prev` with this hint: the new
    /// nextIndex, which is at most `prev.index`.
    ///
    /// If the leader has entries of the hint's term the two logs may agree on some of them, so it
    /// tries after its own last one; if not, the follower's whole term has to go.
    pub fn next_after(&self, prev: LogIndex, hint: ConflictHint) -> LogIndex {
        let own_end = hint.term.and_then(|term| self.end_of(term));
        own_end.unwrap_or(hint.first).min(prev).max(LogIndex(1))
    }

    /// The index after the last entry of `term`, if there is one after the base.
    fn end_of(&self, term: Term) -> Option<LogIndex> {
        let end = self.entries.partition_point(|e| e.term <= term);
        let last = end.checked_sub(1)?;
        (self.entries[last].term == term).then(|| LogIndex(self.base.index.0 + 1 + end as u64))
    }

    /// Entries to send after `prev`: as many as fit in `max_bytes` of commands, but at least one if
    /// there is one.
    pub fn after(&self, prev: LogIndex, max_bytes: usize) -> Vec<Entry> {
        assert!(
            prev >= self.base.index,
            "entries after {prev} are gone, up to {}",
            self.base
        );
        let first = (prev.0 - self.base.index.0) as usize;
        let mut bytes = 0;
        let fits = |e: &&Entry| {
            let before = bytes;
            bytes += e.command.len();
            before == 0 || bytes <= max_bytes
        };
        self.entries
            .range(first.min(self.entries.len())..)
            .take_while(fits)
            .cloned()
            .collect()
    }

    /// All entries after the base.
    pub fn into_entries(self) -> VecDeque<Entry> {
        self.entries
    }

    /// Forgets the entries up to and including `index`, for which a snapshot now stands (§7).
    pub fn compact(&mut self, index: LogIndex) {
        let base = self.id_at(index);
        self.entries.drain(..(index.0 - self.base.index.0) as usize);
        self.base = base;
    }

    /// Begins anew after a leader's snapshot that stands for everything up to `last`. Entries after
    /// it stay if they belong to it (Figure 13, steps 6 and 7).
    pub fn restore(&mut self, last: EntryId) {
        assert!(
            last.index > self.base.index,
            "snapshot to {last}, but ours is to {}",
            self.base
        );
        if self.contains(last) {
            self.compact(last.index);
        } else {
            *self = Log {
                base: last,
                entries: VecDeque::new(),
            };
        }
    }
}
// END SOLUTION
// STUB: // A log that hides where its snapshot ends (part 2D) spares every other file the arithmetic. Write its
// STUB: // tests first: an index that is off by one here looks like anything elsewhere.

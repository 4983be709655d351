//! The log: a vector, with what a snapshot stands for taken off its front.

use raftapi::view::{EntryId, EntryView};
use raftapi::{LogIndex, Term};
use serde::{Deserialize, Serialize};

use crate::message::Outcome;

#[derive(Default, Serialize, Deserialize)]
pub struct Log {
    pub base: EntryId,
    pub entries: Vec<EntryView>,
}

impl Log {
    pub fn last(&self) -> EntryId {
        let index = LogIndex(self.base.index.0 + self.entries.len() as u64);
        let term = self.entries.last().map_or(self.base.term, |e| e.term);
        EntryId { index, term }
    }

    /// Where the entry at `index` is in the vector. Not for the base or before.
    fn place(&self, index: LogIndex) -> usize {
        (index.0 - self.base.index.0 - 1) as usize
    }

    pub fn get(&self, index: LogIndex) -> Option<&EntryView> {
        let beyond = index > self.base.index;
        beyond
            .then(|| self.entries.get(self.place(index)))
            .flatten()
    }

    pub fn id(&self, index: LogIndex) -> Option<EntryId> {
        if index == self.base.index {
            return Some(self.base);
        }
        let term = self.get(index)?.term;
        Some(EntryId { index, term })
    }

    /// A leader's entries come after `prev`. Changes the log and says so in the second value, if
    /// there is anything to change.
    pub fn append(&mut self, prev: EntryId, entries: Vec<EntryView>) -> (Outcome, bool) {
        if prev.index > self.last().index {
            return (Outcome::TooShort(self.last().index), false);
        }
        if let Some(own) = self.id(prev.index)
            && own.term != prev.term
        {
            let first = self.entries.partition_point(|e| e.term < own.term) as u64;
            let first = LogIndex(self.base.index.0 + 1 + first);
            return (Outcome::Conflict(own.term, first), false);
        }
        // Here `prev` is in the log, or in the snapshot and so the same everywhere.
        let indices = (prev.index.0 + 1..).map(LogIndex);
        let known = |(index, entry): &(LogIndex, EntryView)| {
            let own = self.id(*index).map(|id| id.term);
            *index < self.base.index || own == Some(entry.term)
        };
        let mut new = indices.zip(entries).skip_while(known).peekable();
        let Some((first, _)) = new.peek() else {
            return (Outcome::Appended, false);
        };
        let first = self.place(*first);
        let new: Vec<EntryView> = new.map(|(_, entry)| entry).collect();
        self.entries.truncate(first);
        self.entries.extend(new);
        (Outcome::Appended, true)
    }

    /// Entries after `index`, which is here or the base.
    pub fn after(&self, index: LogIndex) -> &[EntryView] {
        &self.entries[(index.0 - self.base.index.0) as usize..]
    }

    /// The index after our last entry of this term.
    pub fn end_of(&self, term: Term) -> Option<LogIndex> {
        let end = self.entries.partition_point(|e| e.term <= term);
        let last = self.entries[..end].last()?;
        (last.term == term).then(|| LogIndex(self.base.index.0 + 1 + end as u64))
    }

    /// A snapshot takes the place of everything up to `last`.
    pub fn rebase(&mut self, last: EntryId) {
        match self.id(last.index) == Some(last) {
            true => drop(self.entries.drain(..=self.place(last.index))),
            false => self.entries.clear(),
        }
        self.base = last;
    }
}

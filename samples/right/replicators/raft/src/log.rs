//! The log as a map. What a snapshot stands for is not in it.

use std::collections::BTreeMap;

use bytes::Bytes;
use raftapi::view::EntryId;
use raftapi::{LogIndex, Term};
use serde::{Deserialize, Serialize};

use crate::message::Entry;

#[derive(Default, Serialize, Deserialize)]
pub struct Log {
    /// The snapshot's last entry.
    pub snapshot: EntryId,
    entries: BTreeMap<LogIndex, Entry>,
}

impl Log {
    pub fn last(&self) -> EntryId {
        let last = self.entries.last_key_value();
        last.map_or(self.snapshot, |(index, entry)| EntryId {
            index: *index,
            term: entry.term,
        })
    }

    /// The entry here; none if it is in the snapshot or not there yet.
    pub fn get(&self, index: LogIndex) -> Option<&Entry> {
        self.entries.get(&index)
    }

    /// The entry's term, also that of the snapshot's last.
    pub fn id(&self, index: LogIndex) -> Option<EntryId> {
        if index == self.snapshot.index {
            return Some(self.snapshot);
        }
        let term = self.entries.get(&index)?.term;
        Some(EntryId { index, term })
    }

    /// The log holds `id`. What is inside a snapshot is committed, so nobody's is another.
    pub fn holds(&self, id: EntryId) -> bool {
        id.index < self.snapshot.index || self.id(id.index) == Some(id)
    }

    /// At most so many entries after `index`.
    pub fn after(&self, index: LogIndex, most: usize) -> Vec<Entry> {
        let range = self.entries.range(index.next()..);
        range.take(most).map(|(_, entry)| entry.clone()).collect()
    }

    pub fn entries(self) -> impl Iterator<Item = Entry> {
        self.entries.into_values()
    }

    pub fn add(&mut self, term: Term, command: Bytes) -> EntryId {
        let index = self.last().index.next();
        self.entries.insert(index, Entry { term, command });
        EntryId { index, term }
    }

    /// Takes over what a leader sends to stand after `prev`. Tells whether that is news.
    pub fn take_over(&mut self, prev: EntryId, entries: Vec<Entry>) -> bool {
        let mut index = prev.index;
        let mut news = false;
        for entry in entries {
            index = index.next();
            let term = entry.term;
            if !self.holds(EntryId { index, term }) {
                if self.last().index >= index {
                    drop(self.entries.split_off(&index)); // another leader's
                }
                self.entries.insert(index, entry);
                news = true;
            }
        }
        news
    }

    /// A snapshot up to `last` takes the place of all before it; and of all after it, if it does not
    /// belong to this log.
    pub fn begin_after(&mut self, last: EntryId) {
        let rest = self.entries.split_off(&last.index.next());
        let belongs = self.holds(last);
        self.entries = if belongs { rest } else { BTreeMap::new() };
        self.snapshot = last;
    }
}

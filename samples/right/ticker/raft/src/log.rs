//! The log: a queue of entries, and where it begins.

use std::collections::VecDeque;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Term and command.
pub type Entry = (u64, Bytes);

/// The entries after the snapshot.
#[derive(Default, Serialize, Deserialize)]
pub struct Log {
    /// Term and index of the snapshot's last entry.
    pub start: (u64, u64),
    pub entries: VecDeque<Entry>,
}

impl Log {
    /// Term and index of the last entry, in the order of §5.4.1.
    pub fn end(&self) -> (u64, u64) {
        let term = self.entries.back().map_or(self.start.0, |(term, _)| *term);
        (term, self.start.1 + self.entries.len() as u64)
    }

    /// The entry at `index`, if it is here.
    pub fn at(&self, index: u64) -> Option<&Entry> {
        let place = index.checked_sub(self.start.1 + 1)?;
        self.entries.get(place as usize)
    }

    pub fn term_at(&self, index: u64) -> Option<u64> {
        match index == self.start.1 {
            true => Some(self.start.0),
            false => Some(self.at(index)?.0),
        }
    }

    /// The log has this entry. One that is in the snapshot is committed, and so is everybody's.
    pub fn has(&self, (term, index): (u64, u64)) -> bool {
        index < self.start.1 || self.term_at(index) == Some(term)
    }

    /// Copies of the entries after `index`.
    pub fn from(&self, index: u64) -> Vec<Entry> {
        let skipped = (index - self.start.1) as usize;
        self.entries.iter().skip(skipped).cloned().collect()
    }

    /// Puts entries after `index`, where they belong. Removes only what contradicts them.
    pub fn put(&mut self, mut index: u64, entries: Vec<Entry>) -> bool {
        let mut changed = false;
        for entry in entries {
            index += 1;
            if self.has((entry.0, index)) {
                continue;
            }
            self.entries.truncate((index - self.start.1 - 1) as usize);
            self.entries.push_back(entry);
            changed = true;
        }
        changed
    }

    /// From now on a snapshot up to `last` takes the place of what is before.
    pub fn start_after(&mut self, last: (u64, u64)) {
        if self.has(last) {
            self.entries.drain(..(last.1 - self.start.1) as usize);
        } else {
            self.entries.clear();
        }
        self.start = last;
    }
}

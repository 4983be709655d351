//! The log. What a snapshot stands for is gone; in its place is one entry, at the front, that
//! remembers the term of the last of them.

use bytes::Bytes;
use raftapi::{LogIndex, Term};
use serde::{Deserialize, Serialize};

/// An entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub term: Term,
    pub command: Bytes,
}

/// A place in a log with the term of the entry there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    pub index: LogIndex,
    pub term: Term,
}

/// The log of a peer. `entries[0]` is at index `base` and has no command: nothing stands there at
/// first, later the last entry of a snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Log {
    base: LogIndex,
    entries: Vec<Entry>,
}

impl Log {
    /// A log that begins after `base`.
    pub fn after(base: Place) -> Log {
        let command = Bytes::new();
        let front = Entry {
            term: base.term,
            command,
        };
        Log {
            base: base.index,
            entries: vec![front],
        }
    }

    pub fn base(&self) -> Place {
        self.place(self.base)
    }

    pub fn last(&self) -> Place {
        self.place(LogIndex(self.base.0 + self.entries.len() as u64 - 1))
    }

    /// The place at `index`, which the log must have.
    pub fn place(&self, index: LogIndex) -> Place {
        let term = self.term(index).expect("an index of the log");
        Place { index, term }
    }

    /// The term at `index`; none before the base and after the end.
    pub fn term(&self, index: LogIndex) -> Option<Term> {
        let at = index.0.checked_sub(self.base.0)?;
        Some(self.entries.get(at as usize)?.term)
    }

    /// The entry at `index`, which is after the base.
    pub fn entry(&self, index: LogIndex) -> &Entry {
        &self.entries[(index.0 - self.base.0) as usize]
    }

    /// The entries after `index`, which is not before the base.
    pub fn tail(&self, index: LogIndex) -> &[Entry] {
        let first = (index.0 - self.base.0) as usize + 1;
        self.entries.get(first..).unwrap_or_default()
    }

    /// All entries after the base.
    pub fn entries(&self) -> &[Entry] {
        &self.entries[1..]
    }

    pub fn push(&mut self, term: Term, command: Bytes) -> LogIndex {
        self.entries.push(Entry { term, command });
        self.last().index
    }

    /// Removes the entries from `index` on.
    pub fn cut(&mut self, index: LogIndex) {
        self.entries.truncate((index.0 - self.base.0) as usize);
    }

    /// Forgets the entries before `index`, and the command there.
    pub fn compact(&mut self, index: LogIndex) {
        self.entries.drain(..(index.0 - self.base.0) as usize);
        self.entries[0].command = Bytes::new();
        self.base = index;
    }

    /// The first index of the term that stands at `index`.
    pub fn first_of_term_at(&self, index: LogIndex) -> LogIndex {
        let term = self.term(index);
        let mut first = index;
        while first > self.base && self.term(first.prev()) == term {
            first = first.prev();
        }
        first
    }

    /// The last index with this term.
    pub fn last_of_term(&self, term: Term) -> Option<LogIndex> {
        let at = self.entries.iter().rposition(|entry| entry.term == term)?;
        Some(LogIndex(self.base.0 + at as u64))
    }
}

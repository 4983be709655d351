//! The log and what else survives, as TiKV's core wants to read it, kept on a `Persister`.
//!
//! Every entry has two indices. TiKV's counts all entries. Ours counts commands: an empty entry, which a leader
//! adds when it is elected, has the index of the command before it.

use bytes::Bytes;
use raftapi::{LogIndex, Persister};
use serde::{Deserialize, Serialize};
use tikv::eraftpb::{ConfState, Entry, HardState, Snapshot};
use tikv::storage::GetEntriesContext;
use tikv::{Error, RaftState, Storage, StorageError};

/// What stands before a command in an entry, so that a command without bytes is no empty entry.
const MARK: u8 = 1;

/// An entry's place: TiKV's index, its term, and our index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub index: u64,
    pub term: u64,
    pub ours: u64,
}

pub(crate) struct Store {
    persister: Persister,
    voters: Vec<u64>,
    hard: HardState,
    /// The last entry in the snapshot.
    base: Place,
    snapshot: Bytes,
    /// The entries after it, with their places.
    entries: Vec<(Place, Entry)>,
}

/// The state as it is on disk.
#[derive(Serialize, Deserialize)]
struct Saved {
    term: u64,
    vote: u64,
    commit: u64,
    base: Place,
    entries: Vec<(u64, Bytes)>,
}

impl Store {
    pub fn new(peers: usize, persister: Persister) -> Store {
        let mut store = Store {
            voters: (1..=peers as u64).collect(),
            hard: HardState::default(),
            base: Place::default(),
            snapshot: persister.snapshot(),
            entries: Vec::new(),
            persister,
        };
        let state = store.persister.state();
        if !state.is_empty() {
            let saved: Saved = labgob::decode(&state).expect("what was saved by this peer");
            store.hard.term = saved.term;
            store.hard.vote = saved.vote;
            store.hard.commit = saved.commit;
            store.base = saved.base;
            for (term, data) in saved.entries {
                let mut entry = Entry::default();
                entry.term = term;
                entry.index = store.last().index + 1;
                entry.data = data.to_vec().into();
                store.push(entry);
            }
        }
        store
    }

    pub fn save(&self) {
        let entries = self.entries.iter();
        let saved = Saved {
            term: self.hard.term,
            vote: self.hard.vote,
            commit: self.hard.commit,
            base: self.base,
            entries: entries
                .map(|(place, entry)| (place.term, Bytes::copy_from_slice(&entry.data)))
                .collect(),
        };
        self.persister
            .save(labgob::encode(&saved), self.snapshot.clone());
    }

    pub fn base(&self) -> Place {
        self.base
    }

    pub fn last(&self) -> Place {
        self.entries.last().map_or(self.base, |(place, _)| *place)
    }

    /// The place at TiKV's index, which the log must have.
    pub fn place(&self, index: u64) -> Option<Place> {
        if index == self.base.index {
            return Some(self.base);
        }
        let at = index.checked_sub(self.base.index + 1)?;
        self.entries.get(at as usize).map(|(place, _)| *place)
    }

    fn push(&mut self, entry: Entry) {
        let is_command = u64::from(!entry.data.is_empty());
        let place = Place {
            index: entry.index,
            term: entry.term,
            ours: self.last().ours + is_command,
        };
        self.entries.push((place, entry));
    }

    /// Entries of the core: from the first on they replace what is there.
    pub fn append(&mut self, entries: Vec<Entry>) {
        let Some(first) = entries.first() else { return };
        self.entries
            .truncate((first.index - self.base.index - 1) as usize);
        entries.into_iter().for_each(|entry| self.push(entry));
    }

    pub fn set_hard_state(&mut self, hard: &HardState) {
        self.hard = hard.clone();
    }

    pub fn set_commit(&mut self, commit: u64) {
        self.hard.commit = commit;
    }

    /// The service has everything up to our `index` in `snapshot`.
    pub fn compact(&mut self, index: LogIndex, snapshot: Bytes) {
        // The command itself, not an empty entry after it: the snapshot's term is the command's.
        let at = self
            .entries
            .iter()
            .position(|(place, _)| place.ours == index.0);
        if let Some(at) = at {
            self.base = self.entries[at].0;
            self.entries.drain(..=at);
            self.snapshot = snapshot;
            self.save();
        }
    }

    /// A leader's snapshot takes the place of everything. Gives where it ends, and the service's part.
    pub fn install(&mut self, snapshot: &Snapshot) -> (Place, Bytes) {
        let sent: (Place, Bytes) = labgob::decode(snapshot.get_data()).expect("a peer's snapshot");
        self.base = sent.0;
        self.entries.clear();
        self.snapshot = sent.1.clone();
        sent
    }
}

/// The command in an entry; none in an empty one.
pub(crate) fn command(entry: &Entry) -> Option<Bytes> {
    let (_, command) = entry.data.split_first()?;
    Some(Bytes::copy_from_slice(command))
}

/// The entry's data for a command.
pub(crate) fn data(command: &[u8]) -> Vec<u8> {
    [&[MARK], command].concat()
}

impl Storage for Store {
    fn initial_state(&self) -> tikv::Result<RaftState> {
        let conf_state = ConfState::from((self.voters.clone(), Vec::new()));
        Ok(RaftState::new(self.hard.clone(), conf_state))
    }

    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        _: GetEntriesContext,
    ) -> tikv::Result<Vec<Entry>> {
        if low <= self.base.index {
            return Err(Error::Store(StorageError::Compacted));
        }
        let from = (low - self.base.index - 1) as usize;
        let to = (high - self.base.index - 1) as usize;
        let slice = &self.entries[from..to];
        let mut entries: Vec<Entry> = slice.iter().map(|(_, entry)| entry.clone()).collect();
        tikv::util::limit_size(&mut entries, max_size.into());
        Ok(entries)
    }

    fn term(&self, index: u64) -> tikv::Result<u64> {
        if index < self.base.index {
            return Err(Error::Store(StorageError::Compacted));
        }
        let place = self.place(index);
        place
            .map(|place| place.term)
            .ok_or(Error::Store(StorageError::Unavailable))
    }

    fn first_index(&self) -> tikv::Result<u64> {
        Ok(self.base.index + 1)
    }

    fn last_index(&self) -> tikv::Result<u64> {
        Ok(self.last().index)
    }

    fn snapshot(&self, request_index: u64, _: u64) -> tikv::Result<Snapshot> {
        if request_index > self.base.index {
            return Err(Error::Store(StorageError::SnapshotTemporarilyUnavailable));
        }
        let mut snapshot = Snapshot::default();
        snapshot.set_data(labgob::encode(&(self.base, self.snapshot.clone())).into());
        let meta = snapshot.mut_metadata();
        meta.index = self.base.index;
        meta.term = self.base.term;
        meta.set_conf_state(ConfState::from((self.voters.clone(), Vec::new())));
        Ok(snapshot)
    }
}

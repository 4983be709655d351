// BEGIN SOLUTION
//! The log's entries as bytes, as they go to disk.
//!
//! Each save writes the whole log, and a log can have many thousands of entries. So the bytes are
//! kept, and only what has changed since the last save is encoded again. It is an addition: to
//! encode the log anew each time would be as right.

use std::collections::VecDeque;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use raftapi::{LogIndex, Term};

use crate::log::Log;
use crate::message::{Entry, EntryId};

/// In a record's length: this is a configuration.
const MEMBERSHIP: u32 = 1 << 31;

/// One record for each entry, in order: its term, the length of its command, its command. In place
/// of a command it may be a configuration, encoded; then the length says so.
#[derive(Default)]
pub(crate) struct Records {
    bytes: BytesMut,
    /// The entry of each record, and the record's length.
    kept: VecDeque<(EntryId, usize)>,
}

impl Records {
    /// All records.
    pub fn bytes(&self) -> &BytesMut {
        &self.bytes
    }

    /// Brings the records in step with the log.
    pub fn follow(&mut self, log: &Log) {
        let base = log.base().index;
        while let Some((_, len)) = self.kept.pop_front_if(|(id, _)| id.index <= base) {
            self.bytes.advance(len);
        }
        // If the log holds the entry of the last record, it holds those of all before (§5.3).
        while let Some((_, len)) = self.kept.pop_back_if(|(id, _)| !log.contains(*id)) {
            self.bytes.truncate(self.bytes.len() - len);
        }
        let last = self.kept.back().map_or(base, |(id, _)| id.index);
        for index in (last.0 + 1..=log.last().index.0).map(LogIndex) {
            self.add(index, log.entry(index));
        }
    }

    fn add(&mut self, index: LogIndex, entry: &Entry) {
        let before = self.bytes.len();
        self.bytes.put_u64_le(entry.term.0);
        match &entry.membership {
            None => self.put(0, &entry.command),
            Some(membership) => self.put(MEMBERSHIP, &labgob::encode(&**membership)),
        }
        let id = EntryId {
            term: entry.term,
            index,
        };
        self.kept.push_back((id, self.bytes.len() - before));
    }

    fn put(&mut self, mark: u32, payload: &[u8]) {
        let len = u32::try_from(payload.len()).unwrap_or(MEMBERSHIP);
        assert!(len < MEMBERSHIP, "a command of 2 GiB or more");
        self.bytes.put_u32_le(mark | len);
        self.bytes.put_slice(payload);
    }

    /// The entries that these bytes stand for. Their commands share the bytes.
    pub fn read(mut bytes: Bytes) -> Option<VecDeque<Entry>> {
        let mut entries = VecDeque::new();
        while !bytes.is_empty() {
            let term = Term(bytes.try_get_u64_le().ok()?);
            let mark = bytes.try_get_u32_le().ok()?;
            let len = (mark & !MEMBERSHIP) as usize;
            if len > bytes.len() {
                return None;
            }
            let payload = bytes.split_to(len);
            let (command, membership) = match mark & MEMBERSHIP {
                0 => (payload, None),
                _ => (Bytes::new(), Some(labgob::decode(&payload).ok()?)),
            };
            entries.push_back(Entry {
                term,
                command,
                membership,
            });
        }
        Some(entries)
    }
}
// END SOLUTION

//! One part of a history, laid out for the search.

use std::collections::BTreeMap;

use crate::history::{History, OpId};
use crate::model::Model;

/// The position of a reply that never came: after all others.
pub const NEVER: u32 = u32::MAX;

/// One operation of a [`Problem`].
pub struct Entry<'h, M: Model> {
    /// Its name in the history.
    pub id: OpId,
    /// What was asked.
    pub input: &'h M::Input,
    /// What was answered; `None` if that is unknown, and any answer will do.
    pub output: Option<&'h M::Output>,
    /// The position of its call among all calls and replies of the part.
    pub call: u32,
    /// The position of its reply; [`NEVER`] if it may be placed at any later time, or left out.
    pub reply: u32,
    /// Whether it leaves the state as it is; see [`Model::is_read`].
    pub read: bool,
}

impl<M: Model> Clone for Entry<'_, M> {
    fn clone(&self) -> Self {
        Entry { ..*self }
    }
}

/// What one search decides: the operations on one key, numbered from 0 in the order of their
/// calls.
pub struct Problem<'h, M: Model> {
    entries: Vec<Entry<'h, M>>,
}

impl<'h, M: Model> Problem<'h, M> {
    /// The operations `ids`, which are those of one key.
    pub(crate) fn new(model: &M, history: &'h History<M::Input, M::Output>, ids: &[OpId]) -> Self {
        let mut entries: Vec<Entry<'h, M>> = Vec::with_capacity(ids.len());
        // Calls come before replies of the same time: closed intervals.
        let mut events: Vec<(u64, bool, OpId)> = Vec::with_capacity(2 * ids.len());
        for &id in ids {
            let op = history.operation(id);
            // A read without a reply told nobody anything and changed nothing.
            if op.reply.is_none() && model.is_read(&op.input, None) {
                continue;
            }
            events.push((op.call, false, id));
            if let Some(reply) = &op.reply {
                events.push((reply.at, true, id));
            }
        }
        events.sort_unstable();
        let mut numbers = BTreeMap::new();
        for (position, &(_, is_reply, id)) in events.iter().enumerate() {
            let position = position as u32;
            if is_reply {
                let number: usize = numbers[&id];
                entries[number].reply = position;
                continue;
            }
            let op = history.operation(id);
            let output = op.reply.as_ref().map(|reply| &reply.output);
            numbers.insert(id, entries.len());
            entries.push(Entry {
                id,
                input: &op.input,
                output,
                call: position,
                reply: NEVER,
                read: model.is_read(&op.input, output),
            });
        }
        Problem { entries }
    }

    /// The operations, by number.
    #[must_use]
    pub fn entries(&self) -> &[Entry<'h, M>] {
        &self.entries
    }

    /// The operations that have replies, in the order of these.
    pub(crate) fn by_reply(&self) -> Vec<usize> {
        let closed = |&op: &usize| self.entries[op].reply != NEVER;
        let mut ops: Vec<usize> = (0..self.entries.len()).filter(closed).collect();
        ops.sort_unstable_by_key(|&op| self.entries[op].reply);
        ops
    }

    /// The part as it stood at the reply of operation `last`: later replies are open, later calls
    /// absent.
    pub(crate) fn at_reply_of(&self, last: usize) -> Problem<'h, M> {
        self.restrict(
            &self.up_to(self.entries[last].reply),
            self.entries[last].reply,
        )
    }

    /// As [`Problem::at_reply_of`], without `last` itself.
    pub(crate) fn before_reply_of(&self, last: usize) -> Problem<'h, M> {
        let mut keep = self.up_to(self.entries[last].reply);
        keep[last] = false;
        self.restrict(&keep, self.entries[last].reply)
    }

    /// As [`Problem::at_reply_of`], had the reply of `last` not been read: it must be placed, with
    /// whatever answer. Returns its number too.
    pub(crate) fn with_unknown(&self, last: usize) -> (Problem<'h, M>, usize) {
        let mut problem = self.at_reply_of(last);
        let id = self.entries[last].id;
        let number = problem.entries.iter().position(|entry| entry.id == id);
        let number = number.expect("the last operation is called before its own reply");
        problem.entries[number].output = None;
        problem.entries[number].read = false; // each answer is a branch of its own
        (problem, number)
    }

    /// The operations that bear on the time before position `end`. A read that replied later
    /// does not.
    fn up_to(&self, end: u32) -> Vec<bool> {
        let bears = |e: &Entry<'h, M>| e.call < end && (e.reply <= end || !e.read);
        self.entries.iter().map(bears).collect()
    }

    /// The operations to keep, without the replies after position `end`.
    fn restrict(&self, keep: &[bool], end: u32) -> Problem<'h, M> {
        let kept = self.entries.iter().zip(keep).filter(|&(_, &keep)| keep);
        let entries = kept.map(|(entry, _)| {
            let reply = if entry.reply > end {
                NEVER
            } else {
                entry.reply
            };
            Entry {
                reply,
                ..entry.clone()
            }
        });
        Problem {
            entries: entries.collect(),
        }
    }
}

//! Which operations can come next.

use crate::links::Links;
use crate::model::Model;
use crate::problem::{NEVER, Problem};

/// A place in the list of the candidates for the next operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cursor {
    /// At an event: a call is a candidate, a reply ends the candidates that have replies.
    Event(Option<usize>),
    /// At an operation without a reply, by its place in the order of these.
    Open(Option<usize>),
}

/// The operations that are still to be placed.
///
/// An operation can come next if no other that is still to be placed replied before its call:
/// if its call stands before the first reply. Operations without a reply wait in a list of their
/// own and are tried last: most had no effect, and none has to be placed.
pub(crate) struct Timeline {
    events: Vec<Event>,
    left: Links,
    /// For each operation its call and reply in `events`, or its place in `open`.
    places: Vec<Place>,
    open: Vec<usize>,
    open_left: Links,
    /// Reads with replies, in the order of these.
    reads: Vec<usize>,
    reads_left: Links,
}

#[derive(Debug, Clone, Copy)]
struct Event {
    op: u32,
    reply: bool,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Closed {
        call: usize,
        reply: usize,
        read: Option<usize>,
    },
    Open {
        place: usize,
    },
}

impl Timeline {
    pub(crate) fn new<M: Model>(problem: &Problem<'_, M>) -> Self {
        let entries = problem.entries();
        let mut events = Vec::with_capacity(2 * entries.len());
        let mut places = Vec::with_capacity(entries.len());
        let mut open = Vec::new();
        for (op, entry) in entries.iter().enumerate() {
            if entry.reply == NEVER {
                places.push(Place::Open { place: open.len() });
                open.push(op);
            } else {
                places.push(Place::Closed {
                    call: 0,
                    reply: 0,
                    read: None,
                });
                events.push((entry.call, op, false));
                events.push((entry.reply, op, true));
            }
        }
        events.sort_unstable();
        let mut reads = Vec::new();
        for (index, &(_, op, is_reply)) in events.iter().enumerate() {
            let Place::Closed { call, reply, read } = &mut places[op] else {
                unreachable!("operation {op} has events and is open")
            };
            if !is_reply {
                *call = index;
                continue;
            }
            *reply = index;
            if entries[op].read {
                *read = Some(reads.len());
                reads.push(op);
            }
        }
        Timeline {
            left: Links::new(events.len()),
            events: events
                .iter()
                .map(|&(_, op, reply)| Event {
                    op: op as u32,
                    reply,
                })
                .collect(),
            places,
            open_left: Links::new(open.len()),
            open,
            reads_left: Links::new(reads.len()),
            reads,
        }
    }

    /// Before the first candidate.
    #[inline]
    pub(crate) fn start(&self) -> Cursor {
        Cursor::Event(self.left.first())
    }

    /// The place after operation `op`, which has just been taken or put back, or is left.
    #[inline]
    pub(crate) fn after(&self, op: usize) -> Cursor {
        match self.places[op] {
            Place::Closed { call, .. } => Cursor::Event(self.left.after(call)),
            Place::Open { place } => Cursor::Open(self.open_left.after(place)),
        }
    }

    /// The operation at `cursor`; `None` at the end of a list.
    #[inline]
    pub(crate) fn candidate(&self, cursor: Cursor) -> Option<usize> {
        match cursor {
            Cursor::Event(index) => {
                let event = self.events[index?];
                (!event.reply).then_some(event.op as usize)
            }
            Cursor::Open(place) => Some(self.open[place?]),
        }
    }

    /// The operation whose reply is the first of those still to be placed, once the walk from
    /// [`Timeline::start`] has come to it.
    #[inline]
    pub(crate) fn blocking(&self, cursor: Cursor) -> Option<usize> {
        match cursor {
            Cursor::Event(Some(index)) => Some(self.events[index].op as usize),
            Cursor::Event(None) | Cursor::Open(_) => None,
        }
    }

    /// Before the first candidate that has no reply.
    #[inline]
    pub(crate) fn open_start(&self) -> Cursor {
        Cursor::Open(self.open_left.first())
    }

    /// The first read still to be placed, in the order of replies.
    #[inline]
    pub(crate) fn next_read(&self) -> Option<usize> {
        self.reads_left.first().map(|place| self.reads[place])
    }

    #[inline]
    pub(crate) fn take(&mut self, op: usize) {
        match self.places[op] {
            Place::Closed { call, reply, read } => {
                // The call last, so that what comes after it is still in the list.
                self.left.take(reply);
                self.left.take(call);
                if let Some(place) = read {
                    self.reads_left.take(place);
                }
            }
            Place::Open { place } => self.open_left.take(place),
        }
    }

    #[inline]
    pub(crate) fn put_back(&mut self, op: usize) {
        match self.places[op] {
            Place::Closed { call, reply, read } => {
                if let Some(place) = read {
                    self.reads_left.put_back(place);
                }
                self.left.put_back(call);
                self.left.put_back(reply);
            }
            Place::Open { place } => self.open_left.put_back(place),
        }
    }
}

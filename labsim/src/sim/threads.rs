//! What the simulator knows of each of its threads.

use std::panic::Location;
use std::sync::Arc;

use super::objects::ObjId;
use crate::domain::Domain;
use crate::outcome::PanicRecord;

/// A thread's place in the table. Used again after the thread's end; `uid` is not.
pub(crate) type Slot = u32;

/// Why a thread is blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    Sleep,
    Lock,
    ReadLock,
    WriteLock,
    Condvar,
    Receive,
    Send,
    Select,
    Join,
    Park,
    Crash,
    /// Another thread runs the initialiser.
    Once,
    /// Nobody need be at it yet: `OnceLock::wait`.
    Value,
    Barrier,
    WaitGroup,
    /// It did nothing to wait: see `Stalls`.
    Stall,
}

impl Why {
    /// Waiting for a lock or an initialiser, hence for a thread that is at work: the one wait that a thread may
    /// still enter while it unwinds.
    pub(crate) fn is_lock(self) -> bool {
        matches!(self, Why::Lock | Why::ReadLock | Why::WriteLock | Why::Once)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Holds the baton, or stands in line for it.
    Ready,
    /// Waits, since `since` (virtual ns), at `at`.
    Blocked {
        why: Why,
        at: &'static Location<'static>,
        since: u64,
        /// It goes on at some time, whatever happens.
        limited: bool,
    },
    /// Its function has returned or unwound.
    Finished,
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wake {
    /// One of the objects waited for was notified.
    Notified,
    /// The deadline passed first.
    TimedOut,
    /// The thread is being ended and may not wait.
    Dying,
}

/// How far a thread is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Life {
    #[default]
    Alive,
    /// To be unwound as soon as it runs next.
    Doomed,
    /// Unwinds: runs to its end without a switch, and no longer waits for anything but locks.
    Dying,
}

/// A lock held, and where it was taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) obj: ObjId,
    pub(crate) at: &'static Location<'static>,
}

/// An operation that other threads may complete.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpState {
    pub(crate) number: u64,
    /// Nobody has completed it yet, and it may be.
    pub(crate) open: bool,
    /// The arm by which it was.
    pub(crate) arm: Option<usize>,
}

pub(crate) struct Thread {
    /// Counts the threads of this run; never used twice.
    pub(crate) uid: u32,
    pub(crate) name: Arc<str>,
    /// The fault domain it belongs to and dies with.
    pub(crate) domain: Option<Domain>,
    /// The domain on whose behalf it acts for the moment (`Domain::enter`).
    pub(crate) acting: Option<Domain>,
    pub(crate) spawned_at: &'static Location<'static>,
    pub(crate) last_call: &'static Location<'static>,
    pub(crate) state: State,
    pub(crate) life: Life,
    /// Counts the waits of its slot; a timer of an earlier one is void.
    pub(crate) epoch: u64,
    pub(crate) waiting_for: Vec<ObjId>,
    pub(crate) wake: Wake,
    /// The object whose notification made it ready, until it runs. If it is doomed before, another waiter
    /// gets the notification, which would be lost otherwise.
    pub(crate) woken_by: Option<ObjId>,
    /// It was woken to take a lock, and another thread had it by then. The next unlock lets it go first.
    pub(crate) overtaken: bool,
    /// The operation on channels that it waits in.
    pub(crate) op: Option<OpState>,
    pub(crate) held: Vec<Held>,
    /// Notified at its end.
    pub(crate) exit: ObjId,
    pub(crate) unpark_token: bool,
    /// What the panic hook saw, until the thread's base or a `catch_unwind` of the program takes it.
    pub(crate) panic: Option<PanicRecord>,
    /// Its `JoinHandle` is gone: the slot is free at its end.
    pub(crate) detached: bool,
    /// Calls since it last waited, for the finding about busy loops.
    pub(crate) busy_calls: u64,
    pub(crate) busy_reported: bool,
    pub(crate) dying_calls: u32,
    /// PCT: the highest runs.
    pub(crate) priority: i64,
}

impl Thread {
    /// The domain its actions count for.
    pub(crate) fn acts_for(&self) -> Option<&Domain> {
        self.acting.as_ref().or(self.domain.as_ref())
    }

    /// Whether it is doing something for another peer, which lives.
    pub(crate) fn acts_for_another(&self) -> bool {
        let acting = self.acting.as_ref().filter(|d| d.is_alive());
        acting.is_some() && acting != self.domain.as_ref()
    }
}

#[derive(Default)]
pub(crate) struct Threads {
    table: Vec<Thread>,
    free: Vec<Slot>,
    pub(crate) next_uid: u32,
    /// How many have not finished.
    pub(crate) live: u32,
}

impl Threads {
    pub(crate) fn add(&mut self, thread: Thread) -> Slot {
        self.live += 1;
        self.next_uid += 1;
        if let Some(slot) = self.free.pop() {
            let old = &mut self.table[slot as usize];
            // Counts on, so that a timer of the old thread is void for the new one.
            let epoch = old.epoch;
            *old = Thread { epoch, ..thread };
            return slot;
        }
        self.table.push(thread);
        (self.table.len() - 1) as Slot
    }

    pub(crate) fn recycle(&mut self, slot: Slot) {
        self.free.push(slot);
    }

    #[inline]
    pub(crate) fn get(&self, slot: Slot) -> &Thread {
        &self.table[slot as usize]
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, slot: Slot) -> &mut Thread {
        &mut self.table[slot as usize]
    }

    /// Threads that have not finished, by slot.
    pub(crate) fn live(&self) -> impl Iterator<Item = (Slot, &Thread)> {
        (0..)
            .zip(&self.table)
            .filter(|(_, t)| t.state != State::Finished)
    }
}

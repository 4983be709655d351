//! Readers-writer locks: who may enter, and who is woken when the lock is free.

use std::panic::Location;

use super::kernel::Kernel;
use super::objects::{Holder, ObjId};
use super::threads::{Held, Slot, State, Wake, Why};

/// What a reader does about writers that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Stands behind them.
    Queue,
    /// Passes them by, as long as other readers are in.
    Recursive,
    /// Has waited and was called in: passes them by.
    Called,
}

impl Kernel {
    /// Takes `obj` for reading; false if the running thread may not.
    pub(crate) fn try_read(
        &mut self,
        obj: ObjId,
        entry: Entry,
        at: &'static Location<'static>,
    ) -> bool {
        let slot = self.running;
        let o = self.objects.get_mut(obj);
        let behind_writer = match entry {
            Entry::Queue => o.writers > 0,
            Entry::Recursive => o.writers > 0 && o.readers.is_empty(),
            Entry::Called => false,
        };
        if o.holder.is_some() || behind_writer {
            return false;
        }
        o.readers.push(Holder { slot, at });
        self.threads.get_mut(slot).held.push(Held { obj, at });
        true
    }

    /// Where the running thread took `obj`, if it did: for writing, or in any way.
    pub(crate) fn own_hold(
        &self,
        obj: ObjId,
        reading_counts: bool,
    ) -> Option<&'static Location<'static>> {
        let o = self.objects.get(obj);
        let readers = o.readers.iter().filter(|_| reading_counts);
        o.holder
            .iter()
            .chain(readers)
            .find(|h| h.slot == self.running)
            .map(|h| h.at)
    }

    /// The running thread gives its write lock back.
    pub(crate) fn release_write(&mut self, obj: ObjId) {
        self.drop_held(self.running, obj);
        self.objects.get_mut(obj).holder = None;
        self.call_in(obj);
    }

    /// The running thread gives one of its read locks back.
    pub(crate) fn release_read(&mut self, obj: ObjId) {
        let slot = self.running;
        self.drop_held(slot, obj);
        let readers = &mut self.objects.get_mut(obj).readers;
        if let Some(i) = readers.iter().rposition(|h| h.slot == slot) {
            readers.remove(i);
        }
        if readers.is_empty() {
            self.call_in(obj);
        }
    }

    /// The running thread's write lock becomes a read lock: the readers that wait come in.
    pub(crate) fn downgrade(&mut self, obj: ObjId) {
        let o = self.objects.get_mut(obj);
        let Some(holder) = o.holder.take() else {
            return;
        };
        o.readers.push(holder);
        self.wake_readers(obj);
    }

    /// The running thread stops waiting for `obj`: it has it now, or has given up, or is being ended. In the last
    /// two cases the others must not wait for it any longer.
    pub(crate) fn leave_queue(&mut self, obj: ObjId, writer: bool) {
        let o = self.objects.get_mut(obj);
        o.writers -= u32::from(writer);
        if o.holder.is_some() {
            return;
        }
        if o.readers.is_empty() {
            self.call_in(obj);
        } else if o.writers == 0 {
            self.wake_readers(obj);
        }
    }

    /// The lock is free: wakes a writer, or all readers. They race with whoever comes meanwhile, as under
    /// parking_lot, whose unlock hands nothing over; but who has lost such a race once goes first.
    fn call_in(&mut self, obj: ObjId) {
        let n = self.objects.get(obj).waiters.len();
        if n == 0 {
            return;
        }
        let i = self.sched.pick_waiter(n);
        let slot = self.objects.get(obj).waiters[i];
        if self.waits_to_write(slot).is_some() {
            self.wake(slot, Wake::Notified);
            self.let_go_first(slot);
        } else {
            self.wake_readers(obj);
        }
    }

    fn wake_readers(&mut self, obj: ObjId) {
        let waiters = &self.objects.get(obj).waiters;
        let readers: Vec<Slot> = waiters
            .iter()
            .copied()
            .filter(|slot| self.waits_to_write(*slot).is_none())
            .collect();
        for slot in readers {
            self.wake(slot, Wake::Notified);
            self.let_go_first(slot);
        }
    }

    /// The line where the thread waits for a write lock, if that is what it does.
    fn waits_to_write(&self, slot: Slot) -> Option<&'static Location<'static>> {
        match self.threads.get(slot).state {
            State::Blocked {
                why: Why::WriteLock,
                at,
                ..
            } => Some(at),
            _ => None,
        }
    }

    /// The writer that has waited longest for `obj`.
    pub(super) fn first_writer(&self, obj: ObjId) -> Option<Holder> {
        let waiters = &self.objects.get(obj).waiters;
        waiters.iter().find_map(|slot| {
            let at = self.waits_to_write(*slot)?;
            Some(Holder { slot: *slot, at })
        })
    }
}

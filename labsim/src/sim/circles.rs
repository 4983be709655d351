//! Threads that wait for each other's locks: a deadlock, though others may still run.

use super::kernel::Kernel;
use super::threads::{Life, Slot, State};
use crate::outcome::Failure;

impl Kernel {
    /// Ends the run if the running thread, which is about to wait for a lock, would wait for itself in the end. None of
    /// the circle ever goes on, and the others would find out much later, by what these do not do any more.
    pub(super) fn end_if_in_circle(&mut self) {
        let Some(circle) = self.circle() else {
            return;
        };
        let failure = Failure::Deadlock {
            threads: self.snapshot_of(|slot, _| circle.contains(&slot)),
            others_run: true,
        };
        self.end(Some(failure));
    }

    /// The running thread, whom it waits for, whom that one waits for, and so on back to it.
    fn circle(&self) -> Option<Vec<Slot>> {
        let mut circle = vec![self.running];
        loop {
            let next = self.holder_of_what_is_missing(circle[circle.len() - 1])?;
            if next == circle[0] {
                return Some(circle);
            }
            if circle.contains(&next) {
                return None; // it waits for a circle, and is no part of it
            }
            circle.push(next);
        }
    }

    /// Who holds the lock for which this thread waits, if it waits until it gets it.
    fn holder_of_what_is_missing(&self, slot: Slot) -> Option<Slot> {
        let thread = self.threads.get(slot);
        let State::Blocked {
            why,
            limited: false,
            ..
        } = thread.state
        else {
            return None;
        };
        // One that is being ended gives its locks back.
        if !why.is_lock() || thread.life != Life::Alive {
            return None;
        }
        let lock = self.objects.get(*thread.waiting_for.first()?);
        Some(lock.holder?.slot)
    }
}

//! Threads that wait for each other's locks: a deadlock, though others may still run.

use super::kernel::Kernel;
use super::threads::{Life, Slot, State};
use crate::outcome::Failure;

impl Kernel {
    /// Ends the run if the running thread, which is about to wait for a lock, would wait for itself in the end. None of
    /// the circle ever goes on, and the others would find out much later, by what these do not do any more.
    pub(super) fn end_if_in_circle(&mut self) {
        let Some(circle) = circle(self.running, &|slot| self.awaited(slot)) else {
            return;
        };
        let members = circle.iter().map(|slot| self.threads.get(*slot).uid);
        let members: Vec<u32> = members.collect();
        let failure = Failure::Deadlock {
            threads: self.snapshot_of(|thread| members.contains(&thread.uid)),
            others_run: true,
        };
        self.end(Some(failure));
    }

    /// The threads for each of which this one waits, if it waits for a lock until it gets it.
    fn awaited(&self, slot: Slot) -> Vec<Slot> {
        let thread = self.threads.get(slot);
        let State::Blocked {
            why,
            limited: false,
            ..
        } = thread.state
        else {
            return Vec::new();
        };
        // One that is being ended gives its locks back.
        let lock = thread.waiting_for.first();
        let Some(lock) = lock.filter(|_| why.is_lock() && thread.life == Life::Alive) else {
            return Vec::new();
        };
        let blockers = self.blockers(why, *lock).into_iter();
        blockers.map(|(_, holder)| holder.slot).collect()
    }
}

/// A circle through `start`, if there is one, where each waits for the next.
pub(crate) fn circle<T: Copy + PartialEq>(
    start: T,
    awaited: &dyn Fn(T) -> Vec<T>,
) -> Option<Vec<T>> {
    let mut path = vec![start];
    closes(&mut path, &mut Vec::new(), awaited).then_some(path)
}

/// Extends `path` until its last thread waits for its first; false if it cannot.
fn closes<T: Copy + PartialEq>(
    path: &mut Vec<T>,
    dead_ends: &mut Vec<T>,
    awaited: &dyn Fn(T) -> Vec<T>,
) -> bool {
    for next in awaited(path[path.len() - 1]) {
        if next == path[0] {
            return true;
        }
        if path.contains(&next) || dead_ends.contains(&next) {
            continue;
        }
        path.push(next);
        if closes(path, dead_ends, awaited) {
            return true;
        }
        path.pop();
        dead_ends.push(next);
    }
    false
}

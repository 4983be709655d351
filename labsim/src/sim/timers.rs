//! Deadlines of blocked threads, earliest first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::threads::Slot;

/// One thread's deadline. `epoch` says which of its waits it belongs to; an older one is void.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timer {
    pub(crate) at: u64,
    /// Breaks ties between equal deadlines in the order they were set.
    seq: u64,
    pub(crate) slot: Slot,
    pub(crate) epoch: u64,
}

/// A heap of timers. Void ones stay until they come up or until they are the majority: then they are swept.
#[derive(Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<Timer>>,
    seq: u64,
    sweep_at: usize,
}

impl Timers {
    pub(crate) fn set(&mut self, at: u64, slot: Slot, epoch: u64) {
        self.seq += 1;
        self.heap.push(Reverse(Timer {
            at,
            seq: self.seq,
            slot,
            epoch,
        }));
    }

    pub(crate) fn peek(&self) -> Option<Timer> {
        self.heap.peek().map(|t| t.0)
    }

    pub(crate) fn pop(&mut self) -> Option<Timer> {
        self.heap.pop().map(|t| t.0)
    }

    /// True when so many timers piled up that the void ones among them should be swept: a loop around
    /// `recv_timeout(1 s)` that is served every microsecond would otherwise keep a million.
    pub(crate) fn wants_sweep(&self) -> bool {
        self.heap.len() > self.sweep_at.max(64)
    }

    pub(crate) fn sweep(&mut self, valid: impl Fn(&Timer) -> bool) {
        self.heap.retain(|t| valid(&t.0));
        self.sweep_at = self.heap.len() * 2;
    }
}

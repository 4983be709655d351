//! Who runs next: seeded random, PCT, or run-to-block.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::threads::{Slot, Threads};
use crate::config::Scheduler;

/// A thread that made this many calls in a row without waiting is moved behind the others, whatever the
/// scheduler: otherwise a loop that polls would starve the thread it polls for.
const LONGEST_TURN: u32 = 10_000;

pub(crate) struct Sched {
    kind: Scheduler,
    rng: Xoshiro256PlusPlus,
    /// PCT: priorities below all initial ones, given out downwards.
    lowest: i64,
    /// PCT: calls until the next change of priority, in this window and after.
    changes: Vec<u32>,
}

/// Why the running thread came to the scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Its calls are used up (see `Sched::refill`).
    OutOfFuel,
    /// It asked to let others run.
    Yield,
    /// A thread became ready that may come first.
    Woke,
}

impl Sched {
    pub(crate) fn new(kind: Scheduler, seed: u64) -> Self {
        Sched {
            kind,
            rng: Xoshiro256PlusPlus::seed_from_u64(seed ^ 0x7363_6865_6475_6c65),
            lowest: 0,
            changes: Vec::new(),
        }
    }

    /// How many calls the running thread may make before the scheduler is asked again.
    pub(crate) fn refill(&mut self) -> u32 {
        match self.kind {
            Scheduler::Random { one_in } => self.draw_turn(one_in.max(1)),
            Scheduler::Pct { changes, window } => {
                if self.changes.is_empty() {
                    self.draw_changes(changes.max(1), window.max(2));
                }
                let calls = self.changes.pop().unwrap_or(LONGEST_TURN);
                calls.min(LONGEST_TURN)
            }
            Scheduler::RunToBlock => LONGEST_TURN,
        }
    }

    /// A turn of `one_in` calls in the mean, except that every fourth is short: many races need a second preemption
    /// a few calls after the first, which turns of even length would hardly ever give.
    fn draw_turn(&mut self, one_in: u32) -> u32 {
        let long = one_in.saturating_mul(2) - 1;
        let most = if self.rng.random_range(0..4) == 0 {
            long.min(4)
        } else {
            long
        };
        self.rng.random_range(1..=most)
    }

    /// Places `changes` points uniformly in a window of calls, kept as the distances between them.
    fn draw_changes(&mut self, changes: u32, window: u32) {
        let mut at: Vec<u32> = (0..changes)
            .map(|_| self.rng.random_range(1..window))
            .collect();
        at.push(window);
        at.sort_unstable();
        let mut before = 0;
        let mut gaps: Vec<u32> = at
            .iter()
            .map(|a| (a - std::mem::replace(&mut before, *a)).max(1))
            .collect();
        gaps.reverse();
        self.changes = gaps;
    }

    pub(crate) fn initial_priority(&mut self) -> i64 {
        match self.kind {
            Scheduler::Pct { .. } => self.rng.random_range(1..i64::MAX),
            _ => 0,
        }
    }

    /// Whether a thread that just became ready makes the running one give way at its next call.
    pub(crate) fn wake_preempts(&self, running: i64, woken: i64) -> bool {
        matches!(self.kind, Scheduler::Pct { .. }) && woken > running
    }

    /// The running thread gives way: under PCT it falls behind all others, unless a better one just woke.
    pub(crate) fn gives_way(&mut self, threads: &mut Threads, running: Slot, cause: Cause) {
        if let Scheduler::Pct { .. } = self.kind
            && cause != Cause::Woke
        {
            self.lowest -= 1;
            threads.get_mut(running).priority = self.lowest;
        }
    }

    /// Takes the next thread out of those that are ready.
    pub(crate) fn pick(&mut self, threads: &Threads, ready: &mut Vec<Slot>) -> Slot {
        debug_assert!(!ready.is_empty());
        match self.kind {
            _ if ready.len() == 1 => ready.remove(0),
            Scheduler::Random { .. } => {
                let i = self.rng.random_range(0..ready.len());
                ready.swap_remove(i)
            }
            Scheduler::RunToBlock => ready.remove(0),
            Scheduler::Pct { .. } => {
                let i = (0..ready.len())
                    .max_by_key(|i| threads.get(ready[*i]).priority)
                    .unwrap_or(0);
                ready.remove(i)
            }
        }
    }

    /// Which of `n` waiters a notification wakes: a real condvar or channel promises no order.
    pub(crate) fn pick_waiter(&mut self, n: usize) -> usize {
        match self.kind {
            Scheduler::Random { .. } if n > 1 => self.rng.random_range(0..n),
            _ => 0,
        }
    }

    /// A draw for the simulator's own choices, such as which ready arm `select!` takes.
    pub(crate) fn draw(&mut self, n: usize) -> usize {
        if n > 1 {
            self.rng.random_range(0..n)
        } else {
            0
        }
    }
}

//! Threads that stand still for a time though they wait for nothing.

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::kernel::{Kernel, Next, nanos};
use super::threads::Why;
use crate::config::{Stalls, TraceLevel};

/// A lock that was given up counts as so many calls: what was known under it may no longer be so.
const UNLOCK: u64 = 10;

/// When the next thread stands still, and for how long.
pub(crate) struct Plan {
    /// The number of the call at which the next one does. Without stalls no run has so many.
    pub(super) at: u64,
    one_in: u64,
    /// In ns.
    longest: u64,
    rng: Xoshiro256PlusPlus,
}

impl Plan {
    pub(crate) fn new(stalls: Option<Stalls>, seed: u64) -> Plan {
        let mut plan = Plan {
            at: u64::MAX,
            one_in: stalls.map_or(1, |s| u64::from(s.one_in).max(1)),
            longest: stalls.map_or(0, |s| nanos(s.longest)),
            // A generator of its own: a run without stalls is the one that it would be if there were none.
            rng: Xoshiro256PlusPlus::seed_from_u64(seed ^ 0x7374_616c_6c73),
        };
        if stalls.is_some() {
            plan.draw_next(0);
        }
        plan
    }

    #[inline]
    pub(super) fn note_unlock(&mut self) {
        self.at = self.at.saturating_sub(UNLOCK - 1);
    }

    fn draw_next(&mut self, calls: u64) {
        self.at = calls + self.rng.random_range(1..=self.one_in * 2 - 1);
    }
}

impl Kernel {
    /// The running thread stands still, if it is a peer's: the world around the peers is to be on time.
    pub(super) fn stand_still(&mut self) -> Option<Next> {
        self.stalls.draw_next(self.calls);
        let slot = self.running;
        let thread = self.threads.get(slot);
        thread.acts_for()?;
        let (at, busy_calls) = (thread.last_call, thread.busy_calls);
        let length = self.stalls.rng.random_range(0..=self.stalls.longest);
        if self.level >= TraceLevel::Events {
            let detail = format!("for {:?} at {at}", Duration::from_nanos(length));
            self.record("stall", length, 0, detail);
        }
        let next = self.block(&[], Some(self.now + length), Why::Stall, at);
        // It has waited for nothing, so a loop that never waits is still one.
        self.threads.get_mut(slot).busy_calls = busy_calls;
        Some(next)
    }
}

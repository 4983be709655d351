//! The history of a run: what clerks asked for, and when and what they got.

use std::collections::BTreeMap;
use std::time::Duration;

use linear::models::{KvInput, KvOutput};
use linear::{History, OpId, Recorder, TimeUnit};

/// A run's operations so far.
#[derive(Debug)]
pub struct Book {
    recorder: Recorder<KvInput, KvOutput>,
    /// The last time written down.
    last: u64,
    clerks: u32,
    /// Calls that clerks made of servers.
    requests: u64,
    /// Operations that have no answer yet: whose, what, and since when.
    open: BTreeMap<OpId, (u32, String, Duration)>,
}

impl Default for Book {
    fn default() -> Self {
        let recorder = Recorder::new(TimeUnit::Nanoseconds);
        Book {
            recorder,
            last: 0,
            clerks: 0,
            requests: 0,
            open: BTreeMap::new(),
        }
    }
}

impl Book {
    /// The number of a new clerk.
    pub fn new_clerk(&mut self) -> u32 {
        self.clerks += 1;
        self.clerks - 1
    }

    /// A clerk is about to call.
    pub fn call(&mut self, clerk: u32, at: Duration, what: String, input: KvInput) -> OpId {
        let tick = self.tick(at);
        let op = self.recorder.call(clerk, tick, input);
        self.open.insert(op, (clerk, what, at));
        op
    }

    /// It has its answer.
    pub fn reply(&mut self, op: OpId, at: Duration, output: KvOutput) {
        let tick = self.tick(at);
        self.recorder.reply(op, tick, output);
        self.open.remove(&op);
    }

    /// A time later than any before, so that what came first is known to have come first.
    fn tick(&mut self, at: Duration) -> u64 {
        self.last = (self.last + 1).max(at.as_nanos() as u64);
        self.last
    }

    /// A clerk calls a server. How often clerks have done so now.
    pub fn note_request(&mut self) -> u64 {
        self.requests += 1;
        self.requests
    }

    /// How often clerks have called servers.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// How many operations were called.
    pub fn operations(&self) -> usize {
        self.recorder.len()
    }

    /// The first few operations without an answer, in words.
    pub fn unanswered(&self) -> String {
        let shown: Vec<String> = (self.open.values().take(3))
            .map(|(clerk, what, at)| {
                format!(
                    "clerk {clerk}'s {what}, called at {:.3} s",
                    at.as_secs_f64()
                )
            })
            .collect();
        let more = match self.open.len().saturating_sub(3) {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        format!("{}{more}", shown.join("; "))
    }

    /// The history as far as it got.
    ///
    /// # Panics
    /// If the harness has written down times that cannot be.
    pub fn history(&self) -> History<KvInput, KvOutput> {
        self.recorder
            .clone()
            .finish()
            .unwrap_or_else(|e| panic!("the harness recorded nonsense: {e}"))
    }
}

//! One run of a story: one seed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::Story;
use crate::board::Board;
use crate::settings::Clock;

/// More requests than this make no test's story: of our right solutions none makes more than 10,000 in one of Raft's stories …
const STORM: u64 = 200_000;
/// … but 60,000 where clerks work, and 300,000 in the longest ones, which are played less often.
const STORM_OF_LONG_ONES: u64 = 1_000_000;

/// What belongs to one run. It outlives the simulation in which the run takes place.
#[derive(Debug)]
pub struct Run {
    /// The story that is played.
    pub story: &'static Story,
    /// The seed of everything that is drawn.
    pub seed: u64,
    /// The clock it lives by.
    pub clock: Clock,
    /// More requests of servers than this break a claim.
    pub storm: u64,
    /// More requests of clerks than this break another.
    pub clerk_storm: u64,
    /// What is known about it.
    pub board: Board,
    asked: AtomicUsize,
}

impl Run {
    /// A run of `story` that is about to begin.
    pub fn new(story: &'static Story, seed: u64, clock: Clock) -> Self {
        Run {
            story,
            seed,
            clock,
            storm: storm(story.is_kv() || story.runs > 0),
            clerk_storm: storm(story.runs > 0),
            board: Board::new(story.servers),
            asked: AtomicUsize::new(0),
        }
    }

    /// Whose turn it is to be asked first; moves on.
    pub(crate) fn next_asked(&self) -> usize {
        self.asked.fetch_add(1, Ordering::Relaxed)
    }
}

/// How many requests are too many. What a server that never pauses costs is a student's time, before he is told: a second
/// of the processor's for each 200,000.
fn storm(is_busy: bool) -> u64 {
    match is_busy {
        true => STORM_OF_LONG_ONES,
        false => STORM,
    }
}

/// How a run ended, and what it cost.
#[derive(Debug, Default)]
pub struct Ended {
    /// Virtual time (on the wall clock: real time).
    pub elapsed: Duration,
    /// Time on the processor.
    pub cpu: Duration,
    /// Time on the wall.
    pub wall: Duration,
    /// The hash of all that happened; 0 on the wall clock.
    pub trace_hash: u64,
    /// Where the full trace was written.
    pub trace: Option<std::path::PathBuf>,
    /// The last events, if the run was recorded.
    pub events: Vec<labsim::trace::Event>,
}

/// The payload that ends a story whose claim was found broken. What broke is on the board.
#[derive(Debug)]
pub struct StoryEnded;

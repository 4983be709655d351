//! The harness of the suites: a cluster of Rafts on a bad network, and what is claimed of it.
//!
//! A test is a story: the attribute [`macro@story`] on a function that takes a [`Cluster`], does
//! things to its servers, and checks claims. Read the suites in `tests/suites/` first; then
//!
//! | file | what it holds |
//! |---|---|
//! | `subject` | what is under test: a Raft, or a key/value service |
//! | `cluster`, `weather` | servers: boot, crash, restart; links: cut off, rejoin, partition, heal |
//! | `leaders`, `agree`, `costs` | what a story asks: who leads, is a command agreed on, how many RPCs was that |
//! | `members` | part 2E: who is a member, and how that changes |
//! | `post`, `staging` | messages held back, released, sent twice; situations made with that |
//! | `power` | power failures right after a reply or a save |
//! | `nemesis` | faults as plain data |
//! | `claim` | every claim, with its section of the paper and the question to ask when it is broken |
//! | `history`, `applier` | what was applied, with the checks on each entry |
//! | `rules`, `watch` | Figure 3's properties, on messages and disks |
//! | `kv` | clerks and their history, for parts 3A and 3B |
//! | `settings`, `runner`, `engine` | knobs, seeds, and one run in labsim |
//! | `report`, `record` | what is printed, and what a grader reads |
//! | `recording`, `scribe`, `trace` | all that happened: for the report, and as a file |

//!
//! # Knobs
//!
//! Environment variables, read once a process. A bad value is an error that names the near ones.
//!
//! | knob | what it sets |
//! |---|---|
//! | `LAB_SEED` | the first seed, decimal or `0x…`; run k of a test has this plus k |
//! | `LAB_RUNS` | seeds a test tries; by default 3, or what its story says (1 on the wall clock) |
//! | `LAB_CLOCK` | `sim` (virtual time) or `real` (wall clock; stories marked `exact` are skipped, and say so) |
//! | `LAB_THREADS` | `os` or `fiber`: what carries simulated threads |
//! | `LAB_SCHEDULER` | `random`, `pct` or `run-to-block` |
//! | `LAB_TRACE` | a folder: each run's full trace goes there (see `trace`) |
//! | `LAB_KEEP_GOING` | `yes`: a failed run does not end its test |
//! | `LAB_RESULTS` | a file: each run's record is appended (see [`record`]) |
//! | `LAB_SECRET` | a file whose content each record repeats; it is removed before a server starts |
//! | `LAB_LIST` | `yes`: tests only say what they are, a JSON line each |

#![forbid(unsafe_code)]
#![warn(missing_docs)]

extern crate self as tests;

pub mod board;
pub mod claim;
pub mod history;
pub mod kv;
pub mod record;
pub mod report;
pub mod rules;
pub mod run;
pub mod server;
pub mod settings;

mod agree;
mod applier;
mod cluster;
mod costs;
mod engine;
mod finish;
mod flag;
mod leaders;
mod links;
mod members;
mod nemesis;
mod post;
mod power;
mod pulse;
mod recording;
mod runner;
mod scribe;
mod staging;
mod steps;
mod story_data;
mod subject;
mod trace;
mod watch;
mod weather;

#[cfg(test)]
mod testing;

pub use agree::Waited;
pub use cluster::Cluster;
pub use flag::Flag;
pub use nemesis::{Fault, Nemesis};
pub use post::{Handling, Mail};
pub use runner::{Rehearsal, play, rehearse};
pub use server::{Command, Server, set};
pub use staging::{every_byte, random_command, random_text};
pub use story::story;
pub use story_data::{Story, UNGRADED};
pub use subject::Kind;

/// What a suite imports.
pub mod prelude {
    pub use crate::kv::{Load, append_text};
    pub use crate::{
        Cluster, Command, Fault, Flag, Handling, Mail, Nemesis, Server, Waited, claim, story,
    };
    pub use crate::{every_byte, random_command, random_text, set};
    pub use labsim::rand::{IndexedRandom, RngExt, SliceRandom, rng};
    pub use labsim::time::Duration;
    pub use raftapi::{ChangeError, LogIndex, Membership, Term};
}

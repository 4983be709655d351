//! A linearizability checker: could these answers have come from an object that does one
//! operation at a time, each at one moment between its call and its reply?
//!
//! ```
//! use linear::models::{Kv, KvInput, KvOutput};
//! use linear::{Recorder, Settings, TimeUnit, Verdict, check};
//!
//! let mut recorder = Recorder::new(TimeUnit::Ticks);
//! let append = recorder.call(0, 1, KvInput::append("x", "a"));
//! recorder.reply(append, 2, KvOutput::Done);
//! let get = recorder.call(1, 3, KvInput::get("x"));
//! recorder.reply(get, 4, KvOutput::value("")); // stale: the append was over
//! let history = recorder.finish().unwrap();
//!
//! let found = check(&Kv, &history, &Settings::default());
//! assert_eq!(found.verdict(), Verdict::Illegal);
//! println!("{}", found.report(&Kv, &history)); // says which answer is wrong, and why
//! ```
//!
//! # How it works
//!
//! Herlihy and Wing ("Linearizability: a correctness condition for concurrent objects", 1990)
//! call a history linearizable if its operations can be put in *one* order that respects real
//! time (what ended before another began stays before it) and in which each answer is the one
//! that a sequential object gives. To look for such an order is a search, and in the worst case
//! an exponential one. What makes it quick here, from the widest idea to the narrowest:
//!
//! 1. Each key is searched by itself: linearizability is local (their Theorem 1). [`check`]
//! 2. Depth first over what can come next (Wing & Gong, "Testing and verifying concurrent
//!    objects", 1993), never twice from the same situation (Lowe, "Testing for linearizability",
//!    2017). A situation is one number, and so is a state. `search.rs`, `seen.rs`
//! 3. Reads that fit are placed at once, without a branch. `search.rs`
//! 4. A value is a hash that an append continues. `rolling.rs`, `prefixes.rs`
//! 5. The answer of the next get tells which states lead to it. `models/kv_form.rs`
//!
//! A right verdict is confirmed on plain values before it is given; a wrong one rests on hashes
//! of 122 and more bits, and on nothing else that is left to chance.
//!
//! # What is where
//!
//! | file | idea |
//! |---|---|
//! | `history.rs`, `recorder.rs` | what the clients saw; which operation comes before which |
//! | `model.rs`, `models/` | what an object does; a model of your own needs six short functions |
//! | `problem.rs`, `timeline.rs`, `links.rs`, `bits.rs` | one key's operations; which can be next |
//! | `search.rs`, `seen.rs`, `form.rs`, `interned.rs` | the search |
//! | `rolling.rs`, `prefixes.rs`, `models/kv_form.rs` | strings without strings |
//! | `check.rs` | all keys, the verdict |
//! | `explain.rs`, `report.rs`, `text.rs`, `quote.rs` | what would have been right, as data, in words |
//!
//! Left out: models whose operations may have several outcomes in one state, e.g. a bag from
//! which any item may be taken. They would need sets of states.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod bits;
mod check;
mod explain;
mod form;
mod history;
mod interned;
mod links;
mod model;
pub mod models;
mod prefixes;
mod problem;
mod quote;
mod recorder;
mod report;
mod rolling;
mod search;
mod seen;
mod text;
mod timeline;

pub use bits::Bits;
pub use check::{Check, Exceeded, Outcome, Part, Settings, Verdict, check};
pub use form::{Foresight, SearchForm, View};
pub use history::{History, HistoryError, OpId, Operation, Reply, TimeUnit};
pub use interned::Interned;
pub use model::{Model, Whole};
pub use problem::{Entry, NEVER, Problem};
pub use recorder::Recorder;
pub use report::{Alternative, Failure, KeyReport, KeyResult, OpReport, Overtaken, Placed, Report};

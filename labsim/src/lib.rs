//! Plain threads, locks, channels and time, on the wall clock or in a deterministic simulation.
//!
//! First step: the names that everything else is written against, on the wall clock only.

pub use log;

pub mod channel;
mod domain;
pub mod diagnose;
pub mod rand;
pub mod sync;
pub mod thread;
pub mod time;
pub mod trace;

pub use domain::Domain;

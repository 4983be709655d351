//! Plain threads, locks, channels and time, on the wall clock or in a deterministic simulation.

pub use log;

mod backend;
pub mod channel;
mod config;
pub mod diagnose;
mod domain;
mod hook;
mod outcome;
pub mod rand;
mod run;
mod sim;
pub mod sync;
pub mod thread;
pub mod time;
pub mod trace;
mod wall;
mod watchdog;

pub use config::{Backend, Clock, Config, Scheduler, TraceLevel};
pub use domain::Domain;
pub use outcome::{Failure, HeldReport, Outcome, PanicRecord, Payload, ThreadReport, WaitReport};
pub use run::run;

/// Whether the calling thread is inside a simulation, where time is virtual.
pub fn is_simulated() -> bool {
    sim::current().is_some()
}

//! Plain threads, locks, channels and time, on the wall clock or in a deterministic simulation.

/// The `log` crate. `labsim::run` installs a logger, unless the program has set one: it stamps each record with the
/// time of the run's clock, the peer and the thread. Records go into the trace where one is recorded, and to stderr
/// as far as the environment's `LAB_LOG` says: `info`, or `warn,raft=debug,raft::log=off`.
///
/// A log call takes no virtual time and never switches threads. Its arguments are always evaluated, whatever the
/// level, so that a run is the same with logs and without; they are formatted only if somebody listens.
pub use log;

mod backend;
pub mod channel;
mod check;
mod config;
pub mod diagnose;
mod domain;
mod hook;
mod logging;
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

pub use check::{Checked, Divergence, FailedSeed, check, compare};
pub use config::{Backend, Clock, Config, Scheduler, Sink, Stalls, TraceLevel};
pub use domain::Domain;
pub use outcome::{
    BlockerReport, BlockerRole, Failure, HeldReport, Outcome, PanicRecord, Payload, ThreadReport,
    WaitReport,
};
pub use run::run;

/// Shows values of yours in the picture of a run: from this moment on, in the panel of the peer that makes the call.
///
/// ```
/// # struct Leader { next_index: Vec<u64>, match_index: Vec<u64> }
/// # let leader = Leader { next_index: vec![4, 4, 2], match_index: vec![0, 3, 0] };
/// let next_index = &leader.next_index;
/// labsim::note!(next_index, match_index = leader.match_index);
/// ```
///
/// The latest value of each name is shown as its `Debug` has it. `role`, `term`, `commit`, `next_index` and
/// `match_index` are also drawn: they need not be guessed from messages then. It costs nothing but the making of its
/// arguments unless a trace is being recorded, takes no virtual time, and changes nothing in the run (a value whose
/// `Debug` makes labsim calls would).
#[macro_export]
macro_rules! note {
    (@value $name:ident) => { $name };
    (@value $name:ident $value:expr) => { $value };
    ($($name:ident $(= $value:expr)?),+ $(,)?) => {
        $crate::trace::values(&[
            $((stringify!($name), &$crate::note!(@value $name $($value)?) as &dyn ::std::fmt::Debug)),+
        ])
    };
}

/// Whether the calling thread is inside a simulation, where time is virtual.
pub fn is_simulated() -> bool {
    sim::current().is_some()
}

/// Whether the calling thread belongs to a run, on either clock: then a panic of it fails the run.
pub fn is_in_run() -> bool {
    is_simulated() || wall::current_run().is_some()
}

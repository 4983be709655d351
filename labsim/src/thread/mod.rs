//! Threads: std's API. A thread belongs to the fault domain of the one that spawned it.

mod handle;
mod join;
mod pauses;
mod spawn;

use std::any::Any;
use std::io;

use crate::sim;

pub use handle::{Thread, ThreadId, current};
pub use join::{EndedEarly, JoinHandle, Result};
pub use pauses::{park, park_timeout, sleep, yield_now};
pub(crate) use spawn::spawn_into;
pub use spawn::{Builder, spawn};

/// Whether the calling thread unwinds, by a panic or because it is being ended.
pub fn panicking() -> bool {
    match sim::current() {
        Some(sim) => sim.kernel.with(|k| k.unwinding()),
        None => std::thread::panicking(),
    }
}

/// How many threads can run at once: 1 in a simulation.
///
/// # Errors
/// As std's.
pub fn available_parallelism() -> io::Result<std::num::NonZero<usize>> {
    match sim::current() {
        Some(_) => Ok(std::num::NonZero::<usize>::MIN),
        None => std::thread::available_parallelism(),
    }
}

/// The value of a payload that `join` returned, as text.
pub fn panic_message(payload: &(dyn Any + Send)) -> &str {
    if let Some(s) = payload.downcast_ref::<&'static str>() {
        return s;
    }
    payload
        .downcast_ref::<String>()
        .map_or("(a value that is not a message)", String::as_str)
}

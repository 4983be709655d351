//! Limits of a child process. A child starts as this program, which lowers its own limits and then
//! becomes the program that was asked for: nothing of it runs before they hold.

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};

use crate::cli::Guard;

/// What one process may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Processor time.
    pub cpu: Duration,
    /// Bytes of memory.
    pub memory: u64,
    /// Bytes it may write to any one file; its output goes to one.
    pub output: u64,
    /// Time on the wall. The one limit that the parent watches.
    pub wall: Duration,
    /// It sees nothing of this process's environment.
    pub clean: bool,
}

impl Limits {
    /// As options of the hidden command `guard`.
    pub fn options(&self) -> Guard {
        Guard {
            cpu: self.cpu.as_secs().max(1),
            memory: self.memory,
            output: self.output,
            program: Vec::new(),
        }
    }
}

/// Sets the limits and becomes the program.
///
/// # Errors
/// A limit can't be set, or the program not be started. Else it does not return.
pub fn run(options: &Guard) -> Result<bool, String> {
    // A second more for the hard limit: the signal of the soft one says what it was.
    limit(Resource::Cpu, options.cpu, options.cpu + 1)?;
    limit(Resource::As, options.memory, options.memory)?;
    limit(Resource::Fsize, options.output, options.output)?;
    limit(Resource::Core, 0, 0)?;
    // If the parent is killed nobody watches the wall clock any more.
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| format!("the end with the parent: {error}"))?;
    let (program, arguments) = options
        .program
        .split_first()
        .ok_or("no program to become")?;
    let error = Command::new(program).args(arguments).exec();
    Err(format!("{}: {error}", program.display()))
}

fn limit(resource: Resource, soft: u64, hard: u64) -> Result<(), String> {
    let limit = Rlimit {
        current: Some(soft),
        maximum: Some(hard),
    };
    setrlimit(resource, limit).map_err(|error| format!("limit of {resource:?} to {soft}: {error}"))
}

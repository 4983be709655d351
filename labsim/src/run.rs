//! Running a program in a simulation, or on the wall clock, and saying how it ended.

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::backend::Carrier;
use crate::config::{Clock, Config};
use crate::outcome::Outcome;
use crate::sim::{self, Sim};
use crate::{hook, logging, wall, watchdog};

/// Runs `f` as the first thread ("main") of a run, and returns when it and every thread it started are gone.
///
/// In a simulation the run ends when `f` returns, when any thread panics, on a deadlock, or at a limit of
/// `config`; the threads that are left are then unwound at the labsim call in which they wait.
///
/// ```
/// use labsim::{Config, thread, time::Duration};
///
/// let outcome = labsim::run(Config::seed(7), || {
///     let sleeper = thread::spawn(|| thread::sleep(Duration::from_secs(300)));
///     sleeper.join().unwrap();
///     "five minutes later"
/// });
/// assert!(outcome.elapsed >= Duration::from_secs(300));
/// assert_eq!(outcome.unwrap(), "five minutes later");
/// ```
///
/// # Panics
/// When called inside a simulation.
#[track_caller]
pub fn run<T, F>(config: Config, f: F) -> Outcome<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    assert!(
        sim::current().is_none(),
        "labsim::run was called inside a simulation: one cannot hold another"
    );
    hook::install();
    logging::install();
    match config.clock {
        Clock::Virtual => simulate(&config, f, Location::caller()),
        Clock::Wall => wall::run(&config, f),
    }
}

fn simulate<T, F>(config: &Config, f: F, at: &'static Location<'static>) -> Outcome<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let sim = Sim::new(config, Carrier::new(config));
    let value = Arc::new(Mutex::new(None));
    let slot = value.clone();
    sim.launch(Box::new(move || *slot.lock() = Some(f())), at);
    watchdog::watch(&sim, config.spin_limit);
    let abandoned = sim.done.wait();
    watchdog::unwatch(&sim);
    sim.retire();
    if let Some(failure) = abandoned {
        return Outcome {
            result: Err(failure),
            findings: Vec::new(),
            trace_hash: 0,
            elapsed: Duration::ZERO,
            calls: 0,
            events: Vec::new(),
        };
    }
    // Every thread has ended, and `done` ordered their last accesses before this one.
    let elapsed = Duration::from_nanos(sim.elapsed());
    sim.kernel.with(|k| Outcome {
        result: match k.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(value
                .lock()
                .take()
                .expect("a run without a failure has returned")),
        },
        findings: std::mem::take(&mut k.findings),
        trace_hash: k.hash.value(),
        elapsed,
        calls: k.calls,
        events: std::mem::take(&mut k.events),
    })
}

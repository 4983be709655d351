//! Trying a program under many seeds, replaying a failure, and finding where two runs of one seed part.

use std::fmt;
use std::ops::Range;

use crate::config::{Config, TraceLevel};
use crate::outcome::{Failure, Outcome};
use crate::run::run;
use crate::trace::Event;

/// Events of a failed run that its report shows.
const SHOWN: usize = 30;

/// What [`check`] saw of a program that never failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checked {
    /// How many seeds were tried.
    pub runs: u64,
    /// The hashes of all runs, folded into one.
    pub trace_hash: u64,
}

/// The first seed with which a program failed. `Display` is the report.
#[derive(Debug)]
#[non_exhaustive]
pub struct FailedSeed {
    /// The seed.
    pub seed: u64,
    /// How many seeds before it did not fail.
    pub passed: u64,
    /// Why.
    pub failure: Failure,
    /// The events of the run, made again from its seed with the trace on.
    pub events: Vec<Event>,
    /// Set if the run could not be repeated: where two runs of this seed part.
    pub divergence: Option<Divergence>,
}

impl fmt::Display for FailedSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "failed with seed {} (after {} that passed): {}",
            self.seed, self.passed, self.failure
        )?;
        if let Some(divergence) = &self.divergence {
            return write!(f, "{divergence}");
        }
        let skipped = self.events.len().saturating_sub(SHOWN);
        if skipped > 0 {
            writeln!(f, "  ... {skipped} events before")?;
        }
        self.events
            .iter()
            .skip(skipped)
            .try_for_each(|e| writeln!(f, "  {e}"))?;
        write!(
            f,
            "replay: labsim::run(Config::seed({}), ...), or LAB_SEED={} with the same check",
            self.seed, self.seed
        )
    }
}

/// Two runs of the same program and seed were not the same.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Divergence {
    /// How many events were the same.
    pub same: usize,
    /// The last of those.
    pub before: Option<Event>,
    /// The next event of the one run; `None` if it ended there.
    pub first: Option<Event>,
    /// The next event of the other.
    pub second: Option<Event>,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |e: &Option<Event>| {
            e.as_ref()
                .map_or("(the run ended)".into(), ToString::to_string)
        };
        write!(
            f,
            "two runs of this seed part after {} events:\n  both   {}\n  first  {}\n  second {}\n\
             Does the program iterate over a HashMap, read std's clock, draw from the system, or keep a static \
             from one run to the next?",
            self.same,
            show(&self.before),
            show(&self.first),
            show(&self.second)
        )
    }
}

/// Runs `f` once with each seed, until one fails. `config` gives all but the seed. If the environment sets
/// `LAB_SEED`, only that seed is run.
///
/// ```
/// use labsim::sync::{Arc, Mutex};
/// use labsim::{Config, thread};
///
/// // Checks, then acts; in between the lock is free.
/// fn withdraw(account: &Mutex<u32>) {
///     if *account.lock() >= 70 {
///         *account.lock() -= 70; // overflows if the other one was quicker
///     }
/// }
///
/// let found = labsim::check(&Config::default(), 0..1000, || {
///     let account = Arc::new(Mutex::new(100));
///     let other = account.clone();
///     let thread = thread::spawn(move || withdraw(&other));
///     withdraw(&account);
///     thread.join().unwrap();
/// })
/// .unwrap_err();
/// assert!(found.to_string().contains("attempt to subtract with overflow"));
/// ```
///
/// # Errors
/// The first seed that fails, with the failure, the events of its run, and whether it could be repeated.
pub fn check<F>(config: &Config, seeds: Range<u64>, f: F) -> Result<Checked, Box<FailedSeed>>
where
    F: Fn() + Clone + Send + 'static,
{
    let seeds = match asked_seed() {
        Some(seed) => seed..seed + 1,
        None => seeds,
    };
    let mut checked = Checked {
        runs: 0,
        trace_hash: 0,
    };
    for seed in seeds {
        let outcome = run(with_seed(config, seed), f.clone());
        checked.trace_hash = checked.trace_hash.rotate_left(1) ^ outcome.trace_hash;
        if outcome.result.is_err() {
            return Err(Box::new(explain(config, seed, checked.runs, outcome, &f)));
        }
        checked.runs += 1;
    }
    Ok(checked)
}

/// The seed that the environment asks for.
fn asked_seed() -> Option<u64> {
    let text = std::env::var("LAB_SEED").ok()?;
    let parsed = match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    };
    Some(
        parsed.unwrap_or_else(|_| {
            panic!("LAB_SEED={text:?} is not a number: write 17 or 0x5eed0011")
        }),
    )
}

fn with_seed(config: &Config, seed: u64) -> Config {
    Config {
        seed,
        ..config.clone()
    }
}

/// Runs a failed seed again with the trace on; if that is another run, says where two of them part.
fn explain<F>(config: &Config, seed: u64, passed: u64, failed: Outcome<()>, f: &F) -> FailedSeed
where
    F: Fn() + Clone + Send + 'static,
{
    let config = with_seed(config, seed);
    let again = run(config.clone().trace(TraceLevel::Calls), f.clone());
    let divergence = if again.trace_hash == failed.trace_hash {
        None
    } else {
        compare(&config, f.clone())
    };
    let failure = failed.result.expect_err("only failed runs are explained");
    FailedSeed {
        seed,
        passed,
        failure,
        events: again.events,
        divergence,
    }
}

/// Runs `f` twice with the same seed, recording every labsim call, and says where the two part. `None`: nowhere.
pub fn compare<F>(config: &Config, f: F) -> Option<Divergence>
where
    F: Fn() + Clone + Send + 'static,
{
    let config = config.clone().trace(TraceLevel::Calls);
    let first = run(config.clone(), f.clone());
    let second = run(config, f);
    if first.trace_hash == second.trace_hash {
        return None;
    }
    let same = first
        .events
        .iter()
        .zip(&second.events)
        .take_while(|(a, b)| a == b)
        .count();
    let event = |events: &[Event], i: usize| events.get(i).cloned();
    Some(Divergence {
        same,
        before: same.checked_sub(1).and_then(|i| event(&first.events, i)),
        first: event(&first.events, same),
        second: event(&second.events, same),
    })
}

//! The knobs: what the environment says about how tests run.

use std::path::PathBuf;
use std::time::Duration;

/// On which clock a test runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Virtual time, in the simulation.
    Sim,
    /// Real threads on the wall clock.
    Real,
}

/// What carries a simulated thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// An OS thread.
    Os,
    /// A fiber.
    Fiber,
}

/// Who chooses the next thread to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheduler {
    /// At random, with some probability at each call.
    Random,
    /// A few well-placed preemptions.
    Pct,
    /// Only when a thread blocks.
    RunToBlock,
}

/// The knobs that hold for every test of the process.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `LAB_SEED`: the first seed. Run k of a test has seed `seed + k`.
    pub seed: u64,
    /// `LAB_RUNS`: how many seeds each test tries; `None`: the test's own small number.
    pub runs: Option<u32>,
    /// `LAB_CLOCK=sim|real`.
    pub clock: Clock,
    /// `LAB_THREADS=os|fiber`.
    pub threads: Threads,
    /// `LAB_SCHEDULER=random|pct|run-to-block`.
    pub scheduler: Scheduler,
    /// `LAB_TRACE`: the folder that full traces go to.
    pub trace: Option<PathBuf>,
    /// No knob: the folder that the trace of a failed run goes to if nobody named one.
    pub spare_trace: Option<PathBuf>,
    /// No knob: a run's last events are kept, for its report.
    pub recorded: bool,
    /// No knob: how long a thread may compute without a call of labsim.
    pub spin_limit: Duration,
    /// `LAB_KEEP_GOING=yes`: a failed run does not end its test; the other seeds still run.
    pub keep_going: bool,
    /// `LAB_RESULTS`: the file to which each run's record is appended.
    pub results: Option<PathBuf>,
    /// `LAB_SECRET`: a file whose content each record repeats; read once, then removed.
    pub secret: Option<PathBuf>,
    /// `LAB_LIST=yes`: tests only write down what they are.
    pub list: bool,
}

/// The seed when `LAB_SEED` does not say: the same for everyone.
pub const DEFAULT_SEED: u64 = 0x5eed_0000;

/// Every knob, for the message about one that does not exist.
const KNOBS: [&str; 10] = [
    "LAB_SEED",
    "LAB_RUNS",
    "LAB_CLOCK",
    "LAB_THREADS",
    "LAB_SCHEDULER",
    "LAB_TRACE",
    "LAB_KEEP_GOING",
    "LAB_RESULTS",
    "LAB_SECRET",
    "LAB_LIST",
];

impl Default for Settings {
    fn default() -> Self {
        Settings {
            seed: DEFAULT_SEED,
            runs: None,
            clock: Clock::Sim,
            threads: Threads::Os,
            scheduler: Scheduler::Random,
            trace: None,
            spare_trace: None,
            recorded: false,
            spin_limit: Duration::from_secs(10),
            keep_going: false,
            results: None,
            secret: None,
            list: false,
        }
    }
}

impl Settings {
    /// Reads the knobs of this process.
    ///
    /// # Errors
    /// A value that is none of the knob's, with those that are; a `LAB_…` that is one letter off a knob.
    pub fn from_env() -> Result<Settings, String> {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            let name = name
                .into_string()
                .ok()
                .filter(|name| name.starts_with("LAB_"))?;
            Some((name, value.to_string_lossy().into_owned()))
        });
        Settings::read(variables)
    }

    /// Reads the knobs from (name, value) pairs.
    ///
    /// # Errors
    /// See [`Settings::from_env`].
    pub fn read(variables: impl Iterator<Item = (String, String)>) -> Result<Settings, String> {
        let mut settings = Settings::default();
        for (name, value) in variables {
            settings
                .set(&name, &value)
                .map_err(|problem| format!("{name}={value}: {problem}"))?;
        }
        Ok(settings)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let path = || Some(PathBuf::from(value));
        match name {
            "LAB_SEED" => self.seed = number(value)?,
            "LAB_RUNS" => self.runs = Some(count(value)?),
            "LAB_CLOCK" => {
                self.clock = choice(value, &[("sim", Clock::Sim), ("real", Clock::Real)])?
            }
            "LAB_THREADS" => {
                self.threads = choice(value, &[("os", Threads::Os), ("fiber", Threads::Fiber)])?
            }
            "LAB_SCHEDULER" => {
                let known = [
                    ("random", Scheduler::Random),
                    ("pct", Scheduler::Pct),
                    ("run-to-block", Scheduler::RunToBlock),
                ];
                self.scheduler = choice(value, &known)?;
            }
            "LAB_TRACE" => self.trace = path(),
            "LAB_KEEP_GOING" => self.keep_going = yes(value)?,
            "LAB_RESULTS" => self.results = path(),
            "LAB_SECRET" => self.secret = path(),
            "LAB_LIST" => self.list = yes(value)?,
            // Somebody else's LAB_… is none of our business, unless it looks like a slip of ours.
            other => {
                if let Some(near) = nearest(other, KNOBS.into_iter()) {
                    return Err(format!("there is no such knob; did you mean {near}?"));
                }
            }
        }
        Ok(())
    }
}

fn number(value: &str) -> Result<u64, String> {
    let digits = value.trim().replace('_', "");
    let parsed = match digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))
    {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    parsed.map_err(|_| "expected a whole number, as 17 or 0x5eed0000".into())
}

fn count(value: &str) -> Result<u32, String> {
    match number(value) {
        Ok(n) if (1..=u64::from(u32::MAX)).contains(&n) => Ok(n as u32),
        _ => Err("expected how many seeds to try, 1 or more".into()),
    }
}

fn yes(value: &str) -> Result<bool, String> {
    choice(
        value,
        &[("yes", true), ("no", false), ("1", true), ("0", false)],
    )
}

fn choice<T: Copy>(value: &str, known: &[(&str, T)]) -> Result<T, String> {
    if let Some((_, chosen)) = known.iter().find(|(name, _)| *name == value) {
        return Ok(*chosen);
    }
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    let hint = match nearest(value, names.iter().copied()) {
        Some(near) => format!("; did you mean {near}?"),
        None => String::new(),
    };
    Err(format!("expected one of {}{hint}", names.join(", ")))
}

/// The candidate that is at most two letters off.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|c| (distance(word, c), c))
        .filter(|(d, _)| *d <= 2)
        .min()
        .map(|(_, c)| c)
}

/// How many letters must be changed, added or dropped to make `a` of `b`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(!x.eq_ignore_ascii_case(y));
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> Result<Settings, String> {
        Settings::read([(name.to_string(), value.to_string())].into_iter())
    }

    #[test]
    fn seeds_may_be_hexadecimal() {
        assert_eq!(read("LAB_SEED", "0x5eed_0017").unwrap().seed, 0x5eed_0017);
        assert_eq!(read("LAB_SEED", "17").unwrap().seed, 17);
    }

    #[test]
    fn a_bad_value_names_the_near_one() {
        assert_eq!(
            read("LAB_CLOCK", "reel").unwrap_err(),
            "LAB_CLOCK=reel: expected one of sim, real; did you mean real?"
        );
        assert_eq!(
            read("LAB_RUNS", "0").unwrap_err(),
            "LAB_RUNS=0: expected how many seeds to try, 1 or more"
        );
        assert_eq!(
            read("LAB_SEED", "x").unwrap_err(),
            "LAB_SEED=x: expected a whole number, as 17 or 0x5eed0000"
        );
    }

    #[test]
    fn a_misspelt_knob_is_an_error_and_a_foreign_one_is_not() {
        assert_eq!(
            read("LAB_SEDE", "1").unwrap_err(),
            "LAB_SEDE=1: there is no such knob; did you mean LAB_SEED?"
        );
        assert!(read("LAB_ORATORY", "1").is_ok());
    }
}

//! One round: build the part, run its tests.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::catalog::{self, Test};
use crate::stories::Suite;
use crate::tally::Tally;
use crate::test::OWN;
use crate::worker::{self, Batch};
use crate::workspace::{self, Build, Suites};

/// How a round ended.
#[derive(Debug)]
pub enum Round {
    /// The compiler has said why.
    NotBuilt,
    /// Tests ran: all of them, or up to the first that failed.
    Ran(Ran),
    /// Something happened meanwhile that matters more.
    Stopped,
}

/// Tests that ran.
#[derive(Debug, Default)]
pub struct Ran {
    /// How many the part has.
    pub tests: usize,
    /// How many passed.
    pub passed: usize,
    /// Those that failed, with the seed and the report of one run each.
    pub failed: Vec<Failure>,
}

/// A test that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Which.
    pub test: Arc<Test>,
    /// The seed of the run whose report this is.
    pub seed: u64,
    /// What the student reads.
    pub report: String,
}

/// What a round does.
pub struct Plan<'a> {
    /// The workspace.
    pub root: &'a Path,
    /// The part's suite.
    pub suite: &'a Suite,
    /// The test to begin with.
    pub first: Option<&'a str>,
    /// All tests, instead of those up to the first that fails.
    pub all: bool,
}

/// Seeds that a test tries, and the first of them: those of plain `cargo test`.
const RUNS: u32 = 3;
/// See there.
pub const SEED: u64 = 0x5eed_0000;

impl Plan<'_> {
    /// Builds and runs. `tells` is given each line of progress; `stop` ends it early.
    ///
    /// # Errors
    /// The machine is at fault: no process can be started.
    pub fn play(
        &self,
        mut tells: impl FnMut(&str),
        stop: impl Fn() -> bool,
    ) -> Result<Round, String> {
        let built = self.build(&stop).map_err(|e| format!("cargo: {e}"))?;
        let suites = match built {
            Built::Suites(suites) => suites,
            Built::Not => return Ok(Round::NotBuilt),
            Built::Stopped => return Ok(Round::Stopped),
        };
        let mut tests = catalog::list(&suites)?;
        let mut ran = Ran {
            tests: tests.len(),
            ..Ran::default()
        };
        tests.sort_by_key(|test| Some(test.story.name.as_str()) != self.first);
        for (number, test) in tests.iter().enumerate() {
            let Some(tally) = self.try_seeds(number, test, &stop)? else {
                return Ok(Round::Stopped);
            };
            let Some(failed) = tally.shortest_failure() else {
                ran.passed += 1;
                tells(&format!("pass {}", test.story.name));
                continue;
            };
            tells(&format!("FAIL {}", test.story.name));
            ran.failed.push(Failure {
                test: test.clone(),
                seed: failed.seed,
                report: failed.report.clone(),
            });
            if !self.all {
                break;
            }
        }
        Ok(Round::Ran(ran))
    }

    /// Runs a test over its seeds; `None` if it was stopped.
    fn try_seeds(
        &self,
        number: usize,
        test: &Arc<Test>,
        stop: &impl Fn() -> bool,
    ) -> Result<Option<Tally>, String> {
        let runs = match test.story.runs {
            0 => RUNS,
            own => own,
        };
        let batch = Batch {
            number,
            test: test.clone(),
            seed: SEED,
            runs,
        };
        let harvest = worker::play(&batch, &environment(), &OWN, stop)
            .map_err(|e| format!("{}: {e}", test.story.name))?;
        if harvest.stopped {
            return Ok(None);
        }
        let mut tally = Tally::new(test.clone(), SEED, runs);
        tally.add(&batch, &harvest);
        Ok(Some(tally))
    }

    /// Cargo's messages go to stderr.
    fn build(&self, stop: &impl Fn() -> bool) -> io::Result<Built> {
        let messages = tempfile::NamedTempFile::new()?;
        let build = Build {
            debug: true,
            suites: Some(vec![self.suite.name.clone()]),
            ..Build::default()
        };
        let mut child = build
            .command(self.root)
            .stdin(Stdio::null())
            .stdout(File::create(messages.path())?)
            .process_group(0)
            .spawn()?;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if stop() {
                end(&mut child);
                return Ok(Built::Stopped);
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let said = std::fs::read_to_string(messages.path())?;
        Ok(match status.success() {
            true => Built::Suites(workspace::executables(&said)),
            false => Built::Not,
        })
    }
}

enum Built {
    Suites(Suites),
    Not,
    Stopped,
}

/// Fibers: quicker, and the same run.
pub fn environment() -> Vec<(&'static str, String)> {
    vec![("LAB_THREADS", "fiber".into())]
}

/// A child that no longer exists is no error.
fn end(child: &mut Child) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(pid, Signal::TERM);
    }
    let _ = child.wait();
}

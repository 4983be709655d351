//! The record of each finished run: one JSON object a line, appended to the file `LAB_RESULTS`.
//!
//! A grader believes records, not exit codes or what is printed. The file `LAB_SECRET` holds a word
//! that is made anew for each process; the harness reads the file and removes it before any of the
//! student's code runs, and each record repeats the word. A test without a record has failed.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::OnceLock;

use serde::Serialize;

use crate::board::Facts;
use crate::run::{Ended, Run};
use crate::settings::{Clock, Settings};
use crate::{Story, report};

/// The format's number; it grows when a field changes its meaning.
pub const VERSION: u32 = 1;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Result {
    /// Every claim held.
    Passed,
    /// A claim was broken.
    Failed,
    /// The test needs the simulation, and the knobs ask for the wall clock.
    Skipped,
}

/// One finished run.
#[derive(Debug, Serialize)]
struct Record<'a> {
    version: u32,
    secret: &'a str,
    suite: &'static str,
    test: &'static str,
    part: &'static str,
    points: u32,
    seed: u64,
    clock: &'static str,
    result: Result,
    /// Milliseconds of virtual time, or of real time on the wall clock.
    virtual_ms: f64,
    cpu_ms: f64,
    wall_ms: f64,
    /// In hexadecimal, as JSON's numbers are too short for it.
    trace_hash: String,
    rpcs: u64,
    bytes: u64,
    agreements: u64,
    warnings: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    claim: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<&'a Path>,
}

static SECRET: OnceLock<String> = OnceLock::new();

/// Reads the secret and removes its file. Comes before any code of the student's.
///
/// # Errors
/// The file can't be read or removed.
pub fn take_secret(settings: &Settings) -> io::Result<()> {
    let Some(path) = settings
        .secret
        .as_deref()
        .filter(|_| SECRET.get().is_none())
    else {
        return Ok(());
    };
    let mut taken = Ok(());
    SECRET.get_or_init(|| {
        let secret = fs::read_to_string(path).and_then(|word| fs::remove_file(path).map(|()| word));
        secret
            .map(|word| word.trim().to_string())
            .unwrap_or_else(|error| {
                taken = Err(error);
                String::new()
            })
    });
    taken
}

/// Appends the record of a run.
///
/// # Errors
/// The file can't be written to.
pub fn append(settings: &Settings, run: &Run, ended: &Ended, result: Result) -> io::Result<()> {
    let facts = run.board.facts();
    let record = record(run, &facts, ended, result);
    append_line(settings, &serde_json::to_string(&record)?)
}

fn record<'a>(run: &Run, facts: &'a Facts, ended: &'a Ended, result: Result) -> Record<'a> {
    let failed = (result == Result::Failed).then_some(());
    Record {
        version: VERSION,
        secret: SECRET.get().map_or("", String::as_str),
        suite: run.story.suite(),
        test: run.story.name,
        part: run.story.part,
        points: run.story.points,
        seed: run.seed,
        clock: if run.clock == Clock::Sim {
            "sim"
        } else {
            "real"
        },
        result,
        virtual_ms: milliseconds(ended.elapsed),
        cpu_ms: milliseconds(ended.cpu),
        wall_ms: milliseconds(ended.wall),
        trace_hash: format!("{:016x}", ended.trace_hash),
        rpcs: facts.rpcs,
        bytes: facts.bytes,
        agreements: facts.agreements,
        warnings: &facts.warnings,
        claim: failed
            .and(facts.broken.as_ref())
            .map(|(broken, _)| broken.claim.name),
        report: failed.map(|()| report::failure(run, ended)),
        trace: ended.trace.as_deref(),
    }
}

/// Appends what a test says about itself, for `LAB_LIST`.
///
/// # Errors
/// The file can't be written to.
pub fn list(settings: &Settings, story: &'static Story) -> io::Result<()> {
    let mut line = serde_json::to_value(story)?;
    line["version"] = VERSION.into();
    line["suite"] = story.suite().into();
    line["path"] = story.path().into();
    append_line(settings, &line.to_string())
}

/// One write call a line, so that tests in parallel do not mix theirs.
fn append_line(settings: &Settings, line: &str) -> io::Result<()> {
    let line = format!("{line}\n");
    match &settings.results {
        Some(path) => fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)?
            .write_all(line.as_bytes()),
        None if settings.list => io::stdout().write_all(line.as_bytes()),
        None => Ok(()),
    }
}

fn milliseconds(time: std::time::Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

//! The text of each diagnosis, word for word. A place in the file of a test is shown as the mark `// @name` on its line.

mod deadlocks;
mod limits;
mod locks;
mod outside;
mod panics;

use std::panic::Location;

use crate::common::{simulate, with_marks};
use labsim::{Config, Outcome, Scheduler, thread};

fn config() -> Config {
    Config::seed(1).scheduler(Scheduler::RunToBlock)
}

/// The report, with the places in the caller's file as marks.
#[track_caller]
fn marked(report: &str) -> String {
    let file = Location::caller().file();
    let above = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let source = std::fs::read_to_string(format!("{above}/{file}")).expect("the test's own file");
    with_marks(report, file, &source)
}

/// How the run failed, in words.
#[track_caller]
fn failure<T: Send + 'static>(config: &Config, f: fn() -> T) -> String {
    match simulate(config, f).result {
        Ok(_) => panic!("the run did not fail"),
        Err(failure) => marked(&failure.to_string()),
    }
}

/// What was found in a run that succeeded.
#[track_caller]
fn findings(f: fn()) -> Vec<String> {
    let outcome: Outcome<()> = simulate(&config(), f);
    if let Err(failure) = outcome.result {
        panic!("{failure}");
    }
    let mut found = Vec::new();
    // No closure: in one, the caller would be this file.
    for finding in &outcome.findings {
        found.push(marked(&finding.to_string()));
    }
    found
}

fn named<T: Send + 'static>(
    name: &str,
    f: impl FnOnce() -> T + Send + 'static,
) -> thread::JoinHandle<T> {
    thread::Builder::new().name(name.into()).spawn(f).unwrap()
}

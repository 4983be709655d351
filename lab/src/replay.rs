//! `cargo lab replay`: one run again.

use std::process::{Command, Stdio};

use crate::catalog::{self, Test};
use crate::cli::{Clock, Replay};
use crate::record::{Ended, Record};
use crate::{near, workspace};

/// Runs one seed of a test again, with all that it prints; `true` if it passed.
///
/// # Errors
/// No such test, or the run leaves no record.
pub fn run(options: &Replay) -> Result<bool, String> {
    if options.knobs.clock == Clock::Real {
        return Err("a run on the wall clock cannot be replayed; leave out --clock real".into());
    }
    let root = workspace::root()?;
    let suites = workspace::build(&root, options.knobs.debug)?;
    let all = catalog::list(&suites)?;
    let Some(test) = all
        .iter()
        .find(|test| [&test.story.name, &test.story.path].contains(&&options.test))
    else {
        let names: Vec<&str> = all.iter().map(|test| test.story.name.as_str()).collect();
        return Err(near::unknown("test", &options.test, &names));
    };
    let record = play(options, test, &root)?;
    match (&options.trace, &record.trace) {
        (Some(wanted), Some(written)) => {
            std::fs::copy(written, wanted).map_err(|e| format!("{}: {e}", wanted.display()))?;
            println!("trace: {}", wanted.display());
        }
        (Some(_), None) => eprintln!("warning: the harness wrote no trace of this run"),
        (None, _) => {}
    }
    println!(
        "seed {:#x}, {:.3} s virtual, trace hash {}",
        record.seed,
        record.virtual_ms / 1e3,
        record.trace_hash
    );
    Ok(record.result == Ended::Passed)
}

fn play(options: &Replay, test: &Test, root: &std::path::Path) -> Result<Record, String> {
    let folder = tempfile::tempdir().map_err(|e| format!("a temporary folder: {e}"))?;
    let results = folder.path().join("results");
    let mut command = Command::new(&test.executable);
    command.args([
        &test.story.path,
        "--exact",
        "--nocapture",
        "--test-threads=1",
        "--quiet",
    ]);
    command.current_dir(root.join("tests")).stdin(Stdio::null());
    command
        .envs(options.knobs.environment())
        .env("LAB_RESULTS", &results);
    command
        .env("LAB_SEED", format!("{:#x}", options.knobs.seed))
        .env("LAB_RUNS", "1");
    if options.trace.is_some() {
        command.env("LAB_TRACE", folder.path());
    }
    let status = command
        .status()
        .map_err(|e| format!("{}: {e}", test.executable.display()))?;
    let line = std::fs::read_to_string(&results).unwrap_or_default();
    let record = line
        .lines()
        .find_map(|line| serde_json::from_str::<Record>(line).ok());
    let mut record =
        record.ok_or_else(|| format!("the run left no record; its process ended with {status}"))?;
    if let Some(trace) = record.trace.take() {
        // The folder goes when this function ends; what was asked for must outlive it.
        let kept = std::env::temp_dir().join(format!("lab-trace-{}", std::process::id()));
        std::fs::copy(&trace, &kept).map_err(|e| format!("{}: {e}", trace.display()))?;
        record.trace = Some(kept);
    }
    Ok(record)
}

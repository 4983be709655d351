//! Playing a failed run once more for its page: under the limits that it had.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::keep;
use crate::catalog::Test;
use crate::guard::Limits;
use crate::tally::{NO_RECORD, Tally};
use crate::worker::{self, Batch, is_set};

/// The most pages that one command makes by itself.
const MOST: usize = 20;

/// Makes a page for the failure of each test that is easiest to look at, in this folder. Returns the pages by the
/// tests' places. What can't be made is left out: a page is a help, and no result. A run that left no record is not
/// played again: it may take all of its limits.
pub fn pages(
    tallies: &[Tally],
    environment: &[(&'static str, String)],
    limits: &Limits,
    interrupted: &AtomicBool,
    folder: &Path,
) -> Vec<(usize, PathBuf)> {
    let failed = tallies
        .iter()
        .enumerate()
        .filter_map(|(place, tally)| Some((place, tally, tally.shortest_failure()?)))
        .filter(|(_, _, failure)| failure.claim != NO_RECORD);
    let made = failed.take(MOST).filter_map(|(place, tally, failure)| {
        let page = page(
            &tally.test,
            failure.seed,
            environment,
            limits,
            interrupted,
            folder,
        )?;
        Some((place, page))
    });
    made.collect()
}

fn page(
    test: &Arc<Test>,
    seed: u64,
    environment: &[(&'static str, String)],
    limits: &Limits,
    interrupted: &AtomicBool,
    folder: &Path,
) -> Option<PathBuf> {
    let traces = tempfile::tempdir().ok()?;
    let place = traces.path().display().to_string();
    let environment = [environment, &[("LAB_TRACE", place)]].concat();
    let batch = Batch {
        number: 0,
        test: test.clone(),
        seed,
        runs: 1,
    };
    // Whether it left a record does not matter: the trace of a process that was killed says most.
    worker::play(&batch, &environment, limits, || is_set(interrupted)).ok()?;
    let story = &test.story;
    let trace = traces
        .path()
        .join(format!("{}-{}-{seed:#x}.jsonl", story.part, story.name));
    // A program under test can put anything there, a link among others.
    let is_file = trace.symlink_metadata().is_ok_and(|about| about.is_file());
    is_file.then(|| keep::page(folder, &trace).ok())?
}

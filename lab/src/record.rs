//! What the harness writes down: about each run that ended, and about each test when asked to list.

use serde::{Deserialize, Serialize};

/// A test as it describes itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Story {
    /// The part it belongs to: `2A`.
    pub part: String,
    /// Its name.
    pub name: String,
    /// What it is about, in a sentence.
    pub title: String,
    /// Its weight in grading.
    pub points: u32,
    /// Seeds that it tries when nobody says; 0: the usual number.
    #[serde(default)]
    pub runs: u32,
    /// Its test target.
    pub suite: String,
    /// The name by which its executable knows it.
    pub path: String,
    /// Where it stands.
    pub file: String,
    /// See `file`.
    pub line: u32,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Every claim held.
    Passed,
    /// A claim was broken.
    Failed,
    /// The test needs the simulation.
    Skipped,
}

/// A run that ended.
#[derive(Clone, Debug, Deserialize)]
pub struct Record {
    /// The word that only the harness knew.
    pub secret: String,
    /// The test's name.
    pub test: String,
    /// The run's seed.
    pub seed: u64,
    /// How it ended.
    pub result: Ended,
    /// Milliseconds of virtual time.
    pub virtual_ms: f64,
    /// Milliseconds of processor time.
    pub cpu_ms: f64,
    /// The hash of all that happened, in hexadecimal.
    pub trace_hash: String,
    /// Hints that are no failures.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// The claim that was broken.
    pub claim: Option<String>,
    /// What the student reads about it.
    pub report: Option<String>,
    /// Where the full trace was written.
    pub trace: Option<std::path::PathBuf>,
}

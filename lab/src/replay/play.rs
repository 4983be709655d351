//! One run of a test in a child process, with its trace recorded.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::catalog::Test;
use crate::record::{Ended, Record};
use crate::trace::keep;

/// A run that was played.
pub struct Played {
    /// How it ended.
    pub record: Record,
    /// Its full trace.
    pub trace: PathBuf,
    /// What the program itself printed.
    pub printed: String,
    /// Holds the trace; goes with this.
    _folder: tempfile::TempDir,
}

/// Plays one seed of a test.
///
/// # Errors
/// The run leaves no record, or no trace.
pub fn play(
    test: &Test,
    seed: u64,
    environment: Vec<(&'static str, String)>,
    root: &Path,
) -> Result<Played, String> {
    let folder = tempfile::tempdir().map_err(|e| format!("a temporary folder: {e}"))?;
    let results = folder.path().join("results");
    let output = Command::new(&test.executable)
        .args([&test.story.path, "--exact", "--nocapture"])
        .args(["--test-threads=1", "--quiet"])
        .current_dir(root.join("tests"))
        .stdin(Stdio::null())
        .envs(environment)
        .env("LAB_RESULTS", &results)
        .env("LAB_SEED", format!("{seed:#x}"))
        .env("LAB_RUNS", "1")
        .env("LAB_TRACE", folder.path())
        .output()
        .map_err(|e| format!("{}: {e}", test.executable.display()))?;
    let record = std::fs::read_to_string(&results)
        .unwrap_or_default()
        .lines()
        .find_map(|line| serde_json::from_str::<Record>(line).ok());
    let Some(record) = record else {
        let story = &test.story;
        let torn = format!("{}-{}-{seed:#x}.jsonl", story.part, story.name);
        let page = keep::page(&keep::folder(root), &folder.path().join(torn));
        let page = page.map_or(String::new(), |page| {
            format!("\npage of the run until then: {}", keep::shown(&page, root))
        });
        return Err(format!(
            "the run left no record; its process ended with {}\n{}{page}",
            output.status,
            printed(&output, "")
        ));
    };
    if record.result == Ended::Skipped {
        return Err(format!("{} was skipped", test.story.name));
    }
    let Some(trace) = record.trace.clone() else {
        return Err("the harness wrote no trace of this run".into());
    };
    let printed = printed(&output, record.report.as_deref().unwrap_or_default());
    Ok(Played {
        record,
        trace,
        printed,
        _folder: folder,
    })
}

/// What is printed beside the harness's and libtest's own lines, of which the report is shown
/// elsewhere: its last lines, as a failed run is played twice and prints everything twice.
fn printed(output: &Output, report: &str) -> String {
    const MOST: usize = 40;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let all = text(&output.stdout) + &text(&output.stderr);
    let report: Vec<&str> = report.lines().collect();
    let own: Vec<&str> = all
        .lines()
        .filter(|line| !line.trim().is_empty() && !is_harness(line) && !report.contains(line))
        .collect();
    let skipped = own.len().saturating_sub(MOST);
    let mut lines: Vec<String> = own[skipped..].iter().map(|l| format!("  {l}")).collect();
    if skipped > 0 {
        lines.insert(0, format!("  ({skipped} lines before)"));
    }
    lines.join("\n")
}

fn is_harness(line: &str) -> bool {
    const BEGIN: [&str; 8] = [
        "running ",
        "test result: ",
        "test ",
        "failures:",
        "pass ",
        "warning ",
        "  Page: ",
        "error: test failed",
    ];
    let dots = line.chars().all(|c| matches!(c, '.' | 'F' | 'i' | ' '));
    dots || BEGIN.iter().any(|begin| line.starts_with(begin)) || is_name_of_failure(line)
}

/// libtest lists the failed tests by name, four spaces in.
fn is_name_of_failure(line: &str) -> bool {
    let name = line.strip_prefix("    ").unwrap_or_default();
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_program_printed_is_left() {
        let stdout = "\nrunning 1 test\nmine\nF\nfailures:\n\nfailures:\n    re_election\n\n\
                      test result: FAILED. 0 passed\n";
        let stderr = "FAIL 2A re_election: x.\n  Replay: y\n  Page: /tmp/x\nLAB_LOG line\n";
        let output = Output {
            status: Default::default(),
            stdout: stdout.into(),
            stderr: stderr.into(),
        };
        assert_eq!(
            printed(&output, "FAIL 2A re_election: x.\n  Replay: y"),
            "  mine\n  LAB_LOG line"
        );
    }
}

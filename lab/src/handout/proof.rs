//! The proof that a handout is right.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::AtomicBool;

use super::tree::{self, Made};
use crate::catalog;
use crate::cli::{Clock, Knobs, Scheduler, Threads};
use crate::pool::{Plan, cores};
use crate::tally::{NO_RECORD, Tally};
use crate::workspace::Build;
use crate::{test, workspace};

/// No file holds a line of the solution.
///
/// # Errors
/// One does: file and line.
pub fn no_solution(root: &Path, made: &Made) -> Result<(), String> {
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))? {
            let path = entry.map_err(|e| e.to_string())?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
            let text = String::from_utf8_lossy(&text);
            if let Some((at, line)) = leak(path.strip_prefix(root).unwrap_or(&path), &text, made) {
                let path = path.display();
                return Err(format!("{path}:{} is of the solution: {line}", at + 1));
            }
        }
    }
    Ok(())
}

/// Outside of the framework any line that says something gives the solution away.
fn leak(path: &Path, text: &str, made: &Made) -> Option<(usize, String)> {
    match tree::is_framework(path) {
        true => tree::traces(text.lines()).find(|(_, trace)| made.traces.contains(trace)),
        false => tree::telling(text.lines()).find(|(_, line)| made.lines.contains(line)),
    }
}

/// The lock file as the manifests now want it: what only the solution's tests need is gone.
///
/// # Errors
/// Cargo says so on stderr.
pub fn settle_lock(folder: &Path) -> Result<(), String> {
    let target = folder.join("target"); // nothing is built
    cargo(
        folder,
        &target,
        &["update", "--workspace", "--offline", "--quiet"],
    )
}

/// All of it compiles, and clippy has nothing to say.
///
/// # Errors
/// The compiler's message is on stderr.
pub fn builds(folder: &Path, target: &Path) -> Result<(), String> {
    let arguments =
        "clippy --offline --locked --quiet --workspace --all-targets -- --deny warnings";
    cargo(folder, target, &arguments.split(' ').collect::<Vec<_>>())
}

fn cargo(folder: &Path, target: &Path, arguments: &[&str]) -> Result<(), String> {
    let mut cargo = workspace::cargo();
    // The variables of the cargo that started this program are none of that one's.
    cargo
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .env("CARGO_TARGET_DIR", target)
        .env_remove("CARGO_MANIFEST_DIR");
    let status = cargo
        .status()
        .map_err(|e| format!("cannot start cargo: {e}"))?;
    status
        .success()
        .then_some(())
        .ok_or_else(|| format!("the handout: cargo {} failed", arguments.join(" ")))
}

/// Every test of the handout runs to its end, and fails. How many there are.
///
/// # Errors
/// One passes, or leaves no record.
pub fn zero_points(folder: &Path, target: &Path) -> Result<usize, String> {
    let suites = Build {
        debug: true,
        target: Some(target.to_path_buf()),
        frozen: true,
        ..Build::default()
    };
    let suites = workspace::build_with(folder, &suites)?;
    let tests = catalog::list(&suites)?;
    let knobs = Knobs {
        seed: 1,
        clock: Clock::Sim,
        threads: Threads::Fiber,
        scheduler: Scheduler::Random,
        debug: true,
    };
    let interrupted = AtomicBool::new(false);
    let plan = Plan {
        tests: &tests,
        seed: knobs.seed,
        runs: 1,
        jobs: cores(),
        environment: knobs.environment(),
        batch: None,
        limits: test::OWN,
        deadline: None,
        interrupted: &interrupted,
    };
    let mut tallies: Vec<Tally> = tests
        .iter()
        .map(|test| Tally::new(test.clone(), plan.seed, 1))
        .collect();
    plan.play(|news| {
        if let Some((batch, harvest)) = news {
            tallies[batch.number].add(batch, harvest);
        }
        true
    })?;
    let wrong: Vec<&str> = tallies
        .iter()
        .filter(|tally| {
            tally.passed > 0
                || tally
                    .failures
                    .iter()
                    .any(|failed| failed.claim == NO_RECORD)
        })
        .map(|tally| tally.test.story.name.as_str())
        .collect();
    match wrong.is_empty() {
        true => Ok(tests.len()),
        false => Err(format!(
            "the stub passes, or does not come to the end of: {}",
            wrong.join(", ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_solution_is_found_wherever_students_look() {
        let made = Made {
            files: 1,
            lines: ["votes.insert(voter);".to_string()].into(),
            traces: Default::default(),
        };
        let text = "fn f() {\n    votes.insert(voter);\n}";
        let found = |path: &str| leak(Path::new(path), text, &made).map(|(at, _)| at);
        assert_eq!(found("raft/src/election.rs"), Some(1));
        assert_eq!(found("docs/lab2.md"), Some(1));
        assert_eq!(found("labsim/src/lib.rs"), None, "a set is everybody's");
    }
}

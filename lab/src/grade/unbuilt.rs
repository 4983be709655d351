//! Why a submission was not built: by its own fault or the machine's. A compiler that the system kills, or a disk that
//! is full, says nothing about the submission, and must not cost it a mark.

use std::fmt;

use crate::worker::{How, Watched};

/// Why there is nothing to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unbuilt {
    /// The sources are wrong: what the compiler says.
    Errors(String),
    /// The machine is at fault.
    Machine(String),
}

impl fmt::Display for Unbuilt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Unbuilt::Errors(text) | Unbuilt::Machine(text)) = self;
        f.write_str(text)
    }
}

/// For the problems with files and processes, which are all the machine's.
impl From<String> for Unbuilt {
    fn from(problem: String) -> Self {
        Unbuilt::Machine(problem)
    }
}

/// What ends a compiler that had nothing to find fault with, as cargo, rustc and the linkers call it.
const MACHINE: [&str; 6] = [
    "signal: 9, SIGKILL",
    "signal: 9 (SIGKILL)",
    "terminated with signal 9",
    "No space left on device",
    "Disk quota exceeded",
    "Cannot allocate memory",
];

/// What a build that came to nothing says, and whose fault that is.
pub fn why(said: &str, watched: &Watched) -> Unbuilt {
    let messages = || said.lines().filter(|line| !line.starts_with("{\"reason\""));
    match watched.how {
        How::Killed => return Unbuilt::Machine("the compiler was killed".into()),
        How::Late => return Unbuilt::Machine(watched.end.clone()),
        How::Well | How::Failed | How::Stopped => {}
    }
    // A line of source, which the compiler shows behind a bar, may hold any words.
    let own = |line: &&str| !line.contains(" | ");
    let blames = |line: &&str| MACHINE.iter().any(|sign| line.contains(sign));
    match messages().filter(own).find(blames) {
        Some(line) => Unbuilt::Machine(ending(line)),
        None => Unbuilt::Errors(first_errors(&messages().collect::<Vec<_>>(), &watched.end)),
    }
}

/// The end of a line that may begin with a whole command.
fn ending(line: &str) -> String {
    const MOST: usize = 100;
    let line = line.trim();
    match line.char_indices().rev().nth(MOST) {
        Some((at, _)) => format!("…{}", &line[at..]),
        None => line.into(),
    }
}

/// What the compiler says to people: errors first, two screens at most.
fn first_errors(lines: &[&str], end: &str) -> String {
    const LINES: usize = 60;
    let first = lines.iter().position(|line| line.starts_with("error"));
    let lines = &lines[first.unwrap_or(0)..];
    let mut shown = lines[..lines.len().min(LINES)].to_vec();
    if lines.len() > LINES {
        shown.push("…");
    }
    if shown.is_empty() {
        end.to_string()
    } else {
        shown.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(how: How) -> Watched {
        let end = "the process was ended after 9 s".into();
        Watched { end, how }
    }

    #[test]
    fn the_compilers_first_error_is_what_is_shown() {
        let said = "   Compiling raft v0.1.0\n{\"reason\":\"x\"}\nwarning: unused\nerror[E0308]: mismatched types\n --> raft/src/lib.rs:3:5\n";
        assert_eq!(
            why(said, &failed(How::Failed)),
            Unbuilt::Errors("error[E0308]: mismatched types\n --> raft/src/lib.rs:3:5".into())
        );
        assert_eq!(
            why("", &failed(How::Failed)).to_string(),
            "the process was ended after 9 s"
        );
    }

    #[test]
    fn a_compiler_that_is_killed_or_has_no_room_is_the_machines_fault() {
        let at_fault =
            |said: &str, how: How| matches!(why(said, &failed(how)), Unbuilt::Machine(_));
        assert!(at_fault("   Compiling raft v0.1.0\n", How::Killed));
        assert!(at_fault("   Compiling raft v0.1.0\n", How::Late));
        let command = "`rustc --crate-name raft --edition=2024 raft/src/lib.rs --crate-type lib`";
        let said = format!(
            "error: could not compile `raft` (lib)\n\nCaused by:\n  process didn't exit successfully: {command} (signal: 9, SIGKILL: kill)\n"
        );
        assert!(at_fault(&said, How::Failed));
        assert!(at_fault(
            "error: failed to write `/t/x.o`: No space left on device (os error 28)\n",
            How::Failed
        ));
        let crashed = said.replace("9, SIGKILL: kill", "6, SIGABRT: process abort signal");
        assert!(
            !at_fault(&crashed, How::Failed),
            "what it was given to compile did that"
        );
        let quoted = "error: expected `;`\n3 |     let x = \"signal: 9, SIGKILL\"\n";
        assert!(!at_fault(quoted, How::Failed), "a line of the submission");
    }

    #[test]
    fn of_a_long_line_the_end_is_kept() {
        assert_eq!(ending("  short"), "short");
        let long = ending(&format!("{}(signal: 9, SIGKILL: kill)", "é".repeat(500)));
        assert!(
            long.starts_with('…') && long.ends_with("SIGKILL: kill)"),
            "{long}"
        );
    }
}

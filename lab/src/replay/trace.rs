//! Reading a trace as the harness writes it: a head, then one event a line.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

/// The first line: what was run.
#[derive(Clone, Debug, Deserialize)]
pub struct Head {
    /// The format's number.
    pub version: u32,
    /// How many servers the test has.
    pub servers: usize,
}

/// What happened at one moment.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Event {
    /// Virtual ns since the run began.
    pub at: u64,
    /// The thread's name.
    pub name: String,
    /// The server that it acted for.
    pub server: Option<usize>,
    /// What happened, such as `rpc.request`.
    pub kind: String,
    /// A number that the kind gives meaning to.
    pub a: u64,
    /// The rest: an object, or text.
    pub detail: Value,
}

impl Event {
    /// A text in the detail's object; empty if there is none.
    pub fn text(&self, field: &str) -> &str {
        self.detail[field].as_str().unwrap_or_default()
    }

    /// A number in the detail's object.
    pub fn number(&self, field: &str) -> Option<u64> {
        self.detail[field].as_u64()
    }
}

/// The format that this program reads.
const VERSION: u32 = 1;

/// Opens a trace: its head, and its events one by one.
///
/// # Errors
/// It can't be read, or is none; later, a line that is no event.
pub fn open(
    path: &Path,
) -> Result<(Head, impl Iterator<Item = Result<Event, String>> + use<>), String> {
    let named = |problem: String| format!("{}: {problem}", path.display());
    let file = File::open(path).map_err(|e| named(e.to_string()))?;
    let mut lines = BufReader::new(file).lines();
    let first = lines.next().and_then(Result::ok).unwrap_or_default();
    let head: Head = serde_json::from_str(&first)
        .map_err(|e| named(format!("the first line is no trace's head: {e}")))?;
    if head.version != VERSION {
        return Err(named(format!(
            "a trace of version {}; this program reads version {VERSION}",
            head.version
        )));
    }
    let path = path.display().to_string();
    let events = lines.enumerate().map(move |(number, line)| {
        line.map_err(|e| e.to_string())
            .and_then(|line| serde_json::from_str(&line).map_err(|e| e.to_string()))
            .map_err(|e| format!("{path}:{}: {e}", number + 2))
    });
    Ok((head, events))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_trace_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let problem = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let opened = open(&path).map(|(_, events)| events.collect::<Result<Vec<_>, _>>());
            let problem = opened.and_then(|events| events).unwrap_err();
            problem.replace(&path.display().to_string(), "x")
        };
        assert!(problem("").starts_with("x: the first line is no trace's head: "));
        assert_eq!(
            problem(r#"{"version":9,"servers":3}"#),
            "x: a trace of version 9; this program reads version 1"
        );
        let broken = problem("{\"version\":1,\"servers\":3}\n{\"at\":1}\n{\"at\":");
        assert!(broken.starts_with("x:3: "), "{broken}");
    }
}

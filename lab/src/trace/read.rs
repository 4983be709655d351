//! Reading a trace as the harness writes it: a head, then one event a line. See docs/trace.md.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde_json::Value;

/// The formats that this program reads.
const VERSIONS: std::ops::RangeInclusive<u32> = 1..=3;
/// More servers than any test has.
const SERVERS: usize = 64;
/// The kind of a line that is no event: a process that was killed ends its trace in the middle of one.
pub const TORN: &str = "torn";

/// The first line: what was run.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Head {
    /// The format's number.
    pub version: u32,
    /// How many servers the test has.
    pub servers: usize,
    /// The test's name.
    #[serde(default)]
    pub test: String,
    /// Its part.
    #[serde(default)]
    pub part: String,
    /// What it is about.
    #[serde(default)]
    pub title: String,
    /// The command that runs this run again.
    #[serde(default)]
    pub replay: String,
    /// The run's seed.
    #[serde(default)]
    pub seed: Value,
}

/// A thread's name, and the server that it acts for.
type Whose = (Arc<str>, Option<usize>);

/// What happened at one moment.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Event {
    /// Virtual ns since the run began.
    pub at: u64,
    /// The thread's number, if a thread did it.
    pub thread: Option<u32>,
    /// The thread's name.
    pub name: Option<Arc<str>>,
    /// The server that it acted for.
    pub server: Option<usize>,
    /// What happened, such as `rpc.request`.
    pub kind: String,
    /// A number that the kind gives meaning to.
    pub a: u64,
    /// Another.
    pub b: u64,
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

/// Opens a trace, compressed or not: its head, and its events one by one. A line that is no event comes as one of
/// the kind [`TORN`].
///
/// # Errors
/// It can't be read, or is none.
pub fn open(path: &Path) -> Result<(Head, impl Iterator<Item = Event> + use<>), String> {
    let named = |problem: String| format!("{}: {problem}", path.display());
    let file = File::open(path).map_err(|e| named(e.to_string()))?;
    let mut plain = BufReader::with_capacity(1 << 16, file);
    let start = plain.fill_buf().map_err(|e| named(e.to_string()))?;
    let bytes: Box<dyn Read> = match start.starts_with(&[0x1f, 0x8b]) {
        true => Box::new(MultiGzDecoder::new(plain)),
        false => Box::new(plain),
    };
    let mut lines = BufReader::new(bytes).split(b'\n').map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    let head: Head = serde_json::from_slice(&first)
        .map_err(|e| named(format!("the first line is no trace's head: {e}")))?;
    if !VERSIONS.contains(&head.version) {
        return Err(named(format!(
            "a trace of version {}; this program reads versions {} to {}",
            head.version,
            VERSIONS.start(),
            VERSIONS.end()
        )));
    }
    if head.servers > SERVERS {
        return Err(named(format!(
            "a trace of {} servers; no test has more than {SERVERS}",
            head.servers
        )));
    }
    let mut threads = HashMap::new();
    let events = lines.map(move |line| of_its_thread(event(&line), &mut threads));
    Ok((head, events))
}

/// What the thread's last event with a name said holds for this one too, unless it has a name of its own.
fn of_its_thread(mut event: Event, threads: &mut HashMap<u32, Whose>) -> Event {
    if let Some(thread) = event.thread {
        match (&event.name, threads.get(&thread)) {
            (Some(name), _) => _ = threads.insert(thread, (name.clone(), event.server)),
            (None, Some((name, server))) => {
                (event.name, event.server) = (Some(name.clone()), *server);
            }
            (None, None) => {}
        }
    }
    event
}

fn event(line: &[u8]) -> Event {
    serde_json::from_slice(line).unwrap_or_else(|_| Event {
        kind: TORN.into(),
        detail: String::from_utf8_lossy(line).into(),
        ..Event::default()
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<Event>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, bytes).unwrap();
        let opened = open(&path).map(|(_, events)| events.collect());
        opened.map_err(|problem| problem.replace(&path.display().to_string(), "x"))
    }

    #[test]
    fn a_file_that_is_no_trace_says_why() {
        let problem = |text: &str| read(text.as_bytes()).unwrap_err();
        assert!(problem("").starts_with("x: the first line is no trace's head: "));
        assert_eq!(
            problem(r#"{"version":9,"servers":3}"#),
            "x: a trace of version 9; this program reads versions 1 to 3"
        );
        assert_eq!(
            problem(r#"{"version":2,"servers":4000000000}"#),
            "x: a trace of 4000000000 servers; no test has more than 64"
        );
    }

    #[test]
    fn a_thread_s_name_and_server_hold_until_it_has_others() {
        let lines = [
            r#"{"version":3,"servers":3}"#,
            r#"{"thread":1,"name":"a","server":2}"#,
            r#"{"thread":2,"name":"b"}"#,
            r#"{"thread":1}"#,
            r#"{"thread":2}"#,
            r#"{"thread":1,"name":"a"}"#,
            r#"{"thread":1}"#,
            r#"{}"#,
        ];
        let events = read(lines.join("\n").as_bytes()).unwrap();
        let told: Vec<_> = events
            .iter()
            .map(|e| (e.name.as_deref(), e.server))
            .collect();
        let (a, b) = ((Some("a"), Some(2)), (Some("b"), None));
        assert_eq!(told[..4], [a, b, a, b]);
        assert_eq!(
            told[4..],
            [(Some("a"), None), (Some("a"), None), (None, None)]
        );
    }

    #[test]
    fn a_torn_line_is_shown_as_it_is() {
        let events = read(b"{\"version\":2,\"servers\":3}\n{\"at\":1}\n{\"at\":\xff").unwrap();
        assert_eq!((events[0].at, events.len()), (1, 2));
        assert_eq!(
            (events[1].kind.as_str(), &events[1].detail),
            (TORN, &"{\"at\":\u{fffd}".into())
        );
    }

    #[test]
    fn a_compressed_trace_is_read_as_far_as_it_goes() {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed
            .write_all(b"{\"version\":2,\"servers\":3}\n{\"at\":1}\n{\"at\":2}\n")
            .unwrap();
        let packed = packed.finish().unwrap();
        assert_eq!(read(&packed).unwrap().len(), 2);
        assert!(read(&packed[..packed.len() - 9]).is_ok(), "cut off");
    }
}

//! The full trace of a run as a file: one JSON object a line.
//!
//! The first line says what was run: `{"version":1,"test":…,"part":…,"seed":…,"trace_hash":…,"passed":…}`.
//! Each other line is an event: `at` (virtual ns), `thread` (its number) and `name`, `server` and
//! `life` where it acted for one, `kind`, the two numbers `a` and `b` that the kind gives meaning
//! to, and `detail`, an object where the event's maker wrote one, else text.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use labsim::trace::Event;
use serde_json::{Value, json};

use crate::record::VERSION;
use crate::run::Run;

/// Writes the trace of a run into this folder, which is made if need be. Returns the file.
///
/// # Errors
/// The folder or the file can't be written.
pub fn write(folder: &Path, run: &Run, trace_hash: u64, events: &[Event]) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let path = folder.join(format!(
        "{}-{}-{:#x}.jsonl",
        run.story.part, run.story.name, run.seed
    ));
    let mut file = BufWriter::new(fs::File::create(&path)?);
    let head = json!({
        "version": VERSION,
        "test": run.story.name,
        "part": run.story.part,
        "servers": run.story.servers,
        "seed": run.seed,
        "trace_hash": format!("{trace_hash:016x}"),
        "passed": !run.board.is_broken(),
    });
    writeln!(file, "{head}")?;
    for event in events {
        writeln!(file, "{}", line(event))?;
    }
    file.flush()?;
    Ok(path)
}

fn line(event: &Event) -> Value {
    let mut line = json!({
        "at": event.at,
        "thread": event.thread,
        "name": &*event.name,
        "kind": event.kind,
        "a": event.a,
        "b": event.b,
    });
    if let Some((peer, incarnation)) = event.domain {
        line["server"] = peer.into();
        line["life"] = incarnation.into();
    }
    if !event.detail.is_empty() {
        let object = serde_json::from_str(&event.detail)
            .ok()
            .filter(Value::is_object);
        line["detail"] = object.unwrap_or_else(|| event.detail.as_str().into());
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_objects_or_text() {
        let event = |detail: &str| Event {
            at: 5,
            thread: 1,
            name: "actor".into(),
            domain: Some((2, 0)),
            kind: "rpc.request",
            a: 3,
            b: 4,
            detail: detail.into(),
        };
        assert_eq!(
            line(&event(r#"{"to":1}"#)).to_string(),
            r#"{"a":3,"at":5,"b":4,"detail":{"to":1},"kind":"rpc.request","life":0,"name":"actor","server":2,"thread":1}"#
        );
        assert_eq!(line(&event("</script>"))["detail"], "</script>");
        assert_eq!(line(&event("7"))["detail"], "7");
    }
}

//! The full trace of a run as a file: one JSON object a line.
//!
//! The first line says what was run: `{"version":1,"test":…,"part":…,"seed":…,"trace_hash":…,"passed":…}`.
//! Each other line is an event: `at` (virtual ns), `thread` (its number) and `name`, `server` and
//! `life` where it acted for one, `kind`, the two numbers `a` and `b` that the kind gives meaning
//! to, and `detail`, an object where the event's maker wrote one, else text.
//!
//! Of the key/value service the last line, of kind `history`, has all operations of the clerks and what
//! the checker found, as `linear::Report` has it.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use labsim::trace::Event;
use serde_json::{Value, json};

use crate::kv;
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
    if run.story.is_kv() {
        let at = events.last().map_or(0, |event| event.at);
        let found = json!({ "at": at, "thread": 0, "name": "checker", "kind": "history", "a": 0, "b": 0,
            "detail": kv::findings(run) });
        writeln!(file, "{found}")?;
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

    #[test]
    fn a_service_s_trace_ends_with_its_history() {
        static STORY: crate::Story = crate::Story {
            part: "3A",
            ..crate::testing::STORY
        };
        let run = Run::new(&STORY, 7, crate::settings::Clock::Sim);
        let asked = linear::models::KvInput::put("x", "1");
        let (at, what) = (std::time::Duration::from_millis(1), "put".to_string());
        run.board.kv.lock().call(0, at, what, asked);
        let folder = std::env::temp_dir().join(format!("trace of {}", std::process::id()));
        let path = write(&folder, &run, 0, &[]).expect("the trace is written");
        let text = fs::read_to_string(path).expect("it is there");
        fs::remove_dir_all(folder).expect("it was made");
        let last: Value = serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
        assert_eq!(last["kind"], "history");
        let put = &last["detail"]["keys"][0]["operations"][0];
        assert_eq!(put["input"], "put(\"x\", \"1\")", "{text}");
    }
}

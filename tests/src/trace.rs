//! The full trace of a run as a file, written line by line while the run goes on: what was written stands,
//! whatever ends the process. `docs/trace.md` describes the format.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use labsim::trace::Event;
use parking_lot::Mutex;
use serde_json::json;

use crate::run::Run;
use crate::{kv, report};

/// The format's number; it grows when a field changes its meaning.
pub const VERSION: u32 = 3;
/// Bytes that may wait to be written: a few events.
const WAITING: usize = 8192;

/// Virtual ns without an event after which what waits is written: all threads have waited for the time to go on.
const GAP: u64 = 5_000_000;

/// A trace that is being written.
#[derive(Debug)]
pub struct Trace {
    path: PathBuf,
    out: Mutex<Out>,
}

#[derive(Debug)]
struct Out {
    file: File,
    waiting: String,
    /// The moment of what waits.
    at: u64,
    /// What has been said of each thread, by its number.
    threads: HashMap<u32, Whose>,
    /// The first thing that went wrong.
    problem: Option<io::Error>,
}

/// A thread's name, and for which server and incarnation it acts.
type Whose = (Arc<str>, Option<(u32, u32)>);

impl Trace {
    /// Begins the trace of a run in this folder, which is made if need be.
    ///
    /// # Errors
    /// The folder or the file can't be written.
    pub fn begin(folder: &Path, run: &Run) -> io::Result<Trace> {
        fs::create_dir_all(folder)?;
        let story = run.story;
        let name = format!("{}-{}-{:#x}.jsonl", story.part, story.name, run.seed);
        let path = folder.join(name);
        let mut file = File::create(&path)?;
        let head = json!({
            "format": "lab trace", "version": VERSION, "test": story.name, "part": story.part, "title": story.title,
            "servers": story.servers, "seed": format!("{:#x}", run.seed), "replay": report::replay(run),
        });
        writeln!(file, "{head}")?;
        let waiting = String::with_capacity(2 * WAITING);
        let out = Mutex::new(Out {
            file,
            waiting,
            at: 0,
            threads: HashMap::new(),
            problem: None,
        });
        Ok(Trace { path, out })
    }

    /// Adds an event.
    pub fn add(&self, event: &Event) {
        let mut out = self.out.lock();
        if out.waiting.len() >= WAITING || event.at > out.at + GAP {
            out.flush();
        }
        out.at = event.at;
        let known = out.knows(event);
        write_line(&mut out.waiting, event, known);
    }

    /// Ends the trace: how the run went, and its report. Of a key/value service, before that, all operations of
    /// the clerks and what the checker found.
    ///
    /// # Errors
    /// Something could not be written, now or earlier.
    pub fn end(
        &self,
        run: &Run,
        trace_hash: u64,
        at: u64,
        report: Option<&str>,
    ) -> io::Result<PathBuf> {
        let mut out = self.out.lock();
        if run.story.is_kv() {
            let found = kv::findings(run);
            let line = json!({ "at": at, "kind": "history", "detail": found });
            out.waiting.push_str(&format!("{line}\n"));
        }
        let facts = run.board.facts();
        let broken = facts.broken.as_ref().map(|(broken, at)| {
            let claim = broken.claim;
            json!({
                "claim": claim.name, "says": claim.says, "section": claim.section, "question": claim.question,
                "saw": broken.saw, "line": broken.at, "at": at.as_nanos() as u64,
            })
        });
        let end = json!({
            "passed": facts.broken.is_none(), "trace_hash": format!("{trace_hash:016x}"), "broken": broken,
            "report": report,
        });
        let line = json!({ "at": at, "kind": "end", "detail": end });
        out.waiting.push_str(&format!("{line}\n"));
        out.flush();
        match out.problem.take() {
            Some(problem) => Err(problem),
            None => Ok(self.path.clone()),
        }
    }
}

impl Out {
    /// Whether the trace says already whose thread this event's is; from now on it does.
    fn knows(&mut self, event: &Event) -> bool {
        let known = self.threads.get(&event.thread);
        let same = |(name, domain): &Whose| *name == event.name && *domain == event.domain;
        let known = known.is_some_and(same);
        if !known {
            let whose = (event.name.clone(), event.domain);
            self.threads.insert(event.thread, whose);
        }
        known
    }

    fn flush(&mut self) {
        let written = self.file.write_all(self.waiting.as_bytes());
        self.waiting.clear();
        if let Err(problem) = written {
            self.problem.get_or_insert(problem);
        }
    }
}

/// By hand: a run makes a hundred thousand of these, and recording is to cost no more than the run.
fn write_line(out: &mut String, event: &Event, known: bool) {
    let mut digits = itoa::Buffer::new();
    let mut field = |out: &mut String, name: &str, number: u64| {
        out.push_str(name);
        out.push_str(digits.format(number));
    };
    field(out, "{\"at\":", event.at);
    field(out, ",\"thread\":", u64::from(event.thread));
    if !known {
        out.push_str(",\"name\":");
        quote(out, &event.name);
        if let Some((server, life)) = event.domain {
            field(out, ",\"server\":", u64::from(server));
            field(out, ",\"life\":", u64::from(life));
        }
    }
    out.push_str(",\"kind\":");
    quote(out, event.kind);
    if (event.a, event.b) != (0, 0) && !in_detail(event.kind) {
        field(out, ",\"a\":", event.a);
        field(out, ",\"b\":", event.b);
    }
    if !event.detail.is_empty() {
        out.push_str(",\"detail\":");
        match is_object(&event.detail) {
            true => out.push_str(&event.detail),
            false => quote(out, &event.detail),
        }
    }
    out.push_str("}\n");
}

/// The two numbers of such an event say what its detail says too, or are a digest for the hash.
fn in_detail(kind: &str) -> bool {
    matches!(kind, "log" | "save") || kind.starts_with("rpc.")
}

/// Adds the text as a JSON string.
pub(crate) fn quote(out: &mut String, text: &str) {
    let plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    // Without a way out in the middle, which is several bytes at a time.
    if text.bytes().fold(true, |all, byte| all & plain(byte)) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&serde_json::Value::from(text).to_string());
    }
}

/// Whether a detail is taken for what it should be. A program can add events of its own with anything in them: then
/// the line may be none, but it is one line, and readers show a line that is none as it is.
fn is_object(detail: &str) -> bool {
    detail.starts_with('{') && detail.ends_with('}') && !detail.as_bytes().contains(&b'\n')
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn event(at: u64, detail: &str) -> Event {
        Event {
            at,
            thread: 1,
            name: "actor \"1\"".into(),
            domain: Some((2, 0)),
            kind: "role",
            a: 3,
            b: 4,
            detail: detail.into(),
        }
    }

    fn line(detail: &str) -> String {
        let mut line = String::new();
        write_line(&mut line, &event(5, detail), false);
        line
    }

    #[test]
    fn details_are_objects_or_text() {
        assert_eq!(
            line(r#"{"to":1}"#),
            "{\"at\":5,\"thread\":1,\"name\":\"actor \\\"1\\\"\",\"server\":2,\"life\":0,\"kind\":\"role\",\
             \"a\":3,\"b\":4,\"detail\":{\"to\":1}}\n"
        );
        for text in ["</script>", "7", "{\"half\":", "{}\n{}", "{\"a\":1\n}"] {
            let line = line(text);
            assert_eq!(line.lines().count(), 1, "{line}");
            let value: Value = serde_json::from_str(&line).expect(text);
            assert_eq!(value["detail"], text);
        }
    }

    fn trace(story: &'static crate::Story, name: &str) -> (Run, Trace, PathBuf) {
        let run = Run::new(story, 7, crate::settings::Clock::Sim);
        let folder = std::env::temp_dir().join(format!("{name} of {}", std::process::id()));
        let trace = Trace::begin(&folder, &run).expect("the trace is begun");
        (run, trace, folder)
    }

    /// The lines of the file, whose folder is not needed any more.
    fn taken(path: &Path, folder: &Path) -> Vec<Value> {
        let text = fs::read_to_string(path).expect("it is there");
        fs::remove_dir_all(folder).expect("it was made");
        let value = |line| serde_json::from_str(line).expect("JSON");
        text.lines().map(value).collect()
    }

    #[test]
    fn a_thread_is_told_of_once() {
        let (_, trace, folder) = trace(&crate::testing::STORY, "threads");
        let other = Event {
            domain: None,
            ..event(3, "")
        };
        for event in [event(1, ""), event(2, ""), other, event(2 * GAP, "")] {
            trace.add(&event);
        }
        let lines = taken(&trace.path, &folder);
        let server = |line: &Value| (line.get("name").is_some(), line["server"].as_u64());
        let told: Vec<(bool, Option<u64>)> = lines[1..].iter().map(server).collect();
        assert_eq!(told, [(true, Some(2)), (false, None), (true, None)]);
    }

    #[test]
    fn what_was_written_stands_before_the_end() {
        let (run, trace, folder) = trace(&crate::testing::STORY, "trace");
        let path = trace.path.clone();
        trace.add(&event(10, ""));
        trace.add(&event(2 * GAP, "")); // time went on: what came before is on disk
        let lines = fs::read_to_string(&path)
            .expect("it is there")
            .lines()
            .count();
        assert_eq!(lines, 2, "the head and the first event");
        trace
            .end(&run, 0xab, 3_000_000, None)
            .expect("the trace is ended");
        let lines = taken(&path, &folder);
        assert_eq!(lines[0]["version"], VERSION);
        assert_eq!(lines[3]["detail"]["trace_hash"], "00000000000000ab");
        assert_eq!(lines[3]["detail"]["passed"], true);
    }

    #[test]
    fn a_service_s_trace_ends_with_its_history() {
        static STORY: crate::Story = crate::Story {
            part: "3A",
            ..crate::testing::STORY
        };
        let (run, trace, folder) = trace(&STORY, "history");
        let asked = linear::models::KvInput::put("x", "1");
        let (at, what) = (std::time::Duration::from_millis(1), "put".to_string());
        run.board.kv.lock().call(0, at, what, asked);
        let path = trace
            .end(&run, 0, 9, Some("a report"))
            .expect("the trace is ended");
        let lines = taken(&path, &folder);
        let put = &lines[1]["detail"]["keys"][0]["operations"][0];
        assert_eq!(put["input"], "put(\"x\", \"1\")", "{lines:?}");
        assert_eq!(
            (&lines[2]["kind"], &lines[2]["detail"]["report"]),
            (&"end".into(), &"a report".into())
        );
    }
}

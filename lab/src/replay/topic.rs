//! What an event is about, where it stands, and how it reads.

use crate::trace::read::{Event, TORN};
use crate::trace::says;

/// An event as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Virtual ns since the run began.
    pub at: u64,
    /// What it is about.
    pub topic: String,
    /// The server in whose column it stands; `None`: across all columns.
    pub server: Option<usize>,
    /// What it says.
    pub text: String,
}

/// Topics with a meaning of their own. Any other is the `target` of a log record, which is the
/// module's name unless the record says otherwise.
pub const KNOWN: [(&str, &str); 15] = [
    (
        "test",
        "what the test does, power failures, the broken claim",
    ),
    ("election", "roles and votes"),
    ("log", "the log and its commit index"),
    ("persist", "what is saved"),
    ("snapshot", "snapshots"),
    ("apply", "what the service takes from Raft"),
    ("rpc", "requests as they are sent, and what becomes of them"),
    ("start", "commands that a leader takes"),
    ("clerk", "what clerks ask for"),
    ("note", "values that the program shows by labsim::note!"),
    (
        "mail",
        "every reply, arrival and loss, and what messages say",
    ),
    ("disk", "what is on a disk after a save"),
    ("state", "what a server says of itself when the test asks"),
    ("thread", "threads that start"),
    (
        "stall",
        "threads that stand still, in tests in which they do",
    ),
];

/// Topics that are shown only when they are asked for: they have many lines and say little.
pub const QUIET: [&str; 6] = ["mail", "disk", "state", "thread", "stall", "end"];

/// How the event reads.
pub fn note(event: &Event) -> Note {
    let (topic, server, text) = match event.kind.as_str() {
        "step" => ("test", None, event.text("step").to_string()),
        "claim" => ("test", None, broken(event)),
        "crash" => ("test", Some(event.a as usize), "its power fails".into()),
        "role" => ("election", event.server, role(event)),
        "commit" => ("log", event.server, format!("commit index {}", event.a)),
        "log" if event.detail["message"].is_string() => return record(event),
        "log" => ("log", event.server, log(event)),
        "save" => ("persist", event.server, saved(event)),
        "save_lost" => {
            let text = "saves in vain: its power is gone".into();
            ("persist", event.server, text)
        }
        "apply" => ("apply", event.server, applied(event)),
        "spawn" => ("thread", event.server, started(event)),
        "stall" => ("stall", event.server, stalled(event)),
        "boot" => ("test", named(event), boots(event)),
        "start" => ("start", named(event), taken(event)),
        "saved" => ("disk", named(event).or(event.server), on_disk(event)),
        "state" => ("state", named(event), own_words(event)),
        "view" => (
            "mail",
            event.server,
            format!(
                "#{} says: {}",
                event.number("call").unwrap_or_default(),
                says::view(&event.detail)
            ),
        ),
        "call" => (
            "clerk",
            None,
            format!("clerk {}: {}", number(event, "clerk"), event.text("what")),
        ),
        "return" => (
            "clerk",
            None,
            format!("clerk {} has its answer", number(event, "clerk")),
        ),
        "note" => ("note", event.server, values(event)),
        "links" => ("state", None, links(event)),
        "end" | "history" => ("end", None, ended(event)),
        TORN => (
            "test",
            None,
            format!("a line that is no event: {}", plain(event)),
        ),
        kind if kind.starts_with("rpc.") => {
            let quiet = !matches!(kind, "rpc.request" | "rpc.refused");
            let topic = if quiet { "mail" } else { "rpc" };
            (topic, place(event), message(event))
        }
        kind => (kind, event.server, plain(event)),
    };
    Note {
        at: event.at,
        topic: topic.into(),
        server,
        text,
    }
}

/// A record of the `log` macros.
fn record(event: &Event) -> Note {
    let level = match event.text("level") {
        "error" => "error: ",
        "warn" => "warning: ",
        _ => "",
    };
    let (message, server) = (event.text("message"), event.server);
    // Its column says who it is.
    let own = server.map(|server| format!("server {server} "));
    let message = own
        .and_then(|own| message.strip_prefix(&own))
        .unwrap_or(message);
    let target = event.text("target");
    let topic = match target.rsplit("::").next().unwrap_or(target) {
        "snap" => "snapshot",
        "" => "record",
        other => other,
    };
    Note {
        at: event.at,
        topic: topic.into(),
        server,
        text: format!("{level}{message}"),
    }
}

fn broken(event: &Event) -> String {
    let claim = event.text("claim").to_lowercase().replace('_', " ");
    format!("BROKEN, {claim}: {}", event.text("saw"))
}

fn role(event: &Event) -> String {
    let vote = match event.number("vote") {
        Some(vote) => format!("vote for {vote}"),
        None => "no vote".into(),
    };
    let term = event.number("term").unwrap_or_default();
    format!("{} in term {term}, {vote}", event.text("role"))
}

fn log(event: &Event) -> String {
    let (base, last) = (event.text("base"), event.text("last"));
    match (base, last) {
        ("", "") => plain(event),
        ("0@0", last) => format!("log ends at {last}"),
        (base, last) => format!("log ends at {last}, begins after {base}"),
    }
}

fn saved(event: &Event) -> String {
    let state = event.number("state").unwrap_or_default();
    match event.number("snapshot") {
        Some(0) | None => format!("saves {state} bytes"),
        Some(snapshot) => format!("saves {state} bytes, snapshot of {snapshot}"),
    }
}

fn applied(event: &Event) -> String {
    let (index, term) = (event.number("index"), event.number("term"));
    let id = format!("{}@{}", index.unwrap_or_default(), term.unwrap_or_default());
    match event.text("what") {
        "snapshot" => format!("takes the snapshot to {id}"),
        _ => format!("applies {id}"),
    }
}

fn number(event: &Event, field: &str) -> u64 {
    event.number(field).unwrap_or_default()
}

/// The server that the event is about, if another one made it.
fn named(event: &Event) -> Option<usize> {
    event.number("server").map(|server| server as usize)
}

fn boots(event: &Event) -> String {
    match number(event, "life") {
        0 => "starts with an empty disk".into(),
        _ => "starts again, from its disk".into(),
    }
}

fn taken(event: &Event) -> String {
    let (index, term) = (number(event, "index"), number(event, "term"));
    format!("start({}) -> {index}@{term}", event.text("command"))
}

fn on_disk(event: &Event) -> String {
    let Some(term) = event.number("term") else {
        return "has on disk what nobody can read".into();
    };
    let vote = event
        .number("vote")
        .map_or("no vote".into(), |vote| format!("vote for {vote}"));
    let (base, last) = (event.text("base"), event.text("last"));
    let begins = if base == "0@0" {
        String::new()
    } else {
        format!(", snapshot to {base}")
    };
    format!("has on disk term {term}, {vote}, log to {last}{begins}")
}

fn own_words(event: &Event) -> String {
    let leads = if event.detail["leads"] == true {
        ", and leads it"
    } else {
        ""
    };
    format!("says that it is in term {}{leads}", number(event, "term"))
}

fn values(event: &Event) -> String {
    let value = |value: &serde_json::Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_string)
    };
    let values = event.detail.as_object().into_iter().flatten();
    let values: Vec<String> = values
        .map(|(name, of)| format!("{name} = {}", value(of)))
        .collect();
    values.join(", ")
}

fn links(event: &Event) -> String {
    let cut = event.detail["cut"].as_array().map_or(0, Vec::len);
    match cut {
        0 => "all servers reach each other".into(),
        _ => format!("calls that don't get through: {}", event.detail["cut"]),
    }
}

fn ended(event: &Event) -> String {
    match event.detail["passed"].as_bool() {
        Some(true) => "the test passes".into(),
        Some(false) => "the test fails".into(),
        None => "the operations of all clerks".into(),
    }
}

/// `raft 0 at raft/src/lib.rs:179:10`
fn started(event: &Event) -> String {
    let text = event.detail.as_str().unwrap_or_default();
    match text.rsplit_once(" at ") {
        Some((name, line)) => format!("thread '{name}' starts ({line})"),
        None => format!("thread {text} starts"),
    }
}

/// `for 6.2 ms at raft/src/lib.rs:179:10`
fn stalled(event: &Event) -> String {
    let name = event.name.as_deref().unwrap_or("?");
    let text = event.detail.as_str().unwrap_or_default();
    format!("thread '{name}' stands still {text}")
}

/// The server whose column a message stands in: where something happens to it.
fn place(event: &Event) -> Option<usize> {
    let of = |field| event.number(field).map(|number| number as usize);
    match event.kind.as_str() {
        "rpc.arrive" => of("to"),
        "rpc.deliver" | "rpc.late" => of("from"),
        _ => event.server.or_else(|| of("from")),
    }
}

fn message(event: &Event) -> String {
    let call = event.number("call").unwrap_or(event.a);
    let method = event.text("method");
    let method = method.rsplit('.').next().unwrap_or(method);
    let who = |field| match event.number(field) {
        Some(number) => number.to_string(),
        None => "?".into(),
    };
    match event.kind.as_str() {
        "rpc.request" => format!("→ {} {method} #{call}{}", who("to"), fate(event)),
        "rpc.reply" => format!("→ {} reply #{call}{}", who("from"), fate(event)),
        "rpc.arrive" => format!("← {} {method} #{call}", who("from")),
        "rpc.deliver" => format!("← {} reply #{call}", who("to")),
        "rpc.late" => format!("← {} reply #{call}, too late", who("to")),
        "rpc.lost" => format!("{method} #{call} is lost: {}", event.text("cause")),
        "rpc.refused" => format!("refuses {method} #{call}: {}", event.text("why")),
        "rpc.failed" => format!("call #{call} has failed"),
        other => format!("{other} #{call}"),
    }
}

/// What becomes of a message, if that is worth a word.
fn fate(event: &Event) -> String {
    match event.text("fate") {
        "lost" => format!(", lost: {}", event.text("cause")),
        "held" => ", held by the test".into(),
        _ => match event.number("after_us") {
            Some(us) if us >= 1000 => format!(", takes {:.0} ms", us as f64 / 1e3),
            _ => String::new(),
        },
    }
}

fn plain(event: &Event) -> String {
    match event.detail.as_str() {
        Some(text) => text.into(),
        None if event.detail.is_null() => String::new(),
        None => event.detail.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn note_of(line: serde_json::Value) -> (String, Option<usize>, String) {
        let Note {
            topic,
            server,
            text,
            ..
        } = note(&serde_json::from_value(line).unwrap());
        (topic, server, text)
    }

    #[test]
    fn a_record_stands_without_the_name_of_its_column() {
        let record = |target: &str, level: &str, server: Option<u32>| {
            let detail =
                json!({"level": level, "target": target, "message": "server 1 runs for term 2"});
            note_of(json!({"kind": "log", "server": server, "detail": detail}))
        };
        let runs = "runs for term 2".to_string();
        assert_eq!(
            record("election", "info", Some(1)),
            ("election".into(), Some(1), runs.clone())
        );
        assert_eq!(record("raft::node", "debug", Some(1)).0, "node");
        assert_eq!(
            record("raft", "warn", Some(1)).2,
            format!("warning: {runs}")
        );
        assert_eq!(
            record("kv", "info", None),
            ("kv".into(), None, format!("server 1 {runs}"))
        );
    }

    #[test]
    fn a_message_stands_where_something_happens_to_it() {
        let rpc = |kind: &str, more: serde_json::Value| {
            let mut detail =
                json!({"call": 7, "from": 0, "to": 2, "method": "Raft.append_entries"});
            detail
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            let (topic, server, text) = note_of(json!({"kind": kind, "detail": detail}));
            format!("{topic} {} {text}", server.unwrap())
        };
        let arrives = json!({"fate": "arrives", "after_us": 40});
        assert_eq!(rpc("rpc.request", arrives), "rpc 0 → 2 append_entries #7");
        let slow = json!({"fate": "arrives", "after_us": 26_400});
        assert_eq!(
            rpc("rpc.request", slow),
            "rpc 0 → 2 append_entries #7, takes 26 ms"
        );
        let lost = json!({"fate": "lost", "cause": "cut"});
        assert_eq!(
            rpc("rpc.request", lost.clone()),
            "rpc 0 → 2 append_entries #7, lost: cut"
        );
        assert_eq!(rpc("rpc.arrive", json!({})), "mail 2 ← 0 append_entries #7");
        assert_eq!(rpc("rpc.deliver", json!({})), "mail 0 ← 2 reply #7");
    }

    #[test]
    fn what_is_unknown_is_shown_as_it_is() {
        let event = json!({"kind": "vote", "server": 1, "detail": {"x": 1}});
        assert_eq!(
            note_of(event),
            ("vote".into(), Some(1), r#"{"x":1}"#.into())
        );
        assert_eq!(note_of(json!({"kind": "vote"})).2, "");
    }
}

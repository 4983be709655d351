//! The logger of a run: stamps each record with the time of the run's clock, the peer and the thread.
//!
//! A log call is no labsim call: it takes no virtual time, never switches threads and does not enter the trace's
//! hash. And it does the same work whoever listens, as far as the program can tell: the level is never lowered, so
//! the arguments of a macro are always evaluated (`debug!("{}", node.lock().term)` makes a labsim call), and a
//! run that failed silently fails in the same way with `LAB_LOG=trace`. What nobody hears is not formatted.

use std::fmt::Write as _;
use std::sync::{Arc, Once, OnceLock};
use std::time::Duration;

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::config::TraceLevel;
use crate::diagnose::Finding;
use crate::sim::{self, Sim};
use crate::wall;

/// Which records go to stderr.
const VARIABLE: &str = "LAB_LOG";

static LOGGER: RunLogger = RunLogger;
static FILTER: OnceLock<Filter> = OnceLock::new();

/// Installs the logger, unless the program has one.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if log::set_logger(&LOGGER).is_ok() {
            log::set_max_level(LevelFilter::Trace);
            let filter = Filter::from_environment();
            FILTER.get_or_init(|| filter);
        }
    });
}

struct RunLogger;

impl Log for RunLogger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        prints(metadata) || records()
    }

    fn log(&self, record: &Record<'_>) {
        let (prints, records) = (prints(record.metadata()), records());
        if prints || records {
            tell(record, prints, records);
        }
    }

    fn flush(&self) {}
}

/// Whether the record goes to stderr.
#[inline]
fn prints(metadata: &Metadata<'_>) -> bool {
    FILTER.get().is_some_and(|f| f.lets_pass(metadata))
}

/// Whether the calling thread's run records its events.
#[inline]
fn records() -> bool {
    sim::current().is_some_and(|sim| sim.kernel.with(|k| k.level >= TraceLevel::Events))
}

#[cold]
fn tell(record: &Record<'_>, prints: bool, records: bool) {
    let message = format(record);
    if let Some(sim) = sim::current().filter(|_| records) {
        let detail = detail(record, &message);
        sim.kernel
            .with(|k| k.record("log", record.level() as u64, 0, detail));
    }
    if prints {
        // One write, so that the lines of parallel runs do not mix; and `eprint`, which the test harness captures.
        eprint!("{}", Origin::here().lines(record.level(), &message));
    }
}

/// The record's message. What its arguments' `Display` does is the program's: labsim calls there would make
/// this run another than one without logs.
fn format(record: &Record<'_>) -> String {
    let Some(sim) = sim::current() else {
        return record.args().to_string();
    };
    let calls = || sim.kernel.with(|k| k.calls);
    let before = calls();
    let message = record.args().to_string();
    if calls() != before {
        note_calls(sim);
    }
    message
}

#[cold]
fn note_calls(sim: &Sim) {
    sim.kernel.with(|k| {
        let finding = Finding::calls_in_log(k.me());
        let same = |f: &&mut Finding| f.at == finding.at && f.kind == finding.kind;
        match k.findings.iter_mut().find(same) {
            Some(f) => f.times += 1,
            None => k.findings.push(finding),
        }
    });
}

/// The record as a JSON object, for the trace.
fn detail(record: &Record<'_>, message: &str) -> String {
    let level = match record.level() {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    };
    let mut json = String::with_capacity(48 + record.target().len() + message.len());
    json.push_str(r#"{"level":""#);
    json.push_str(level);
    json.push_str(r#"","target":"#);
    quote(&mut json, record.target());
    json.push_str(r#","message":"#);
    quote(&mut json, message);
    json.push('}');
    json
}

/// Adds the text as a JSON string.
pub(crate) fn quote(json: &mut String, text: &str) {
    json.push('"');
    let plain = |byte: u8| (byte >= b' ') & (byte != b'"') & (byte != b'\\');
    // Without a way out in the middle, which is several bytes at a time.
    if text.bytes().fold(true, |all, byte| all & plain(byte)) {
        json.push_str(text);
    } else {
        text.chars().for_each(|c| escape(json, c));
    }
    json.push('"');
}

fn escape(json: &mut String, c: char) {
    match c {
        '"' => json.push_str("\\\""),
        '\\' => json.push_str("\\\\"),
        '\n' => json.push_str("\\n"),
        c if u32::from(c) < 0x20 => {
            let _ = write!(json, "\\u{:04x}", u32::from(c));
        }
        c => json.push(c),
    }
}

/// Who logs, and when.
struct Origin {
    at: Duration,
    peer: Option<u32>,
    thread: Arc<str>,
}

impl Origin {
    fn here() -> Origin {
        match sim::current() {
            Some(sim) => {
                let at = Duration::from_nanos(sim.elapsed());
                sim.kernel.with(|k| {
                    let me = k.me();
                    Origin {
                        at,
                        peer: me.acts_for().map(crate::Domain::peer),
                        thread: me.name.clone(),
                    }
                })
            }
            None => {
                let (at, peer, thread) = wall::origin();
                Origin { at, peer, thread }
            }
        }
    }

    /// The record in columns, each line of its message.
    fn lines(&self, level: Level, message: &str) -> String {
        let peer = self.peer.map_or_else(String::new, |p| format!("peer {p}"));
        let loud = match level {
            Level::Error => "error: ",
            Level::Warn => "warning: ",
            _ => "",
        };
        let seconds = self.at.as_secs_f64();
        let thread = &*self.thread;
        let mut lines = String::new();
        for (i, line) in message.lines().enumerate() {
            let loud = if i == 0 { loud } else { "" };
            let _ = writeln!(
                lines,
                "{seconds:>11.6} s  {peer:<6}  {thread:<12}  {loud}{line}"
            );
        }
        lines
    }
}

/// `LAB_LOG`, parsed: a level for all targets, and levels for some.
#[derive(Debug, PartialEq, Eq)]
struct Filter {
    others: LevelFilter,
    /// Longest first, so that the first that fits is the one that says most.
    targets: Vec<(String, LevelFilter)>,
    /// The most that any target lets pass.
    most: LevelFilter,
}

impl Filter {
    fn from_environment() -> Filter {
        let text = std::env::var(VARIABLE).unwrap_or_default();
        let (filter, wrong) = Filter::parse(&text);
        for part in wrong {
            eprintln!(
                "{VARIABLE}: {part:?} is not LEVEL or TARGET=LEVEL and is left out; a level is off, error, warn, \
                 info, debug or trace"
            );
        }
        filter
    }

    /// The filter, and the parts of `text` that make no sense.
    fn parse(text: &str) -> (Filter, Vec<&str>) {
        let mut filter = Filter {
            others: LevelFilter::Off,
            targets: Vec::new(),
            most: LevelFilter::Off,
        };
        let mut wrong = Vec::new();
        for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            let (target, level) = match part.split_once('=') {
                Some((target, level)) => (Some(target.trim()), level.trim()),
                None => (None, part),
            };
            match (target, level.parse()) {
                (None, Ok(level)) => filter.others = level,
                (Some(target), Ok(level)) if !target.is_empty() => {
                    filter.targets.push((target.to_owned(), level));
                }
                _ => wrong.push(part),
            }
        }
        filter
            .targets
            .sort_by_key(|(t, _)| std::cmp::Reverse(t.len()));
        let levels = filter.targets.iter().map(|(_, level)| *level);
        filter.most = levels.fold(filter.others, Ord::max);
        (filter, wrong)
    }

    #[inline]
    fn lets_pass(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= self.most && metadata.level() <= self.level_of(metadata.target())
    }

    fn level_of(&self, target: &str) -> LevelFilter {
        // "raft" is for `raft` and `raft::log`, not for `raftapi`.
        let fits = |name: &str| {
            target
                .strip_prefix(name)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        let of = self.targets.iter().find(|(name, _)| fits(name));
        of.map_or(self.others, |(_, level)| *level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(text: &str) -> Filter {
        let (filter, wrong) = Filter::parse(text);
        assert_eq!(wrong, [""; 0], "of {text:?}");
        filter
    }

    fn passes(filter: &Filter, level: Level, target: &str) -> bool {
        filter.lets_pass(&Metadata::builder().level(level).target(target).build())
    }

    #[test]
    fn unset_lets_nothing_pass() {
        assert!(!passes(&filter(""), Level::Error, "raft"));
    }

    #[test]
    fn a_level_is_for_all_targets() {
        let f = filter("info");
        assert!(passes(&f, Level::Info, "raft::election"));
        assert!(!passes(&f, Level::Debug, "raft::election"));
    }

    #[test]
    fn the_longest_target_that_fits_decides() {
        let f = filter("warn, raft=debug,raft::log=off");
        assert!(passes(&f, Level::Debug, "raft"));
        assert!(passes(&f, Level::Debug, "raft::election"));
        assert!(!passes(&f, Level::Error, "raft::log"));
        assert!(!passes(&f, Level::Error, "raft::log::compact"));
        assert!(!passes(&f, Level::Info, "raftapi"), "another crate");
        assert!(passes(&f, Level::Warn, "raftapi"));
    }

    #[test]
    fn nonsense_is_named_and_the_rest_holds() {
        let (f, wrong) = Filter::parse("loud,raft=debug,=info,x=");
        assert_eq!(wrong, ["loud", "=info", "x="]);
        assert!(passes(&f, Level::Debug, "raft"));
        assert!(!passes(&f, Level::Error, "labrpc"));
    }

    #[test]
    fn json_is_escaped() {
        let mut json = String::new();
        quote(&mut json, "a \"b\" \\ \n\u{1} ä");
        assert_eq!(json, r#""a \"b\" \\ \n\u0001 ä""#);
    }

    #[test]
    fn columns() {
        let origin = |peer| Origin {
            at: Duration::from_micros(1_234_567),
            peer,
            thread: "election".into(),
        };
        assert_eq!(
            origin(Some(2)).lines(Level::Info, "message"),
            "   1.234567 s  peer 2  election      message\n"
        );
        assert_eq!(
            origin(None).lines(Level::Warn, "two\nlines"),
            "   1.234567 s          election      warning: two\n   1.234567 s          election      lines\n"
        );
    }
}

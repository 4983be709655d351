//! How a run ended.

use std::any::Any;
use std::backtrace::Backtrace;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crate::diagnose::Finding;
use crate::sim::circles::circle;
use crate::trace::Event;

/// A run's result and what was seen on the way.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome<T> {
    /// What the run's function returned, or why it did not.
    pub result: Result<T, Failure>,
    /// What its threads did that is likely to be a mistake.
    pub findings: Vec<Finding>,
    /// The hash of all that happened; the same for the same program and seed. 0 on the wall clock.
    pub trace_hash: u64,
    /// Time from the run's start to its end: virtual, or real on the wall clock.
    pub elapsed: Duration,
    /// Labsim calls made. 0 on the wall clock.
    pub calls: u64,
    /// The events, if they were recorded.
    pub events: Vec<Event>,
}

impl<T> Outcome<T> {
    /// The result of a run that must not fail.
    ///
    /// # Panics
    /// With the failure's report, if it did.
    #[track_caller]
    pub fn unwrap(self) -> T {
        match self.result {
            Ok(value) => value,
            Err(failure) => panic!("{failure}"),
        }
    }
}

/// Why a run failed. `Display` is the report.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// A thread panicked.
    Panic {
        /// Which.
        thread: ThreadReport,
        /// Its message, place and backtrace.
        record: PanicRecord,
        /// What it panicked with (`std::panic::panic_any`).
        payload: Payload,
    },
    /// Threads waited for each other's locks, or no thread could run and none waited for a time.
    Deadlock {
        /// Those that wait for each other; else all of them.
        threads: Vec<ThreadReport>,
        /// They wait for each other's locks or initialisers, and there may be others, which could run.
        others_run: bool,
    },
    /// The run took longer than `Config::time_limit`.
    TimeLimit {
        /// The limit.
        limit: Duration,
        /// What each thread did then.
        threads: Vec<ThreadReport>,
    },
    /// The run made more labsim calls than `Config::call_limit`.
    CallLimit {
        /// The limit.
        limit: u64,
        /// What each thread did then.
        threads: Vec<ThreadReport>,
    },
    /// A thread ran for long without a labsim call. The run was given up: its threads stay as they are.
    Spin {
        /// Its name, and its peer if it had one.
        thread: String,
        /// The line of its last labsim call, if it made one.
        last_call: Option<&'static Location<'static>>,
        /// How long it was watched.
        watched: Duration,
    },
    /// The run had to end, but some of its threads could not: a `Drop` of theirs waits for what never comes.
    Stuck {
        /// Why it had to end, if not because it was over.
        before: Option<Box<Failure>>,
        /// The threads that were left.
        threads: Vec<ThreadReport>,
    },
}

/// The value a thread panicked with.
pub struct Payload(Box<dyn Any + Send>);

impl Payload {
    /// The value, if it is a `T`.
    pub fn downcast<T: 'static>(self) -> Result<Box<T>, Payload> {
        self.0.downcast().map_err(Payload)
    }

    /// The value, if it is a `T`.
    pub fn downcast_ref<T: 'static>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }
}

impl From<Box<dyn Any + Send>> for Payload {
    fn from(payload: Box<dyn Any + Send>) -> Self {
        Payload(payload)
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Payload(..)")
    }
}

/// What the panic hook saw.
#[derive(Clone, Debug)]
pub struct PanicRecord {
    /// The message.
    pub message: String,
    /// File, line and column.
    pub location: Option<String>,
    /// The peer that the thread acted for, if any: its own, or the one whose code it ran.
    pub peer: Option<u32>,
    /// The stack, captured if `RUST_BACKTRACE` asks for it.
    pub backtrace: Arc<Backtrace>,
}

impl PanicRecord {
    pub(crate) fn unknown() -> Self {
        PanicRecord {
            message: "(no message: resume_unwind)".into(),
            location: None,
            peer: None,
            backtrace: Arc::new(Backtrace::disabled()),
        }
    }
}

/// What one thread was doing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ThreadReport {
    /// Counted from 0, the run's own.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// The peer it acted for.
    pub peer: Option<u32>,
    /// The line that spawned it.
    pub spawned_at: &'static Location<'static>,
    /// The line of its last labsim call.
    pub last_call: &'static Location<'static>,
    /// What it waited for, if it did.
    pub wait: Option<WaitReport>,
    /// The locks it held.
    pub holds: Vec<HeldReport>,
}

/// What a blocked thread waited for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WaitReport {
    /// In words: "waits to lock `Mutex<Node>`".
    pub what: String,
    /// The line that waits.
    pub at: &'static Location<'static>,
    /// Since when, from the run's start.
    pub since: Duration,
    /// Whom it waited for, as far as that is known: the holders of a lock, the maker of a value.
    pub blockers: Vec<BlockerReport>,
}

/// A thread that keeps another one waiting.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BlockerReport {
    /// The thread's id.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// How it stands in the way.
    pub role: BlockerRole,
    /// The line where it took the lock, asked for it, or began to make the value.
    pub at: &'static Location<'static>,
}

/// How a thread keeps another one waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BlockerRole {
    /// It holds the lock.
    Holds,
    /// It holds the lock for reading.
    Reads,
    /// It waits to write-lock, and a reader that comes later waits behind it.
    WaitsToWrite,
    /// It makes the value of a `OnceLock` or the like.
    Makes,
}

impl fmt::Display for BlockerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BlockerReport { name, at, .. } = self;
        match self.role {
            BlockerRole::Holds => write!(f, "thread '{name}' holds it, locked at {at}"),
            BlockerRole::Reads => write!(f, "thread '{name}' holds it for reading, locked at {at}"),
            BlockerRole::WaitsToWrite => write!(
                f,
                "thread '{name}' has waited longer to write-lock it, at {at}, and comes first"
            ),
            BlockerRole::Makes => write!(f, "thread '{name}' is at it since {at}"),
        }
    }
}

/// A lock that a thread held.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HeldReport {
    /// Which: "`Mutex<Node>`".
    pub object: String,
    /// The line that took it.
    pub at: &'static Location<'static>,
}

impl ThreadReport {
    /// "thread 'apply' of peer 2", or "thread 'main'".
    pub fn who(&self) -> String {
        match self.peer {
            Some(peer) => format!("thread '{}' of peer {peer}", self.name),
            None => format!("thread '{}'", self.name),
        }
    }
}

impl fmt::Display for ThreadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.who())?;
        match &self.wait {
            Some(wait) => {
                let since = wait.since.as_secs_f64();
                write!(f, " {} at {}, since {since:.6} s", wait.what, wait.at)?;
                for blocker in &wait.blockers {
                    write!(f, "; {blocker}")?;
                }
            }
            None => write!(
                f,
                " is ready to run; its last labsim call was at {}",
                self.last_call
            )?,
        }
        for held in &self.holds {
            write!(f, "; holds {}, locked at {}", held.object, held.at)?;
        }
        Ok(())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Panic { thread, record, .. } => {
                write!(f, "{} panicked", thread.who())?;
                if let Some(at) = &record.location {
                    write!(f, " at {at}")?;
                }
                write!(f, ": {}", record.message)
            }
            Failure::Deadlock {
                threads,
                others_run,
            } => {
                f.write_str(match others_run {
                    true => "deadlock: these threads wait for each other, and so none of them ever goes on",
                    false => "deadlock: no thread can run, and none waits for a time to come",
                })?;
                write_circle(f, threads)?;
                write_threads(f, threads)
            }
            Failure::TimeLimit { limit, threads } => {
                write!(f, "not finished after {limit:?}")?;
                write_threads(f, threads)
            }
            Failure::CallLimit { limit, threads } => {
                write!(f, "not finished after {limit} labsim calls")?;
                write_threads(f, threads)
            }
            Failure::Spin {
                thread,
                last_call,
                watched,
            } => {
                write!(
                    f,
                    "{thread} has run for {} s without a labsim call",
                    watched.as_secs_f64()
                )?;
                match last_call {
                    Some(at) => write!(f, "; its last was at {at}")?,
                    None => write!(f, "; it made none")?,
                }
                write!(
                    f,
                    ". Does it loop, or wait by std::thread::sleep, std::sync or blocking I/O?"
                )
            }
            Failure::Stuck { before, threads } => {
                if let Some(before) = before {
                    writeln!(f, "{before}")?;
                }
                write!(
                    f,
                    "the run could not be ended: these threads wait in a Drop for what never comes"
                )?;
                write_threads(f, threads)
            }
        }
    }
}

/// First those that keep others waiting, then those that are kept: of many threads a reader sees the first ones.
fn write_threads(f: &mut fmt::Formatter<'_>, threads: &[ThreadReport]) -> fmt::Result {
    let mut threads: Vec<&ThreadReport> = threads.iter().collect();
    threads.sort_by_key(|t| match &t.wait {
        Some(_) if !t.holds.is_empty() => 0,
        Some(wait) if !wait.blockers.is_empty() => 1,
        _ => 2,
    });
    threads.iter().try_for_each(|t| write!(f, "\n  {t}"))
}

/// The circle of threads that wait for each other, if there is one.
fn write_circle(f: &mut fmt::Formatter<'_>, threads: &[ThreadReport]) -> fmt::Result {
    let named = |id: u32| threads.iter().find(|t| t.id == id);
    let awaited = |id: u32| {
        let wait = named(id).and_then(|t| t.wait.as_ref());
        let blockers = wait.map_or(&[][..], |wait| &wait.blockers);
        blockers.iter().map(|blocker| blocker.id).collect()
    };
    let Some(path) = threads.iter().find_map(|t| circle(t.id, &awaited)) else {
        return Ok(());
    };
    f.write_str("\n  in a circle: ")?;
    for thread in path.iter().filter_map(|id| named(*id)) {
        write!(f, "'{}' -> ", thread.name)?;
    }
    write!(f, "'{}'", named(path[0]).map_or("", |t| &t.name))
}

/// A type's name without the paths: `Option<Node>` for `core::option::Option<raft::node::Node>`.
pub(crate) fn short_type(name: &str) -> String {
    let mut short = String::new();
    let mut word = String::new();
    for c in name.chars() {
        match c {
            ':' => word.clear(),
            c if c.is_alphanumeric() || c == '_' => word.push(c),
            c => {
                short.push_str(&word);
                word.clear();
                short.push(c);
            }
        }
    }
    short + &word
}

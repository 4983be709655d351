//! The trace of a run: its hash, always; its events, when they are asked for.

use std::fmt::{self, Write as _};

use crate::config::TraceLevel;
use crate::{logging, sim};

/// The kinds of labsim call, as they enter the hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum What {
    Lock = 1,
    TryLock,
    Unlock,
    Wait,
    Notify,
    Send,
    Receive,
    Select,
    Sleep,
    Now,
    Yield,
    Spawn,
    Join,
    Park,
    Unpark,
    Draw,
    Atomic,
    Once,
    Crash,
    Channel,
    Read,
    TryRead,
    Write,
    TryWrite,
    Downgrade,
}

impl What {
    pub(crate) fn word(self) -> &'static str {
        match self {
            What::Lock => "lock",
            What::TryLock => "try_lock",
            What::Unlock => "unlock",
            What::Wait => "wait",
            What::Notify => "notify",
            What::Send => "send",
            What::Receive => "receive",
            What::Select => "select",
            What::Sleep => "sleep",
            What::Now => "now",
            What::Yield => "yield",
            What::Spawn => "spawn",
            What::Join => "join",
            What::Park => "park",
            What::Unpark => "unpark",
            What::Draw => "draw",
            What::Atomic => "atomic",
            What::Once => "once",
            What::Crash => "crash",
            What::Channel => "channel",
            What::Read => "read-lock",
            What::TryRead => "try_read",
            What::Write => "write-lock",
            What::TryWrite => "try_write",
            What::Downgrade => "downgrade",
        }
    }
}

/// One event of a full trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Virtual ns since the run began.
    pub at: u64,
    /// The thread that made it, counted from 0 (the run's own) in the order of their start.
    pub thread: u32,
    /// Its name.
    pub name: std::sync::Arc<str>,
    /// The peer and incarnation that it acted for.
    pub domain: Option<(u32, u32)>,
    /// What happened, such as `rpc.request`, `spawn`, `log`.
    pub kind: &'static str,
    /// A number that the kind gives meaning to.
    pub a: u64,
    /// Another.
    pub b: u64,
    /// The rest, in words or as one JSON object.
    pub detail: String,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = std::time::Duration::from_nanos(self.at).as_secs_f64();
        write!(f, "{seconds:>12.6} s  {:<10}", self.name)?;
        if let Some((peer, _)) = self.domain {
            write!(f, " peer {peer}")?;
        }
        write!(f, " {:<12} {}", self.kind, self.detail)
    }
}

/// Adds an event to the trace: `kind` and the two numbers enter its hash; `detail` (one JSON
/// object as text) is made only when the full trace is being recorded. Outside a simulation nothing happens.
#[inline]
pub fn event(kind: &'static str, a: u64, b: u64, detail: impl FnOnce() -> String) {
    let Some(sim) = sim::current() else { return };
    let level = sim.kernel.with(|k| {
        k.hash.add_str(kind);
        k.hash.add(a);
        k.hash.add(b);
        k.level
    });
    if level >= TraceLevel::Events {
        let detail = detail();
        sim.kernel.with(|k| k.record(kind, a, b, detail));
    }
}

/// Adds an event to the full trace and to nothing else: the hash is the same with it and without, as with a log
/// record. For what is only worth a look, such as a message that was decoded. `detail` is one JSON object.
#[inline]
pub fn note(kind: &'static str, detail: impl FnOnce() -> String) {
    if is_recording() {
        let detail = detail();
        if let Some(sim) = sim::current() {
            sim.kernel.with(|k| k.record(kind, 0, 0, detail));
        }
    }
}

/// What [`note!`](crate::note!) makes of its values: an event of kind `note`.
pub fn values(values: &[(&str, &dyn fmt::Debug)]) {
    note("note", || {
        let mut json = String::from("{");
        for (name, value) in values {
            let comma = if json.len() > 1 { "," } else { "" };
            let _ = write!(json, "{comma}\"{name}\":");
            logging::quote(&mut json, &format!("{value:?}"));
        }
        json.push('}');
        json
    });
}

/// Whether events are being recorded in full, so that a caller can save itself the making of them.
#[inline]
pub fn is_recording() -> bool {
    sim::current().is_some_and(|sim| sim.kernel.with(|k| k.level >= TraceLevel::Events))
}

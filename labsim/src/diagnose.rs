//! Findings: what a thread did that is likely to be a mistake, with the lines concerned.

use std::fmt;
use std::panic::Location;

use crate::outcome::short_type;
use crate::sim;
use crate::sim::objects::ObjId;
use crate::sim::threads::Thread;

/// Something that is likely to be a mistake. `Display` is the sentence for a report.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Finding {
    /// What kind of mistake.
    pub kind: FindingKind,
    /// The thread's name.
    pub thread: String,
    /// The peer it acted for.
    pub peer: Option<u32>,
    /// The line concerned.
    pub at: &'static Location<'static>,
    /// How often it was seen.
    pub times: u64,
}

/// Kinds of findings.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FindingKind {
    /// A lock was held while the thread waited: everybody else who wants the lock waits as long.
    HeldWhileWaiting {
        /// The lock: "`Mutex<Node>`".
        lock: String,
        /// The line that took it.
        locked_at: &'static Location<'static>,
        /// What the thread waited for: "sleeps", "the reply to Raft.request_vote".
        what: String,
    },
    /// A thread made very many calls without ever waiting.
    BusyLoop {
        /// How many.
        calls: u64,
    },
    /// The `Display` of a log record's argument made labsim calls. It is called only while somebody listens, so the
    /// run is another one then.
    CallsInLog,
}

impl FindingKind {
    /// Whether it is the same mistake, whatever the wait is called.
    fn is_as(&self, other: &FindingKind) -> bool {
        use FindingKind::HeldWhileWaiting as Held;
        match (self, other) {
            (Held { lock: a, locked_at: b, .. }, Held { lock: c, locked_at: d, .. }) => (a, b) == (c, d),
            _ => self == other,
        }
    }
}

impl Finding {
    pub(crate) fn calls_in_log(t: &Thread) -> Finding {
        Finding {
            kind: FindingKind::CallsInLog,
            thread: t.name.to_string(),
            peer: t.acts_for().map(crate::Domain::peer),
            at: t.last_call,
            times: 1,
        }
    }

    pub(crate) fn busy_loop(t: &Thread, calls: u64) -> Finding {
        Finding {
            kind: FindingKind::BusyLoop { calls },
            thread: t.name.to_string(),
            peer: t.acts_for().map(crate::Domain::peer),
            at: t.last_call,
            times: 1,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "thread '{}'", self.thread)?;
        if let Some(peer) = self.peer {
            write!(f, " of peer {peer}")?;
        }
        match &self.kind {
            FindingKind::HeldWhileWaiting {
                lock,
                locked_at,
                what,
            } => write!(
                f,
                " holds {lock} (locked at {locked_at}) while it waits for {what} (at {}): whoever wants the lock \
                 waits as long. Unlock before waiting",
                self.at
            )?,
            FindingKind::BusyLoop { calls } => write!(
                f,
                " made {calls} labsim calls without waiting once (last at {}): does it poll in a loop? \
                 Sleep in between, or wait on a Condvar or a channel",
                self.at
            )?,
            FindingKind::CallsInLog => write!(
                f,
                " logs a value whose Display makes labsim calls (at {}): with logs on, the run is another one than \
                 without. Take the numbers out first and log those",
                self.at
            )?,
        }
        if self.times > 1 {
            write!(f, " [{} times]", self.times)?;
        }
        Ok(())
    }
}

/// Says that the calling thread is about to wait for `what` ("the reply to Raft.request_vote").
/// Held locks then make a finding that names the lock's line and the caller's.
#[track_caller]
#[inline]
pub fn about_to_wait(what: &dyn fmt::Display) {
    if let Some(sim) = sim::current() {
        note_held(sim, what, ObjId::NONE, Location::caller());
    }
}

/// Makes a finding for each lock that the calling thread holds, `except` aside.
#[inline]
pub(crate) fn note_held(
    sim: &sim::Sim,
    what: &dyn fmt::Display,
    except: ObjId,
    at: &'static Location<'static>,
) {
    let holds = sim
        .kernel
        .with(|k| k.me().held.iter().any(|h| h.obj != except) && !k.unwinding());
    if holds {
        note_held_slow(sim, what, except, at);
    }
}

#[cold]
fn note_held_slow(
    sim: &sim::Sim,
    what: &dyn fmt::Display,
    except: ObjId,
    at: &'static Location<'static>,
) {
    let what = what.to_string();
    sim.kernel.with(|k| {
        let slot = k.running;
        for held in k.threads.get(slot).held.clone() {
            if held.obj == except {
                continue;
            }
            let object = k.objects.get(held.obj).kind;
            let lock = format!("{}<{}>", object.name, short_type(object.content));
            let kind = FindingKind::HeldWhileWaiting {
                lock,
                locked_at: held.at,
                what: what.clone(),
            };
            let peer = k.me().acts_for().map(crate::Domain::peer);
            let same = |f: &&mut Finding| f.at == at && f.peer == peer && f.kind.is_as(&kind);
            if let Some(f) = k.findings.iter_mut().find(same) {
                // A wait that `about_to_wait` announced, and now begins, is the same and no second time.
                f.times += u64::from(f.kind == kind);
                continue;
            }
            let thread = k.me().name.to_string();
            k.findings.push(Finding {
                kind,
                thread,
                peer,
                at,
                times: 1,
            });
        }
    });
}

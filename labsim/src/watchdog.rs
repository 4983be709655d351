//! Reports a simulated thread that runs for long without a labsim call. It holds the baton, so no other thread
//! of its simulation will ever run: without the watchdog the test would hang without a word.

use std::panic::Location;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Once, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::domain::Domain;
use crate::outcome::Failure;
use crate::sim::Sim;

/// Names of a simulation's threads by uid, for a reader that may not look into its kernel.
#[derive(Default)]
pub(crate) struct Directory(Mutex<Vec<Entry>>);

/// A thread's uid, name, and peer.
type Entry = (u32, Arc<str>, Option<u32>);

/// Entries kept at most; of more threads, those that have ended long ago are dropped first.
const KEPT: usize = 4096;

impl Directory {
    pub(crate) fn add(&self, uid: u32, name: Arc<str>, domain: Option<&Domain>) {
        let mut entries = self.0.lock();
        if entries.len() >= KEPT {
            entries.drain(1..KEPT / 2);
        }
        entries.push((uid, name, domain.map(Domain::peer)));
    }

    fn describe(&self, uid: u32) -> String {
        let entries = self.0.lock();
        match entries.iter().rev().find(|(u, ..)| *u == uid) {
            Some((_, name, Some(peer))) => format!("thread '{name}' of peer {peer}"),
            Some((_, name, None)) => format!("thread '{name}'"),
            None => format!("thread number {uid}"),
        }
    }
}

/// How often the watchdog looks.
const LOOK: Duration = Duration::from_millis(100);

struct Watched {
    sim: Weak<Sim>,
    silence: Silence,
}

/// How long a simulation has made no call.
struct Silence {
    limit: Duration,
    calls: u64,
    lasted: Duration,
}

impl Silence {
    fn begin(limit: Duration) -> Silence {
        Silence {
            limit,
            calls: u64::MAX,
            lasted: Duration::ZERO,
        }
    }

    /// A look at it, so long after the last one. True: it has lasted too long.
    fn look(&mut self, calls: u64, passed: Duration) -> bool {
        if calls != self.calls {
            self.calls = calls;
            self.lasted = Duration::ZERO;
            return false;
        }
        // When the watchdog comes late, so does everybody: the process was stopped, or the machine slept. The time
        // between is not the thread's own.
        self.lasted += passed.min(LOOK * 2);
        self.lasted >= self.limit
    }
}

static WATCHED: Mutex<Vec<Watched>> = Mutex::new(Vec::new());

/// Watches `sim` until it is dropped.
pub(crate) fn watch(sim: &Arc<Sim>, limit: Duration) {
    static START: Once = Once::new();
    WATCHED.lock().push(Watched {
        sim: Arc::downgrade(sim),
        silence: Silence::begin(limit),
    });
    START.call_once(|| {
        let started = std::thread::Builder::new()
            .name("labsim-watchdog".into())
            .spawn(keep_watch);
        if let Err(e) = started {
            log::warn!("no watchdog, a spinning thread will hang its run: {e}");
        }
    });
}

/// The run is over. Its memory is free at once, not only when the watchdog comes by.
pub(crate) fn unwatch(sim: &Arc<Sim>) {
    let mut watched = WATCHED.lock();
    watched.retain(|w| w.sim.as_ptr() != Arc::as_ptr(sim));
}

fn keep_watch() {
    let mut last = Instant::now();
    loop {
        std::thread::sleep(LOOK);
        let passed = last.elapsed();
        last += passed;
        WATCHED.lock().retain_mut(|w| match w.sim.upgrade() {
            Some(sim) => !check(&mut w.silence, &sim, passed),
            None => false,
        });
    }
}

/// True if the simulation was given up.
fn check(silence: &mut Silence, sim: &Arc<Sim>, passed: Duration) -> bool {
    let calls = sim.pulse.calls.load(Ordering::Relaxed);
    if !silence.look(calls, passed) || sim.done.is_over() {
        return false;
    }
    let at = sim.pulse.at.load(Ordering::Relaxed);
    // SAFETY: null, or a `&'static Location` that `Sim::account` stored.
    let last_call: Option<&'static Location<'static>> = unsafe { at.as_ref() };
    let thread = sim
        .directory
        .describe(sim.pulse.thread.load(Ordering::Relaxed));
    sim.pulse.abandoned.store(1, Ordering::SeqCst);
    sim.done.fail(Failure::Spin {
        thread,
        last_call,
        watched: silence.limit,
    });
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(1);

    fn looks(silence: &mut Silence, calls: u64, passed: Duration, times: usize) -> bool {
        (0..times).any(|_| silence.look(calls, passed))
    }

    #[test]
    fn a_thread_that_makes_no_call_is_given_up_at_the_limit() {
        let mut silence = Silence::begin(LIMIT);
        assert!(!looks(&mut silence, 7, LOOK, 10));
        assert!(silence.look(7, LOOK));
    }

    #[test]
    fn a_call_ends_the_silence() {
        let mut silence = Silence::begin(LIMIT);
        assert!(!(0..100).any(|calls| looks(&mut silence, calls, LOOK, 9)));
    }

    #[test]
    fn a_process_that_was_stopped_is_not_given_up() {
        let mut silence = Silence::begin(LIMIT);
        assert!(!silence.look(7, LOOK));
        assert!(!silence.look(7, Duration::from_secs(3600)));
        assert!(!looks(&mut silence, 7, LOOK, 7));
        assert!(
            looks(&mut silence, 7, LOOK, 2),
            "a thread that hangs still is"
        );
    }
}

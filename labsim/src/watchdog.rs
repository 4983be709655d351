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

struct Watched {
    sim: Weak<Sim>,
    limit: Duration,
    calls: u64,
    since: Instant,
}

static WATCHED: Mutex<Vec<Watched>> = Mutex::new(Vec::new());

/// Watches `sim` until it is dropped.
pub(crate) fn watch(sim: &Arc<Sim>, limit: Duration) {
    static START: Once = Once::new();
    WATCHED.lock().push(Watched {
        sim: Arc::downgrade(sim),
        limit,
        calls: u64::MAX,
        since: Instant::now(),
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
    loop {
        std::thread::sleep(Duration::from_millis(100));
        WATCHED.lock().retain_mut(|w| match w.sim.upgrade() {
            Some(sim) => !check(w, &sim),
            None => false,
        });
    }
}

/// True if the simulation was given up.
fn check(w: &mut Watched, sim: &Arc<Sim>) -> bool {
    let calls = sim.pulse.calls.load(Ordering::Relaxed);
    if calls != w.calls {
        w.calls = calls;
        w.since = Instant::now();
        return false;
    }
    if w.since.elapsed() < w.limit || sim.done.is_over() {
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
        watched: w.limit,
    });
    true
}

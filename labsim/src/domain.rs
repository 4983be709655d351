//! Fault domains: the threads of one peer, which end together when it crashes.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::outcome::ThreadReport;
use crate::sim::objects::ObjId;
use crate::trace::What;
use crate::{sim, thread, wall};

/// A fault domain: all threads of one incarnation of one peer.
///
/// A thread that a member spawns is a member too. [`crash`](Domain::crash) ends all of them, as a power failure
/// does; what keeps a peer's state (a disk, a network) asks [`is_alive`](Domain::is_alive) before it obeys.
///
/// ```
/// use labsim::{Config, Domain, thread, time::Duration};
///
/// labsim::run(Config::seed(1), || {
///     let peer = Domain::new(0, 0);
///     peer.spawn("ticker", || loop { thread::sleep(Duration::from_millis(10)) });
///     thread::sleep(Duration::from_secs(1));
///     peer.crash();
///     assert!(peer.threads().is_empty());
/// })
/// .unwrap();
/// ```
#[derive(Clone)]
pub struct Domain(Arc<Inner>);

struct Inner {
    peer: u32,
    incarnation: u32,
    alive: AtomicBool,
    /// Members on the wall clock; a simulation keeps its own table.
    members: Mutex<Vec<wall::Member>>,
}

impl PartialEq for Domain {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Domain {}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Domain(peer {}, incarnation {})",
            self.0.peer, self.0.incarnation
        )
    }
}

impl Domain {
    /// A new, live domain for this peer; `incarnation` counts its restarts from 0.
    pub fn new(peer: u32, incarnation: u32) -> Self {
        Domain(Arc::new(Inner {
            peer,
            incarnation,
            alive: AtomicBool::new(true),
            members: Mutex::default(),
        }))
    }

    /// The domain that the calling thread acts for: the one it entered, or the one it belongs to.
    pub fn current() -> Option<Domain> {
        match sim::current() {
            Some(sim) => sim.kernel.with(|k| k.me().acts_for().cloned()),
            None => wall::acting_domain(),
        }
    }

    /// The peer's number.
    pub fn peer(&self) -> u32 {
        self.0.peer
    }

    /// How often the peer was restarted before this life.
    pub fn incarnation(&self) -> u32 {
        self.0.incarnation
    }

    /// False once it has crashed: what its threads still do must have no effect.
    pub fn is_alive(&self) -> bool {
        self.0.alive.load(Ordering::Acquire)
    }

    /// Runs `f` on the calling thread on the peer's behalf: what it spawns belongs to the domain. The calling
    /// thread itself does not end when the domain crashes.
    ///
    /// As long as this domain lives, a crash of the calling thread's own ends the thread only when `f` has returned:
    /// what one peer's thread does for another is not left half done because the first lost its power.
    pub fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        let back = Acting {
            before: set_acting(Some(self.clone())),
        };
        let r = f();
        // By name: if it unwinds at the end of the block, the block's value is leaked (rust#47949).
        drop(back);
        r
    }

    /// Spawns a thread that belongs to the domain. After a crash nothing is spawned, and joining the handle is an error.
    #[track_caller]
    pub fn spawn<F, T>(&self, name: &str, f: F) -> thread::JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        thread::spawn_into(Some(name.into()), Some(self.clone()), f, Location::caller())
    }

    /// Ends every thread of the domain at its next labsim call, by unwinding it, and returns when none is left.
    /// A member that calls this ends with the others, and does not return.
    ///
    /// On the wall clock, where a thread that computes cannot be stopped, it waits no longer than five seconds.
    #[track_caller]
    pub fn crash(&self) {
        self.0.alive.store(false, Ordering::Release);
        let at = Location::caller();
        let Some(sim) = sim::current() else {
            return wall::await_members(self, Duration::from_secs(5));
        };
        crate::trace::event(
            "crash",
            u64::from(self.0.peer),
            u64::from(self.0.incarnation),
            String::new,
        );
        sim.kernel.with(|k| k.crash(self));
        sim.crash_wait(self, at);
        sim.point(What::Crash, ObjId::NONE, at);
    }

    /// The domain's threads that have not ended.
    pub fn threads(&self) -> Vec<ThreadReport> {
        match sim::current() {
            Some(sim) => sim
                .kernel
                .with(|k| k.snapshot_of(|t| t.domain.as_ref() == Some(self))),
            None => self
                .0
                .members
                .lock()
                .iter()
                .map(wall::Member::report)
                .collect(),
        }
    }

    pub(crate) fn members(&self) -> &Mutex<Vec<wall::Member>> {
        &self.0.members
    }
}

/// Sets whom the calling thread acts for; returns who it was.
fn set_acting(domain: Option<Domain>) -> Option<Domain> {
    match sim::current() {
        Some(sim) => sim
            .kernel
            .with(|k| std::mem::replace(&mut k.me().acting, domain)),
        None => wall::set_acting(domain),
    }
}

/// Puts the calling thread's allegiance back, also when it unwinds. A crash that it was spared comes now.
struct Acting {
    before: Option<Domain>,
}

impl Drop for Acting {
    fn drop(&mut self) {
        set_acting(self.before.take());
        if let Some(sim) = sim::current() {
            sim.heed_late_crash();
        }
    }
}

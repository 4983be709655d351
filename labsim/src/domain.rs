use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

thread_local! { static CURRENT: RefCell<Option<Domain>> = const { RefCell::new(None) }; }

/// A fault domain: all threads of one incarnation of one peer, which end together when it crashes.
#[derive(Clone, Debug)]
pub struct Domain(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    peer: u32,
    incarnation: u32,
    alive: AtomicBool,
}

impl Domain {
    /// A new, live domain for this peer; `incarnation` counts its restarts from 0.
    pub fn new(peer: u32, incarnation: u32) -> Self {
        Domain(Arc::new(Inner { peer, incarnation, alive: AtomicBool::new(true) }))
    }
    /// The domain of the calling thread.
    pub fn current() -> Option<Domain> {
        CURRENT.with(|c| c.borrow().clone())
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
        self.0.alive.load(Ordering::Relaxed)
    }
    /// Runs `f` on the calling thread on the peer's behalf: what it spawns belongs to the domain.
    /// The calling thread itself does not end when the domain crashes.
    pub fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        let before = CURRENT.with(|c| c.replace(Some(self.clone())));
        let r = f();
        CURRENT.with(|c| c.replace(before));
        r
    }
    /// Spawns a thread that belongs to the domain.
    pub fn spawn<F, T>(&self, name: &str, f: F) -> crate::thread::JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.enter(|| crate::thread::Builder::new().name(name.into()).spawn(f).expect("a thread"))
    }
    /// Ends every thread of the domain at its next labsim call, as a power failure does, and returns
    /// when none is left.
    pub fn crash(&self) {
        self.0.alive.store(false, Ordering::Relaxed);
    }
}

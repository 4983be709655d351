//! Which simulation the calling OS thread works for, and which are under way.

use std::cell::Cell;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;

use super::Sim;

thread_local! {
    static CURRENT: Cell<*const Sim> = const { Cell::new(ptr::null()) };
}

/// Ids of the simulations under way in this process.
static LIVE: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// The simulation that the calling thread belongs to.
#[inline]
pub(crate) fn current<'a>() -> Option<&'a Sim> {
    let sim = CURRENT.get();
    // SAFETY: `Entered` sets the pointer for as long as the thread's base holds an `Arc` of the simulation,
    // and no caller keeps the reference longer than the labsim call in which it asked for it.
    unsafe { sim.as_ref() }
}

/// A new simulation's id.
pub(super) fn enlist() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    LIVE.lock().push(id);
    id
}

/// Simulation `id` is over.
pub(super) fn strike(id: u32) {
    LIVE.lock().retain(|live| *live != id);
}

/// Whether simulation `id` is under way.
pub(crate) fn is_live(id: u32) -> bool {
    LIVE.lock().contains(&id)
}

/// Called when a thread that is not part of simulation `id` uses a `name` ("Mutex") of it.
///
/// # Panics
/// When that simulation is under way.
#[cold]
#[track_caller]
pub(crate) fn assert_over(id: u32, name: &str) {
    if is_live(id) {
        panic!(
            "a {name} of a simulation is used by thread {:?}, which is not part of it: start threads \
             with labsim::thread::spawn, not std::thread::spawn",
            std::thread::current().name().unwrap_or("without a name")
        );
    }
}

/// The calling OS thread carries threads of a simulation while this lives.
pub(crate) struct Entered(Arc<Sim>);

impl Entered {
    pub(crate) fn new(sim: Arc<Sim>) -> Self {
        CURRENT.set(Arc::as_ptr(&sim));
        Entered(sim)
    }

    /// The simulation, for whoever needs it after its thread has left.
    pub(crate) fn shared(&self) -> Arc<Sim> {
        self.0.clone()
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(ptr::null());
    }
}

impl std::ops::Deref for Entered {
    type Target = Arc<Sim>;
    fn deref(&self) -> &Arc<Sim> {
        &self.0
    }
}

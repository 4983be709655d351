//! A thread as others know it: its name, its number, and its token.

use std::cell::RefCell;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Condvar, Mutex};

use crate::sim;
use crate::sim::objects::ObjId;
use crate::trace::What;
use crate::wall;

/// What reports call a thread without a name.
pub(super) const UNNAMED: &str = "unnamed";

/// A thread's number, unique in its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ThreadId(u64);

/// A handle to a thread: its name, its id, and `unpark`.
#[derive(Clone)]
pub struct Thread {
    name: Option<Arc<str>>,
    id: ThreadId,
    /// The simulation it belongs to; 0 is none.
    sim: u32,
    pub(super) parker: Arc<Parker>,
}

/// The token of `park` and `unpark` on the wall clock.
#[derive(Default)]
pub(super) struct Parker {
    pub(super) token: Mutex<bool>,
    pub(super) changed: Condvar,
}

thread_local! {
    static SELF: RefCell<Option<Thread>> = const { RefCell::new(None) };
}

impl Thread {
    /// Makes this the handle that `current` gives on the calling thread.
    pub(super) fn adopt(self) {
        SELF.set(Some(self));
    }

    pub(super) fn real(name: Option<Arc<str>>) -> Thread {
        static NEXT: AtomicU64 = AtomicU64::new(1 << 32);
        let id = ThreadId(NEXT.fetch_add(1, Ordering::Relaxed));
        Thread {
            name,
            id,
            sim: 0,
            parker: Arc::default(),
        }
    }

    pub(super) fn simulated(name: Arc<str>, uid: u64, sim: u32) -> Thread {
        Thread {
            name: Some(name).filter(|n| **n != *UNNAMED),
            id: ThreadId(uid),
            sim,
            parker: Arc::default(),
        }
    }

    /// Its name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Its number. Numbers of a simulation count its threads, so they are the same in each replay.
    pub fn id(&self) -> ThreadId {
        self.id
    }

    /// Lets the thread's next, or present, `park` return.
    #[track_caller]
    pub fn unpark(&self) {
        // A number names a thread in its own simulation only: in another it is somebody else's.
        if let Some(sim) = sim::current().filter(|sim| sim.id == self.sim) {
            sim.kernel.with(|k| k.unpark(self.id.0));
            sim.point(What::Unpark, ObjId::NONE, Location::caller());
            return;
        }
        if self.sim != 0 {
            sim::assert_over(self.sim, "thread");
        }
        *self.parker.token.lock() = true;
        self.parker.changed.notify_all();
    }
}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thread")
            .field("id", &self.id)
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

/// The calling thread.
pub fn current() -> Thread {
    if let Some(sim) = sim::current() {
        let (name, uid) = sim
            .kernel
            .with(|k| (k.me().name.clone(), u64::from(k.me().uid)));
        return Thread::simulated(name, uid, sim.id);
    }
    SELF.with_borrow_mut(|me| {
        me.get_or_insert_with(|| {
            let name =
                wall::thread_name().or_else(|| std::thread::current().name().map(Into::into));
            Thread::real(name)
        })
        .clone()
    })
}

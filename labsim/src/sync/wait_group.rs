//! Waiting for a group of threads to be done.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use super::mutex::TagCell;
use crate::diagnose;
use crate::sim::objects::{ObjId, ObjKind};
use crate::sim::threads::Why;
use crate::sim::{self, Sim};
use crate::trace::What;
use crate::wall;

const KIND: ObjKind = ObjKind {
    name: "WaitGroup",
    content: "",
};

/// Waits until all clones of it are dropped; crossbeam-utils' API. A thread that is ended drops its own.
///
/// ```
/// use labsim::{Config, sync::WaitGroup, thread, time::Duration};
///
/// let outcome = labsim::run(Config::seed(1), || {
///     let group = WaitGroup::new();
///     for seconds in 1..=3 {
///         let member = group.clone();
///         thread::spawn(move || {
///             thread::sleep(Duration::from_secs(seconds));
///             drop(member);
///         });
///     }
///     group.wait();
/// });
/// assert!(outcome.elapsed >= Duration::from_secs(3));
/// ```
pub struct WaitGroup(Arc<Inner>);

#[derive(Default)]
struct Inner {
    tag: TagCell,
    members: Mutex<usize>,
    /// Wall clock only.
    changed: Condvar,
}

impl WaitGroup {
    /// A group with one member, the one returned.
    pub fn new() -> Self {
        WaitGroup(Arc::new(Inner {
            members: Mutex::new(1),
            ..Inner::default()
        }))
    }

    /// Leaves the group and waits until all others have.
    #[track_caller]
    pub fn wait(self) {
        let at = Location::caller();
        let inner = self.0.clone();
        drop(self);
        match sim::current() {
            Some(sim) => inner.wait_simulated(sim, at),
            None => inner.wait_real(),
        }
    }
}

impl Inner {
    fn wait_simulated(&self, sim: &Sim, at: &'static Location<'static>) {
        let obj = self.tag.0.resolve(sim, KIND);
        sim.point(What::Wait, obj, at);
        if !self.is_empty() {
            diagnose::note_held(sim, &"the others of a WaitGroup", ObjId::NONE, at);
        }
        while !self.is_empty() {
            sim.block(&[obj], None, Why::WaitGroup, at);
        }
    }

    fn wait_real(&self) {
        self.tag.0.assert_outside("WaitGroup");
        while !self.is_empty() {
            wall::wait_in_slices(None, |until| {
                let mut members = self.members.lock();
                if *members > 0 {
                    self.changed.wait_until(&mut members, until);
                }
                *members == 0
            });
        }
    }

    fn is_empty(&self) -> bool {
        *self.members.lock() == 0
    }

    fn leave(&self) {
        let last = {
            let mut members = self.members.lock();
            *members -= 1;
            *members == 0
        };
        let Some(sim) = sim::current() else {
            if last {
                self.changed.notify_all();
            }
            return;
        };
        let obj = self.tag.0.resolve(sim, KIND);
        let last_call = sim.kernel.with(|k| {
            if last {
                k.notify_all(obj);
            }
            k.me().last_call
        });
        sim.point(What::Notify, obj, last_call);
    }
}

impl Default for WaitGroup {
    fn default() -> Self {
        WaitGroup::new()
    }
}

impl Clone for WaitGroup {
    fn clone(&self) -> Self {
        *self.0.members.lock() += 1;
        WaitGroup(self.0.clone())
    }
}

impl Drop for WaitGroup {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let members = *self.0.members.lock();
        f.debug_struct("WaitGroup")
            .field("members", &members)
            .finish()
    }
}

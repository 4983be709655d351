//! What threads wait for: the simulator's side of each mutex, condvar, channel, thread end.

use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Sim;
use super::threads::Slot;

/// A name for an object inside one simulation. Given out in the order of first use, so the same in each replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ObjId(pub(crate) u32);

impl ObjId {
    /// Stands for "no object" where an event has none.
    pub(crate) const NONE: ObjId = ObjId(u32::MAX);
}

/// What an object is, for reports ("Mutex<Node>").
#[derive(Clone, Copy, Debug)]
pub(crate) struct ObjKind {
    pub(crate) name: &'static str,
    pub(crate) content: &'static str,
}

/// Who holds a lock, and since which line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder {
    pub(crate) slot: Slot,
    pub(crate) at: &'static Location<'static>,
}

pub(crate) struct Object {
    pub(crate) kind: ObjKind,
    /// The thread that holds it exclusively.
    pub(crate) holder: Option<Holder>,
    /// Threads that hold it for reading (`RwLock` only).
    pub(crate) readers: Vec<Holder>,
    /// Threads that wait to write, those included that were woken and have not run yet (`RwLock` only).
    pub(crate) writers: u32,
    /// The mutex that its waiters came with (`Condvar` only; means nothing while nobody waits).
    pub(crate) mutex: ObjId,
    /// Threads that wait for it, oldest first.
    pub(crate) waiters: Vec<Slot>,
}

#[derive(Default)]
pub(crate) struct Objects {
    table: Vec<Object>,
    free: Vec<u32>,
}

impl Objects {
    pub(crate) fn add(&mut self, kind: ObjKind) -> ObjId {
        if let Some(i) = self.free.pop() {
            let o = &mut self.table[i as usize];
            o.kind = kind;
            return ObjId(i);
        }
        let id =
            u32::try_from(self.table.len()).expect("fewer than 2^32 objects in one simulation");
        self.table.push(Object {
            kind,
            holder: None,
            readers: Vec::new(),
            writers: 0,
            mutex: ObjId::NONE,
            waiters: Vec::new(),
        });
        ObjId(id)
    }

    pub(crate) fn remove(&mut self, id: ObjId) {
        let o = &mut self.table[id.0 as usize];
        o.holder = None;
        o.readers.clear();
        o.writers = 0;
        o.waiters.clear();
        self.free.push(id.0);
    }

    #[inline]
    pub(crate) fn get(&self, id: ObjId) -> &Object {
        &self.table[id.0 as usize]
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: ObjId) -> &mut Object {
        &mut self.table[id.0 as usize]
    }
}

/// Ties an object of the program to its entry in a simulation: made on first use, so that locks can
/// stand in statics and be made by `const fn`; made anew in the next simulation.
#[derive(Debug, Default)]
pub(crate) struct Tag(AtomicU64);

impl Tag {
    pub(crate) const fn new() -> Self {
        Tag(AtomicU64::new(0))
    }

    /// The object's entry in `sim`.
    ///
    /// # Panics
    /// When another simulation, still running, uses the object.
    #[inline]
    pub(crate) fn resolve(&self, sim: &Sim, kind: ObjKind) -> ObjId {
        let tag = self.0.load(Ordering::Relaxed);
        if (tag >> 32) as u32 == sim.id {
            ObjId(tag as u32)
        } else {
            self.register(sim, kind, tag)
        }
    }

    #[cold]
    fn register(&self, sim: &Sim, kind: ObjKind, old: u64) -> ObjId {
        let other = (old >> 32) as u32;
        if other != 0 && super::is_live(other) {
            panic!(
                "a {} is used by two simulations that run at the same time: what is shared between \
                 tests (a static, an argument of both) must not be a labsim object",
                kind.name
            );
        }
        let id = sim.kernel.with(|k| k.objects.add(kind));
        self.0
            .store(u64::from(sim.id) << 32 | u64::from(id.0), Ordering::Relaxed);
        id
    }

    /// Called when a thread outside any simulation uses the object.
    ///
    /// # Panics
    /// When a simulation uses it too.
    #[inline]
    #[track_caller]
    pub(crate) fn assert_outside(&self, name: &str) {
        let tag = self.0.load(Ordering::Relaxed);
        if tag != 0 {
            super::assert_over((tag >> 32) as u32, name);
        }
    }

    /// The object goes away: its entry can be used again.
    #[inline]
    pub(crate) fn release(&mut self) {
        let tag = *self.0.get_mut();
        if tag == 0 {
            return;
        }
        if let Some(sim) = super::current()
            && sim.id == (tag >> 32) as u32
        {
            sim.kernel.with(|k| k.objects.remove(ObjId(tag as u32)));
        }
    }
}

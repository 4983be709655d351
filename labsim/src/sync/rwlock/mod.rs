//! Readers-writer locks.

mod guard;

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use parking_lot::RawRwLock;
use parking_lot::lock_api;

use self::guard::Hold;
use super::mutex::{TagCell, relocked};
use crate::outcome::short_type;
use crate::sim::objects::{ObjId, ObjKind, Tag};
use crate::sim::rwlock::Entry;
use crate::sim::threads::{Wake, Why};
use crate::sim::{self, Sim};
use crate::time::Instant;
use crate::trace::What;
use crate::wall;

pub use self::guard::{MappedReadGuard, MappedWriteGuard, ReadGuard, WriteGuard};

/// A readers-writer lock: many readers or one writer; parking_lot's API and policy.
///
/// A reader waits if a writer holds the lock **or waits for it**, so that readers cannot starve writers. A thread
/// that read-locks while it holds a read guard of the same lock therefore deadlocks as soon as a writer comes in
/// between; a simulation finds and reports that. Where a recursive read cannot be avoided, take [`RecursiveRwLock`].
/// Unlocking hands nothing over: who waited competes with who comes. No poisoning.
///
/// ```
/// use labsim::sync::RwLock;
///
/// let lock = RwLock::new(vec![1, 2]);
/// {
///     let (a, b) = (lock.read(), lock.try_read());
///     assert_eq!(a.len() + b.map_or(0, |b| b.len()), 4);
///     assert!(lock.try_write().is_none());
/// }
/// lock.write().push(3);
/// assert_eq!(lock.into_inner(), [1, 2, 3]);
/// ```
pub type RwLock<T> = GenericRwLock<T, false>;

/// As [`RwLock`], but a reader passes waiting writers by while other readers are in: a thread may read-lock
/// recursively, and writers may starve.
pub type RecursiveRwLock<T> = GenericRwLock<T, true>;

/// Read access to an [`RwLock`].
pub type RwLockReadGuard<'a, T> = ReadGuard<'a, T, false>;
/// Write access to an [`RwLock`].
pub type RwLockWriteGuard<'a, T> = WriteGuard<'a, T, false>;
/// Read access to a part of what an [`RwLock`] protects.
pub type MappedRwLockReadGuard<'a, T> = MappedReadGuard<'a, T, false>;
/// Write access to a part of what an [`RwLock`] protects.
pub type MappedRwLockWriteGuard<'a, T> = MappedWriteGuard<'a, T, false>;
/// Read access to a [`RecursiveRwLock`].
pub type RecursiveRwLockReadGuard<'a, T> = ReadGuard<'a, T, true>;
/// Write access to a [`RecursiveRwLock`].
pub type RecursiveRwLockWriteGuard<'a, T> = WriteGuard<'a, T, true>;
/// Read access to a part of what a [`RecursiveRwLock`] protects.
pub type MappedRecursiveRwLockReadGuard<'a, T> = MappedReadGuard<'a, T, true>;
/// Write access to a part of what a [`RecursiveRwLock`] protects.
pub type MappedRecursiveRwLockWriteGuard<'a, T> = MappedWriteGuard<'a, T, true>;

type Inner<T, const RECURSIVE: bool> = lock_api::RwLock<RawRwLock<RECURSIVE>, T>;
type InnerRead<'a, T, const RECURSIVE: bool> =
    lock_api::RwLockReadGuard<'a, RawRwLock<RECURSIVE>, T>;
type InnerWrite<'a, T, const RECURSIVE: bool> =
    lock_api::RwLockWriteGuard<'a, RawRwLock<RECURSIVE>, T>;

/// What [`RwLock`] and [`RecursiveRwLock`] have in common.
///
/// As with the mutex, the value always stands in a real lock of parking_lot. In a simulation the simulator decides
/// who may lock, and the real lock makes sure that a thread from outside can do no harm.
#[derive(Default)]
pub struct GenericRwLock<T: ?Sized, const RECURSIVE: bool> {
    tag: TagCell,
    /// Wall clock, in a run: a writer that waits holds it, and new readers pass through it. A wait in slices would
    /// let them in between two slices.
    turnstile: parking_lot::RwLock<()>,
    data: Inner<T, RECURSIVE>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Read,
    Write,
}

/// How long a thread waits for a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    None,
    Until(Instant),
    Forever,
}

impl Patience {
    /// As parking_lot has it, a timeout too long for the clock is none.
    #[track_caller]
    fn of(timeout: Duration) -> Self {
        Instant::now()
            .checked_add(timeout)
            .map_or(Patience::Forever, Patience::Until)
    }
}

impl<T, const RECURSIVE: bool> GenericRwLock<T, RECURSIVE> {
    /// An unlocked lock.
    pub const fn new(value: T) -> Self {
        GenericRwLock {
            tag: TagCell(Tag::new()),
            turnstile: parking_lot::RwLock::new(()),
            data: lock_api::RwLock::new(value),
        }
    }

    /// The value.
    pub fn into_inner(self) -> T {
        let GenericRwLock { tag, data, .. } = self;
        drop(tag);
        data.into_inner()
    }
}

impl<T: ?Sized, const RECURSIVE: bool> GenericRwLock<T, RECURSIVE> {
    const NAME: &'static str = if RECURSIVE {
        "RecursiveRwLock"
    } else {
        "RwLock"
    };

    /// Locks for reading, waiting as long as a writer holds the lock or (except a [`RecursiveRwLock`]) waits for it.
    ///
    /// # Panics
    /// In a simulation, when the calling thread holds it for writing: on a real clock it would wait for itself for ever.
    #[track_caller]
    #[inline]
    pub fn read(&self) -> ReadGuard<'_, T, RECURSIVE> {
        self.read_within(Patience::Forever, Location::caller())
            .expect("a lock without a deadline is taken in the end")
    }

    /// Locks for reading if that is possible at once.
    #[track_caller]
    #[inline]
    pub fn try_read(&self) -> Option<ReadGuard<'_, T, RECURSIVE>> {
        self.read_within(Patience::None, Location::caller())
    }

    /// Locks for reading, waiting no longer than `timeout`.
    #[track_caller]
    pub fn try_read_for(&self, timeout: Duration) -> Option<ReadGuard<'_, T, RECURSIVE>> {
        self.read_within(Patience::of(timeout), Location::caller())
    }

    /// Locks for reading, waiting until `deadline` at the latest.
    #[track_caller]
    pub fn try_read_until(&self, deadline: Instant) -> Option<ReadGuard<'_, T, RECURSIVE>> {
        self.read_within(Patience::Until(deadline), Location::caller())
    }

    /// Locks for writing, waiting as long as another thread holds the lock in any way.
    ///
    /// # Panics
    /// In a simulation, when the calling thread holds it already, even for reading: on a real clock it would wait
    /// for itself for ever.
    #[track_caller]
    #[inline]
    pub fn write(&self) -> WriteGuard<'_, T, RECURSIVE> {
        self.write_within(Patience::Forever, Location::caller())
            .expect("a lock without a deadline is taken in the end")
    }

    /// Locks for writing if that is possible at once.
    #[track_caller]
    #[inline]
    pub fn try_write(&self) -> Option<WriteGuard<'_, T, RECURSIVE>> {
        self.write_within(Patience::None, Location::caller())
    }

    /// Locks for writing, waiting no longer than `timeout`.
    #[track_caller]
    pub fn try_write_for(&self, timeout: Duration) -> Option<WriteGuard<'_, T, RECURSIVE>> {
        self.write_within(Patience::of(timeout), Location::caller())
    }

    /// Locks for writing, waiting until `deadline` at the latest.
    #[track_caller]
    pub fn try_write_until(&self, deadline: Instant) -> Option<WriteGuard<'_, T, RECURSIVE>> {
        self.write_within(Patience::Until(deadline), Location::caller())
    }

    /// Whether some thread holds the lock in any way.
    #[track_caller]
    pub fn is_locked(&self) -> bool {
        self.look(Location::caller());
        self.data.is_locked()
    }

    /// Whether some thread holds the lock for writing. As under parking_lot, a writer that waits for the last
    /// readers to leave may count on the wall clock.
    #[track_caller]
    pub fn is_locked_exclusive(&self) -> bool {
        self.look(Location::caller());
        self.data.is_locked_exclusive()
    }

    /// The value, without locking: `&mut self` proves that nobody else has the lock.
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }

    /// A call that only looks is a call: a loop over it must not stop the clock.
    fn look(&self, at: &'static Location<'static>) {
        match sim::current() {
            Some(sim) => sim.point(What::TryRead, self.object(sim), at),
            None => wall::heed(),
        }
    }

    #[inline]
    fn object(&self, sim: &Sim) -> ObjId {
        let kind = ObjKind {
            name: Self::NAME,
            content: std::any::type_name::<T>(),
        };
        self.tag.0.resolve(sim, kind)
    }

    #[inline]
    fn read_within(
        &self,
        patience: Patience,
        at: &'static Location<'static>,
    ) -> Option<ReadGuard<'_, T, RECURSIVE>> {
        let (obj, inner) = match sim::current() {
            Some(sim) => {
                let obj = self.enter(sim, Mode::Read, patience, at)?;
                (obj, self.left_free(self.data.try_read()))
            }
            None => (ObjId::NONE, self.read_real(patience)?),
        };
        Some(ReadGuard::new(self, inner, Hold::new(obj, Mode::Read)))
    }

    #[inline]
    fn write_within(
        &self,
        patience: Patience,
        at: &'static Location<'static>,
    ) -> Option<WriteGuard<'_, T, RECURSIVE>> {
        let (obj, inner) = match sim::current() {
            Some(sim) => {
                let obj = self.enter(sim, Mode::Write, patience, at)?;
                (obj, self.left_free(self.data.try_write()))
            }
            None => (ObjId::NONE, self.write_real(patience)?),
        };
        Some(WriteGuard::new(self, inner, Hold::new(obj, Mode::Write)))
    }

    /// The real lock, which the simulator has kept free for us.
    #[inline]
    fn left_free<G>(&self, inner: Option<G>) -> G {
        inner.unwrap_or_else(|| {
            panic!(
                "{} is held by a thread outside the simulation, or was left locked by an earlier run",
                Self::NAME
            )
        })
    }

    /// Takes the simulated lock; `None` if that was not possible in time.
    #[inline]
    fn enter(
        &self,
        sim: &Sim,
        mode: Mode,
        patience: Patience,
        at: &'static Location<'static>,
    ) -> Option<ObjId> {
        let obj = self.object(sim);
        sim.point(mode.what(patience), obj, at);
        let entry = if RECURSIVE {
            Entry::Recursive
        } else {
            Entry::Queue
        };
        let entered = mode.try_enter(sim, obj, entry, at)
            || (patience != Patience::None && self.enter_waiting(sim, obj, mode, patience, at));
        entered.then_some(obj)
    }

    #[cold]
    fn enter_waiting(
        &self,
        sim: &Sim,
        obj: ObjId,
        mode: Mode,
        patience: Patience,
        at: &'static Location<'static>,
    ) -> bool {
        let deadline = match patience {
            Patience::Until(deadline) => Some(deadline.as_nanos()),
            _ => None,
        };
        let own = sim.kernel.with(|k| k.own_hold(obj, mode == Mode::Write));
        if let Some(first) = own.filter(|_| deadline.is_none()) {
            let content = short_type(std::any::type_name::<T>());
            relocked(&format!("{}<{content}>", Self::NAME), first);
        }
        let _queued = Queued::join(sim, obj, mode);
        loop {
            if sim.block(&[obj], deadline, mode.why(), at) == Wake::TimedOut {
                return false;
            }
            if mode.try_enter(sim, obj, Entry::Called, at) {
                return true;
            }
            sim.kernel.with(|k| k.me().overtaken = true);
        }
    }

    fn read_real(&self, patience: Patience) -> Option<InnerRead<'_, T, RECURSIVE>> {
        self.tag.0.assert_outside(Self::NAME);
        wall::heed();
        if !wall::is_bound() {
            return match patience {
                Patience::None => self.data.try_read(),
                Patience::Until(deadline) => self.data.try_read_until(deadline.to_std()),
                Patience::Forever => Some(self.data.read()),
            };
        }
        if !RECURSIVE && self.turnstile.is_locked_exclusive() {
            let pass = |until| self.turnstile.try_read_until(until);
            drop(patience.wait(|| self.turnstile.try_read(), pass)?);
        }
        patience.wait(
            || self.data.try_read(),
            |until| self.data.try_read_until(until),
        )
    }

    fn write_real(&self, patience: Patience) -> Option<InnerWrite<'_, T, RECURSIVE>> {
        self.tag.0.assert_outside(Self::NAME);
        wall::heed();
        if !wall::is_bound() {
            return match patience {
                Patience::None => self.data.try_write(),
                Patience::Until(deadline) => self.data.try_write_until(deadline.to_std()),
                Patience::Forever => Some(self.data.write()),
            };
        }
        let at_once = self.data.try_write();
        if at_once.is_some() || patience == Patience::None {
            return at_once;
        }
        let close = |until| self.turnstile.try_write_until(until);
        let _closed = patience.wait(|| self.turnstile.try_write(), close)?;
        patience.wait(
            || self.data.try_write(),
            |until| self.data.try_write_until(until),
        )
    }
}

impl Patience {
    /// Waits on the wall clock, in slices.
    fn wait<G>(
        self,
        try_now: impl FnOnce() -> Option<G>,
        mut try_until: impl FnMut(std::time::Instant) -> Option<G>,
    ) -> Option<G> {
        let mut got = try_now();
        let deadline = match self {
            Patience::None => return got,
            Patience::Until(deadline) => Some(deadline.to_std()),
            Patience::Forever => None,
        };
        while got.is_none() {
            let in_time = wall::wait_in_slices(deadline, |until| {
                got = try_until(until);
                got.is_some()
            });
            // Without a deadline, only a thread that unwinds comes back without the lock: it tries on.
            if !in_time && deadline.is_some() {
                break;
            }
        }
        got
    }
}

impl Mode {
    fn what(self, patience: Patience) -> What {
        match (self, patience) {
            (Mode::Read, Patience::Forever) => What::Read,
            (Mode::Read, _) => What::TryRead,
            (Mode::Write, Patience::Forever) => What::Write,
            (Mode::Write, _) => What::TryWrite,
        }
    }

    fn why(self) -> Why {
        match self {
            Mode::Read => Why::ReadLock,
            Mode::Write => Why::WriteLock,
        }
    }

    #[inline]
    fn try_enter(
        self,
        sim: &Sim,
        obj: ObjId,
        entry: Entry,
        at: &'static Location<'static>,
    ) -> bool {
        sim.kernel.with(|k| match self {
            Mode::Read => k.try_read(obj, entry, at),
            Mode::Write => k.try_acquire(obj, at).is_ok(),
        })
    }
}

/// A thread that waits for the lock, until it has it, gives up, or is ended.
struct Queued<'a> {
    sim: &'a Sim,
    obj: ObjId,
    writer: bool,
}

impl<'a> Queued<'a> {
    fn join(sim: &'a Sim, obj: ObjId, mode: Mode) -> Self {
        let writer = mode == Mode::Write;
        if writer {
            sim.kernel.with(|k| k.objects.get_mut(obj).writers += 1);
        }
        Queued { sim, obj, writer }
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.sim.kernel.with(|k| {
            k.me().overtaken = false;
            k.leave_queue(self.obj, self.writer);
        });
    }
}

impl<T, const RECURSIVE: bool> From<T> for GenericRwLock<T, RECURSIVE> {
    fn from(value: T) -> Self {
        GenericRwLock::new(value)
    }
}

impl<T: ?Sized + fmt::Debug, const RECURSIVE: bool> fmt::Debug for GenericRwLock<T, RECURSIVE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.data.fmt(f)
    }
}

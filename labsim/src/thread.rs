//! Threads: std's API. A thread belongs to the fault domain of the one that spawned it.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::io;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::diagnose;
use crate::domain::Domain;
use crate::sim::objects::ObjId;
use crate::sim::threads::{Slot, State, Wake, Why};
use crate::sim::{self, Sim};
use crate::time::Instant;
use crate::trace::What;
use crate::wall;

/// As `std::thread::Result`: what a thread returned, or what it panicked with. A thread that was ended
/// by a crash or by the end of its run has an [`EndedEarly`] there.
pub type Result<T> = std::thread::Result<T>;

/// What joining a thread gives that was ended before it returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedEarly;

impl fmt::Display for EndedEarly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the thread was ended before it returned: its peer crashed, or its run was over",
        )
    }
}

impl std::error::Error for EndedEarly {}

/// Spawns a thread into the caller's fault domain.
///
/// Inside a run, a panic of the thread fails the run; outside, `join` returns it, as std's does.
///
/// # Panics
/// When the system gives no more threads.
#[track_caller]
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    spawn_into(None, acting_and_own(), f, Location::caller())
}

fn acting_and_own() -> Option<Domain> {
    Domain::current()
}

/// A thread's factory: set its name before it starts.
#[derive(Debug, Default)]
pub struct Builder {
    name: Option<String>,
}

impl Builder {
    /// A builder with no name set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the thread: reports and traces call it so.
    #[must_use]
    pub fn name(mut self, name: String) -> Self {
        self.name = Some(name);
        self
    }

    /// Spawns it.
    ///
    /// # Errors
    /// When the system gives no more threads.
    #[track_caller]
    pub fn spawn<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let at = Location::caller();
        match sim::current() {
            Some(sim) => Ok(spawn_simulated(
                sim,
                self.name.map(Into::into),
                acting_and_own(),
                f,
                at,
            )),
            None => spawn_real(self.name.map(Into::into), acting_and_own(), f, at),
        }
    }
}

/// Spawns a thread into `domain`.
pub(crate) fn spawn_into<F, T>(
    name: Option<Arc<str>>,
    domain: Option<Domain>,
    f: F,
    at: &'static Location<'static>,
) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    match sim::current() {
        Some(sim) => spawn_simulated(sim, name, domain, f, at),
        None => spawn_real(name, domain, f, at)
            .unwrap_or_else(|e| panic!("the system gives no more threads (at {at}): {e}")),
    }
}

/// Where a thread leaves its result, and what its handle waits on.
struct Packet<T> {
    result: Mutex<Option<Result<T>>>,
    ended: AtomicBool,
    /// Wall clock only.
    changed: Condvar,
}

impl<T> Packet<T> {
    fn new() -> Arc<Self> {
        Arc::new(Packet {
            result: Mutex::new(None),
            ended: AtomicBool::new(false),
            changed: Condvar::new(),
        })
    }

    fn take(&self) -> Result<T> {
        self.result
            .lock()
            .take()
            .unwrap_or_else(|| Err(Box::new(EndedEarly)))
    }
}

/// Marks the packet as final when its thread's function is gone, returned or unwound.
struct Finish<T>(Arc<Packet<T>>);

impl<T> Drop for Finish<T> {
    fn drop(&mut self) {
        let _result = self.0.result.lock();
        self.0.ended.store(true, Ordering::Release);
        self.0.changed.notify_all();
    }
}

fn spawn_simulated<F, T>(
    sim: &Sim,
    name: Option<Arc<str>>,
    domain: Option<Domain>,
    f: F,
    at: &'static Location<'static>,
) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let packet = Packet::new();
    let finish = Finish(packet.clone());
    let name: Arc<str> = name.unwrap_or_else(|| UNNAMED.into());
    let body = Box::new(move || {
        let value = f();
        *finish.0.result.lock() = Some(Ok(value));
    });
    let place = sim.spawn(name.clone(), domain, body, at);
    let uid = place.map_or(u64::MAX, |(slot, _)| {
        sim.kernel.with(|k| u64::from(k.threads.get(slot).uid))
    });
    let place = place.map(|(slot, exit)| Place {
        sim: sim.id,
        slot,
        exit,
    });
    let handle = JoinHandle {
        packet,
        thread: Thread::simulated(name, uid, sim.id),
        place,
    };
    sim.point(What::Spawn, ObjId::NONE, at);
    handle
}

fn spawn_real<F, T>(
    name: Option<Arc<str>>,
    domain: Option<Domain>,
    f: F,
    at: &'static Location<'static>,
) -> io::Result<JoinHandle<T>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    wall::heed();
    let packet = Packet::new();
    let thread = Thread::real(name.clone());
    if domain.as_ref().is_some_and(|d| !d.is_alive()) {
        drop(Finish(packet.clone()));
        return Ok(JoinHandle {
            packet,
            thread,
            place: None,
        });
    }
    let context = wall::Context {
        run: wall::current_run(),
        domain,
        acting: None,
        name: name.clone(),
    };
    let mut builder = std::thread::Builder::new();
    if let Some(name) = &name {
        builder = builder.name(name.to_string());
    }
    let finish = Finish(packet.clone());
    let me = thread.clone();
    let member = wall::Membership::join(&context, at);
    builder.spawn(move || {
        let finish = finish;
        SELF.set(Some(me));
        let result = wall::thread_base(context, member, f);
        *finish.0.result.lock() = result;
    })?;
    Ok(JoinHandle {
        packet,
        thread,
        place: None,
    })
}

/// What reports call a thread without a name.
const UNNAMED: &str = "unnamed";

/// Where a simulated thread stands in its simulation's table.
#[derive(Clone, Copy)]
struct Place {
    sim: u32,
    slot: Slot,
    exit: ObjId,
}

/// Owns the right to wait for a thread's end.
pub struct JoinHandle<T> {
    packet: Arc<Packet<T>>,
    thread: Thread,
    place: Option<Place>,
}

impl<T> JoinHandle<T> {
    /// Waits for the thread's end and returns what it returned.
    ///
    /// # Errors
    /// What it panicked with, or [`EndedEarly`].
    #[track_caller]
    pub fn join(mut self) -> Result<T> {
        let at = Location::caller();
        match sim::current() {
            Some(sim) => self.join_simulated(sim, at),
            None => self.join_real(),
        }
        self.packet.take()
    }

    fn join_simulated(&mut self, sim: &Sim, at: &'static Location<'static>) {
        let Some(place) = self.place.filter(|p| p.sim == sim.id) else {
            return;
        };
        sim.point(What::Join, ObjId::NONE, at);
        diagnose::note_held(sim, &"the end of a thread", ObjId::NONE, at);
        while !sim
            .kernel
            .with(|k| k.threads.get(place.slot).state == State::Finished)
        {
            if sim.block(&[place.exit], None, Why::Join, at) == Wake::Dying {
                return;
            }
        }
    }

    fn join_real(&self) {
        let mut result = self.packet.result.lock();
        let ended = || self.packet.ended.load(Ordering::Acquire);
        if !wall::is_bound() {
            while !ended() {
                self.packet.changed.wait(&mut result);
            }
            return;
        }
        drop(result);
        wall::wait_in_slices(None, |until| {
            let mut result = self.packet.result.lock();
            if !ended() {
                self.packet.changed.wait_until(&mut result, until);
            }
            ended()
        });
    }

    /// Whether the thread has ended.
    pub fn is_finished(&self) -> bool {
        match (sim::current(), self.place) {
            (Some(sim), Some(place)) if place.sim == sim.id => {
                sim.point(What::Join, ObjId::NONE, Location::caller());
                sim.kernel
                    .with(|k| k.threads.get(place.slot).state == State::Finished)
            }
            _ => self.packet.ended.load(Ordering::Acquire),
        }
    }

    /// The thread's handle.
    pub fn thread(&self) -> &Thread {
        &self.thread
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        let (Some(sim), Some(place)) = (sim::current(), self.place) else {
            return;
        };
        if place.sim != sim.id {
            return;
        }
        sim.kernel.with(|k| {
            let t = k.threads.get_mut(place.slot);
            t.detached = true;
            if t.state == State::Finished {
                k.forget(place.slot);
            }
        });
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("thread", &self.thread)
            .finish_non_exhaustive()
    }
}

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
    parker: Arc<Parker>,
}

/// The token of `park` and `unpark` on the wall clock.
#[derive(Default)]
struct Parker {
    token: Mutex<bool>,
    changed: Condvar,
}

thread_local! {
    static SELF: RefCell<Option<Thread>> = const { RefCell::new(None) };
}

impl Thread {
    fn real(name: Option<Arc<str>>) -> Thread {
        static NEXT: AtomicU64 = AtomicU64::new(1 << 32);
        let id = ThreadId(NEXT.fetch_add(1, Ordering::Relaxed));
        Thread {
            name,
            id,
            sim: 0,
            parker: Arc::default(),
        }
    }

    fn simulated(name: Arc<str>, uid: u64, sim: u32) -> Thread {
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

/// Sleeps. In a simulation this costs virtual time only.
#[track_caller]
pub fn sleep(duration: Duration) {
    let at = Location::caller();
    if let Some(sim) = sim::current() {
        sim.point(What::Sleep, ObjId::NONE, at);
        diagnose::note_held(sim, &"the end of a sleep", ObjId::NONE, at);
        let until = sim.now().saturating_add(sim::kernel::nanos(duration));
        sim.block(&[], Some(until), Why::Sleep, at);
        return;
    }
    if !wall::is_bound() {
        return std::thread::sleep(duration);
    }
    let deadline = std::time::Instant::now().checked_add(duration);
    wall::wait_in_slices(deadline, |until| {
        std::thread::sleep(until.saturating_duration_since(std::time::Instant::now()));
        false
    });
}

/// Lets others run.
#[track_caller]
pub fn yield_now() {
    match sim::current() {
        Some(sim) => sim.yield_now(Location::caller()),
        None => {
            wall::heed();
            std::thread::yield_now();
        }
    }
}

/// Blocks until another thread calls `unpark` on this one, or already has. As std's, it may also return without.
#[track_caller]
pub fn park() {
    park_until(None, Location::caller());
}

/// As [`park`], but no longer than `timeout`.
#[track_caller]
pub fn park_timeout(timeout: Duration) {
    park_until(Instant::now().checked_add(timeout), Location::caller());
}

fn park_until(deadline: Option<Instant>, at: &'static Location<'static>) {
    if let Some(sim) = sim::current() {
        sim.point(What::Park, ObjId::NONE, at);
        diagnose::note_held(sim, &"an unpark", ObjId::NONE, at);
        if !sim.kernel.with(|k| k.me().unpark_token) {
            sim.block(&[], deadline.map(Instant::as_nanos), Why::Park, at);
        }
        sim.kernel.with(|k| k.me().unpark_token = false);
        return;
    }
    let parker = current().parker;
    wall::wait_in_slices(deadline.map(Instant::to_std), |until| {
        let mut token = parker.token.lock();
        if !*token {
            parker.changed.wait_until(&mut token, until);
        }
        std::mem::take(&mut *token)
    });
}

/// Whether the calling thread unwinds, by a panic or because it is being ended.
pub fn panicking() -> bool {
    match sim::current() {
        Some(sim) => sim.kernel.with(|k| k.unwinding()),
        None => std::thread::panicking(),
    }
}

/// How many threads can run at once: 1 in a simulation.
///
/// # Errors
/// As std's.
pub fn available_parallelism() -> io::Result<std::num::NonZero<usize>> {
    match sim::current() {
        Some(_) => Ok(std::num::NonZero::<usize>::MIN),
        None => std::thread::available_parallelism(),
    }
}

/// The value of a payload that `join` returned, as text.
pub fn panic_message(payload: &(dyn Any + Send)) -> &str {
    if let Some(s) = payload.downcast_ref::<&'static str>() {
        return s;
    }
    payload
        .downcast_ref::<String>()
        .map_or("(a value that is not a message)", String::as_str)
}

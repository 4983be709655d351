//! One thread at a time makes the value, the others wait: what `Once`, `OnceLock` and `LazyLock` share.

use std::marker::PhantomData;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::outcome::short_type;
use crate::sim::objects::{Holder, ObjId, ObjKind};
use crate::sim::threads::{Slot, Why};
use crate::sim::{self, Sim};
use crate::wall;

/// How often a thread that waits for one outside its run asks whether that one was given up.
const LOOK: Duration = Duration::from_millis(50);

/// Passed by nobody until the value is there.
///
/// Whether somebody is at it stands here, and not in a simulation, because a static outlives its first run and may
/// be asked for by several at once. So nothing is registered in a simulation before one of its threads waits, and
/// an initialiser without a labsim call leaves the same trace as finding the value there.
pub(super) struct Gate {
    open: AtomicBool,
    state: Mutex<State>,
    /// For those that wait in real time.
    changed: Condvar,
}

struct State {
    maker: Option<Maker>,
    /// For each simulation whose threads wait: what they wait on.
    waiting: Vec<(u32, ObjId)>,
}

/// The thread that makes the value, and the line where it began to.
#[derive(Clone, Copy)]
struct Maker {
    who: Who,
    at: &'static Location<'static>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Simulated { sim: u32, uid: u32, slot: Slot },
    Real(ThreadId),
}

impl Who {
    fn me() -> Who {
        match sim::current() {
            Some(sim) => sim.kernel.with(|k| Who::Simulated {
                sim: sim.id,
                uid: k.me().uid,
                slot: k.running,
            }),
            None => Who::Real(std::thread::current().id()),
        }
    }

    /// False for a thread of a run that was given up: it will never be done.
    fn is_live(self) -> bool {
        match self {
            Who::Simulated { sim, .. } => sim::is_live(sim),
            Who::Real(_) => true,
        }
    }
}

impl Maker {
    fn is_of(&self, sim: &Sim) -> bool {
        matches!(self.who, Who::Simulated { sim: id, .. } if id == sim.id)
    }
}

impl State {
    fn live_maker(&self) -> Option<Maker> {
        self.maker.filter(|m| m.who.is_live())
    }
}

// A panic while the value is made leaves the gate shut, and nothing else behind.
impl UnwindSafe for Gate {}
impl RefUnwindSafe for Gate {}

/// The right to make the value. Dropped without `finish`, it leaves the gate shut and lets the next one try.
pub(super) struct Making<'a> {
    gate: &'a Gate,
    who: Who,
    /// It stays on its thread.
    _here: PhantomData<*const ()>,
}

impl Gate {
    pub(super) const fn new() -> Self {
        Gate::with(false)
    }

    pub(super) const fn opened() -> Self {
        Gate::with(true)
    }

    const fn with(open: bool) -> Self {
        Gate {
            open: AtomicBool::new(open),
            state: Mutex::new(State {
                maker: None,
                waiting: Vec::new(),
            }),
            changed: Condvar::new(),
        }
    }

    #[inline]
    pub(super) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// Shuts the gate again.
    pub(super) fn shut(&mut self) {
        *self.open.get_mut() = false;
    }

    /// Waits until the gate is open (`None`), or it is for the caller to make the value.
    ///
    /// # Panics
    /// When the caller is making it already.
    #[inline]
    pub(super) fn enter(
        &self,
        kind: ObjKind,
        at: &'static Location<'static>,
    ) -> Option<Making<'_>> {
        if self.is_open() {
            return None;
        }
        self.enter_shut(kind, at)
    }

    #[cold]
    fn enter_shut(&self, kind: ObjKind, at: &'static Location<'static>) -> Option<Making<'_>> {
        let who = Who::me();
        loop {
            let mut state = self.state.lock();
            if self.is_open() {
                return None;
            }
            let Some(maker) = state.live_maker() else {
                state.maker = Some(Maker { who, at });
                return Some(Making {
                    gate: self,
                    who,
                    _here: PhantomData,
                });
            };
            drop(state);
            if maker.who == who {
                asks_itself(kind, maker.at);
            }
            self.await_maker(kind, maker, at);
        }
    }

    /// Waits until `maker` is done, or longer.
    fn await_maker(&self, kind: ObjKind, maker: Maker, at: &'static Location<'static>) {
        match (sim::current(), maker.who) {
            (Some(sim), Who::Simulated { slot, .. }) if maker.is_of(sim) => {
                let obj = self.waiting_place(sim, kind);
                let holder = Holder { slot, at: maker.at };
                sim.kernel
                    .with(|k| k.objects.get_mut(obj).holder = Some(holder));
                sim.block(&[obj], None, Why::Once, at);
            }
            // Not a thread of this simulation: nothing in virtual time will tell when it is done.
            (Some(sim), _) => {
                self.wait_real(Instant::now() + LOOK, |s| s.live_maker().is_none());
                sim.heed_abandoned();
            }
            (None, _) if wall::is_bound() => {
                wall::wait_in_slices(None, |until| {
                    self.wait_real(until, |s| s.live_maker().is_none())
                });
                // A crash that ends the maker may end the caller too, which then must not take over.
                wall::heed();
            }
            (None, _) => {
                self.wait_real(Instant::now() + LOOK, |s| s.live_maker().is_none());
            }
        }
    }

    /// Waits until the gate is open, whoever opens it.
    pub(super) fn pass(&self, kind: ObjKind, at: &'static Location<'static>) {
        while !self.is_open() {
            let Some(sim) = sim::current() else {
                wall::wait_in_slices(None, |until| self.wait_real(until, |_| self.is_open()));
                continue;
            };
            let maker = self.state.lock().live_maker();
            match maker {
                Some(maker) if !maker.is_of(sim) => self.await_maker(kind, maker, at),
                _ => {
                    let obj = self.waiting_place(sim, kind);
                    sim.block(&[obj], None, Why::Value, at);
                }
            }
        }
    }

    /// Waits in real time for `done` until `until` at the latest; says whether it is.
    fn wait_real(&self, until: Instant, done: impl Fn(&State) -> bool) -> bool {
        let mut state = self.state.lock();
        while !done(&state) {
            if self.changed.wait_until(&mut state, until).timed_out() {
                return done(&state);
            }
        }
        true
    }

    /// What the threads of `sim` wait on.
    fn waiting_place(&self, sim: &Sim, kind: ObjKind) -> ObjId {
        let mut state = self.state.lock();
        if let Some((_, obj)) = state.waiting.iter().find(|(id, _)| *id == sim.id) {
            return *obj;
        }
        state.waiting.retain(|(id, _)| sim::is_live(*id));
        let obj = sim.new_object(kind);
        state.waiting.push((sim.id, obj));
        obj
    }
}

impl Making<'_> {
    /// The value is there.
    pub(super) fn finish(self) {
        self.end(true);
        std::mem::forget(self);
    }

    fn end(&self, made: bool) {
        let mut state = self.gate.state.lock();
        if state.maker.map(|m| m.who) != Some(self.who) {
            // The run of this thread was given up, and another has taken over.
            return;
        }
        state.maker = None;
        if made {
            self.gate.open.store(true, Ordering::Release);
        }
        let here = sim::current().and_then(|sim| {
            let i = state.waiting.iter().position(|(id, _)| *id == sim.id)?;
            Some((sim, state.waiting.swap_remove(i).1))
        });
        drop(state);
        self.gate.changed.notify_all();
        if let Some((sim, obj)) = here {
            sim.kernel.with(|k| {
                k.notify_all(obj);
                k.objects.remove(obj);
            });
        }
    }
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        self.end(false);
    }
}

#[cold]
fn asks_itself(kind: ObjKind, since: &'static Location<'static>) -> ! {
    let object = match kind.content {
        "" => kind.name.to_owned(),
        content => format!("{}<{}>", kind.name, short_type(content)),
    };
    panic!(
        "the initialiser of {object} (running since {since}) asks for the same {object}: it would wait for itself \
         for ever. Make the value without it"
    )
}

//! The simulator: one thread at a time has the baton, every labsim call may hand it on, and when no thread can
//! run the clock jumps to the next deadline.

mod baton;
pub(crate) mod circles;
mod crash;
mod current;
mod done;
mod ends;
mod hash;
pub(crate) mod kernel;
mod locks;
pub(crate) mod objects;
mod report;
pub(crate) mod rwlock;
pub(crate) mod scheduler;
mod stalls;
pub(crate) mod threads;
mod timers;
mod turns;
mod waits;

use std::any::Any;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use self::baton::BatonCell;
use self::done::Done;
use self::kernel::{Kernel, Next, START};
use self::objects::{ObjId, ObjKind};
use self::threads::{Life, Slot, State, Thread, Wake, Why};
use crate::backend::Carrier;
use crate::config::Config;
use crate::domain::Domain;
use crate::outcome::{Failure, PanicRecord};
use crate::trace::What;
use crate::watchdog::Directory;

pub(crate) use self::baton::BatonCell as Baton;
pub(crate) use self::current::{Entered, assert_over, current, is_live};

/// The payload with which the simulator unwinds a thread. It passes the panic hook by, hence silently.
pub(crate) struct Ended;

/// What the watchdog may look at while the simulation runs.
pub(crate) struct Pulse {
    /// Labsim calls made so far.
    pub(crate) calls: AtomicU64,
    /// The thread that made the last one, by uid.
    pub(crate) thread: AtomicU32,
    /// Where.
    pub(crate) at: AtomicPtr<Location<'static>>,
    /// Nonzero: the run was given up, and a thread of it that comes here never returns.
    pub(crate) abandoned: AtomicU32,
}

pub(crate) struct Sim {
    pub(crate) id: u32,
    me: Weak<Sim>,
    pub(crate) kernel: BatonCell<Kernel>,
    pub(crate) carrier: Carrier,
    pub(crate) pulse: Pulse,
    pub(crate) directory: Directory,
    pub(crate) done: Done,
}

impl Sim {
    pub(crate) fn new(config: &Config, carrier: Carrier) -> Arc<Sim> {
        let id = current::enlist();
        Arc::new_cyclic(|me| Sim {
            id,
            me: me.clone(),
            kernel: BatonCell::new(Kernel::new(config)),
            carrier,
            pulse: Pulse {
                calls: AtomicU64::new(0),
                thread: AtomicU32::new(0),
                at: AtomicPtr::new(ptr::null_mut()),
                abandoned: AtomicU32::new(0),
            },
            directory: Directory::default(),
            done: Done::default(),
        })
    }

    /// Starts the run's first thread, "main".
    pub(crate) fn launch(
        self: &Arc<Self>,
        f: Box<dyn FnOnce() + Send>,
        at: &'static Location<'static>,
    ) {
        let name: Arc<str> = "main".into();
        // No thread of the simulation runs yet, so the baton is the caller's.
        let slot = self.kernel.with(|k| k.add_thread(name.clone(), None, at));
        self.kernel.with(|k| k.running = slot);
        self.directory.add(0, name, None);
        self.carrier.start(self.clone(), slot, f);
        self.carrier.launch(self);
    }

    /// The simulation is over: its objects are free for the next.
    pub(crate) fn retire(&self) {
        current::strike(self.id);
    }

    /// One labsim call: costs its time, enters the hash, and may hand the baton on.
    #[inline]
    pub(crate) fn point(&self, what: What, obj: ObjId, at: &'static Location<'static>) {
        if self.account(what, obj, at) {
            self.reschedule();
        }
    }

    /// The first half of `point`, for calls that do their work before others may run. True: call `reschedule`.
    #[inline]
    pub(crate) fn account(&self, what: What, obj: ObjId, at: &'static Location<'static>) -> bool {
        if self.pulse.abandoned.load(Ordering::Relaxed) != 0 {
            self.never_return();
        }
        self.kernel.with(|k| {
            let due = k.step(what, obj, at);
            self.pulse.calls.store(k.calls, Ordering::Relaxed);
            self.pulse
                .at
                .store(ptr::from_ref(at).cast_mut(), Ordering::Relaxed);
            due
        })
    }

    #[cold]
    pub(crate) fn reschedule(&self) {
        let next = self.kernel.with(Kernel::reschedule);
        self.perform(next);
    }

    /// Hands the baton on as `next` says; returns when this thread has it again.
    fn perform(&self, next: Next) {
        match next {
            Next::Stay => {}
            Next::Switch(slot) => self.carrier.switch(self, slot),
            Next::Stuck => self.abandon(None),
            Next::Over => unreachable!("a thread that runs says that all have ended"),
        }
        self.heed_doom();
    }

    /// Unwinds the calling thread if it has been doomed.
    fn heed_doom(&self) {
        let doomed = self.kernel.with(|k| {
            let me = k.me();
            self.pulse.thread.store(me.uid, Ordering::Relaxed);
            // Else the watchdog would take the last call of the thread before for this one's.
            let called = !ptr::eq(me.last_call, me.spawned_at);
            let at = if called {
                ptr::from_ref(me.last_call)
            } else {
                ptr::null()
            };
            self.pulse.at.store(at.cast_mut(), Ordering::Relaxed);
            if k.me().life != Life::Doomed {
                return false;
            }
            // A thread that unwinds from a panic of its own goes on with that.
            let raise = !k.unwinding();
            k.me().life = Life::Dying;
            raise
        });
        if doomed {
            resume_unwind(Box::new(Ended));
        }
    }

    /// The calling thread is back from acting for another peer: if its own has crashed meanwhile, it ends.
    pub(crate) fn heed_late_crash(&self) {
        self.kernel.with(Kernel::crash_late);
        self.heed_doom();
    }

    /// Blocks the calling thread until one of `objs` is notified or the time `deadline` comes.
    pub(crate) fn block(
        &self,
        objs: &[ObjId],
        deadline: Option<u64>,
        why: Why,
        at: &'static Location<'static>,
    ) -> Wake {
        if self.pulse.abandoned.load(Ordering::Relaxed) != 0 {
            self.never_return();
        }
        let next = self.kernel.with(|k| {
            if k.unwinding() && !why.is_lock() {
                return Err(k.refuse_wait());
            }
            Ok(k.block(objs, deadline, why, at))
        });
        match next {
            Ok(next) => {
                self.perform(next);
                self.kernel.with(|k| k.me().wake)
            }
            Err(next) => {
                self.perform(next);
                Wake::Dying
            }
        }
    }

    /// Waits until the threads of the crashed `domain` have ended; the caller, if it is one, ends too.
    pub(crate) fn crash_wait(&self, domain: &Domain, at: &'static Location<'static>) {
        let waits = self.kernel.with(|k| {
            if k.unwinding() || k.me().life == Life::Doomed {
                return None;
            }
            let obj = k.await_end_of(domain)?;
            Some(k.wait_for_crash(obj, at))
        });
        self.perform(waits.unwrap_or(Next::Stay));
    }

    /// Lets others run.
    pub(crate) fn yield_now(&self, at: &'static Location<'static>) {
        if self.account(What::Yield, ObjId::NONE, at) {
            self.reschedule();
        }
        let next = self.kernel.with(|k| k.yields());
        self.perform(next);
    }

    /// Virtual time, in ns.
    pub(crate) fn now(&self) -> u64 {
        self.kernel.with(|k| k.now)
    }

    pub(crate) fn new_object(&self, kind: ObjKind) -> ObjId {
        self.kernel.with(|k| k.objects.add(kind))
    }

    /// Makes a thread that will run `f`. `None`: the caller is on its way out, or the domain is dead.
    pub(crate) fn spawn(
        &self,
        name: Arc<str>,
        domain: Option<Domain>,
        f: Box<dyn FnOnce() + Send>,
        at: &'static Location<'static>,
    ) -> Option<(Slot, ObjId)> {
        if domain.as_ref().is_some_and(|d| !d.is_alive()) {
            return None;
        }
        let added = self.kernel.with(|k| {
            if k.ending || k.unwinding() {
                return None;
            }
            let slot = k.add_thread(name.clone(), domain.clone(), at);
            k.ready.push(slot);
            Some((slot, k.threads.get(slot).exit, k.threads.get(slot).uid))
        });
        let (slot, exit, uid) = added?;
        self.directory.add(uid, name, domain.as_ref());
        self.carrier.start(self.arc(), slot, f);
        Some((slot, exit))
    }

    pub(crate) fn arc(&self) -> Arc<Sim> {
        self.me
            .upgrade()
            .expect("the base of the running thread holds the simulation")
    }

    /// The base of every thread: runs `f`, takes note of how it ended, says who runs next.
    pub(crate) fn run_thread(&self, f: Box<dyn FnOnce() + Send>) -> Next {
        let result = catch_unwind(AssertUnwindSafe(|| {
            self.heed_doom();
            f();
        }));
        if let Err(payload) = result
            && !payload.is::<Ended>()
        {
            self.panicked(payload);
        }
        self.kernel.with(|k| {
            if k.me().uid == 0 {
                k.end(None);
            }
            k.exit()
        })
    }

    /// A panic reached the base of the running thread: it fails the run.
    fn panicked(&self, payload: Box<dyn Any + Send>) {
        self.kernel.with(|k| {
            let record = k.me().panic.take().unwrap_or_else(PanicRecord::unknown);
            let slot = k.running;
            let mut thread = k.thread_report(slot);
            thread.peer = record.peer.or(thread.peer);
            k.end(Some(Failure::Panic {
                thread,
                record,
                payload: payload.into(),
            }));
        });
    }

    /// How a run fails in which threads are left that can neither run nor end.
    pub(crate) fn stuck(&self) -> Failure {
        self.kernel.with(|k| Failure::Stuck {
            before: k.failure.take().map(Box::new),
            threads: k.snapshot(),
        })
    }

    /// Gives the run up: threads are left that can neither run nor end. They stay as they are until the
    /// process ends, and so does the caller.
    pub(crate) fn abandon(&self, failure: Option<Failure>) -> ! {
        let failure = failure.unwrap_or_else(|| self.stuck());
        self.pulse.abandoned.store(1, Ordering::SeqCst);
        self.done.fail(failure);
        self.never_return()
    }

    /// Does not return if the run was given up while the caller waited for something outside it.
    pub(crate) fn heed_abandoned(&self) {
        if self.pulse.abandoned.load(Ordering::Relaxed) != 0 {
            self.never_return();
        }
    }

    fn never_return(&self) -> ! {
        self.carrier.leave_for_ever()
    }

    /// Virtual time since the run began, in ns.
    pub(crate) fn elapsed(&self) -> u64 {
        self.kernel.with(|k| k.now - START)
    }
}

impl Kernel {
    pub(crate) fn add_thread(
        &mut self,
        name: Arc<str>,
        domain: Option<Domain>,
        at: &'static Location<'static>,
    ) -> Slot {
        let exit = self.objects.add(ObjKind {
            name: "end of thread",
            content: "",
        });
        let uid = self.threads.next_uid;
        let priority = self.sched.initial_priority();
        self.hash.add(0xfb << 56 | u64::from(uid));
        let slot = self.threads.add(Thread {
            uid,
            name,
            domain,
            acting: None,
            spawned_at: at,
            last_call: at,
            state: State::Ready,
            life: Life::Alive,
            epoch: 0,
            waiting_for: Vec::new(),
            wake: Wake::Notified,
            woken_by: None,
            overtaken: false,
            op: None,
            held: Vec::new(),
            exit,
            unpark_token: false,
            panic: None,
            detached: false,
            busy_calls: 0,
            busy_reported: false,
            dying_calls: 0,
            priority,
        });
        if self.level >= crate::config::TraceLevel::Events {
            let t = self.threads.get(slot);
            let detail = format!("{} at {at}", t.name);
            self.record("spawn", u64::from(uid), 0, detail);
        }
        slot
    }
}

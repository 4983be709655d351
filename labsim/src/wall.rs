//! Runs on the wall clock: real threads, which still belong to peers, crash, and end with their run.
//!
//! A blocked OS thread cannot be woken from outside, so inside a run every wait is cut into slices, and between
//! two of them the thread asks whether its peer or its run is over.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::config::Config;
use crate::domain::Domain;
use crate::outcome::{Failure, Outcome, PanicRecord, ThreadReport};
use crate::sim::Ended;

/// The longest that a thread of a run waits without asking whether it should end.
const SLICE: Duration = Duration::from_millis(20);

/// How long a run that is over waits for its threads. One that computes on is left behind.
const GRACE: Duration = Duration::from_secs(2);

pub(crate) struct WallRun {
    begun: Instant,
    over: AtomicBool,
    failure: Mutex<Option<Failure>>,
    changed: Condvar,
    state: Mutex<Progress>,
    pub(crate) rng: Mutex<Xoshiro256PlusPlus>,
}

#[derive(Default)]
struct Progress {
    main_ended: bool,
    threads: usize,
}

/// A thread of a domain, on the wall clock.
pub(crate) struct Member {
    id: u64,
    name: Arc<str>,
    peer: u32,
    spawned_at: &'static Location<'static>,
}

impl Member {
    pub(crate) fn report(&self) -> ThreadReport {
        ThreadReport {
            id: self.id as u32,
            name: self.name.to_string(),
            peer: Some(self.peer),
            spawned_at: self.spawned_at,
            last_call: self.spawned_at,
            wait: None,
            holds: Vec::new(),
        }
    }
}

/// What a thread on the wall clock belongs to.
#[derive(Clone, Default)]
pub(crate) struct Context {
    pub(crate) run: Option<Arc<WallRun>>,
    pub(crate) domain: Option<Domain>,
    pub(crate) acting: Option<Domain>,
    pub(crate) name: Option<Arc<str>>,
}

thread_local! {
    static CONTEXT: RefCell<Context> = RefCell::new(Context::default());
    /// True for threads that `heed` has something to ask for: those of a run or a domain.
    static BOUND: Cell<bool> = const { Cell::new(false) };
    static PANIC: RefCell<Option<PanicRecord>> = const { RefCell::new(None) };
}

/// Ends the calling thread if its peer has crashed or its run is over.
#[inline]
pub(crate) fn heed() {
    if BOUND.get() {
        heed_slow();
    }
}

#[cold]
fn heed_slow() {
    if is_doomed() && !std::thread::panicking() {
        resume_unwind(Box::new(Ended));
    }
}

fn is_doomed() -> bool {
    CONTEXT.with_borrow(|c| {
        let acting = c.acting.as_ref().filter(|d| d.is_alive());
        let acts_for_another = acting.is_some() && acting != c.domain.as_ref();
        (c.domain.as_ref().is_some_and(|d| !d.is_alive()) && !acts_for_another)
            || c.run
                .as_ref()
                .is_some_and(|r| r.over.load(Ordering::Acquire))
    })
}

/// Whether the calling thread's waits must be cut into slices.
#[inline]
pub(crate) fn is_bound() -> bool {
    BOUND.get()
}

/// Waits by means of `wait`, which gets a time to give up at and says whether what it waits for has come.
/// `None` is no deadline. False: the deadline passed first, or the thread unwinds and may not wait.
pub(crate) fn wait_in_slices(
    deadline: Option<Instant>,
    mut wait: impl FnMut(Instant) -> bool,
) -> bool {
    loop {
        heed();
        let now = Instant::now();
        let until = deadline.map_or(now + SLICE, |d| d.min(now + SLICE));
        if wait(until) {
            return true;
        }
        if deadline.is_some_and(|d| Instant::now() >= d)
            || (is_doomed() && std::thread::panicking())
        {
            return false;
        }
    }
}

pub(crate) fn acting_domain() -> Option<Domain> {
    CONTEXT.with_borrow(|c| c.acting.clone().or_else(|| c.domain.clone()))
}

pub(crate) fn set_acting(domain: Option<Domain>) -> Option<Domain> {
    CONTEXT.with_borrow_mut(|c| std::mem::replace(&mut c.acting, domain))
}

pub(crate) fn current_run() -> Option<Arc<WallRun>> {
    CONTEXT.with_borrow(|c| c.run.clone())
}

pub(crate) fn thread_name() -> Option<Arc<str>> {
    CONTEXT.with_borrow(|c| c.name.clone())
}

/// For a log record: the time since the run began (of no run: since the first that asked), the peer, the thread.
pub(crate) fn origin() -> (Duration, Option<u32>, Arc<str>) {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    // `try_with`: a record in a thread-local's destructor comes when ours may be gone.
    let context = CONTEXT.try_with(|c| c.borrow().clone()).unwrap_or_default();
    let begun = context
        .run
        .map_or_else(|| *FIRST.get_or_init(Instant::now), |r| r.begun);
    let domain = context.acting.or(context.domain);
    let name = context
        .name
        .or_else(|| std::thread::current().name().map(Into::into));
    (
        begun.elapsed(),
        domain.as_ref().map(Domain::peer),
        name.unwrap_or_else(|| "unnamed".into()),
    )
}

/// Called by the panic hook: true if the panic belongs to a run, which reports it.
pub(crate) fn note_panic(record: impl FnOnce() -> PanicRecord) -> bool {
    // `try_with`: a panic in a thread-local's destructor comes when ours may be gone.
    let in_run = CONTEXT
        .try_with(|c| c.try_borrow().is_ok_and(|c| c.run.is_some()))
        .unwrap_or(false);
    let record = || PanicRecord {
        peer: acting_domain().as_ref().map(Domain::peer),
        ..record()
    };
    in_run && PANIC.try_with(|p| *p.borrow_mut() = Some(record())).is_ok()
}

/// The base of a thread on the wall clock: takes on `context`, runs `f`, and reports how it ended to the run.
/// `None`: the thread was ended, by a crash or by the end of its run.
pub(crate) fn thread_base<T>(
    context: Context,
    member: Membership,
    f: impl FnOnce() -> T,
) -> Option<std::thread::Result<T>> {
    let (id, spawned_at) = (member.id, member.spawned_at);
    BOUND.set(context.run.is_some() || context.domain.is_some());
    let run = context.run.clone();
    let name = context.name.clone().unwrap_or_else(|| "unnamed".into());
    let peer = context.domain.as_ref().map(Domain::peer);
    CONTEXT.set(context);
    let result = catch_unwind(AssertUnwindSafe(f));
    match result {
        Err(payload) if payload.is::<Ended>() => None,
        Err(payload) => match run {
            Some(run) => {
                let record = PANIC.take().unwrap_or_else(PanicRecord::unknown);
                let report = Member {
                    id,
                    name,
                    peer: peer.unwrap_or(0),
                    spawned_at,
                }
                .report();
                let peer = record.peer.or(peer);
                let thread = ThreadReport { peer, ..report };
                run.fail(Failure::Panic {
                    thread,
                    record,
                    payload: payload.into(),
                });
                None
            }
            None => Some(Err(payload)),
        },
        ok => Some(ok),
    }
}

/// Counts a thread in its run and its domain for as long as it lives. Made by the thread that spawns it: one that
/// has not begun yet is waited for like the others when its peer crashes or its run ends.
pub(crate) struct Membership {
    run: Option<Arc<WallRun>>,
    domain: Option<Domain>,
    id: u64,
    spawned_at: &'static Location<'static>,
}

impl Membership {
    pub(crate) fn join(context: &Context, spawned_at: &'static Location<'static>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        if let Some(run) = &context.run {
            run.state.lock().threads += 1;
        }
        if let Some(domain) = &context.domain {
            let name = context.name.clone().unwrap_or_else(|| "unnamed".into());
            domain.members().lock().push(Member {
                id,
                name,
                peer: domain.peer(),
                spawned_at,
            });
        }
        Membership {
            run: context.run.clone(),
            domain: context.domain.clone(),
            id,
            spawned_at,
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        if let Some(domain) = &self.domain {
            domain.members().lock().retain(|m| m.id != self.id);
        }
        if let Some(run) = &self.run {
            run.state.lock().threads -= 1;
            run.changed.notify_all();
        }
    }
}

/// Waits until the crashed domain has no members left but the caller, and then lets the caller end too.
pub(crate) fn await_members(domain: &Domain, patience: Duration) {
    let own = CONTEXT.with_borrow(|c| c.domain.as_ref() == Some(domain));
    let until = Instant::now() + patience;
    while domain.members().lock().len() > usize::from(own) && Instant::now() < until {
        std::thread::sleep(Duration::from_micros(200));
    }
    heed();
}

impl WallRun {
    fn fail(&self, failure: Failure) {
        self.failure.lock().get_or_insert(failure);
        self.over.store(true, Ordering::Release);
        // Under the lock, so that the waiting caller cannot miss it.
        let _state = self.state.lock();
        self.changed.notify_all();
    }
}

/// `labsim::run` with `Clock::Wall`.
pub(crate) fn run<T, F>(config: &Config, f: F) -> Outcome<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let begun = Instant::now();
    let run = Arc::new(WallRun {
        begun,
        over: AtomicBool::new(false),
        failure: Mutex::default(),
        changed: Condvar::new(),
        state: Mutex::default(),
        rng: Mutex::new(Xoshiro256PlusPlus::seed_from_u64(config.seed)),
    });
    let value = Arc::new(Mutex::new(None));
    start_main(&run, f, value.clone());
    wait_for_main(&run, begun, config.time_limit);
    let elapsed = begun.elapsed();
    run.over.store(true, Ordering::Release);
    let grace = Instant::now() + GRACE;
    let mut state = run.state.lock();
    while state.threads > 0 && !run.changed.wait_until(&mut state, grace).timed_out() {}
    drop(state);
    let failure = run.failure.lock().take();
    let result = match (failure, value.lock().take()) {
        (Some(failure), _) => Err(failure),
        (None, Some(value)) => Ok(value),
        (None, None) => Err(Failure::TimeLimit {
            limit: config.time_limit,
            threads: Vec::new(),
        }),
    };
    Outcome {
        result,
        findings: Vec::new(),
        trace_hash: 0,
        elapsed,
        calls: 0,
        events: Vec::new(),
    }
}

fn start_main<T, F>(run: &Arc<WallRun>, f: F, value: Arc<Mutex<Option<T>>>)
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let context = Context {
        run: Some(run.clone()),
        name: Some("main".into()),
        ..Context::default()
    };
    let member = Membership::join(&context, Location::caller());
    let ended = run.clone();
    std::thread::spawn(move || {
        if let Some(Ok(v)) = thread_base(context, member, f) {
            *value.lock() = Some(v);
        }
        ended.state.lock().main_ended = true;
        ended.changed.notify_all();
    });
}

fn wait_for_main(run: &WallRun, begun: Instant, limit: Duration) {
    let mut state = run.state.lock();
    while !state.main_ended && !run.over.load(Ordering::Acquire) {
        if run
            .changed
            .wait_until(&mut state, begun + limit)
            .timed_out()
        {
            drop(state);
            run.fail(Failure::TimeLimit {
                limit,
                threads: Vec::new(),
            });
            return;
        }
    }
}

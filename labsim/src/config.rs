//! How a run is to be made: seed, clock, scheduler, limits.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::trace::Event;

/// Which clock the threads of a run live by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Clock {
    /// Virtual time, one thread at a time, every choice from the seed.
    #[default]
    Virtual,
    /// The wall clock, real parallelism. Nothing is reproducible but the draws of the main thread's generator.
    Wall,
}

/// What carries the threads of a simulation. The same program and seed give the same trace on both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Backend {
    /// One OS thread each, from a pool; debuggers, thread names and thread-locals work as ever.
    #[default]
    Os,
    /// Stackful coroutines on one OS thread: some forty times quicker to switch. Thread-locals are shared by all of them.
    Fiber,
}

/// Who runs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheduler {
    /// At each labsim call the running thread gives way with probability 1/`one_in`, to a random ready thread.
    Random {
        /// Mean number of calls between two preemptions; at least 1.
        one_in: u32,
    },
    /// Probabilistic concurrency testing (Burckhardt et al., ASPLOS 2010): random priorities, the highest runs,
    /// and at `changes` random calls of each window of `window` calls the running thread falls behind all others.
    /// Finds bugs that need few, well-placed preemptions.
    Pct {
        /// Changes of priority in a window; a bug that needs d preemptions wants d.
        changes: u32,
        /// Length of a window, in labsim calls; best near the length of the program.
        window: u32,
    },
    /// Threads run until they wait, in turn. The quickest, and the easiest trace to read.
    RunToBlock,
}

impl Default for Scheduler {
    fn default() -> Self {
        Scheduler::Random { one_in: 50 }
    }
}

/// Threads of peers that stand still now and then, as on a machine that has other work to do.
///
/// In a simulation time goes by only while all threads wait. So a thread that was preempted goes on before anything that
/// takes time can happen: between two of its calls no message arrives and no timer goes off, unless both were due at that
/// very instant. With stalls there is time for both. A thread that gives a lock up and takes it again must have looked
/// again at what it knew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stalls {
    /// Mean number of labsim calls, of all threads together, from one to the next; at least 1. Where a lock is given up
    /// is the most likely place: it counts as ten calls.
    pub one_in: u32,
    /// The longest one, in virtual time. All lengths up to it are equally likely.
    pub longest: Duration,
}

/// How much of a run is recorded besides its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum TraceLevel {
    /// Nothing: the hash alone, which costs a few instructions an event.
    #[default]
    Off,
    /// Events of threads (spawn, end, crash), of the network and of the program, and log records.
    Events,
    /// Every labsim call and every switch as well: for finding where two runs part.
    Calls,
}

/// Takes the events of a run one by one: see [`Config::trace_into`].
#[derive(Clone)]
pub struct Sink(Arc<dyn Fn(Event) + Send + Sync>);

impl Sink {
    pub(crate) fn take(&self, event: Event) {
        (self.0)(event);
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sink")
    }
}

/// Settings of a run. `Config::default()` is a simulation with seed 0.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The seed of every choice.
    pub seed: u64,
    /// Virtual time or the wall clock.
    pub clock: Clock,
    /// OS threads or fibers (simulation only).
    pub backend: Backend,
    /// Who runs next (simulation only).
    pub scheduler: Scheduler,
    /// Threads that stand still (simulation only). Default: none do.
    pub stalls: Option<Stalls>,
    /// What is recorded.
    pub trace: TraceLevel,
    /// Who takes the events; `None`: they are kept for the outcome.
    pub sink: Option<Sink>,
    /// Virtual time after which the run is ended as hung; on the wall clock, wall time. Default: ten minutes.
    pub time_limit: Duration,
    /// Number of labsim calls after which the run is ended as hung. Default: a thousand million.
    pub call_limit: u64,
    /// Wall time that a thread may run without a labsim call before it is reported as spinning. Default: ten seconds. The
    /// time for which the whole process was stopped does not count.
    pub spin_limit: Duration,
    /// Virtual time that each labsim call costs. Default: 100 ns.
    pub call_cost: Duration,
    /// Bytes of stack of each thread. Default: 1 MiB on fibers (reserved, not touched), 2 MiB on OS threads.
    pub stack_size: Option<usize>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            seed: 0,
            clock: Clock::default(),
            backend: Backend::default(),
            scheduler: Scheduler::default(),
            stalls: None,
            trace: TraceLevel::default(),
            sink: None,
            time_limit: Duration::from_secs(600),
            call_limit: 1_000_000_000,
            spin_limit: Duration::from_secs(10),
            call_cost: Duration::from_nanos(100),
            stack_size: None,
        }
    }
}

impl Config {
    /// The defaults with this seed.
    pub fn seed(seed: u64) -> Self {
        Config {
            seed,
            ..Config::default()
        }
    }

    /// Chooses the backend.
    #[must_use]
    pub fn backend(mut self, backend: Backend) -> Self {
        self.backend = backend;
        self
    }

    /// Chooses the scheduler.
    #[must_use]
    pub fn scheduler(mut self, scheduler: Scheduler) -> Self {
        self.scheduler = scheduler;
        self
    }

    /// Lets the threads of peers stand still now and then.
    #[must_use]
    pub fn stalls(mut self, stalls: Stalls) -> Self {
        self.stalls = Some(stalls);
        self
    }

    /// Chooses the clock.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Chooses what is recorded.
    #[must_use]
    pub fn trace(mut self, level: TraceLevel) -> Self {
        self.trace = level;
        self
    }

    /// Hands each event to `sink` as it happens, instead of keeping them all for the outcome. It is called inline,
    /// on the thread that makes the event; it must not call labsim, and it sees the same events whoever runs them.
    #[must_use]
    pub fn trace_into(mut self, sink: impl Fn(Event) + Send + Sync + 'static) -> Self {
        self.sink = Some(Sink(Arc::new(sink)));
        self
    }

    /// Sets the limit on the run's time.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Sets the limit on wall time without a labsim call.
    #[must_use]
    pub fn spin_limit(mut self, limit: Duration) -> Self {
        self.spin_limit = limit;
        self
    }
}

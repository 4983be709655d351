//! OS threads kept for use again: making one takes longer than most simulated threads live.
//!
//! Each thread that calls `run` has a pool of its own, which ends with it. So a test's threads inherit that
//! test's captured output, and tests that run side by side share nothing.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;

use corosensei::stack::DefaultStack;
use parking_lot::Mutex;

use crate::outcome::Failure;
use crate::sim::Sim;

/// What a pooled thread does; returns whom to tell afterwards.
pub(crate) type Job = Box<dyn FnOnce() -> Then + Send>;

/// Whom a thread tells that its job is done, once it is back in the pool: the next spawn, or the next run, then finds
/// it there, and no thread is made although one is as good as free.
pub(crate) enum Then {
    Wake(Arc<Worker>),
    Over(Arc<Sim>),
    GivenUp(Arc<Sim>, Box<Failure>),
    Nobody,
}

/// A thread of the pool, and the signal it waits for.
pub(crate) struct Worker {
    signal: AtomicBool,
    job: Mutex<Option<Job>>,
    thread: OnceLock<Thread>,
}

thread_local! {
    static ME: Cell<Option<Arc<Worker>>> = const { Cell::new(None) };
    static POOL: Owner = Owner(Arc::new(Pool::default()));
}

/// The calling thread's pool, closed when the thread ends.
struct Owner(Arc<Pool>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[derive(Default)]
pub(crate) struct Pool {
    idle: Mutex<Vec<Arc<Worker>>>,
    closed: AtomicBool,
    /// Stacks of fibers, likewise kept for use again.
    pub(crate) stacks: Mutex<Vec<DefaultStack>>,
}

impl Worker {
    /// Wakes the thread. The pairing of this store with the swap in `wait` hands over all memory.
    pub(crate) fn wake(&self) {
        self.signal.store(true, Ordering::Release);
        self.thread
            .get()
            .expect("set before the worker was given out")
            .unpark();
    }

    /// Waits to be woken. Only the thread itself calls this.
    pub(crate) fn wait(&self) {
        while !self.signal.swap(false, Ordering::Acquire) {
            std::thread::park();
        }
    }

    /// The calling thread's worker.
    pub(crate) fn with_current<R>(f: impl FnOnce(&Worker) -> R) -> R {
        ME.with(|me| {
            let worker = me
                .take()
                .expect("a simulated thread runs on a thread of the pool");
            let r = f(&worker);
            me.set(Some(worker));
            r
        })
    }
}

impl Pool {
    /// The pool of the calling thread.
    pub(crate) fn of_this_thread() -> Arc<Pool> {
        POOL.with(|p| p.0.clone())
    }

    /// Gives `job` to an idle thread, or a new one. It begins when the worker is woken.
    ///
    /// # Panics
    /// When the system gives no more threads.
    pub(crate) fn assign(self: &Arc<Self>, job: Job, stack_size: usize) -> Arc<Worker> {
        let idle = self.idle.lock().pop();
        if let Some(worker) = idle {
            *worker.job.lock() = Some(job);
            return worker;
        }
        self.start_worker(job, stack_size)
    }

    fn start_worker(self: &Arc<Self>, job: Job, stack_size: usize) -> Arc<Worker> {
        let worker = Arc::new(Worker {
            signal: AtomicBool::new(false),
            job: Mutex::new(Some(job)),
            thread: OnceLock::new(),
        });
        let (pool, me) = (self.clone(), worker.clone());
        let handle = std::thread::Builder::new()
            .name("labsim".into())
            .stack_size(stack_size)
            .spawn(move || work(&pool, &me))
            .unwrap_or_else(|e| panic!("the system gives no more threads for the simulation: {e}"));
        let _ = worker.thread.set(handle.thread().clone());
        worker
    }

    fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        for worker in self.idle.lock().drain(..) {
            worker.wake();
        }
    }
}

/// The life of a pooled thread.
fn work(pool: &Pool, me: &Arc<Worker>) {
    ME.with(|cell| cell.set(Some(me.clone())));
    loop {
        me.wait();
        let Some(job) = me.job.lock().take() else {
            return;
        };
        let then = job();
        {
            let mut idle = pool.idle.lock();
            if !pool.closed.load(Ordering::SeqCst) {
                idle.push(me.clone());
            } else {
                me.signal.store(true, Ordering::Release);
            }
        }
        match then {
            Then::Wake(next) => next.wake(),
            Then::Over(sim) => sim.done.over(),
            Then::GivenUp(sim, failure) => sim.done.fail(*failure),
            Then::Nobody => {}
        }
    }
}

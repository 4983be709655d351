//! Simulated threads as OS threads: each waits for the baton, and all of a simulation run on one core.

use std::sync::Arc;

use super::affinity::Core;
use super::pool::{Pool, Then, Worker};
use crate::sim::kernel::Next;
use crate::sim::threads::Slot;
use crate::sim::{Baton, Entered, Sim};

const STACK: usize = 2 << 20;

pub(crate) struct OsCarrier {
    pool: Arc<Pool>,
    /// The thread behind each slot.
    workers: Baton<Vec<Option<Arc<Worker>>>>,
    core: Arc<Core>,
    stack_size: usize,
}

impl OsCarrier {
    pub(crate) fn new(stack_size: Option<usize>) -> Self {
        OsCarrier {
            pool: Pool::of_this_thread(),
            workers: Baton::new(Vec::new()),
            core: Arc::new(Core::claim()),
            stack_size: stack_size.unwrap_or(STACK),
        }
    }

    pub(crate) fn start(&self, sim: Arc<Sim>, slot: Slot, f: Box<dyn FnOnce() + Send>) {
        let core = self.core.clone();
        let job = Box::new(move || {
            core.confine_this_thread();
            let sim = Entered::new(sim);
            let next = sim.run_thread(f);
            after(&sim, next)
        });
        let worker = self.pool.assign(job, self.stack_size);
        self.workers.with(|w| {
            if w.len() <= slot as usize {
                w.resize(slot as usize + 1, None);
            }
            w[slot as usize] = Some(worker);
        });
    }

    pub(crate) fn switch(&self, to: Slot) {
        let next = self.worker(to);
        Worker::with_current(|me| {
            next.wake();
            me.wait();
        });
    }

    pub(crate) fn launch(&self) {
        self.worker(0).wake();
    }

    fn worker(&self, slot: Slot) -> Arc<Worker> {
        self.workers
            .with(|w| w[slot as usize].clone())
            .expect("a live thread has a worker")
    }
}

/// A simulated thread has ended: whom its OS thread tells.
fn after(sim: &Entered, next: Next) -> Then {
    match next {
        Next::Switch(slot) => {
            let super::Carrier::Os(os) = &sim.carrier else {
                unreachable!("this is a thread of the OS carrier")
            };
            Then::Wake(os.worker(slot))
        }
        Next::Over => Then::Over(sim.shared()),
        Next::Stuck => sim.abandon(None),
        Next::Stay => unreachable!("a thread that has ended cannot stay"),
    }
}

//! What carries simulated threads: OS threads that hand a baton on, or fibers on one OS thread. The
//! simulator decides who runs; a carrier only starts, switches and ends.

mod affinity;
mod fiber;
mod os;
mod overflow;
mod pool;

use std::sync::Arc;

use crate::config::{Backend, Config};
use crate::sim::Sim;
use crate::sim::threads::Slot;

use self::fiber::FiberCarrier;
use self::os::OsCarrier;

pub(crate) enum Carrier {
    Os(OsCarrier),
    Fiber(FiberCarrier),
}

impl Carrier {
    pub(crate) fn new(config: &Config) -> Self {
        match config.backend {
            Backend::Os => Carrier::Os(OsCarrier::new(config.stack_size)),
            Backend::Fiber => Carrier::Fiber(FiberCarrier::new(config.stack_size)),
        }
    }

    /// Prepares a thread that runs `f` when `slot` first gets the baton.
    pub(crate) fn start(&self, sim: Arc<Sim>, slot: Slot, f: Box<dyn FnOnce() + Send>) {
        match self {
            Carrier::Os(os) => os.start(sim, slot, f),
            Carrier::Fiber(fiber) => fiber.start(sim, slot, f),
        }
    }

    /// Hands the baton from the calling thread to `to`; returns when the caller has it again.
    #[inline]
    pub(crate) fn switch(&self, sim: &Sim, to: Slot) {
        match self {
            Carrier::Os(os) => os.switch(to),
            Carrier::Fiber(fiber) => fiber.switch(sim),
        }
    }

    /// Gives the baton to the first thread of a run, which waits in slot 0.
    pub(crate) fn launch(&self, sim: &Arc<Sim>) {
        match self {
            Carrier::Os(os) => os.launch(),
            Carrier::Fiber(fiber) => fiber.launch(sim.clone()),
        }
    }

    /// Never returns, and runs nothing any more: the simulation was given up.
    pub(crate) fn leave_for_ever(&self) -> ! {
        match self {
            Carrier::Os(_) => loop {
                std::thread::park();
            },
            Carrier::Fiber(fiber) => fiber.leave_for_ever(),
        }
    }
}

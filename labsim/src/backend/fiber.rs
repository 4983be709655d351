//! Simulated threads as stackful coroutines, all on one OS thread.

use std::cell::Cell;
use std::ptr;
use std::sync::Arc;

use corosensei::stack::{DefaultStack, Stack};
use corosensei::{Coroutine, CoroutineResult, Yielder};

use super::overflow;
use super::pool::{Pool, Then};
use crate::sim::kernel::Next;
use crate::sim::threads::Slot;
use crate::sim::{Baton, Entered, Sim};

/// Reserved, not touched: what a thread never uses costs no memory. Debug builds use deep frames.
const STACK: usize = 1 << 20;

type Fiber = Coroutine<(), (), Next, DefaultStack>;

/// A fiber in its slot. While it runs, the slot is empty.
struct Parked {
    fiber: Fiber,
    /// Lowest address of its stack, where the guard page lies.
    guard: usize,
}

// SAFETY: fibers are made, resumed and dropped on the one OS thread that carries their simulation. They are
// in a `Sync` cell only because the carrier of either kind stands in `Sim`. The closure in it is `Send`.
unsafe impl Send for Parked {}

thread_local! {
    /// How the running fiber gives control back. Each fiber sets it when it begins and when it is resumed.
    static YIELDER: Cell<*const Yielder<(), ()>> = const { Cell::new(ptr::null()) };
}

pub(crate) struct FiberCarrier {
    pool: Arc<Pool>,
    fibers: Baton<Vec<Option<Parked>>>,
    stack_size: usize,
}

impl FiberCarrier {
    pub(crate) fn new(stack_size: Option<usize>) -> Self {
        overflow::install();
        FiberCarrier {
            pool: Pool::of_this_thread(),
            fibers: Baton::new(Vec::new()),
            stack_size: stack_size.unwrap_or(STACK),
        }
    }

    pub(crate) fn start(&self, sim: Arc<Sim>, slot: Slot, f: Box<dyn FnOnce() + Send>) {
        let stack = self.take_stack();
        let guard = stack.limit().get();
        let fiber = Coroutine::with_stack(stack, move |yielder: &Yielder<(), ()>, ()| {
            YIELDER.set(ptr::from_ref(yielder));
            sim.run_thread(f)
        });
        self.fibers.with(|t| {
            if t.len() <= slot as usize {
                t.resize_with(slot as usize + 1, || None);
            }
            t[slot as usize] = Some(Parked { fiber, guard });
        });
    }

    fn take_stack(&self) -> DefaultStack {
        let kept = self.pool.stacks.lock().pop();
        match kept {
            Some(stack) if stack.base().get() - stack.limit().get() >= self.stack_size => stack,
            _ => DefaultStack::new(self.stack_size).unwrap_or_else(|e| {
                panic!("the system gives no more stacks for the simulation: {e}")
            }),
        }
    }

    /// Back to the loop in `carry`, which resumes whoever has the baton now.
    #[inline]
    pub(crate) fn switch(&self, _sim: &Sim) {
        let yielder = YIELDER.get();
        // SAFETY: set when the running fiber began or was last resumed; it lives in that fiber's frame at the
        // base of the stack we are on.
        unsafe { &*yielder }.suspend(());
        YIELDER.set(yielder);
    }

    pub(crate) fn launch(&self, sim: Arc<Sim>) {
        self.pool
            .assign(Box::new(move || carry(sim)), 2 << 20)
            .wake();
    }

    /// Suspends the running fiber for good: `carry` sees that the run was given up, and forgets all fibers.
    pub(crate) fn leave_for_ever(&self) -> ! {
        let yielder = YIELDER.get();
        loop {
            // SAFETY: as in `switch`.
            unsafe { &*yielder }.suspend(());
        }
    }
}

/// Runs the fibers of `sim` until the last has ended.
fn carry(sim: Arc<Sim>) -> Then {
    let sim = Entered::new(sim);
    let super::Carrier::Fiber(carrier) = &sim.carrier else {
        unreachable!("started by the fiber carrier")
    };
    loop {
        let slot = sim.kernel.with(|k| k.running) as usize;
        let Parked { mut fiber, guard } = carrier
            .fibers
            .with(|t| t[slot].take())
            .expect("the thread that has the baton has a fiber");
        overflow::watch(guard);
        match fiber.resume(()) {
            CoroutineResult::Yield(()) => carrier
                .fibers
                .with(|t| t[slot] = Some(Parked { fiber, guard })),
            CoroutineResult::Return(next) => {
                let stack = fiber.into_stack();
                carrier.pool.stacks.lock().push(stack);
                match next {
                    Next::Switch(_) => {}
                    Next::Over => break,
                    Next::Stuck | Next::Stay => return give_up(&sim, carrier),
                }
            }
        }
        if sim
            .pulse
            .abandoned
            .load(std::sync::atomic::Ordering::Relaxed)
            != 0
        {
            forget_fibers(carrier);
            return Then::Nobody;
        }
    }
    overflow::unwatch();
    Then::Over(sim.shared())
}

/// The last thread that could run has ended, others are left: the caller of `run` is to be told.
fn give_up(sim: &Entered, carrier: &FiberCarrier) -> Then {
    let failure = sim.stuck();
    sim.pulse
        .abandoned
        .store(1, std::sync::atomic::Ordering::SeqCst);
    forget_fibers(carrier);
    Then::GivenUp(sim.shared(), Box::new(failure))
}

/// Fibers of a run that was given up cannot be unwound: their stacks stay as they are.
fn forget_fibers(carrier: &FiberCarrier) {
    carrier
        .fibers
        .with(|t| std::mem::take(t).into_iter().for_each(std::mem::forget));
    overflow::unwatch();
}

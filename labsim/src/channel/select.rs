//! Waiting for one of several channel operations.

use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::time::Duration;

use super::receiver::Receiver;
use super::sender::Sender;
use super::{RecvError, SelectTimeoutError, SendError, TrySelectError};
use crate::diagnose;
use crate::sim::kernel::Op;
use crate::sim::objects::ObjId;
use crate::sim::threads::{Wake, Why};
use crate::sim::{self, Sim};
use crate::time::Instant;
use crate::trace::What;
use crate::wall;

/// Names one operation: what it has claimed or been handed belongs to it.
pub(super) type Token = Op;

pub(super) fn new_token(sim: &Sim) -> Token {
    sim.kernel.with(|k| k.begin_op())
}

/// Whether an arm could be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// It is chosen: what it needs is set aside under the token. Also when it is bound to fail.
    Done,
    NotReady,
}

/// One operation that a thread may choose, or wait for.
pub(super) trait Arm {
    /// Chooses this arm if it is ready.
    fn claim(&self, sim: &Sim, token: Token) -> Claim;

    /// The thread is about to block: it may be handed something by other means, and waits for this object.
    fn watch(&self, sim: &Sim, token: Token, arm: usize) -> Option<ObjId>;

    /// The thread no longer waits.
    fn unwatch(&self, _token: Token) {}

    /// The thread was notified, maybe for this arm, and chose another: who else waits here may go on.
    fn pass_on(&self, _sim: &Sim) {}

    /// Gives back what was set aside: the thread was ended before it used it.
    fn unclaim(&self, _sim: &Sim, _token: Token) {}

    /// When the arm becomes ready by itself (virtual ns).
    fn ready_at(&self) -> Option<u64> {
        None
    }

    /// The simulation that its channel belongs to; 0 if it belongs to none.
    fn sim(&self) -> u32;
}

/// Chooses one of `arms`: at once, or, with a reason to wait, when one becomes ready or `deadline` comes. `None`: none was.
pub(super) fn wait(
    sim: &Sim,
    arms: &[&dyn Arm],
    token: Token,
    deadline: Option<u64>,
    why: Option<Why>,
    at: &'static Location<'static>,
) -> Option<usize> {
    if why.is_some() {
        diagnose::note_held(sim, &"a channel", ObjId::NONE, at);
    }
    let mut blocked = false;
    loop {
        if let Some(chosen) = claim_one(sim, arms, token) {
            if blocked {
                pass_on(sim, arms, chosen);
            }
            return Some(chosen);
        }
        let why = why?;
        if deadline.is_some_and(|d| sim.now() >= d) {
            return None;
        }
        let (wake, completed) = block(sim, arms, token, deadline, why, at);
        blocked = true;
        if let Some(chosen) = completed {
            pass_on(sim, arms, chosen);
            return Some(chosen);
        }
        if wake == Wake::Dying {
            // The caller unwinds and may not wait; the first arm will find nothing and fail.
            return if deadline.is_none() && arms.len() > 1 {
                Some(0)
            } else {
                None
            };
        }
    }
}

/// Tries the arms in turn, from a random one on: `select!` favours none.
fn claim_one(sim: &Sim, arms: &[&dyn Arm], token: Token) -> Option<usize> {
    let first = if arms.len() > 1 {
        sim.kernel.with(|k| k.sched.draw(arms.len()))
    } else {
        0
    };
    (first..arms.len())
        .chain(0..first)
        .find(|i| arms[*i].claim(sim, token) == Claim::Done)
}

fn pass_on(sim: &Sim, arms: &[&dyn Arm], chosen: usize) {
    for (i, arm) in arms.iter().enumerate() {
        if i != chosen {
            arm.pass_on(sim);
        }
    }
}

/// Blocks until something happens to one of the arms; says which of them another thread has completed.
fn block(
    sim: &Sim,
    arms: &[&dyn Arm],
    token: Token,
    deadline: Option<u64>,
    why: Why,
    at: &'static Location<'static>,
) -> (Wake, Option<usize>) {
    let watching = Watching {
        sim,
        arms,
        token,
        done: false,
    };
    let mut objs = [ObjId::NONE; 8];
    let mut more = Vec::new();
    let mut n = 0;
    for (i, arm) in arms.iter().enumerate() {
        if let Some(obj) = arm.watch(sim, token, i) {
            match objs.get_mut(n) {
                Some(place) => *place = obj,
                None => more.push(obj),
            }
            n += 1;
        }
    }
    let all;
    let objs = if more.is_empty() {
        &objs[..n]
    } else {
        all = [&objs[..], &more[..]].concat();
        &all[..]
    };
    let until = arms
        .iter()
        .filter_map(|a| a.ready_at())
        .chain(deadline)
        .min();
    sim.kernel.with(|k| k.enter_op(token, true));
    let wake = sim.block(objs, until, why, at);
    let completed = watching.finish();
    (wake, completed)
}

/// Undoes `watch` on every arm, also when the thread is ended while it waits.
struct Watching<'a> {
    sim: &'a Sim,
    arms: &'a [&'a dyn Arm],
    token: Token,
    done: bool,
}

impl Watching<'_> {
    fn leave(&mut self) -> Option<usize> {
        self.done = true;
        self.arms.iter().for_each(|arm| arm.unwatch(self.token));
        self.sim.kernel.with(|k| k.leave_op(self.token))
    }

    fn finish(mut self) -> Option<usize> {
        self.leave()
    }
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        if !self.done
            && let Some(arm) = self.leave()
        {
            self.arms[arm].unclaim(self.sim, self.token);
        }
    }
}

/// Blocks in `token` until `settled`, however often it is woken.
pub(super) fn block_until(
    sim: &Sim,
    token: Token,
    why: Why,
    at: &'static Location<'static>,
    settled: impl Fn() -> bool,
) {
    while !settled() {
        sim.kernel.with(|k| k.enter_op(token, false));
        let wake = sim.block(&[], None, why, at);
        sim.kernel.with(|k| k.leave_op(token));
        if wake == Wake::Dying {
            return;
        }
    }
}

/// An operation of a `Select`, on either clock.
pub(super) trait Operation: Arm {
    /// Adds it to crossbeam's.
    fn add_real<'a>(&'a self, select: &mut crossbeam_channel::Select<'a>) -> usize;
}

/// Waits for one of several channel operations; crossbeam-channel's API. [`select!`](crate::select) is easier to read.
///
/// ```
/// use labsim::channel::{Select, unbounded};
///
/// let (tx, rx) = unbounded();
/// tx.send(7).unwrap();
/// let mut select = Select::new();
/// let first = select.recv(&rx);
/// let operation = select.select();
/// assert_eq!(operation.index(), first);
/// assert_eq!(operation.recv(&rx), Ok(7));
/// ```
#[derive(Default)]
pub struct Select<'a> {
    operations: Vec<&'a dyn Operation>,
}

impl fmt::Debug for Select<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Select")
            .field("operations", &self.operations.len())
            .finish()
    }
}

impl<'a> Select<'a> {
    /// No operations yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a receive; returns its index.
    pub fn recv<T>(&mut self, from: &'a Receiver<T>) -> usize {
        self.add(from)
    }

    /// Adds a send; returns its index.
    pub fn send<T>(&mut self, to: &'a Sender<T>) -> usize {
        self.add(to)
    }

    fn add(&mut self, operation: &'a dyn Operation) -> usize {
        self.operations.push(operation);
        self.operations.len() - 1
    }

    /// Waits until an operation is ready, and chooses it. It must then be completed.
    ///
    /// # Panics
    /// Without any operation.
    #[track_caller]
    pub fn select(&mut self) -> SelectedOperation<'a> {
        assert!(
            !self.operations.is_empty(),
            "a select over no operations would wait for ever"
        );
        let at = Location::caller();
        loop {
            if let Some(chosen) = self.choose(None, true, at) {
                return chosen;
            }
        }
    }

    /// Chooses an operation that is ready now.
    ///
    /// # Errors
    /// When none is.
    #[track_caller]
    pub fn try_select(&mut self) -> Result<SelectedOperation<'a>, TrySelectError> {
        self.choose(None, false, Location::caller())
            .ok_or(TrySelectError)
    }

    /// Waits until an operation is ready, but no longer than `timeout`.
    ///
    /// # Errors
    /// When the time is up.
    #[track_caller]
    pub fn select_timeout(
        &mut self,
        timeout: Duration,
    ) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        let at = Location::caller();
        let deadline = Instant::now().checked_add(timeout);
        self.choose(deadline, true, at).ok_or(SelectTimeoutError)
    }

    /// Waits until an operation is ready, but until `deadline` at the latest.
    ///
    /// # Errors
    /// When that has come.
    #[track_caller]
    pub fn select_deadline(
        &mut self,
        deadline: Instant,
    ) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        self.choose(Some(deadline), true, Location::caller())
            .ok_or(SelectTimeoutError)
    }

    fn choose(
        &mut self,
        deadline: Option<Instant>,
        patience: bool,
        at: &'static Location<'static>,
    ) -> Option<SelectedOperation<'a>> {
        match sim::current() {
            Some(sim) => self.choose_simulated(sim, deadline, patience, at),
            None => self.choose_real(deadline, patience),
        }
    }

    fn choose_simulated(
        &mut self,
        sim: &Sim,
        deadline: Option<Instant>,
        patience: bool,
        at: &'static Location<'static>,
    ) -> Option<SelectedOperation<'a>> {
        if self
            .operations
            .iter()
            .any(|o| o.sim() != sim.id && o.sim() != 0)
        {
            super::foreign_channel();
        }
        sim.point(What::Select, ObjId::NONE, at);
        let arms: Vec<&dyn Arm> = self.operations.iter().map(|o| *o as &dyn Arm).collect();
        let token = new_token(sim);
        let why = patience.then_some(Why::Select);
        let index = wait(sim, &arms, token, deadline.map(Instant::as_nanos), why, at)?;
        Some(SelectedOperation {
            index,
            by: Some(By::Simulator(token, self.operations[index])),
            _not_send: PhantomData,
        })
    }

    fn choose_real(
        &mut self,
        deadline: Option<Instant>,
        patience: bool,
    ) -> Option<SelectedOperation<'a>> {
        let mut select = crossbeam_channel::Select::new();
        for operation in &self.operations {
            operation.add_real(&mut select);
        }
        let chosen = if !patience {
            wall::heed();
            select.try_select().ok()
        } else if wall::is_bound() {
            let mut chosen = None;
            wall::wait_in_slices(deadline.map(Instant::to_std), |until| {
                chosen = select.select_deadline(until).ok();
                chosen.is_some()
            });
            chosen
        } else {
            match deadline {
                None => Some(select.select()),
                Some(d) => select.select_deadline(d.to_std()).ok(),
            }
        }?;
        Some(SelectedOperation {
            index: chosen.index(),
            by: Some(By::Crossbeam(chosen)),
            _not_send: PhantomData,
        })
    }
}

enum By<'a> {
    Simulator(Token, &'a dyn Operation),
    Crossbeam(crossbeam_channel::SelectedOperation<'a>),
}

/// An operation that was chosen and must be completed, by `recv` or `send` on the channel it was added with.
#[must_use = "a chosen operation must be completed"]
pub struct SelectedOperation<'a> {
    index: usize,
    by: Option<By<'a>>,
    /// What was claimed belongs to this thread's operation.
    _not_send: PhantomData<*const ()>,
}

impl fmt::Debug for SelectedOperation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelectedOperation")
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}

impl SelectedOperation<'_> {
    /// Which it is, as `Select::recv` or `Select::send` returned it.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Completes a receive.
    ///
    /// # Errors
    /// When the senders are gone.
    #[track_caller]
    pub fn recv<T>(mut self, from: &Receiver<T>) -> Result<T, RecvError> {
        match self.by.take() {
            Some(By::Simulator(token, _)) => from.collect(token, Location::caller()),
            Some(By::Crossbeam(operation)) => from.collect_real(operation),
            None => unreachable!("a chosen operation is completed once"),
        }
    }

    /// Completes a send.
    ///
    /// # Errors
    /// When the receivers are gone.
    pub fn send<T>(mut self, to: &Sender<T>, message: T) -> Result<(), SendError<T>> {
        match self.by.take() {
            Some(By::Simulator(token, _)) => to.deliver(token, message),
            Some(By::Crossbeam(operation)) => to.deliver_real(operation, message),
            None => unreachable!("a chosen operation is completed once"),
        }
    }
}

impl Drop for SelectedOperation<'_> {
    fn drop(&mut self) {
        let Some(By::Simulator(token, operation)) = self.by.take() else {
            return;
        };
        if let Some(sim) = sim::current() {
            operation.unclaim(sim, token);
        }
        assert!(
            crate::thread::panicking(),
            "dropped `SelectedOperation` without completing the operation"
        );
    }
}

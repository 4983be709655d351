//! The receiving half.

use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use super::buffered::{self, Buffered};
use super::select::{Arm, Claim, Operation, Token, new_token, wait};
use super::sender::outside;
use super::timed::Timed;
use super::zero::{self, Collected, Zero};
use super::{RecvError, RecvTimeoutError, TryRecvError, foreign_channel};
use crate::sim::objects::ObjId;
use crate::sim::threads::Why;
use crate::sim::{self, Sim};
use crate::time::Instant;
use crate::trace::What;
use crate::wall;

/// The receiving half of a channel. Clones receive from the same; each message goes to one of them.
pub struct Receiver<T> {
    flavor: Flavor<T>,
}

enum Flavor<T> {
    Real(crossbeam_channel::Receiver<T>),
    /// Real time; the times of crossbeam are turned into ours.
    RealTimed(
        crossbeam_channel::Receiver<std::time::Instant>,
        fn(std::time::Instant) -> T,
    ),
    Buffered(Arc<Buffered<T>>),
    Zero(Arc<Zero<T>>),
    Timed(Arc<dyn Timed<T>>),
    Never,
}

impl<T> UnwindSafe for Receiver<T> {}
impl<T> RefUnwindSafe for Receiver<T> {}

impl Receiver<Instant> {
    pub(super) fn real_timed(rx: crossbeam_channel::Receiver<std::time::Instant>) -> Self {
        Receiver {
            flavor: Flavor::RealTimed(rx, Instant::from_std),
        }
    }
}

impl<T> Receiver<T> {
    pub(super) fn real(rx: crossbeam_channel::Receiver<T>) -> Self {
        Receiver {
            flavor: Flavor::Real(rx),
        }
    }

    pub(super) fn buffered(channel: Arc<Buffered<T>>) -> Self {
        Receiver {
            flavor: Flavor::Buffered(channel),
        }
    }

    pub(super) fn zero(channel: Arc<Zero<T>>) -> Self {
        Receiver {
            flavor: Flavor::Zero(channel),
        }
    }

    pub(super) fn timed(channel: Arc<dyn Timed<T>>) -> Self {
        Receiver {
            flavor: Flavor::Timed(channel),
        }
    }

    pub(super) fn never() -> Self {
        Receiver {
            flavor: Flavor::Never,
        }
    }

    /// Receives, waiting for a message.
    ///
    /// # Errors
    /// When there is none and the senders are gone.
    #[track_caller]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.recv_until(None, true, Location::caller())
            .map_err(|_| RecvError)
    }

    /// Receives if there is a message.
    ///
    /// # Errors
    /// When there is none.
    #[track_caller]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.recv_until(None, false, Location::caller())
    }

    /// Receives, waiting no longer than `timeout`.
    ///
    /// # Errors
    /// When the time is up, or the senders are gone.
    #[track_caller]
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        let at = Location::caller();
        let deadline = Instant::now().checked_add(timeout);
        self.recv_until(deadline, true, at).map_err(timeout_error)
    }

    /// Receives, waiting until `deadline` at the latest.
    ///
    /// # Errors
    /// When that has come, or the senders are gone.
    #[track_caller]
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.recv_until(Some(deadline), true, Location::caller())
            .map_err(timeout_error)
    }

    /// `Empty`: the time is up.
    fn recv_until(
        &self,
        deadline: Option<Instant>,
        patience: bool,
        at: &'static Location<'static>,
    ) -> Result<T, TryRecvError> {
        let nanos = deadline.map(Instant::as_nanos);
        match &self.flavor {
            Flavor::Real(rx) => recv_real(rx, deadline, patience),
            Flavor::RealTimed(rx, convert) => recv_real(rx, deadline, patience).map(convert),
            Flavor::Buffered(c) => c.recv(nanos, patience, at),
            Flavor::Zero(c) => c.recv(nanos, patience, at),
            Flavor::Timed(c) => c.recv(nanos, patience, at),
            Flavor::Never => self.recv_never(deadline, patience, at),
        }
    }

    fn recv_never(
        &self,
        deadline: Option<Instant>,
        patience: bool,
        at: &'static Location<'static>,
    ) -> Result<T, TryRecvError> {
        let Some(sim) = sim::current() else {
            return recv_real(&crossbeam_channel::never(), deadline, patience);
        };
        sim.point(What::Receive, ObjId::NONE, at);
        let why = patience.then_some(Why::Receive);
        wait(
            sim,
            &[self as &dyn Arm],
            new_token(sim),
            deadline.map(Instant::as_nanos),
            why,
            at,
        );
        Err(TryRecvError::Empty)
    }

    pub(super) fn collect(
        &self,
        token: Token,
        at: &'static Location<'static>,
    ) -> Result<T, RecvError> {
        match &self.flavor {
            Flavor::Buffered(c) => c.take_claimed(token).ok_or(RecvError),
            Flavor::Timed(c) => c.take_claimed(token).ok_or(RecvError),
            Flavor::Zero(c) => {
                let Some(sim) = sim::current() else {
                    return Err(RecvError);
                };
                match c.collect(sim, token, at) {
                    Collected::Message(value) => Ok(value),
                    Collected::Disconnected | Collected::Broken => Err(RecvError),
                }
            }
            Flavor::Never => Err(RecvError),
            Flavor::Real(_) | Flavor::RealTimed(..) => foreign_channel(),
        }
    }

    pub(super) fn collect_real(
        &self,
        operation: crossbeam_channel::SelectedOperation<'_>,
    ) -> Result<T, RecvError> {
        match &self.flavor {
            Flavor::Real(rx) => operation.recv(rx),
            Flavor::RealTimed(rx, convert) => operation.recv(rx).map(convert),
            _ => unreachable!("crossbeam chose a channel of its own"),
        }
    }

    /// Messages in the channel.
    #[track_caller]
    pub fn len(&self) -> usize {
        super::look(Location::caller());
        match &self.flavor {
            Flavor::Real(rx) => rx.len(),
            Flavor::RealTimed(rx, _) => rx.len(),
            Flavor::Buffered(c) => c.len(),
            Flavor::Timed(c) => usize::from(c.is_due()),
            Flavor::Zero(_) | Flavor::Never => 0,
        }
    }

    /// Whether there are none.
    #[track_caller]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room; always so with capacity 0.
    #[track_caller]
    pub fn is_full(&self) -> bool {
        let len = self.len();
        self.capacity().is_some_and(|cap| len >= cap)
    }

    /// Messages that the channel holds at most; `None` is no bound.
    pub fn capacity(&self) -> Option<usize> {
        match &self.flavor {
            Flavor::Real(rx) => rx.capacity(),
            Flavor::Buffered(c) => c.capacity(),
            Flavor::RealTimed(..) | Flavor::Timed(_) => Some(1),
            Flavor::Zero(_) | Flavor::Never => Some(0),
        }
    }

    /// Whether both receive from the same channel.
    pub fn same_channel(&self, other: &Receiver<T>) -> bool {
        match (&self.flavor, &other.flavor) {
            (Flavor::Real(a), Flavor::Real(b)) => a.same_channel(b),
            (Flavor::RealTimed(a, _), Flavor::RealTimed(b, _)) => a.same_channel(b),
            (Flavor::Buffered(a), Flavor::Buffered(b)) => Arc::ptr_eq(a, b),
            (Flavor::Zero(a), Flavor::Zero(b)) => Arc::ptr_eq(a, b),
            (Flavor::Timed(a), Flavor::Timed(b)) => Arc::ptr_eq(a, b),
            (Flavor::Never, Flavor::Never) => true,
            _ => false,
        }
    }

    /// Messages until the senders are gone; waits for each.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter(self)
    }

    /// The messages that are there; waits for none.
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter(self)
    }
}

fn timeout_error(e: TryRecvError) -> RecvTimeoutError {
    match e {
        TryRecvError::Empty => RecvTimeoutError::Timeout,
        TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
    }
}

fn recv_real<T>(
    rx: &crossbeam_channel::Receiver<T>,
    deadline: Option<Instant>,
    patience: bool,
) -> Result<T, TryRecvError> {
    wall::heed();
    match rx.try_recv() {
        Err(TryRecvError::Empty) if patience => {}
        done => return done,
    }
    if sim::current().is_some() {
        foreign_channel();
    }
    if !wall::is_bound() {
        return match deadline {
            None => rx.recv().map_err(|_| TryRecvError::Disconnected),
            Some(d) => rx.recv_deadline(d.to_std()).map_err(|e| match e {
                RecvTimeoutError::Timeout => TryRecvError::Empty,
                RecvTimeoutError::Disconnected => TryRecvError::Disconnected,
            }),
        };
    }
    let mut result = Err(TryRecvError::Empty);
    wall::wait_in_slices(deadline.map(Instant::to_std), |until| {
        result = rx.recv_deadline(until).map_err(|e| match e {
            RecvTimeoutError::Timeout => TryRecvError::Empty,
            RecvTimeoutError::Disconnected => TryRecvError::Disconnected,
        });
        !matches!(result, Err(TryRecvError::Empty))
    });
    result
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        match &self.flavor {
            Flavor::Real(rx) => Receiver::real(rx.clone()),
            Flavor::RealTimed(rx, convert) => Receiver {
                flavor: Flavor::RealTimed(rx.clone(), *convert),
            },
            Flavor::Buffered(c) => {
                c.add_receiver();
                Receiver::buffered(c.clone())
            }
            Flavor::Zero(c) => {
                c.add_receiver();
                Receiver::zero(c.clone())
            }
            Flavor::Timed(c) => Receiver::timed(c.clone()),
            Flavor::Never => Receiver::never(),
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        match &self.flavor {
            Flavor::Buffered(c) => c.drop_receiver(),
            Flavor::Zero(c) => c.drop_receiver(),
            Flavor::Real(_) | Flavor::RealTimed(..) | Flavor::Timed(_) | Flavor::Never => {}
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Receiver { .. }")
    }
}

impl<T> Arm for Receiver<T> {
    fn claim(&self, sim: &Sim, token: Token) -> Claim {
        match &self.flavor {
            Flavor::Buffered(c) => buffered::RecvArm(c).claim(sim, token),
            Flavor::Zero(c) => zero::RecvArm(c).claim(sim, token),
            Flavor::Timed(c) => c.claim(sim, token),
            Flavor::Never => Claim::NotReady,
            Flavor::Real(_) | Flavor::RealTimed(..) => foreign_channel(),
        }
    }

    fn watch(&self, sim: &Sim, token: Token, arm: usize) -> Option<ObjId> {
        match &self.flavor {
            Flavor::Buffered(c) => buffered::RecvArm(c).watch(sim, token, arm),
            Flavor::Zero(c) => zero::RecvArm(c).watch(sim, token, arm),
            _ => None,
        }
    }

    fn unwatch(&self, token: Token) {
        if let Flavor::Zero(c) = &self.flavor {
            zero::RecvArm(c).unwatch(token);
        }
    }

    fn pass_on(&self, sim: &Sim) {
        if let Flavor::Buffered(c) = &self.flavor {
            buffered::RecvArm(c).pass_on(sim);
        }
    }

    fn unclaim(&self, sim: &Sim, token: Token) {
        match &self.flavor {
            Flavor::Buffered(c) => buffered::RecvArm(c).unclaim(sim, token),
            Flavor::Zero(c) => zero::RecvArm(c).unclaim(sim, token),
            Flavor::Timed(c) => c.unclaim(sim, token),
            _ => {}
        }
    }

    fn ready_at(&self) -> Option<u64> {
        match &self.flavor {
            Flavor::Timed(c) => c.ready_at(),
            _ => None,
        }
    }

    fn sim(&self) -> u32 {
        match &self.flavor {
            Flavor::Buffered(c) => buffered::RecvArm(c).sim(),
            Flavor::Zero(c) => zero::RecvArm(c).sim(),
            Flavor::Timed(c) => c.sim(),
            Flavor::Never => 0,
            Flavor::Real(_) | Flavor::RealTimed(..) => u32::MAX,
        }
    }
}

impl<T> Operation for Receiver<T> {
    fn add_real<'a>(&'a self, select: &mut crossbeam_channel::Select<'a>) -> usize {
        match &self.flavor {
            Flavor::Real(rx) => select.recv(rx),
            Flavor::RealTimed(rx, _) => select.recv(rx),
            Flavor::Never => select.recv(never_real()),
            Flavor::Buffered(_) | Flavor::Zero(_) | Flavor::Timed(_) => outside(self.sim()),
        }
    }
}

/// A channel of crossbeam's that stands for `Flavor::Never`.
fn never_real() -> &'static crossbeam_channel::Receiver<()> {
    static NEVER: std::sync::OnceLock<crossbeam_channel::Receiver<()>> = std::sync::OnceLock::new();
    NEVER.get_or_init(crossbeam_channel::never)
}

/// Iterator over messages, until the senders are gone.
#[derive(Debug)]
pub struct Iter<'a, T>(&'a Receiver<T>);

impl<T> Iterator for Iter<'_, T> {
    type Item = T;
    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

/// Iterator over the messages that are there.
#[derive(Debug)]
pub struct TryIter<'a, T>(&'a Receiver<T>);

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;
    fn next(&mut self) -> Option<T> {
        self.0.try_recv().ok()
    }
}

/// Iterator that owns its receiver.
#[derive(Debug)]
pub struct IntoIter<T>(Receiver<T>);

impl<T> Iterator for IntoIter<T> {
    type Item = T;
    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;
    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;
    fn into_iter(self) -> IntoIter<T> {
        IntoIter(self)
    }
}

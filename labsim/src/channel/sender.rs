//! The sending half.

use std::fmt;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use super::buffered::{self, Buffered};
use super::select::{Arm, Claim, Operation, Token};
use super::zero::{self, Zero};
use super::{SendError, SendTimeoutError, TrySendError, foreign_channel, simulation_of};
use crate::sim::objects::ObjId;
use crate::sim::{self, Sim};
use crate::time::Instant;
use crate::wall;

/// The sending half of a channel. Clones send to the same.
pub struct Sender<T> {
    flavor: Flavor<T>,
}

enum Flavor<T> {
    Real(crossbeam_channel::Sender<T>),
    Buffered(Arc<Buffered<T>>),
    Zero(Arc<Zero<T>>),
}

impl<T> UnwindSafe for Sender<T> {}
impl<T> RefUnwindSafe for Sender<T> {}

impl<T> Sender<T> {
    pub(super) fn real(tx: crossbeam_channel::Sender<T>) -> Self {
        Sender {
            flavor: Flavor::Real(tx),
        }
    }

    pub(super) fn buffered(channel: Arc<Buffered<T>>) -> Self {
        Sender {
            flavor: Flavor::Buffered(channel),
        }
    }

    pub(super) fn zero(channel: Arc<Zero<T>>) -> Self {
        Sender {
            flavor: Flavor::Zero(channel),
        }
    }

    /// Sends, waiting for room, or for a receiver if the channel has capacity 0.
    ///
    /// # Errors
    /// When the receivers are gone; the message is in the error.
    #[track_caller]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.send_until(message, None, true, Location::caller())
            .map_err(|e| SendError(e.into_inner()))
    }

    /// Sends if that is possible at once.
    ///
    /// # Errors
    /// When it is not, or the receivers are gone.
    #[track_caller]
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.send_until(message, None, false, Location::caller())
            .map_err(|e| match e {
                SendTimeoutError::Timeout(m) => TrySendError::Full(m),
                SendTimeoutError::Disconnected(m) => TrySendError::Disconnected(m),
            })
    }

    /// Sends, waiting no longer than `timeout`.
    ///
    /// # Errors
    /// When the time is up, or the receivers are gone.
    #[track_caller]
    pub fn send_timeout(&self, message: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        let at = Location::caller();
        let deadline = Instant::now().checked_add(timeout);
        self.send_until(message, deadline, true, at)
    }

    /// Sends, waiting until `deadline` at the latest.
    ///
    /// # Errors
    /// When that has come, or the receivers are gone.
    #[track_caller]
    pub fn send_deadline(&self, message: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        self.send_until(message, Some(deadline), true, Location::caller())
    }

    fn send_until(
        &self,
        message: T,
        deadline: Option<Instant>,
        patience: bool,
        at: &'static Location<'static>,
    ) -> Result<(), SendTimeoutError<T>> {
        match &self.flavor {
            Flavor::Real(tx) => send_real(tx, message, deadline, patience),
            Flavor::Buffered(c) => c.send(message, deadline.map(Instant::as_nanos), patience, at),
            Flavor::Zero(c) => c.send(message, deadline.map(Instant::as_nanos), patience, at),
        }
    }

    pub(super) fn deliver(&self, token: Token, message: T) -> Result<(), SendError<T>> {
        match &self.flavor {
            Flavor::Buffered(c) => c.fill_reserved(message).map_err(SendError),
            Flavor::Zero(c) => match sim::current() {
                Some(sim) => c.deliver(sim, token, message).map_err(SendError),
                None => Err(SendError(message)),
            },
            Flavor::Real(_) => foreign_channel(),
        }
    }

    pub(super) fn deliver_real(
        &self,
        operation: crossbeam_channel::SelectedOperation<'_>,
        message: T,
    ) -> Result<(), SendError<T>> {
        match &self.flavor {
            Flavor::Real(tx) => operation.send(tx, message),
            _ => unreachable!("crossbeam chose a channel of its own"),
        }
    }

    /// Messages in the channel.
    #[track_caller]
    pub fn len(&self) -> usize {
        super::look(Location::caller());
        match &self.flavor {
            Flavor::Real(tx) => tx.len(),
            Flavor::Buffered(c) => c.len(),
            Flavor::Zero(_) => 0,
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
            Flavor::Real(tx) => tx.capacity(),
            Flavor::Buffered(c) => c.capacity(),
            Flavor::Zero(_) => Some(0),
        }
    }

    /// Whether both send to the same channel.
    pub fn same_channel(&self, other: &Sender<T>) -> bool {
        match (&self.flavor, &other.flavor) {
            (Flavor::Real(a), Flavor::Real(b)) => a.same_channel(b),
            (Flavor::Buffered(a), Flavor::Buffered(b)) => Arc::ptr_eq(a, b),
            (Flavor::Zero(a), Flavor::Zero(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

fn send_real<T>(
    tx: &crossbeam_channel::Sender<T>,
    message: T,
    deadline: Option<Instant>,
    patience: bool,
) -> Result<(), SendTimeoutError<T>> {
    wall::heed();
    let mut message = match tx.try_send(message) {
        Ok(()) => return Ok(()),
        Err(TrySendError::Disconnected(m)) => return Err(SendTimeoutError::Disconnected(m)),
        Err(TrySendError::Full(m)) => m,
    };
    if !patience {
        return Err(SendTimeoutError::Timeout(message));
    }
    if sim::current().is_some() {
        foreign_channel();
    }
    if !wall::is_bound() {
        return match deadline {
            None => tx
                .send(message)
                .map_err(|e| SendTimeoutError::Disconnected(e.0)),
            Some(d) => tx.send_deadline(message, d.to_std()),
        };
    }
    let mut held = None;
    let mut gone = false;
    message = {
        held.replace(message);
        let sent = wall::wait_in_slices(deadline.map(Instant::to_std), |until| {
            match tx.send_deadline(held.take().expect("not sent yet"), until) {
                Ok(()) => true,
                Err(e) => {
                    gone = e.is_disconnected();
                    held = Some(e.into_inner());
                    gone
                }
            }
        });
        match held.take() {
            None => return Ok(()),
            Some(m) => {
                debug_assert!(gone || !sent);
                m
            }
        }
    };
    Err(if gone {
        SendTimeoutError::Disconnected(message)
    } else {
        SendTimeoutError::Timeout(message)
    })
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        match &self.flavor {
            Flavor::Real(tx) => Sender::real(tx.clone()),
            Flavor::Buffered(c) => {
                c.add_sender();
                Sender::buffered(c.clone())
            }
            Flavor::Zero(c) => {
                c.add_sender();
                Sender::zero(c.clone())
            }
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        match &self.flavor {
            Flavor::Real(_) => {}
            Flavor::Buffered(c) => c.drop_sender(),
            Flavor::Zero(c) => c.drop_sender(),
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Sender { .. }")
    }
}

impl<T> Arm for Sender<T> {
    fn claim(&self, sim: &Sim, token: Token) -> Claim {
        match &self.flavor {
            Flavor::Buffered(c) => buffered::SendArm(c).claim(sim, token),
            Flavor::Zero(c) => zero::SendArm(c).claim(sim, token),
            Flavor::Real(_) => foreign_channel(),
        }
    }

    fn watch(&self, sim: &Sim, token: Token, arm: usize) -> Option<ObjId> {
        match &self.flavor {
            Flavor::Buffered(c) => buffered::SendArm(c).watch(sim, token, arm),
            Flavor::Zero(c) => zero::SendArm(c).watch(sim, token, arm),
            Flavor::Real(_) => foreign_channel(),
        }
    }

    fn unwatch(&self, token: Token) {
        if let Flavor::Zero(c) = &self.flavor {
            zero::SendArm(c).unwatch(token);
        }
    }

    fn pass_on(&self, sim: &Sim) {
        if let Flavor::Buffered(c) = &self.flavor {
            buffered::SendArm(c).pass_on(sim);
        }
    }

    fn unclaim(&self, sim: &Sim, token: Token) {
        match &self.flavor {
            Flavor::Buffered(c) => buffered::SendArm(c).unclaim(sim, token),
            Flavor::Zero(c) => zero::SendArm(c).unclaim(sim, token),
            Flavor::Real(_) => {}
        }
    }

    fn sim(&self) -> u32 {
        match &self.flavor {
            Flavor::Buffered(c) => buffered::SendArm(c).sim(),
            Flavor::Zero(c) => zero::SendArm(c).sim(),
            Flavor::Real(_) => u32::MAX,
        }
    }
}

impl<T> Operation for Sender<T> {
    fn add_real<'a>(&'a self, select: &mut crossbeam_channel::Select<'a>) -> usize {
        match &self.flavor {
            Flavor::Real(tx) => select.send(tx),
            Flavor::Buffered(c) => outside(buffered::SendArm(c).sim()),
            Flavor::Zero(c) => outside(zero::SendArm(c).sim()),
        }
    }
}

/// A thread outside any simulation selects over a channel of one.
pub(super) fn outside(sim: u32) -> ! {
    simulation_of(sim);
    panic!("a channel of a simulation that is over is used in a select: make the channel anew")
}

//! Channels with room for messages.

use std::collections::VecDeque;
use std::panic::Location;

use parking_lot::Mutex;

use super::select::{Arm, Claim, Token};
use super::{SendTimeoutError, TryRecvError, simulation_of};
use crate::diagnose;
use crate::sim::Sim;
use crate::sim::objects::{ObjId, ObjKind, Tag};
use crate::sim::threads::{Wake, Why};
use crate::trace::What;

pub(super) struct Buffered<T> {
    sim: u32,
    cap: Option<usize>,
    /// What receivers wait for: a message, or the end of the senders.
    filled: Tag,
    /// What senders wait for: room, or the end of the receivers.
    drained: Tag,
    state: Mutex<State<T>>,
}

struct State<T> {
    queue: VecDeque<T>,
    /// Messages that a `select!` has chosen to receive, and has not yet taken out.
    claimed: Vec<(Token, Option<T>)>,
    /// Places that a `select!` has chosen to send to, and has not yet filled.
    reserved: usize,
    senders: usize,
    receivers: usize,
}

impl<T> Buffered<T> {
    pub(super) fn new(sim: u32, cap: Option<usize>) -> Self {
        Buffered {
            sim,
            cap,
            filled: Tag::new(),
            drained: Tag::new(),
            state: Mutex::new(State {
                queue: VecDeque::new(),
                claimed: Vec::new(),
                reserved: 0,
                senders: 1,
                receivers: 1,
            }),
        }
    }

    fn kind(&self) -> ObjKind {
        let name = if self.cap.is_some() {
            "bounded channel"
        } else {
            "channel"
        };
        ObjKind {
            name,
            content: std::any::type_name::<T>(),
        }
    }

    fn filled(&self, sim: &Sim) -> ObjId {
        self.filled.resolve(sim, self.kind())
    }

    fn drained(&self, sim: &Sim) -> ObjId {
        self.drained.resolve(sim, self.kind())
    }

    fn has_room(&self, s: &State<T>) -> bool {
        self.cap.is_none_or(|cap| s.queue.len() + s.reserved < cap)
    }

    /// Someone may go on: wakes one of those that wait for `tag`, if any ever has.
    fn notify(&self, sim: &Sim, tag: &Tag) {
        let obj = tag.resolve(sim, self.kind());
        sim.kernel.with(|k| k.notify_one(obj));
    }

    fn notify_all(&self, tag: &Tag) {
        if let Some(sim) = crate::sim::current().filter(|s| s.id == self.sim) {
            let obj = tag.resolve(sim, self.kind());
            sim.kernel.with(|k| k.notify_all(obj));
        }
    }

    /// Sends, waiting for room until `deadline` (virtual ns); not at all if `patience` is `false`.
    pub(super) fn send(
        &self,
        mut value: T,
        deadline: Option<u64>,
        patience: bool,
        at: &'static Location<'static>,
    ) -> Result<(), SendTimeoutError<T>> {
        let Some(sim) = simulation_of(self.sim) else {
            return self.push(value);
        };
        sim.point(What::Send, self.filled(sim), at);
        let mut first = true;
        loop {
            match self.push(value) {
                Ok(()) => {
                    self.notify(sim, &self.filled);
                    return Ok(());
                }
                Err(SendTimeoutError::Timeout(v))
                    if patience && deadline.is_none_or(|d| sim.now() < d) =>
                {
                    value = v
                }
                Err(e) => return Err(e),
            }
            if std::mem::take(&mut first) {
                diagnose::note_held(sim, &"room in a channel", ObjId::NONE, at);
            }
            if sim.block(&[self.drained(sim)], deadline, Why::Send, at) == Wake::Dying {
                return Err(SendTimeoutError::Disconnected(value));
            }
        }
    }

    /// `Timeout`: there is no room.
    fn push(&self, value: T) -> Result<(), SendTimeoutError<T>> {
        let mut s = self.state.lock();
        if s.receivers == 0 {
            Err(SendTimeoutError::Disconnected(value))
        } else if self.has_room(&s) {
            s.queue.push_back(value);
            Ok(())
        } else {
            Err(SendTimeoutError::Timeout(value))
        }
    }

    /// Receives, waiting until `deadline` (virtual ns); not at all if `patience` is `false`. `Empty`: the time is up.
    pub(super) fn recv(
        &self,
        deadline: Option<u64>,
        patience: bool,
        at: &'static Location<'static>,
    ) -> Result<T, TryRecvError> {
        let Some(sim) = simulation_of(self.sim) else {
            return self.pop();
        };
        sim.point(What::Receive, self.filled(sim), at);
        if patience {
            diagnose::note_held(sim, &"a message", ObjId::NONE, at);
        }
        loop {
            match self.pop() {
                Ok(value) => {
                    if self.cap.is_some() {
                        self.notify(sim, &self.drained);
                    }
                    return Ok(value);
                }
                Err(TryRecvError::Empty) if patience && deadline.is_none_or(|d| sim.now() < d) => {}
                Err(e) => return Err(e),
            }
            if sim.block(&[self.filled(sim)], deadline, Why::Receive, at) == Wake::Dying {
                return Err(TryRecvError::Disconnected);
            }
        }
    }

    fn pop(&self) -> Result<T, TryRecvError> {
        let mut s = self.state.lock();
        match s.queue.pop_front() {
            Some(value) => Ok(value),
            None if s.senders == 0 => Err(TryRecvError::Disconnected),
            None => Err(TryRecvError::Empty),
        }
    }

    /// The message that the `select!` of `token` has claimed; `None` if it found the senders gone.
    pub(super) fn take_claimed(&self, token: Token) -> Option<T> {
        let mut s = self.state.lock();
        let i = s.claimed.iter().position(|(t, _)| *t == token)?;
        let value = s.claimed.swap_remove(i).1;
        drop(s);
        if let Some(sim) = simulation_of(self.sim)
            && self.cap.is_some()
        {
            self.notify(sim, &self.drained);
        }
        value
    }

    /// Fills the place that a `select!` has reserved. `Err`: there is no receiver any more.
    pub(super) fn fill_reserved(&self, value: T) -> Result<(), T> {
        let mut s = self.state.lock();
        s.reserved = s.reserved.saturating_sub(1);
        if s.receivers == 0 {
            return Err(value);
        }
        s.queue.push_back(value);
        drop(s);
        if let Some(sim) = simulation_of(self.sim) {
            self.notify(sim, &self.filled);
        }
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.state.lock().queue.len()
    }

    pub(super) fn capacity(&self) -> Option<usize> {
        self.cap
    }

    pub(super) fn add_sender(&self) {
        self.state.lock().senders += 1;
    }

    pub(super) fn add_receiver(&self) {
        self.state.lock().receivers += 1;
    }

    pub(super) fn drop_sender(&self) {
        let last = {
            let mut s = self.state.lock();
            s.senders -= 1;
            s.senders == 0
        };
        if last {
            self.notify_all(&self.filled);
        }
    }

    pub(super) fn drop_receiver(&self) {
        let unread = {
            let mut s = self.state.lock();
            s.receivers -= 1;
            if s.receivers > 0 {
                return;
            }
            std::mem::take(&mut s.queue)
        };
        self.notify_all(&self.drained);
        // Dropped outside the lock: a message may hold a sender of this very channel.
        drop(unread);
    }
}

impl<T> Drop for Buffered<T> {
    fn drop(&mut self) {
        self.filled.release();
        self.drained.release();
    }
}

/// The receiving end as an arm of a `select!`.
pub(super) struct RecvArm<'a, T>(pub(super) &'a Buffered<T>);

impl<T> Arm for RecvArm<'_, T> {
    fn claim(&self, _sim: &Sim, token: Token) -> Claim {
        let mut s = self.0.state.lock();
        match s.queue.pop_front() {
            Some(value) => {
                s.claimed.push((token, Some(value)));
                Claim::Done
            }
            None if s.senders == 0 => {
                s.claimed.push((token, None));
                Claim::Done
            }
            None => Claim::NotReady,
        }
    }

    fn watch(&self, sim: &Sim, _token: Token, _arm: usize) -> Option<ObjId> {
        Some(self.0.filled(sim))
    }

    fn pass_on(&self, sim: &Sim) {
        let s = self.0.state.lock();
        let ready = !s.queue.is_empty();
        drop(s);
        if ready {
            self.0.notify(sim, &self.0.filled);
        }
    }

    fn unclaim(&self, sim: &Sim, token: Token) {
        {
            let mut s = self.0.state.lock();
            let Some(i) = s.claimed.iter().position(|(t, _)| *t == token) else {
                return;
            };
            if let (_, Some(value)) = s.claimed.swap_remove(i) {
                s.queue.push_front(value);
            }
        }
        self.0.notify(sim, &self.0.filled);
    }

    fn sim(&self) -> u32 {
        self.0.sim
    }
}

/// The sending end as an arm of a `select!`.
pub(super) struct SendArm<'a, T>(pub(super) &'a Buffered<T>);

impl<T> Arm for SendArm<'_, T> {
    fn claim(&self, _sim: &Sim, _token: Token) -> Claim {
        let mut s = self.0.state.lock();
        // Without a receiver the send is ready too: to fail.
        if s.receivers > 0 && !self.0.has_room(&s) {
            return Claim::NotReady;
        }
        s.reserved += 1;
        Claim::Done
    }

    fn watch(&self, sim: &Sim, _token: Token, _arm: usize) -> Option<ObjId> {
        Some(self.0.drained(sim))
    }

    fn pass_on(&self, sim: &Sim) {
        let room = self.0.has_room(&self.0.state.lock());
        if room && self.0.cap.is_some() {
            self.0.notify(sim, &self.0.drained);
        }
    }

    fn unclaim(&self, sim: &Sim, _token: Token) {
        {
            let mut s = self.0.state.lock();
            s.reserved = s.reserved.saturating_sub(1);
        }
        self.0.notify(sim, &self.0.drained);
    }

    fn sim(&self) -> u32 {
        self.0.sim
    }
}

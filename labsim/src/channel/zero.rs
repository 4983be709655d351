//! Channels without room: a message goes from hand to hand.
//!
//! Who comes first registers an offer, to send or to receive, under the token of its wait, and blocks. Who comes
//! second closes the deal: marks the token as done, so that no other does, and wakes the first. A `select!` that
//! chose to send has no message yet (it is made after the choice), so a deal may be closed before the message
//! is there; the receiver then waits for it.

use std::collections::VecDeque;
use std::panic::Location;

use parking_lot::Mutex;

use super::select::{Arm, Claim, Token, block_until, new_token, wait};
use super::{SendTimeoutError, TryRecvError, simulation_of};
use crate::sim::Sim;
use crate::sim::objects::ObjId;
use crate::sim::threads::Why;
use crate::trace::What;

pub(super) struct Zero<T> {
    sim: u32,
    state: Mutex<State<T>>,
}

struct State<T> {
    /// Who waits to receive, oldest first.
    takers: VecDeque<Offer>,
    /// Who waits to send.
    givers: VecDeque<Offer>,
    /// The messages of waiting senders, by token; a `select!` has none yet.
    goods: Vec<(Token, T)>,
    /// Closed deals: the sender's token (none for one that did not wait), the receiver's, the message once it is there.
    deals: Vec<Deal<T>>,
    senders: usize,
    receivers: usize,
}

#[derive(Clone, Copy)]
struct Offer {
    token: Token,
    arm: usize,
}

struct Deal<T> {
    giver: Token,
    taker: Token,
    goods: Option<T>,
    /// The sender went away without sending.
    broken: bool,
}

impl<T> Zero<T> {
    pub(super) fn new(sim: u32) -> Self {
        Zero {
            sim,
            state: Mutex::new(State {
                takers: VecDeque::new(),
                givers: VecDeque::new(),
                goods: Vec::new(),
                deals: Vec::new(),
                senders: 1,
                receivers: 1,
            }),
        }
    }

    /// Sends, waiting for a receiver until `deadline` (virtual ns); not at all if `patience` is `false`.
    pub(super) fn send(
        &self,
        value: T,
        deadline: Option<u64>,
        patience: bool,
        at: &'static Location<'static>,
    ) -> Result<(), SendTimeoutError<T>> {
        let Some(sim) = simulation_of(self.sim) else {
            return Err(SendTimeoutError::Disconnected(value));
        };
        sim.point(What::Send, ObjId::NONE, at);
        let token = new_token(sim);
        let arm = SendArm(self);
        let why = patience.then_some(Why::Send);
        // Only with its message in `goods` may a receiver find us waiting for it.
        self.state.lock().goods.push((token, value));
        let _forget = ForgetGoods(self, token);
        match wait(sim, &[&arm], token, deadline, why, at) {
            Some(_) => self.finish_send(sim, token),
            None => match self.take_goods(token) {
                Some(value) => Err(SendTimeoutError::Timeout(value)),
                None => Ok(()),
            },
        }
    }

    /// After the choice to send: the message is with a receiver, or goes to it now, or there is none left.
    fn finish_send(&self, sim: &Sim, token: Token) -> Result<(), SendTimeoutError<T>> {
        match self.take_goods(token) {
            Some(value) => self
                .deliver(sim, token, value)
                .map_err(SendTimeoutError::Disconnected),
            None => Ok(()),
        }
    }

    fn take_goods(&self, token: Token) -> Option<T> {
        let mut s = self.state.lock();
        let i = s.goods.iter().position(|(t, _)| *t == token)?;
        Some(s.goods.swap_remove(i).1)
    }

    /// Puts the message into the deal that `giver` has closed. `Err`: the receivers are gone.
    pub(super) fn deliver(&self, sim: &Sim, giver: Token, value: T) -> Result<(), T> {
        let taker = {
            let mut s = self.state.lock();
            let Some(deal) = s.deals.iter_mut().find(|d| d.giver == giver) else {
                // Nobody had been there to take it; or the taker was ended with its hand out, and the message is
                // lost with it, which its sender cannot know.
                return if s.receivers == 0 { Err(value) } else { Ok(()) };
            };
            deal.goods = Some(value);
            deal.taker
        };
        sim.kernel.with(|k| k.wake_op(taker));
        Ok(())
    }

    /// Receives, waiting until `deadline` (virtual ns); not at all if `patience` is `false`. `Empty`: the time is up.
    pub(super) fn recv(
        &self,
        deadline: Option<u64>,
        patience: bool,
        at: &'static Location<'static>,
    ) -> Result<T, TryRecvError> {
        let Some(sim) = simulation_of(self.sim) else {
            return Err(TryRecvError::Disconnected);
        };
        sim.point(What::Receive, ObjId::NONE, at);
        let arm = RecvArm(self);
        let why = patience.then_some(Why::Receive);
        loop {
            let token = new_token(sim);
            if wait(sim, &[&arm], token, deadline, why, at).is_none() {
                return Err(TryRecvError::Empty);
            }
            match self.collect(sim, token, at) {
                Collected::Message(value) => return Ok(value),
                Collected::Disconnected => return Err(TryRecvError::Disconnected),
                Collected::Broken => {}
            }
        }
    }

    /// After the choice to receive: the message, for which a sender may have to be waited for.
    pub(super) fn collect(
        &self,
        sim: &Sim,
        token: Token,
        at: &'static Location<'static>,
    ) -> Collected<T> {
        let settled = |s: &State<T>| {
            s.deals
                .iter()
                .find(|d| d.taker == token)
                .is_none_or(|d| d.goods.is_some() || d.broken)
        };
        block_until(sim, token, Why::Receive, at, || settled(&self.state.lock()));
        let mut s = self.state.lock();
        match s.deals.iter().position(|d| d.taker == token) {
            None => Collected::Disconnected,
            Some(i) => match s.deals.swap_remove(i).goods {
                Some(value) => Collected::Message(value),
                None => Collected::Broken,
            },
        }
    }

    pub(super) fn add_sender(&self) {
        self.state.lock().senders += 1;
    }

    pub(super) fn add_receiver(&self) {
        self.state.lock().receivers += 1;
    }

    pub(super) fn drop_sender(&self) {
        let mut s = self.state.lock();
        s.senders -= 1;
        if s.senders == 0 {
            let takers: Vec<Offer> = s.takers.iter().copied().collect();
            drop(s);
            self.wake_all(&takers);
        }
    }

    pub(super) fn drop_receiver(&self) {
        let mut s = self.state.lock();
        s.receivers -= 1;
        if s.receivers == 0 {
            let givers: Vec<Offer> = s.givers.iter().copied().collect();
            drop(s);
            self.wake_all(&givers);
        }
    }

    fn wake_all(&self, offers: &[Offer]) {
        if let Some(sim) = crate::sim::current().filter(|s| s.id == self.sim) {
            sim.kernel
                .with(|k| offers.iter().for_each(|o| k.wake_op(o.token)));
        }
    }
}

/// What became of a receive.
pub(super) enum Collected<T> {
    Message(T),
    Disconnected,
    /// The sender was ended between its choice and its message: receive again.
    Broken,
}

/// Takes the message back out of the channel when its sender returns or is ended.
struct ForgetGoods<'a, T>(&'a Zero<T>, Token);

impl<T> Drop for ForgetGoods<'_, T> {
    fn drop(&mut self) {
        let goods = self.0.take_goods(self.1);
        drop(goods);
    }
}

/// The receiving end as an arm of a `select!`.
pub(super) struct RecvArm<'a, T>(pub(super) &'a Zero<T>);

impl<T> Arm for RecvArm<'_, T> {
    fn claim(&self, sim: &Sim, token: Token) -> Claim {
        let mut s = self.0.state.lock();
        while let Some(giver) = s.givers.pop_front() {
            if !sim.kernel.with(|k| k.complete_op(giver.token, giver.arm)) {
                continue;
            }
            let goods = s
                .goods
                .iter()
                .position(|(t, _)| *t == giver.token)
                .map(|i| s.goods.swap_remove(i).1);
            s.deals.push(Deal {
                giver: giver.token,
                taker: token,
                goods,
                broken: false,
            });
            drop(s);
            sim.kernel.with(|k| k.wake_op(giver.token));
            return Claim::Done;
        }
        if s.senders == 0 {
            Claim::Done
        } else {
            Claim::NotReady
        }
    }

    fn watch(&self, _sim: &Sim, token: Token, arm: usize) -> Option<ObjId> {
        self.0.state.lock().takers.push_back(Offer { token, arm });
        None
    }

    fn unwatch(&self, token: Token) {
        self.0.state.lock().takers.retain(|o| o.token != token);
    }

    fn unclaim(&self, _sim: &Sim, token: Token) {
        // The receiver was ended with the message in its hand.
        let deal = {
            let mut s = self.0.state.lock();
            s.deals
                .iter()
                .position(|d| d.taker == token)
                .map(|i| s.deals.swap_remove(i))
        };
        drop(deal);
    }

    fn sim(&self) -> u32 {
        self.0.sim
    }
}

/// The sending end as an arm of a `select!`.
pub(super) struct SendArm<'a, T>(pub(super) &'a Zero<T>);

impl<T> Arm for SendArm<'_, T> {
    fn claim(&self, sim: &Sim, token: Token) -> Claim {
        let mut s = self.0.state.lock();
        while let Some(taker) = s.takers.pop_front() {
            if sim.kernel.with(|k| k.complete_op(taker.token, taker.arm)) {
                s.deals.push(Deal {
                    giver: token,
                    taker: taker.token,
                    goods: None,
                    broken: false,
                });
                return Claim::Done;
            }
        }
        if s.receivers == 0 {
            Claim::Done
        } else {
            Claim::NotReady
        }
    }

    fn watch(&self, _sim: &Sim, token: Token, arm: usize) -> Option<ObjId> {
        self.0.state.lock().givers.push_back(Offer { token, arm });
        None
    }

    fn unwatch(&self, token: Token) {
        self.0.state.lock().givers.retain(|o| o.token != token);
    }

    fn unclaim(&self, sim: &Sim, token: Token) {
        let taker = {
            let mut s = self.0.state.lock();
            let Some(deal) = s
                .deals
                .iter_mut()
                .find(|d| d.giver == token && d.goods.is_none())
            else {
                return;
            };
            deal.broken = true;
            deal.taker
        };
        sim.kernel.with(|k| k.wake_op(taker));
    }

    fn sim(&self) -> u32 {
        self.0.sim
    }
}

//! Calls in flight, and the tickets that travel for them.

use std::fmt;

use labsim::Domain;
use labsim::rand;
use labsim::sync::Arc;
use labsim::thread;
use labsim::time::{Duration, Instant};

use crate::core::Core;
use crate::error::RpcError;
use crate::events;
use crate::link::Link;
use crate::observer::{Cause, Direction, MessageId, MessageSeen};
use crate::postman::Deed;
use crate::server::ServerInfo;
use crate::service::MethodRef;
use crate::state::EndInfo;
use crate::waiter::{Outcome, Waiter};

/// Numbers the calls of a network, from 1, in the order in which they are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How often a caller looks whether the server it waits for still lives, counted from the moment its
/// handler starts.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A call as it was when it was sent. Nothing of this changes.
pub(crate) struct Route {
    pub core: Arc<Core>,
    pub call: CallId,
    pub end: Arc<EndInfo>,
    /// The server that the end was connected to, if there was one.
    pub server: Option<Arc<ServerInfo>>,
    pub method: MethodRef,
    /// The link's settings. `None`: a perfect link.
    pub link: Option<Arc<Link>>,
}

impl Route {
    /// The caller's fault domain.
    pub fn caller(&self) -> Option<&Domain> {
        self.end.domain.as_ref()
    }

    /// The server's number, if there was one.
    pub fn place(&self) -> Option<u32> {
        self.server.as_ref().map(|server| server.id)
    }

    /// How long after a loss by chance the caller learns of it.
    pub fn notice(&self) -> Duration {
        let link = self.link.as_ref();
        link.map_or(Duration::ZERO, |link| link.notice.draw(&mut rand::rng()))
    }

    /// How long after a message found its way closed the caller learns of it.
    pub fn notice_of(&self, cause: Cause) -> Duration {
        match cause {
            Cause::Cut => self.notice(),
            _ => Duration::ZERO,
        }
    }
}

/// A call in flight. Whoever takes it out of the table ends it; if that thread crashes before it could, the call
/// fails nevertheless.
pub(crate) struct Pending {
    pub route: Arc<Route>,
    /// `None` once the call has ended.
    pub waiter: Option<Waiter>,
    /// Tickets that may still bring a reply. The call fails when there is none left.
    pub tickets: u32,
    /// Handlers that run for it.
    pub running: u32,
    /// When the first of them started; the boundaries of [`LOOK_EVERY`] count from here.
    pub since: Instant,
    /// Whether the postman looks at it at the next boundary.
    pub watched: bool,
}

impl Pending {
    /// The first boundary that is not before `now`.
    pub fn next_look(&self, now: Instant) -> Instant {
        let waited = now.saturating_duration_since(self.since);
        let rounds = waited.as_nanos().div_ceil(LOOK_EVERY.as_nanos()).max(1);
        self.since + LOOK_EVERY * u32::try_from(rounds).unwrap_or(u32::MAX)
    }

    /// Ends the call. No lock may be held.
    pub fn settle(self, outcome: Outcome) {
        let caller = self.route.caller();
        if self.waiter.as_ref().is_some_and(|w| w.is_astray(caller)) {
            // Whole, so that a crash in this very call does not lose it either.
            let core = self.route.core.clone();
            return core.post(Duration::ZERO, Deed::Settle(self, outcome));
        }
        self.settle_here(outcome);
    }

    /// Ends the call, whatever thread this is.
    pub fn settle_here(mut self, outcome: Outcome) {
        if let Some(waiter) = self.waiter.take() {
            waiter.settle(outcome, self.route.caller());
        }
    }

    /// Ends the call without a reply.
    pub fn fail(self) {
        events::failed(self.route.call);
        let method = self.route.method.name.clone();
        self.settle(Err(RpcError::NoReply { method }));
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(waiter) = self.waiter.take() {
            let rescue = Deed::Rescue(self.route.clone(), waiter);
            self.route.core.post(Duration::ZERO, rescue);
        }
    }
}

/// One copy of a call, from the request through the handler to the reply. Whoever holds it owes the
/// call a reply or a failure: a ticket that is dropped with its debt counts as a handler that gave no answer.
pub(crate) struct Ticket {
    pub route: Arc<Route>,
    /// Where the call stands in the table, unless it has ended.
    pub slot: u32,
    pub copy: u32,
    /// Whether its handler has been started and has not ended.
    pub running: bool,
    /// Whether the debt is settled.
    pub spent: bool,
}

impl Ticket {
    /// This ticket's message, as hooks see it.
    pub fn seen<'a>(&'a self, direction: Direction, bytes: &'a [u8]) -> MessageSeen<'a> {
        let Route {
            end,
            server,
            method,
            ..
        } = &*self.route;
        MessageSeen {
            id: self.id(direction),
            end: &end.name,
            from: end.domain.as_ref(),
            server: server.as_ref().map(|s| &*s.name),
            to: server.as_ref().and_then(|s| s.domain.as_ref()),
            method: &method.name,
            bytes,
        }
    }

    pub fn id(&self, direction: Direction) -> MessageId {
        MessageId {
            call: self.route.call,
            direction,
            copy: self.copy,
        }
    }

    /// Another ticket for the same call, which owes nothing.
    pub fn twin(&self, copy: u32) -> Ticket {
        let route = self.route.clone();
        Ticket {
            route,
            slot: self.slot,
            copy,
            running: false,
            spent: true,
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.spent {
            return;
        }
        let mut heir = self.twin(self.copy);
        heir.running = self.running;
        heir.spent = false;
        // A thread that unwinds is not to run a caller's callback, so the postman sees to it.
        if thread::panicking() {
            self.route.core.post(Duration::ZERO, Deed::Abandon(heir));
        } else {
            heir.abandon();
        }
    }
}

/// The calls in flight of a network. A slot is used again when its call has ended, so who looks one up says which
/// call it means.
#[derive(Default)]
pub(crate) struct Calls {
    slots: Vec<Option<Pending>>,
    free: Vec<u32>,
    last: u64,
}

impl Calls {
    pub fn next_id(&mut self) -> CallId {
        self.last += 1;
        CallId(self.last)
    }

    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Enters a call; gives its slot.
    pub fn insert(&mut self, pending: Pending) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as u32
        });
        self.slots[slot as usize] = Some(pending);
        slot
    }

    /// The call, unless it has ended.
    pub fn get(&mut self, slot: u32, call: CallId) -> Option<&mut Pending> {
        let entry = self.slots.get_mut(slot as usize)?;
        entry.as_mut().filter(|pending| pending.route.call == call)
    }

    /// This ticket's call, unless it has ended.
    pub fn of(&mut self, ticket: &Ticket) -> Option<&mut Pending> {
        self.get(ticket.slot, ticket.route.call)
    }

    /// Takes a call out, unless it has ended.
    pub fn take(&mut self, slot: u32, call: CallId) -> Option<Pending> {
        self.get(slot, call)?;
        self.free.push(slot);
        self.slots[slot as usize].take()
    }

    pub fn iter(&mut self) -> impl Iterator<Item = (u32, &mut Pending)> {
        let slots = self.slots.iter_mut().enumerate();
        slots.filter_map(|(slot, entry)| Some((slot as u32, entry.as_mut()?)))
    }

    pub fn take_all(&mut self) -> Vec<Pending> {
        self.free.clear();
        self.slots.drain(..).flatten().collect()
    }
}

//! Calls in flight, and the tickets that travel for them.

use std::fmt;

use labsim::sync::Arc;
use labsim::time::{Duration, Instant};

use crate::core::Core;
use crate::error::RpcError;
use crate::events;
use crate::link::Link;
use crate::observer::{Direction, MessageId, MessageSeen};
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

/// How often a caller looks whether the server it waits for still lives, from the moment on that the handler runs.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Where a call stands in the table of calls in flight. It is stale when the call has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    slot: u32,
    pub call: CallId,
}

/// A call in flight. Whoever takes it out of the table ends it with `settle`; if that thread crashes before,
/// the call fails.
pub(crate) struct Pending {
    pub core: Arc<Core>,
    pub call: CallId,
    pub end: Arc<EndInfo>,
    pub server: Option<Arc<ServerInfo>>,
    pub method: MethodRef,
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
    /// Ends the call. No lock may be held.
    pub fn settle(mut self, outcome: Outcome) {
        if let Some(waiter) = self.waiter.take() {
            waiter.settle(outcome, self.end.domain.as_ref());
        }
    }

    /// Ends the call without a reply.
    pub fn fail(self) {
        events::failed(self.call);
        let method = self.method.name.clone();
        self.settle(Err(RpcError::NoReply { method }));
    }

    /// The first boundary that is not before `now`.
    pub fn next_look(&self, now: Instant) -> Instant {
        let waited = now.saturating_duration_since(self.since);
        let rounds = waited.as_nanos().div_ceil(LOOK_EVERY.as_nanos()).max(1);
        self.since + LOOK_EVERY * u32::try_from(rounds).unwrap_or(u32::MAX)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if self.waiter.is_none() {
            return;
        }
        let rescued = Pending {
            core: self.core.clone(),
            end: self.end.clone(),
            server: None,
            method: self.method.clone(),
            waiter: self.waiter.take(),
            ..*self
        };
        self.core.post(Duration::ZERO, Deed::Rescue(rescued));
    }
}

/// The calls in flight of a network.
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

    pub fn insert(&mut self, pending: Pending) -> Key {
        let call = pending.call;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as u32
        });
        self.slots[slot as usize] = Some(pending);
        Key { slot, call }
    }

    pub fn get(&mut self, key: Key) -> Option<&mut Pending> {
        let entry = self.slots.get_mut(key.slot as usize)?;
        entry.as_mut().filter(|pending| pending.call == key.call)
    }

    pub fn take(&mut self, key: Key) -> Option<Pending> {
        self.get(key)?;
        self.free.push(key.slot);
        self.slots[key.slot as usize].take()
    }

    pub fn iter(&mut self) -> impl Iterator<Item = (Key, &mut Pending)> {
        let slots = self.slots.iter_mut().enumerate();
        slots.filter_map(|(slot, entry)| {
            let pending = entry.as_mut()?;
            Some((
                Key {
                    slot: slot as u32,
                    call: pending.call,
                },
                pending,
            ))
        })
    }

    pub fn take_all(&mut self) -> Vec<Pending> {
        self.free.clear();
        self.slots.drain(..).flatten().collect()
    }
}

/// One copy of a call, from the request through the handler to the reply. Whoever holds it owes the call
/// a reply or a failure: a ticket that is dropped unused counts as a handler that gave no answer.
pub(crate) struct Ticket {
    pub core: Arc<Core>,
    pub key: Key,
    pub copy: u32,
    pub end: Arc<EndInfo>,
    pub server: Option<Arc<ServerInfo>>,
    pub method: MethodRef,
    /// The link's settings as they were when the request was sent. `None`: a perfect link.
    pub link: Option<Arc<Link>>,
    /// Whether its handler has been started and has not ended.
    pub running: bool,
    /// Whether the debt is settled.
    pub spent: bool,
}

impl Ticket {
    /// This ticket's message, as hooks see it.
    pub fn seen<'a>(&'a self, direction: Direction, bytes: &'a [u8]) -> MessageSeen<'a> {
        MessageSeen {
            id: self.id(direction),
            end: &self.end.name,
            from: self.end.domain.as_ref(),
            server: self.server.as_ref().map(|s| &*s.name),
            to: self.server.as_ref().and_then(|s| s.domain.as_ref()),
            method: &self.method.name,
            bytes,
        }
    }

    pub fn id(&self, direction: Direction) -> MessageId {
        MessageId {
            call: self.key.call,
            direction,
            copy: self.copy,
        }
    }

    /// How long after a loss the caller learns of it.
    pub fn notice(&self) -> Duration {
        let notice = self.link.as_ref().map(|link| &link.notice);
        notice.map_or(Duration::ZERO, |delay| delay.draw(&mut labsim::rand::rng()))
    }

    /// The same with the debt moved over. What is left owes nothing.
    pub fn take_over(&mut self) -> Ticket {
        let mut heir = self.twin(self.copy);
        heir.spent = std::mem::replace(&mut self.spent, true);
        heir.running = std::mem::replace(&mut self.running, false);
        heir
    }

    /// Another ticket for the same call, which owes nothing.
    pub fn twin(&self, copy: u32) -> Ticket {
        Ticket {
            core: self.core.clone(),
            key: self.key,
            copy,
            end: self.end.clone(),
            server: self.server.clone(),
            method: self.method.clone(),
            link: self.link.clone(),
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
        let ticket = self.take_over();
        // A thread that unwinds must not wait for a lock, so another sees to it.
        if std::thread::panicking() {
            ticket
                .core
                .clone()
                .post(Duration::ZERO, Deed::Abandon(ticket));
        } else {
            ticket.abandon();
        }
    }
}

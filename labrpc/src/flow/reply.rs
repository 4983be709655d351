//! From the handler back to the caller, and the ways in which there is nothing to bring back.

use labsim::time::{Duration, Instant};

use crate::call::{CallId, Pending, Ticket};
use crate::core::Core;
use crate::error::RpcError;
use crate::events;
use crate::observer::{Cause, Direction, Fate};
use crate::postman::Deed;
use crate::state::State;

impl State {
    /// Enters that a handler has ended, and says whether its reply could pass.
    fn handler_ended(&mut self, ticket: &mut Ticket) -> Result<(), Cause> {
        if std::mem::take(&mut ticket.running)
            && let Some(pending) = self.calls.of(ticket)
        {
            pending.running -= 1;
        }
        self.passage(&ticket.route, Direction::Reply)
    }

    /// Enters that a reply has reached its caller, if its way is open still. `Ok(None)`: the call had ended already.
    fn deliver(&mut self, ticket: &mut Ticket, len: usize) -> Result<Option<Pending>, Cause> {
        self.handler_ended(ticket)?;
        ticket.spent = true;
        let pending = self.calls.take(ticket.slot, ticket.route.call);
        let late = pending.is_none();
        self.count(
            ticket.route.place(),
            ticket.route.method.id,
            |c| match late {
                true => c.late_replies += 1,
                false => c.reply(len),
            },
        );
        Ok(pending)
    }

    /// Enters that a refusal has reached its caller. It does not count as a reply.
    fn refuse(&mut self, ticket: &mut Ticket) -> Result<Option<Pending>, Cause> {
        self.handler_ended(ticket)?;
        ticket.spent = true;
        Ok(self.calls.take(ticket.slot, ticket.route.call))
    }

    /// One hope less for a call. Gives back the call if it was the last.
    fn spend(&mut self, ticket: &mut Ticket) -> Option<Pending> {
        ticket.spent = true;
        let pending = self.calls.of(ticket)?;
        pending.tickets -= 1;
        if pending.tickets > 0 {
            return None;
        }
        self.calls.take(ticket.slot, ticket.route.call)
    }

    /// Takes out a call whose server has gone or cannot be reached any more, and stops watching one that is well.
    fn look(&mut self, slot: u32, call: CallId) -> Option<Pending> {
        let pending = self.calls.get(slot, call)?;
        pending.watched = false;
        let (running, route) = (pending.running, pending.route.clone());
        if running == 0 || self.passage(&route, Direction::Reply).is_ok() {
            return None;
        }
        self.calls.take(slot, call)
    }
}

impl Ticket {
    /// The handler's reply leaves the server.
    pub fn reply(mut self, bytes: Vec<u8>) {
        let route = self.route.clone();
        if route.link.is_none() && !route.core.intercepts_replies() {
            return self.bring(bytes, true);
        }
        let (passage, hooks) = route
            .core
            .with(|state| (state.handler_ended(&mut self), state.hooks.clone()));
        let hooks = hooks.as_deref();
        match passage {
            Ok(()) => self.travel(Direction::Reply, bytes, hooks),
            Err(cause) => {
                let after = route.notice_of(cause);
                let fate = Fate::Lost { cause, after };
                self.launch(Direction::Reply, bytes, fate, hooks);
            }
        }
    }

    /// A reply that was on its way reaches its caller.
    pub fn deliver(self, bytes: Vec<u8>) {
        self.bring(bytes, false);
    }

    /// A reply reaches its caller: sent this very moment, or earlier.
    fn bring(mut self, bytes: Vec<u8>, sent_now: bool) {
        let route = self.route.clone();
        let (result, hooks) = route
            .core
            .with(|s| (s.deliver(&mut self, bytes.len()), s.hooks.clone()));
        let hooks = hooks.as_deref();
        if sent_now {
            let after = Duration::ZERO;
            let fate = match &result {
                Ok(_) => Fate::Arrives { after },
                Err(cause) => Fate::Lost {
                    cause: *cause,
                    after,
                },
            };
            events::sent(&self, Direction::Reply, &bytes, fate, hooks);
        }
        match result {
            Ok(Some(pending)) => {
                if !sent_now {
                    events::arrived(&self, Direction::Reply, &bytes);
                }
                events::show_arrival(&self, Direction::Reply, &bytes, hooks);
                pending.settle(Ok(bytes));
            }
            Ok(None) => events::late(&self, &bytes),
            Err(cause) => {
                if !sent_now {
                    events::lost(&self, Direction::Reply, &bytes, cause, hooks);
                }
                self.lose(cause);
            }
        }
    }

    /// This copy found its way closed. The caller learns of it at once, or of a cut after the link's notice.
    pub fn lose(self, cause: Cause) {
        let route = self.route.clone();
        let after = route.notice_of(cause);
        if after.is_zero() {
            self.fail();
        } else {
            route.core.post(after, Deed::Fail(self));
        }
    }

    /// This copy will bring nothing.
    pub fn fail(mut self) {
        let route = self.route.clone();
        if let Some(pending) = route.core.with(|state| state.spend(&mut self)) {
            pending.fail();
        }
    }

    /// The server cannot answer, and says why: a reply like any other, but for its delays.
    pub fn refuse(mut self, error: RpcError) {
        let route = self.route.clone();
        let (result, hooks) = route.core.with(|s| (s.refuse(&mut self), s.hooks.clone()));
        events::refused(&self, &error);
        match result {
            Ok(Some(pending)) => pending.settle(Err(error)),
            Ok(None) => {}
            Err(cause) => {
                events::lost(&self, Direction::Reply, &[], cause, hooks.as_deref());
                self.lose(cause);
            }
        }
    }

    /// Whoever had the ticket let it go: the handler panicked, or dropped its responder, or crashed.
    pub fn abandon(mut self) {
        let now = Instant::now();
        let route = self.route.clone();
        let (passage, look, hooks) = route.core.with(|state| {
            let passage = state.handler_ended(&mut self);
            let look = state.calls.of(&self).map(|pending| pending.next_look(now));
            (passage, look, state.hooks.clone())
        });
        let cause = passage.err().unwrap_or(Cause::NoAnswer);
        events::lost(&self, Direction::Reply, &[], cause, hooks.as_deref());
        match look {
            // Nobody is left who could say that the handler is gone: the caller finds out as from any dead server.
            Some(at) if cause != Cause::NoAnswer => route.core.post_at(at, Deed::Fail(self)),
            _ => self.fail(),
        }
    }
}

impl Core {
    /// A caller looks whether the server it waits for still lives and can be reached.
    pub fn look(&self, slot: u32, call: CallId) {
        if let Some(pending) = self.with(|state| state.look(slot, call)) {
            pending.fail();
        }
    }

    /// Ends everything: calls in flight fail, servers are let go.
    pub fn close(&self) {
        let (calls, held, servers) = self.with(|state| {
            state.open = false;
            let servers: Vec<_> = state.places.iter_mut().map(|p| p.server.take()).collect();
            (
                state.calls.take_all(),
                std::mem::take(&mut state.held),
                servers,
            )
        });
        held.into_values()
            .for_each(|(mut ticket, _)| ticket.spent = true);
        for pending in calls {
            let method = pending.route.method.name.clone();
            pending.settle(Err(RpcError::Closed { method }));
        }
        drop(servers);
    }
}

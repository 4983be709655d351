//! The course of a call: what happens to its request, at the server, and to its reply.
//!
//! This is the original lab's network, rule for rule, but for three things.
//! - A request on its way is lost if its link is cut or its server replaced before it arrives. The
//!   original has it executed, even by a server that was meanwhile deleted: here that server has crashed.
//! - A reply that is held back for reordering is tested again when it is due. The original delivers
//!   it even from a server that died meanwhile.
//! - A caller waiting for a handler does not wake up every 100 ms to see whether the server still lives.
//!   When a server goes or a link is cut, the calls concerned are looked at on those same boundaries.

use labsim::rand;
use labsim::sync::Arc;
use labsim::time::{Duration, Instant};

use crate::call::{Key, Pending, Ticket};
use crate::core::Core;
use crate::error::RpcError;
use crate::events;
use crate::link::{Delay, Link, Path, chance};
use crate::observer::{Cause, Direction, Fate, Hooks, Verdict};
use crate::postman::Deed;
use crate::server::ServerCore;
use crate::service::{Request, Wanted};
use crate::state::{EndInfo, State};
use crate::waiter::Waiter;

/// A request that was just sent.
struct Begun {
    ticket: Ticket,
    course: Course,
    hooks: Option<Arc<Hooks>>,
}

/// What is before a request.
enum Course {
    /// Nothing stands between it and this server, and its arrival is entered already.
    Direct(Arc<ServerCore>),
    /// There is nowhere to go. The caller learns of it after this delay.
    Nowhere(Cause, Delay),
    /// Chance, or an interceptor, decides.
    Open,
}

/// What one copy of a message has before it.
type Leg = Fate;

impl Core {
    /// Sends a request.
    pub fn send(
        self: &Arc<Self>,
        end: &Arc<EndInfo>,
        wanted: Wanted<'_>,
        args: Vec<u8>,
        waiter: Waiter,
    ) {
        let now = Instant::now();
        let dead = end.domain.as_ref().is_some_and(|d| !d.is_alive());
        let begun = self
            .state
            .lock()
            .begin(self, end, (wanted, args.len()), waiter, (now, dead));
        let Begun {
            ticket,
            course,
            hooks,
        } = match begun {
            Ok(begun) => begun,
            Err(waiter) => {
                let method = wanted.full_name();
                return waiter.settle(Err(RpcError::Closed { method }), end.domain.as_ref());
            }
        };
        let hooks = hooks.as_deref();
        match course {
            Course::Direct(server) => {
                let fate = Fate::Arrives {
                    after: Duration::ZERO,
                };
                events::sent(&ticket, Direction::Request, &args, fate, hooks);
                ticket.enter(&server, args, hooks);
            }
            Course::Nowhere(cause, delay) => {
                let after = delay.draw(&mut rand::rng());
                ticket.launch(Direction::Request, args, Fate::Lost { cause, after }, hooks);
            }
            Course::Open => ticket.travel(Direction::Request, args, hooks),
        }
    }

    /// Looks whether the server that a call waits for still lives and can be reached.
    pub fn look(&self, key: Key) {
        let pending = {
            let mut state = self.state.lock();
            let Some(pending) = state.calls.get(key) else {
                return;
            };
            pending.watched = false;
            let (running, end, server) =
                (pending.running, pending.end.clone(), pending.server.clone());
            let reaches = server.is_some_and(|s| state.reaches(&end, &s));
            if running == 0 || reaches {
                return;
            }
            state.calls.take(key)
        };
        if let Some(pending) = pending {
            pending.fail();
        }
    }

    /// Ends everything: calls in flight fail, servers are let go.
    pub fn close(&self) {
        let (calls, held, servers) = {
            let mut state = self.state.lock();
            state.open = false;
            let servers: Vec<_> = state.places.iter_mut().map(|p| p.server.take()).collect();
            (
                state.calls.take_all(),
                std::mem::take(&mut state.held),
                servers,
            )
        };
        held.into_values()
            .for_each(|(mut ticket, _)| ticket.spent = true);
        for pending in calls {
            let method = pending.method.name.clone();
            pending.settle(Err(RpcError::Closed { method }));
        }
        drop(servers);
    }
}

impl State {
    /// Enters a call: all that happens at the moment a request is sent. The link's settings and the
    /// server are those of this moment.
    fn begin(
        &mut self,
        core: &Arc<Core>,
        end: &Arc<EndInfo>,
        (wanted, len): (Wanted<'_>, usize),
        waiter: Waiter,
        (now, sender_dead): (Instant, bool),
    ) -> Result<Begun, Waiter> {
        if !self.open {
            return Err(waiter);
        }
        let method = self.method(wanted);
        let link_end = &self.ends[end.id as usize];
        let (enabled, to) = (link_end.enabled, link_end.to);
        let link = link_end.link.as_ref().or(self.weather.as_ref()).cloned();
        let server = to.and_then(|place| self.places[place as usize].server.clone());
        let hooks = self.hooks.clone();
        let intercepted = hooks.as_ref().is_some_and(|h| h.requests.is_some());

        let nowhere = if sender_dead {
            Some(Cause::SenderDead)
        } else if !enabled {
            Some(Cause::EndDisabled)
        } else if server.as_ref().is_none_or(|s| !s.info.is_alive()) {
            Some(Cause::NoServer)
        } else {
            link.as_ref()
                .is_some_and(|l| l.request.cut)
                .then_some(Cause::Cut)
        };
        if !sender_dead {
            self.count(to, method.id, |c| c.request(len));
        }
        let info = server.as_ref().map(|s| s.info.clone());
        let course = match (nowhere, server) {
            (None, Some(server)) if link.is_none() && !intercepted => Course::Direct(server),
            (None, _) => Course::Open,
            (Some(cause), _) => Course::Nowhere(cause, self.delay_of_dead()),
        };
        let running = matches!(course, Course::Direct(_));
        if running {
            self.count(to, method.id, |c| c.arrival(len));
        }
        let call = self.calls.next_id();
        let pending = Pending {
            core: core.clone(),
            call,
            end: end.clone(),
            server: info.clone(),
            method: method.clone(),
            waiter: Some(waiter),
            tickets: 1,
            running: u32::from(running),
            since: now,
            watched: false,
        };
        let ticket = Ticket {
            core: core.clone(),
            key: self.calls.insert(pending),
            copy: 0,
            end: end.clone(),
            server: info,
            method,
            link,
            running,
            spent: false,
        };
        Ok(Begun {
            ticket,
            course,
            hooks,
        })
    }

    /// How long a caller waits for a server that is not there: 0 to 99 ms, or 0 to 6999 with long delays.
    fn delay_of_dead(&self) -> Delay {
        Delay::uniform_ms(0, if self.long_delays { 6999 } else { 99 })
    }

    /// Enters that a handler has ended, and says whether its reply could pass.
    fn handler_ended(&mut self, ticket: &mut Ticket) -> Result<(), Cause> {
        if std::mem::take(&mut ticket.running)
            && let Some(pending) = self.calls.get(ticket.key)
        {
            pending.running -= 1;
        }
        self.passage(ticket, Direction::Reply)
    }

    /// One hope less for a call. Gives back the call if it was the last.
    fn spend(&mut self, ticket: &mut Ticket) -> Option<Pending> {
        ticket.spent = true;
        let pending = self.calls.get(ticket.key)?;
        pending.tickets -= 1;
        if pending.tickets == 0 {
            self.calls.take(ticket.key)
        } else {
            None
        }
    }
}

impl Ticket {
    /// Sends a message on a link where chance or an interceptor decides.
    fn travel(mut self, direction: Direction, bytes: Vec<u8>, hooks: Option<&Hooks>) {
        let verdict = hooks.map_or(Verdict::Pass, |h| h.verdict(&self.seen(direction, &bytes)));
        let (leg, second) = self.legs(direction, bytes.len(), verdict);
        if let Some(second) = second {
            let twin = self.fork(direction);
            let copy = bytes.clone();
            self.launch(direction, bytes, leg, hooks);
            twin.launch(direction, copy, second, hooks);
        } else {
            self.launch(direction, bytes, leg, hooks);
        }
    }

    /// What the message has before it, and its second copy if there is one.
    fn legs(&self, direction: Direction, len: usize, verdict: Verdict) -> (Leg, Option<Leg>) {
        let now = Fate::Arrives {
            after: Duration::ZERO,
        };
        match verdict {
            Verdict::Pass => self.legs_by_chance(direction, len),
            Verdict::Drop => (
                Fate::Lost {
                    cause: Cause::Intercepted,
                    after: self.notice(),
                },
                None,
            ),
            Verdict::Delay(after) => (Fate::Arrives { after }, None),
            Verdict::Duplicate(after) => (now, Some(Fate::Arrives { after })),
            Verdict::Hold => (Fate::Held, None),
            Verdict::HoldCopy => (now, Some(Fate::Held)),
        }
    }

    fn legs_by_chance(&self, direction: Direction, len: usize) -> (Leg, Option<Leg>) {
        let Some(link) = &self.link else {
            return (
                Fate::Arrives {
                    after: Duration::ZERO,
                },
                None,
            );
        };
        let path = link.path(direction);
        let first = self.leg_by_chance(path, direction, len);
        let twice = chance(path.duplicate, &mut rand::rng());
        (
            first,
            twice.then(|| self.leg_by_chance(path, direction, len)),
        )
    }

    fn leg_by_chance(&self, path: &Path, direction: Direction, len: usize) -> Leg {
        let trip = path.draw(&mut rand::rng());
        let mut after = trip.after;
        if let Some(rate) = path.bytes_per_second {
            let now = Instant::now();
            let mut state = self.core.state.lock();
            after += state.transmission(&self.end, direction, (len, rate), now);
        }
        if trip.lost {
            Fate::Lost {
                cause: Cause::Chance,
                after: after + self.notice(),
            }
        } else {
            Fate::Arrives { after }
        }
    }

    /// A ticket for a second copy. It owes a reply as the first does, if the call is still in flight.
    fn fork(&mut self, direction: Direction) -> Ticket {
        let copy = match direction {
            Direction::Request => self.copy + 1,
            Direction::Reply => self.copy + 2,
        };
        let mut twin = self.twin(copy);
        if let Some(pending) = self.core.state.lock().calls.get(self.key) {
            pending.tickets += 1;
        }
        twin.spent = false;
        twin
    }

    /// Lets a message go where it is to go.
    fn launch(self, direction: Direction, bytes: Vec<u8>, leg: Leg, hooks: Option<&Hooks>) {
        events::sent(&self, direction, &bytes, leg, hooks);
        match leg {
            Fate::Arrives { after } => {
                if !after.is_zero() {
                    let core = self.core.clone();
                    return core.post(after, Deed::Arrive(direction, self, bytes));
                }
                match direction {
                    Direction::Request => self.arrive(bytes),
                    Direction::Reply => self.deliver(bytes),
                }
            }
            Fate::Lost { after, .. } if after.is_zero() => self.fail(),
            Fate::Lost { after, .. } => self.core.clone().post(after, Deed::Fail(self)),
            Fate::Held => {
                let core = self.core.clone();
                core.state
                    .lock()
                    .held
                    .insert(self.id(direction), (self, bytes));
            }
        }
    }

    /// A request that was on its way arrives at its server.
    pub fn arrive(mut self, args: Vec<u8>) {
        let now = Instant::now();
        let (server, hooks) = {
            let mut state = self.core.state.lock();
            let server = state.passage(&self, Direction::Request).map(|()| {
                let place = self.server.as_ref().map(|s| s.id);
                state.count(place, self.method.id, |c| c.arrival(args.len()));
                if let Some(pending) = state.calls.get(self.key) {
                    if pending.running == 0 {
                        pending.since = now;
                    }
                    pending.running += 1;
                }
                place.and_then(|p| state.places[p as usize].server.clone())
            });
            (server, state.hooks.clone())
        };
        let hooks = hooks.as_deref();
        match server {
            Ok(Some(server)) => {
                self.running = true;
                events::arrived(&self, Direction::Request, &args);
                self.enter(&server, args, hooks);
            }
            Ok(None) => {}
            Err(cause) => {
                events::lost(&self, Direction::Request, &args, cause, hooks);
                self.fail();
            }
        }
    }

    /// The server has the request, and has it answered.
    fn enter(self, server: &ServerCore, args: Vec<u8>, hooks: Option<&Hooks>) {
        events::show_arrival(&self, Direction::Request, &args, hooks);
        match server.find(&self.method) {
            Ok(answerer) => {
                let core = self.core.clone();
                server.accept(answerer, Request { ticket: self, args }, &core);
            }
            Err(error) => self.refuse(error),
        }
    }

    /// The handler's reply leaves the server.
    pub fn reply(mut self, bytes: Vec<u8>) {
        if self.link.is_none() && !self.core.intercepts_replies() {
            return self.finish(bytes, true);
        }
        let core = self.core.clone();
        let (passage, hooks) = {
            let mut state = core.state.lock();
            (state.handler_ended(&mut self), state.hooks.clone())
        };
        let hooks = hooks.as_deref();
        match passage {
            Ok(()) => self.travel(Direction::Reply, bytes, hooks),
            Err(cause) => {
                let fate = Fate::Lost {
                    cause,
                    after: Duration::ZERO,
                };
                self.launch(Direction::Reply, bytes, fate, hooks);
            }
        }
    }

    /// A reply that was on its way reaches its caller.
    pub fn deliver(self, bytes: Vec<u8>) {
        self.finish(bytes, false);
    }

    /// A reply is there: sent this very moment, or earlier.
    fn finish(mut self, bytes: Vec<u8>, sent_now: bool) {
        let core = self.core.clone();
        let (passage, pending, hooks) = {
            let mut state = core.state.lock();
            let passage = state.handler_ended(&mut self);
            let mut pending = None;
            if passage.is_ok() {
                self.spent = true;
                pending = state.calls.take(self.key);
                let late = pending.is_none();
                let place = self.server.as_ref().map(|s| s.id);
                state.count(place, self.method.id, |c| match late {
                    true => c.late_replies += 1,
                    false => c.reply(bytes.len()),
                });
            }
            (passage, pending, state.hooks.clone())
        };
        let hooks = hooks.as_deref();
        if sent_now {
            let fate = match passage {
                Ok(()) => Fate::Arrives {
                    after: Duration::ZERO,
                },
                Err(cause) => Fate::Lost {
                    cause,
                    after: Duration::ZERO,
                },
            };
            events::sent(&self, Direction::Reply, &bytes, fate, hooks);
        }
        match (passage, pending) {
            (Ok(()), Some(pending)) => {
                if !sent_now {
                    events::arrived(&self, Direction::Reply, &bytes);
                }
                events::show_arrival(&self, Direction::Reply, &bytes, hooks);
                pending.settle(Ok(bytes));
            }
            (Ok(()), None) => events::late(&self, &bytes),
            (Err(cause), _) => {
                if !sent_now {
                    events::lost(&self, Direction::Reply, &bytes, cause, hooks);
                }
                self.fail();
            }
        }
    }

    /// This copy will bring nothing.
    pub fn fail(mut self) {
        let core = self.core.clone();
        let last = core.state.lock().spend(&mut self);
        if let Some(pending) = last {
            pending.fail();
        }
    }

    /// The server cannot answer, and says why.
    pub fn refuse(mut self, error: RpcError) {
        let core = self.core.clone();
        let pending = {
            let mut state = core.state.lock();
            self.spent = true;
            let _ = state.handler_ended(&mut self);
            state.calls.take(self.key)
        };
        events::refused(&self, &error.to_string());
        if let Some(pending) = pending {
            pending.settle(Err(error));
        }
    }

    /// Whoever had the ticket let it go: the handler panicked or dropped its responder, or crashed.
    pub fn abandon(mut self) {
        let core = self.core.clone();
        let now = Instant::now();
        let (passage, look, hooks) = {
            let mut state = core.state.lock();
            let passage = state.handler_ended(&mut self);
            let look = state
                .calls
                .get(self.key)
                .map(|pending| pending.next_look(now));
            (passage, look, state.hooks.clone())
        };
        let cause = passage.err().unwrap_or(Cause::NoAnswer);
        events::lost(&self, Direction::Reply, &[], cause, hooks.as_deref());
        match look {
            // Nobody is left to say that the handler is gone: the caller finds out as for any dead server.
            Some(at) if cause != Cause::NoAnswer => core.post_at(at, Deed::Fail(self)),
            _ => self.fail(),
        }
    }
}

impl Link {
    fn path(&self, direction: Direction) -> &Path {
        match direction {
            Direction::Request => &self.request,
            Direction::Reply => &self.reply,
        }
    }
}

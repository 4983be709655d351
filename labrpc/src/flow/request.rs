//! From the caller to the handler.

use labsim::rand;
use labsim::sync::Arc;
use labsim::time::{Duration, Instant};

use crate::call::{Pending, Route, Ticket};
use crate::core::Core;
use crate::error::RpcError;
use crate::events;
use crate::link::Delay;
use crate::observer::{Cause, Direction, Fate, Hooks};
use crate::server::ServerCore;
use crate::service::{Request, Wanted};
use crate::state::{EndInfo, State};
use crate::waiter::Waiter;

/// A request as its caller makes it.
struct Letter<'a> {
    end: &'a Arc<EndInfo>,
    wanted: Wanted<'a>,
    len: usize,
    now: Instant,
    sender_dead: bool,
}

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
        let sender_dead = end.domain.as_ref().is_some_and(|d| !d.is_alive());
        let letter = Letter {
            end,
            wanted,
            len: args.len(),
            now,
            sender_dead,
        };
        let Begun {
            ticket,
            course,
            hooks,
        } = match self.with(|state| state.begin(self, letter, waiter)) {
            Ok(begun) => begun,
            Err(waiter) => {
                let closed = RpcError::Closed {
                    method: wanted.full_name(),
                };
                return waiter.settle(Err(closed), end.domain.as_ref());
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
}

impl State {
    /// Enters a call: all that happens at the moment a request is sent. The link's settings and the
    /// server are those of this moment, whatever comes later.
    fn begin(
        &mut self,
        core: &Arc<Core>,
        letter: Letter<'_>,
        waiter: Waiter,
    ) -> Result<Begun, Waiter> {
        if !self.open {
            return Err(waiter);
        }
        let Letter {
            end,
            wanted,
            len,
            now,
            sender_dead,
        } = letter;
        let method = self.method(wanted);
        let from = &self.ends[end.id as usize];
        let (enabled, to) = (from.enabled, from.to);
        let link = from.link.as_ref().or(self.weather.as_ref()).cloned();
        let server = to.and_then(|place| self.places[place as usize].server.clone());
        let info = server.as_ref().map(|server| server.info.clone());
        let hooks = self.hooks.clone();
        let intercepted = hooks.as_ref().is_some_and(|h| h.requests.is_some());

        let nowhere = if sender_dead {
            Some(Cause::SenderDead)
        } else if !enabled {
            Some(Cause::EndDisabled)
        } else if info.as_ref().is_none_or(|server| !server.is_alive()) {
            Some(Cause::NoServer)
        } else {
            link.as_ref()
                .is_some_and(|l| l.request.cut)
                .then_some(Cause::Cut)
        };
        let course = match (nowhere, server) {
            (None, Some(server)) if link.is_none() && !intercepted => Course::Direct(server),
            (None, _) => Course::Open,
            (Some(cause), _) => Course::Nowhere(cause, self.delay_of_dead()),
        };
        let direct = matches!(course, Course::Direct(_));
        // What a dead peer sends has never been on the network.
        if !sender_dead {
            self.count(to, method.id, |c| {
                c.request(len);
                if direct {
                    c.arrival(len);
                }
            });
        }
        let call = self.calls.next_id();
        let core = core.clone();
        let route = Arc::new(Route {
            core,
            call,
            end: end.clone(),
            server: info,
            method,
            link,
        });
        let slot = self.calls.insert(Pending {
            route: route.clone(),
            waiter: Some(waiter),
            tickets: 1,
            running: u32::from(direct),
            since: now,
            watched: false,
        });
        let ticket = Ticket {
            route,
            slot,
            copy: 0,
            running: direct,
            spent: false,
        };
        Ok(Begun {
            ticket,
            course,
            hooks,
        })
    }

    /// How long a caller waits for a server that is not there: 0 to 99 ms, or 0 to 6999 ms with long delays.
    fn delay_of_dead(&self) -> Delay {
        Delay::uniform_ms(0, if self.long_delays { 6999 } else { 99 })
    }

    /// Enters that a request has arrived, if its way is open still.
    fn arrive(
        &mut self,
        ticket: &mut Ticket,
        len: usize,
        now: Instant,
    ) -> Result<Arc<ServerCore>, Cause> {
        self.passage(&ticket.route, Direction::Request)?;
        let place = ticket.route.place().ok_or(Cause::NoServer)?;
        let server = self.places[place as usize]
            .server
            .clone()
            .ok_or(Cause::ServerGone)?;
        self.count(Some(place), ticket.route.method.id, |c| c.arrival(len));
        ticket.running = true;
        if let Some(pending) = self.calls.of(ticket) {
            if pending.running == 0 {
                pending.since = now;
            }
            pending.running += 1;
        }
        Ok(server)
    }
}

impl Ticket {
    /// A request that was on its way arrives at its server.
    pub fn arrive(mut self, args: Vec<u8>) {
        let now = Instant::now();
        let route = self.route.clone();
        let (server, hooks) = route
            .core
            .with(|s| (s.arrive(&mut self, args.len(), now), s.hooks.clone()));
        let hooks = hooks.as_deref();
        match server {
            Ok(server) => {
                events::arrived(&self, Direction::Request, &args);
                self.enter(&server, args, hooks);
            }
            Err(cause) => {
                events::lost(&self, Direction::Request, &args, cause, hooks);
                self.lose(cause);
            }
        }
    }

    /// The server has the request, and has it answered.
    fn enter(self, server: &ServerCore, args: Vec<u8>, hooks: Option<&Hooks>) {
        events::show_arrival(&self, Direction::Request, &args, hooks);
        match server.find(&self.route.method) {
            Ok(answerer) => {
                let route = self.route.clone();
                server.accept(answerer, Request { ticket: self, args }, &route.core);
            }
            Err(error) => self.refuse(error),
        }
    }
}

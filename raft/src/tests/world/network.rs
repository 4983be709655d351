// BEGIN SOLUTION
//! What is on its way between the servers, and what becomes of it.

use std::collections::BTreeMap;

use labsim::rand::RngExt;
use raftapi::PeerId;

use super::{Up, World};
use crate::node::{Call, Outcome};

pub enum Flight {
    Request(Route, Call),
    Reply(Route, Outcome),
}

/// Which way a request goes; its reply comes back the same way.
#[derive(Clone, Copy)]
pub struct Route {
    pub from: PeerId,
    /// The incarnation of the caller: a reply to an earlier one is lost.
    pub life: u32,
    pub to: PeerId,
    /// A copy that the network made: nobody waits for its reply.
    pub echo: bool,
}

impl Route {
    /// The reply, or what the caller learns in place of one; `None`: nobody waits for it.
    fn reply(self, outcome: Outcome) -> Option<Flight> {
        (!self.echo).then_some(Flight::Reply(self, outcome))
    }
}

impl World {
    /// A few messages arrive, or get lost.
    pub fn deliver(&mut self, crash: u32) {
        let mut inboxes: BTreeMap<usize, Vec<Flight>> = BTreeMap::new();
        for _ in 0..self.rng.random_range(1..4) {
            if self.flights.is_empty() {
                break;
            }
            let any = self.rng.random_range(0..self.flights.len());
            let flight = self.flights.swap_remove(any);
            if let Some((to, flight)) = self.arrive(flight) {
                inboxes.entry(to).or_default().push(flight);
            }
        }
        for (to, events) in inboxes {
            self.turn(to, events, crash);
        }
    }

    /// One message arrives, or gets lost.
    pub fn receive(&mut self, flight: Flight) {
        if let Some((to, flight)) = self.arrive(flight) {
            self.turn(to, vec![flight], 0);
        }
    }

    /// What comes of a message: where it arrives, unless it gets lost.
    fn arrive(&mut self, flight: Flight) -> Option<(usize, Flight)> {
        let lost = self.percent(self.loss);
        match flight {
            Flight::Request(route, call) => self.request_arrives(route, call, lost),
            Flight::Reply(route, outcome) => self.reply_arrives(route, outcome, lost),
        }
    }

    fn request_arrives(&mut self, route: Route, call: Call, lost: bool) -> Option<(usize, Flight)> {
        let (from, to) = (route.from.0, route.to.0);
        if lost || self.cut[from][to] || self.servers[to].up.is_none() {
            // The caller learns, some time, that its call failed.
            self.flights.extend(route.reply(call.without_reply()));
            return None;
        }
        if self.percent(self.echo) {
            let echo = Route {
                echo: true,
                ..route
            };
            self.flights.push(Flight::Request(echo, call.clone()));
        }
        Some((to, Flight::Request(route, call)))
    }

    fn reply_arrives(&self, route: Route, outcome: Outcome, lost: bool) -> Option<(usize, Flight)> {
        let (caller, callee) = (route.from.0, route.to.0);
        let up = self.servers[caller].up.as_ref()?;
        if up.domain.incarnation() != route.life {
            return None;
        }
        let lost = lost || self.cut[caller][callee];
        let outcome = if lost {
            outcome.without_reply()
        } else {
            outcome
        };
        Some((caller, Flight::Reply(route, outcome)))
    }
}

impl Up {
    /// Handles an event; a request gives a reply.
    pub(super) fn handle(&mut self, event: Flight) -> Option<Flight> {
        match event {
            Flight::Request(route, call) => route.reply(self.outcome(call)),
            Flight::Reply(route, outcome) => {
                self.node.use_outcome(route.to, outcome);
                None
            }
        }
    }

    fn outcome(&mut self, call: Call) -> Outcome {
        let node = &mut self.node;
        match call {
            Call::RequestVote(args) => {
                Outcome::RequestVote(args.term, Some(node.handle_request_vote(args)))
            }
            Call::AppendEntries(args, sent) => {
                Outcome::AppendEntries(sent, Some(node.handle_append_entries(args)))
            }
            Call::InstallSnapshot(args, sent) => {
                Outcome::InstallSnapshot(sent, Some(node.handle_install_snapshot(args)))
            }
            Call::PreVote(args, round) => Outcome::PreVote(round, Some(node.handle_pre_vote(args))),
            Call::TimeoutNow(args) => Outcome::TimeoutNow(Some(node.handle_timeout_now(args))),
        }
    }
}

impl Call {
    fn without_reply(&self) -> Outcome {
        match self {
            Call::RequestVote(args) => Outcome::RequestVote(args.term, None),
            Call::AppendEntries(_, sent) => Outcome::AppendEntries(*sent, None),
            Call::InstallSnapshot(_, sent) => Outcome::InstallSnapshot(*sent, None),
            Call::PreVote(_, round) => Outcome::PreVote(*round, None),
            Call::TimeoutNow(_) => Outcome::TimeoutNow(None),
        }
    }
}

impl Outcome {
    fn without_reply(self) -> Outcome {
        match self {
            Outcome::RequestVote(asked, _) => Outcome::RequestVote(asked, None),
            Outcome::AppendEntries(sent, _) => Outcome::AppendEntries(sent, None),
            Outcome::InstallSnapshot(sent, _) => Outcome::InstallSnapshot(sent, None),
            Outcome::PreVote(round, _) => Outcome::PreVote(round, None),
            Outcome::TimeoutNow(_) => Outcome::TimeoutNow(None),
        }
    }
}
// END SOLUTION

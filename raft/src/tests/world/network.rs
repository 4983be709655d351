// BEGIN SOLUTION
//! What is on its way between the servers, and what becomes of it.

use std::collections::BTreeMap;

use labsim::rand::RngExt;
use raftapi::PeerId;

use super::{Up, World};
use crate::node::{Call, Outcome};

pub enum Flight {
    Request(Request),
    Reply(Reply),
}

#[derive(Clone)]
pub struct Request {
    pub from: PeerId,
    /// The incarnation of the caller: a reply to an earlier one is lost.
    pub life: u32,
    pub to: PeerId,
    pub call: Call,
    /// A copy that the network made: nobody waits for its reply.
    pub echo: bool,
}

pub struct Reply {
    from: PeerId,
    to: PeerId,
    life: u32,
    outcome: Outcome,
}

impl Request {
    /// The reply to it, or what its caller learns in place of one; `None`: nobody waits for it.
    fn reply(&self, outcome: Outcome) -> Option<Flight> {
        (!self.echo).then_some(Flight::Reply(Reply {
            from: self.to,
            to: self.from,
            life: self.life,
            outcome,
        }))
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
            Flight::Request(request) => self.request_arrives(request, lost),
            Flight::Reply(reply) => self.reply_arrives(reply, lost),
        }
    }

    fn request_arrives(&mut self, request: Request, lost: bool) -> Option<(usize, Flight)> {
        let (from, to) = (request.from.0, request.to.0);
        if lost || self.cut[from][to] || self.servers[to].up.is_none() {
            // The caller learns, some time, that its call failed.
            self.flights
                .extend(request.reply(request.call.without_reply()));
            return None;
        }
        if self.percent(self.echo) {
            let mut echo = request.clone();
            echo.echo = true;
            self.flights.push(Flight::Request(echo));
        }
        Some((to, Flight::Request(request)))
    }

    fn reply_arrives(&mut self, mut reply: Reply, lost: bool) -> Option<(usize, Flight)> {
        let (from, to) = (reply.from.0, reply.to.0);
        let up = self.servers[to].up.as_ref()?;
        if up.domain.incarnation() != reply.life {
            return None;
        }
        if lost || self.cut[to][from] {
            reply.outcome = reply.outcome.without_reply();
        }
        Some((to, Flight::Reply(reply)))
    }
}

impl Up {
    /// Handles an event; a request gives a reply.
    pub(super) fn handle(&mut self, event: Flight) -> Option<Flight> {
        match event {
            Flight::Request(request) => {
                let outcome = self.outcome(request.call.clone());
                request.reply(outcome)
            }
            Flight::Reply(Reply { from, outcome, .. }) => {
                self.node.use_outcome(from, outcome);
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

// BEGIN SOLUTION
//! What is on its way between the servers, and what becomes of it.

use std::collections::BTreeMap;

use labsim::rand::RngExt;
use raftapi::PeerId;

use super::{Up, World};
use crate::node::{Call, Outcome};

pub enum Flight {
    Request {
        from: PeerId,
        life: u32,
        to: PeerId,
        call: Call,
        echo: bool,
    },
    Reply {
        from: PeerId,
        to: PeerId,
        life: u32,
        outcome: Outcome,
    },
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
            Flight::Request {
                from,
                life,
                to,
                call,
                echo,
            } => {
                if lost || self.cut[from.0][to.0] || self.servers[to.0].up.is_none() {
                    self.fail(from, life, to, call, echo);
                    return None;
                }
                if self.percent(self.echo) {
                    let call = call.clone();
                    self.flights.push(Flight::Request {
                        from,
                        life,
                        to,
                        call,
                        echo: true,
                    });
                }
                Some((
                    to.0,
                    Flight::Request {
                        from,
                        life,
                        to,
                        call,
                        echo,
                    },
                ))
            }
            Flight::Reply {
                from,
                to,
                life,
                outcome,
            } => {
                let up = self.servers[to.0].up.as_ref()?;
                if up.domain.incarnation() != life {
                    return None;
                }
                let lost = lost || self.cut[to.0][from.0];
                let outcome = if lost {
                    outcome.without_reply()
                } else {
                    outcome
                };
                Some((
                    to.0,
                    Flight::Reply {
                        from,
                        to,
                        life,
                        outcome,
                    },
                ))
            }
        }
    }

    /// The caller learns, some time, that its call failed.
    fn fail(&mut self, from: PeerId, life: u32, to: PeerId, call: Call, echo: bool) {
        if !echo {
            let outcome = call.without_reply();
            self.flights.push(Flight::Reply {
                from: to,
                to: from,
                life,
                outcome,
            });
        }
    }
}

impl Up {
    /// Handles an event; a request gives a reply.
    pub(super) fn handle(&mut self, event: Flight) -> Option<Flight> {
        let node = &mut self.node;
        match event {
            Flight::Request {
                from,
                life,
                to,
                call,
                echo,
            } => {
                let outcome = match call {
                    Call::RequestVote(args) => {
                        Outcome::RequestVote(args.term, Some(node.handle_request_vote(args)))
                    }
                    Call::AppendEntries(args, sent) => {
                        Outcome::AppendEntries(sent, Some(node.handle_append_entries(args)))
                    }
                    Call::InstallSnapshot(args, sent) => {
                        Outcome::InstallSnapshot(sent, Some(node.handle_install_snapshot(args)))
                    }
                    Call::PreVote(args, round) => {
                        Outcome::PreVote(round, Some(node.handle_pre_vote(args)))
                    }
                    Call::TimeoutNow(args) => {
                        Outcome::TimeoutNow(Some(node.handle_timeout_now(args)))
                    }
                };
                (!echo).then_some(Flight::Reply {
                    from: to,
                    to: from,
                    life,
                    outcome,
                })
            }
            Flight::Reply { from, outcome, .. } => {
                node.use_outcome(from, outcome);
                None
            }
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

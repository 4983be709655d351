// BEGIN SOLUTION
//! A little world of bare cores: disks, services, and a network that loses, repeats and reorders.
//! Chance decides what happens next; after each turn the properties of Figure 3 are checked.

use std::collections::BTreeSet;

use labsim::Domain;
use labsim::rand::RngExt;
use labsim::time::{Duration, Instant};
use raftapi::{Disk, LogIndex, Membership, PeerId, Term};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

use super::stage::ms;
use crate::membership::{Members, is_quorum};
use crate::message::EntryId;
use crate::node::{Node, Outgoing};

mod facts;
mod network;
mod service;
mod state;

pub use network::{Flight, Route};

use facts::Facts;
use service::Service;

pub struct World {
    pub rng: Xoshiro256PlusPlus,
    pub now: Instant,
    pub servers: Vec<Server>,
    /// Everything under way, in no order.
    pub flights: Vec<Flight>,
    /// `cut[from][to]`: requests that way are lost.
    pub cut: Vec<Vec<bool>>,
    /// Of 100 requests and replies, so many get lost; so many requests arrive twice.
    pub loss: u32,
    pub echo: u32,
    /// The configuration that the founders begin with, if it can change.
    founders: Option<Membership>,
    facts: Facts,
    commands: u64,
}

/// One server: its disk, and what runs on it unless it is down.
pub struct Server {
    pub disk: Disk,
    pub up: Option<Up>,
}

pub struct Up {
    pub node: Node,
    domain: Domain,
    service: Service,
    /// What was committed when last looked at.
    commit: LogIndex,
    /// The term that it led and the end of its log when last looked at.
    led: Option<(Term, EntryId)>,
}

impl World {
    pub fn new(seed: u64, cluster: usize) -> World {
        World::with(seed, cluster, None)
    }

    /// A world in which the first `founders` of the servers vote at first, and others may join.
    pub fn open(seed: u64, cluster: usize, founders: usize) -> World {
        let founders = Membership::of((0..founders).map(PeerId));
        World::with(seed, cluster, Some(founders))
    }

    fn with(seed: u64, cluster: usize, founders: Option<Membership>) -> World {
        let mut world = World {
            rng: Xoshiro256PlusPlus::seed_from_u64(seed),
            now: ms(0),
            servers: (0..cluster)
                .map(|_| Server {
                    disk: Disk::new(),
                    up: None,
                })
                .collect(),
            flights: Vec::new(),
            cut: vec![vec![false; cluster]; cluster],
            loss: 0,
            echo: 0,
            founders,
            facts: Facts::default(),
            commands: 0,
        };
        (0..cluster).for_each(|i| world.restart(i));
        world
    }

    pub fn percent(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    pub fn pick(&mut self) -> usize {
        let count = self.servers.len();
        self.rng.random_range(0..count)
    }

    // Servers.

    pub fn restart(&mut self, i: usize) {
        self.crash(i);
        let (cluster, now, chance) = (self.servers.len(), self.now, self.rng.random());
        let server = &mut self.servers[i];
        let domain = Domain::new(i as u32, server.disk.mounts() as u32);
        let members = match &self.founders {
            None => Members::fixed(cluster),
            Some(first) if first.has_voter(PeerId(i)) => Members::open(first.clone()),
            Some(_) => Members::open(Membership::default()),
        };
        let persister = server.disk.mount(&domain);
        let node = Node::member(PeerId(i), cluster, members, persister, now, chance);
        let service = Service::restore(&server.disk.snapshot());
        assert_eq!(
            service.applied, node.applied,
            "server {i}: the snapshot and the log part"
        );
        let commit = node.commit;
        server.up = Some(Up {
            node,
            domain,
            service,
            commit,
            led: None,
        });
    }

    pub fn crash(&mut self, i: usize) {
        if let Some(up) = self.servers[i].up.take() {
            up.domain.crash();
        }
    }

    /// A client asks server `i`.
    pub fn propose(&mut self, i: usize) {
        self.commands += 1;
        let command = format!("command {}", self.commands);
        if let Some(up) = &mut self.servers[i].up {
            let _ = up.node.start(command.into()); // mostly it does not lead
        }
    }

    /// An operator asks server `i` for another configuration.
    pub fn change(&mut self, i: usize) {
        let mut voters = BTreeSet::new();
        let mut learners = BTreeSet::new();
        for peer in (0..self.servers.len()).map(PeerId) {
            match self.rng.random_range(0..3) {
                0 => drop(voters.insert(peer)),
                1 => drop(learners.insert(peer)),
                _ => {}
            }
        }
        if let Some(up) = &mut self.servers[i].up {
            let _ = up.node.change_membership(&voters, &learners); // mostly it does not lead
        }
    }

    /// An operator wants another to lead.
    pub fn transfer(&mut self, i: usize) {
        let to = self.pick();
        if let Some(up) = &mut self.servers[i].up {
            up.node.now = self.now;
            let _ = up.node.transfer_leadership(PeerId(to)); // mostly it does not lead
        }
    }

    /// The service of server `i` executes what there is.
    pub fn apply(&mut self, i: usize) {
        let Some(up) = &mut self.servers[i].up else {
            return;
        };
        for message in up.node.take_deliveries() {
            up.service.take(i, message, &mut self.facts);
        }
    }

    /// The service of server `i` hands over a snapshot.
    pub fn snapshot(&mut self, i: usize) {
        let Some(up) = &mut self.servers[i].up else {
            return;
        };
        up.node
            .take_snapshot(up.service.applied, up.service.snapshot());
        let (saved, service) = (Service::restore(&up.node.persister.snapshot()), up.service);
        assert!(
            saved.applied >= service.applied,
            "server {i} has lost a snapshot"
        );
    }

    /// Cuts server `i` off from all others, or joins it again.
    pub fn connect(&mut self, i: usize, on: bool) {
        for j in 0..self.servers.len() {
            (self.cut[i][j], self.cut[j][i]) = (!on, !on);
        }
    }

    pub fn heal(&mut self) {
        self.cut.iter_mut().flatten().for_each(|cut| *cut = false);
    }

    // Time and messages.

    /// A turn of server `i`: some events, then the timer. The server may crash before the turn's
    /// save or right after it; then nothing goes out.
    pub fn turn(&mut self, i: usize, events: Vec<Flight>, crash: u32) {
        let (now, chance) = (self.now, self.rng.random());
        let (crash_before, crash_after) = (self.percent(crash), self.percent(crash));
        let Some(up) = &mut self.servers[i].up else {
            return;
        };
        up.node.at(now, chance);
        let replies: Vec<_> = events.into_iter().filter_map(|e| up.handle(e)).collect();
        up.node.tick();
        if crash_before {
            return self.crash(i);
        }
        let calls = up.node.finish();
        let life = up.domain.incarnation();
        self.check_held(i);
        let up = self.servers[i]
            .up
            .as_mut()
            .expect("it has just had its turn");
        self.facts.check(up);
        if crash_after {
            return self.crash(i);
        }
        self.flights.extend(replies);
        let request = |Outgoing { to, call }| {
            let from = PeerId(i);
            Flight::Request(
                Route {
                    from,
                    life,
                    to,
                    echo: false,
                },
                call,
            )
        };
        self.flights.extend(calls.into_iter().map(request));
    }

    /// What a leader has just committed is on the disks of a quorum of a configuration that it may have
    /// gone by. Where the membership never changes the properties of Figure 3 say enough.
    fn check_held(&self, i: usize) {
        let up = self.servers[i].up.as_ref().expect("it is its turn");
        let (node, before) = (&up.node, up.commit);
        if !self.is_open() || node.commit <= before || !node.is_leader() {
            return;
        }
        let disk = |peer: PeerId| crate::persist::view_saved(&self.servers[peer.0].disk.state());
        let id = node.log.id_at(node.commit);
        let holds = |peer: PeerId| {
            disk(peer).is_some_and(|saved| {
                saved.snapshot.index >= id.index || saved.term_at(id.index) == Some(id.term)
            })
        };
        let mut any = node.members.from(before);
        assert!(
            any.any(|membership| is_quorum(membership, holds)),
            "leader {i} has committed {id}, which no quorum of {} has on disk",
            node.membership()
        );
    }

    /// All servers whose timer has run out, in turn.
    pub fn tick(&mut self) {
        for i in 0..self.servers.len() {
            if self.servers[i]
                .up
                .as_ref()
                .is_some_and(|up| up.node.deadline() <= self.now)
            {
                self.turn(i, vec![], 0);
            }
        }
    }

    /// The next moment at which a timer runs out.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.servers
            .iter()
            .filter_map(|s| s.up.as_ref())
            .map(|up| up.node.deadline())
            .min()
    }

    pub fn pass(&mut self, time: Duration) {
        self.now += time;
        self.tick();
    }
}

// END SOLUTION

// BEGIN SOLUTION
//! A little world of bare cores: disks, services, and a network that loses, repeats and reorders.
//! Chance decides what happens next; after each turn the properties of Figure 3 are checked.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use labsim::Domain;
use labsim::rand::RngExt;
use labsim::time::{Duration, Instant};
use raftapi::{ApplyMsg, Disk, LogIndex, Membership, PeerId, Term};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

use super::stage::ms;
use crate::membership::{Members, is_quorum};
use crate::message::EntryId;
use crate::node::{Call, Node, Outcome, Outgoing};

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

/// The state machine: what it has executed, and a digest of all of it in order.
#[derive(Clone, Copy, Default, Debug, PartialEq)]
struct Service {
    applied: LogIndex,
    digest: u64,
}

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

/// All that has come to be true, on whatever server.
#[derive(Default)]
struct Facts {
    leaders: BTreeMap<Term, PeerId>,
    /// Each entry that ever was in a log: its command, and the term of the entry before it.
    entries: BTreeMap<(LogIndex, Term), (Bytes, Term)>,
    /// Where entries are that change the membership.
    changes: BTreeSet<(LogIndex, Term)>,
    /// Committed entries, with the earliest term in which a server knew it.
    committed: BTreeMap<LogIndex, (EntryId, Term)>,
    /// The digest of a service that has executed everything up to there.
    digests: BTreeMap<LogIndex, u64>,
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
        let request = |Outgoing { to, call }| Flight::Request {
            from: PeerId(i),
            life,
            to,
            call,
            echo: false,
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
    fn handle(&mut self, event: Flight) -> Option<Flight> {
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

impl Service {
    fn take(&mut self, i: usize, message: ApplyMsg, facts: &mut Facts) {
        match message {
            ApplyMsg::Command {
                index,
                term,
                command,
            } => {
                facts.check_order(i, self.applied, index);
                let (id, _) = facts.committed[&index];
                let (known, _) = &facts.entries[&(index, id.term)];
                // State Machine Safety.
                assert_eq!(
                    (term, &command),
                    (id.term, known),
                    "server {i} applies another {index}"
                );
                let mix = command.iter().fold(self.digest, |d, b| {
                    (d ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3)
                });
                *self = Service {
                    applied: index,
                    digest: mix,
                };
            }
            ApplyMsg::Snapshot {
                index, snapshot, ..
            } => {
                assert!(
                    index > self.applied,
                    "server {i} goes back to a snapshot to {index}"
                );
                *self = Service::restore(&snapshot);
                assert_eq!(
                    self.applied, index,
                    "server {i}: the snapshot is of another index"
                );
            }
        }
        let known = *facts.digests.entry(self.applied).or_insert(self.digest);
        assert_eq!(
            self.digest, known,
            "server {i} has another state after {}",
            self.applied
        );
    }

    fn snapshot(&self) -> Bytes {
        labgob::encode(&(self.applied.0, self.digest)).into()
    }

    fn restore(snapshot: &Bytes) -> Service {
        if snapshot.is_empty() {
            return Service::default();
        }
        let (applied, digest) = labgob::decode(snapshot).unwrap();
        Service {
            applied: LogIndex(applied),
            digest,
        }
    }
}

impl Facts {
    /// Figure 3's properties, after a turn of this server.
    fn check(&mut self, up: &mut Up) {
        let node = &up.node;
        let on_disk = crate::persist::restore(&node.persister);
        let (term, vote, log) = (&node.term, &node.voted_for, &node.log);
        assert_eq!(
            (&on_disk.term, &on_disk.voted_for, &on_disk.log),
            (term, vote, log),
            "on disk and in memory"
        );
        self.check_log_matching(node);
        self.check_commit(node, up.commit);
        up.commit = node.commit;
        if !node.is_leader() {
            up.led = None;
            return;
        }
        self.check_leader(node);
        if let Some((term, last)) = up.led.replace((node.term, node.log.last())) {
            let kept = term != node.term || node.log.contains(last);
            assert!(
                kept,
                "Leader Append-Only: leader {} has lost {last} in term {term}",
                node.me
            );
        }
    }

    /// What is left out between two that are applied are changes of the membership, and committed.
    fn check_order(&self, i: usize, applied: LogIndex, index: LogIndex) {
        assert!(
            index > applied,
            "server {i} applies {index} after {applied}"
        );
        for left_out in (applied.0 + 1..index.0).map(LogIndex) {
            let (id, _) = self.committed[&left_out];
            assert!(
                self.changes.contains(&(left_out, id.term)),
                "server {i} applies {index} right after {applied}, and leaves {left_out} out"
            );
        }
    }

    /// Log Matching, by induction: an entry has one command and one predecessor.
    fn check_log_matching(&mut self, node: &Node) {
        let (base, last) = (node.log.base(), node.log.last());
        let mut before = base.term;
        for index in (base.index.0 + 1..=last.index.0).map(LogIndex) {
            let entry = node.log.entry(index);
            if entry.membership.is_some() {
                self.changes.insert((index, entry.term));
            }
            let known = self.entries.entry((index, entry.term));
            let known = known.or_insert_with(|| (entry.command.clone(), before));
            assert!(
                known.0 == entry.command && known.1 == before,
                "Log Matching: server {} has {index}@{} after term {before}; elsewhere it is {known:?}",
                node.me,
                entry.term
            );
            before = entry.term;
        }
    }

    /// What is committed on one server is committed: no other has another entry there.
    fn check_commit(&mut self, node: &Node, before: LogIndex) {
        let first = before.max(node.log.base().index.prev_or_zero()).next();
        for index in (first.0..=node.commit.0).map(LogIndex) {
            let id = node.log.id_at(index);
            let (known, term) = self.committed.entry(index).or_insert((id, node.term));
            assert_eq!(*known, id, "server {} has committed another entry", node.me);
            *term = node.term.min(*term);
        }
    }

    /// Election Safety, and Leader Completeness.
    fn check_leader(&mut self, node: &Node) {
        let (me, term) = (node.me, node.term);
        let leader = *self.leaders.entry(term).or_insert(me);
        assert_eq!(leader, me, "Election Safety: two lead term {term}");
        for (id, in_term) in self.committed.values().filter(|(_, t)| *t < term) {
            assert!(
                node.log.contains(*id),
                "Leader Completeness: {id} was committed in term {in_term}, and leader {me} of \
                 term {term} does not have it"
            );
        }
    }

    /// The last index known to be committed anywhere.
    fn last_committed(&self) -> LogIndex {
        self.committed
            .keys()
            .next_back()
            .copied()
            .unwrap_or_default()
    }
}

trait PrevOrZero {
    fn prev_or_zero(self) -> Self;
}

impl PrevOrZero for LogIndex {
    fn prev_or_zero(self) -> LogIndex {
        LogIndex(self.0.saturating_sub(1))
    }
}

impl World {
    pub fn last_committed(&self) -> LogIndex {
        self.facts.last_committed()
    }

    /// What is committed of the configurations, as far as a server that is up knows; if all is well,
    /// that is the whole of it.
    fn members(&self) -> Membership {
        let up = self.servers.iter().filter_map(|s| s.up.as_ref());
        let newest = up.max_by_key(|up| (up.node.commit, up.node.members.latest_at()));
        newest
            .map(|up| up.node.membership().clone())
            .unwrap_or_default()
    }

    /// No change is under way, and all its members have applied everything, at least up to `index`.
    pub fn members_applied(&self, index: LogIndex) -> bool {
        let (all, members) = (self.last_committed(), self.members());
        let applied = |peer: &PeerId| {
            let up = self.servers[peer.0].up.as_ref();
            up.is_some_and(|up| up.node.applied == all && *up.node.membership() == members)
        };
        all >= index && !members.is_joint() && members.everyone().iter().all(applied)
    }

    pub fn is_open(&self) -> bool {
        self.founders.is_some()
    }

    pub fn changes(&self) -> usize {
        self.facts.changes.len()
    }

    pub fn terms_with_leader(&self) -> usize {
        self.facts.leaders.len()
    }

    /// Every server is up and has applied everything that is committed, at least up to `index`.
    pub fn all_applied(&self, index: LogIndex) -> bool {
        let all = self.last_committed();
        let applied = |s: &Server| s.up.as_ref().is_some_and(|up| up.service.applied == all);
        all >= index && self.servers.iter().all(applied)
    }
}
// END SOLUTION

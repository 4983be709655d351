//! What the big lock protects, and everything that happens to it.

use bytes::Bytes;
use labrpc::{ClientEnd, RpcError};
use labsim::channel::{Receiver, TryRecvError};
use labsim::rand::{RngExt, rng};
use labsim::time::{Duration, Instant};
use raftapi::{ApplyMsg, LogIndex, NotLeader, PeerId, Persister, Term};
use serde::{Deserialize, Serialize};

use crate::log::Log;
use crate::message::*;

const HEARTBEAT: Duration = Duration::from_millis(120);
/// Calls to one peer that may be under way.
const CALLS: usize = 20;

/// What survives a crash.
#[derive(Default, Serialize, Deserialize)]
struct Durable {
    term: u64,
    vote: Option<usize>,
    log: Log,
}

#[derive(PartialEq)]
enum Role {
    Follower,
    Candidate { votes: usize },
    Leader,
}

/// A peer, as a leader sees it.
struct Peer {
    client: peer::Client,
    calls: Vec<Call>,
    next: u64,
    matched: u64,
    /// When the next call is due, entries or not.
    due: Instant,
}

/// A call under way: what was asked, and where the answer will be.
enum Call {
    Vote(u64, Answer<Voted>),
    /// With the term, and with the entry before and the last of those sent.
    Append(u64, u64, u64, Answer<Appended>),
    /// With the term, and with the last entry in the snapshot.
    Install(u64, u64, Answer<Installed>),
}

type Answer<T> = Receiver<Result<T, RpcError>>;

pub struct Node {
    me: usize,
    peers: Vec<Peer>,
    durable: Durable,
    snapshot: Bytes,
    persister: Persister,
    role: Role,
    leader: Option<usize>,
    commit: u64,
    applied: u64,
    /// When patience with the leader is at its end.
    patience: Instant,
    /// The peer was told to end.
    pub stopped: bool,
}

impl Node {
    pub fn new(peers: Vec<ClientEnd>, me: PeerId, persister: Persister) -> Node {
        let state = persister.state();
        let durable = match state.is_empty() {
            true => Durable::default(),
            false => labgob::decode(&state).expect("what this peer saved"),
        };
        let peers = peers.into_iter().map(|end| Peer {
            client: peer::Client::new(end),
            calls: Vec::new(),
            next: 0,
            matched: 0,
            due: Instant::now(),
        });
        let start = durable.log.start.1;
        let mut node = Node {
            me: me.0,
            peers: peers.collect(),
            durable,
            snapshot: persister.snapshot(),
            persister,
            role: Role::Follower,
            leader: None,
            commit: start,
            applied: start,
            patience: Instant::now(),
            stopped: false,
        };
        node.be_patient();
        node
    }

    fn save(&self) {
        let state = labgob::encode(&self.durable);
        self.persister.save(state, self.snapshot.clone());
    }

    fn be_patient(&mut self) {
        let milliseconds = rng().random_range(400..800);
        self.patience = Instant::now() + Duration::from_millis(milliseconds);
    }

    /// Rules for all servers (§5.1).
    fn see_term(&mut self, term: u64) {
        if term > self.durable.term {
            self.durable.term = term;
            self.durable.vote = None;
            self.save();
            if self.role == Role::Leader {
                self.be_patient();
            }
            self.role = Role::Follower;
            self.leader = None;
        }
    }

    // What a peer does of itself.

    /// Ten milliseconds have gone by.
    pub fn tick(&mut self) {
        for peer in 0..self.peers.len() {
            self.look_for_answers(peer);
        }
        if self.role != Role::Leader && Instant::now() >= self.patience {
            self.campaign();
        }
        if self.role == Role::Leader {
            (0..self.peers.len()).for_each(|peer| self.send(peer));
        }
    }

    fn look_for_answers(&mut self, from: usize) {
        for call in std::mem::take(&mut self.peers[from].calls) {
            let pending = match call {
                Call::Vote(term, answer) => match answer.try_recv() {
                    Err(TryRecvError::Empty) => Some(Call::Vote(term, answer)),
                    Ok(Ok(voted)) => self.voted(term, voted),
                    _ => None,
                },
                Call::Append(term, prev, last, answer) => match answer.try_recv() {
                    Err(TryRecvError::Empty) => Some(Call::Append(term, prev, last, answer)),
                    Ok(Ok(appended)) => self.appended(from, (term, prev, last), appended),
                    _ => None,
                },
                Call::Install(term, last, answer) => match answer.try_recv() {
                    Err(TryRecvError::Empty) => Some(Call::Install(term, last, answer)),
                    Ok(Ok(installed)) => self.installed(from, (term, last), installed),
                    _ => None,
                },
            };
            self.peers[from].calls.extend(pending);
        }
    }

    fn campaign(&mut self) {
        self.durable.term += 1;
        self.durable.vote = Some(self.me);
        self.save();
        self.be_patient();
        self.role = Role::Candidate { votes: 1 };
        self.leader = None;
        let ask = Vote {
            term: self.durable.term,
            candidate: self.me,
            last: self.durable.log.end(),
        };
        for (number, peer) in self.peers.iter_mut().enumerate() {
            if number != self.me {
                let answer = peer.client.background().vote(&ask);
                peer.calls.push(Call::Vote(ask.term, answer));
            }
        }
    }

    /// Sends a follower what it lacks, unless that is under way and no heartbeat is due.
    fn send(&mut self, to: usize) {
        let now = Instant::now();
        let log = &self.durable.log;
        let peer = &mut self.peers[to];
        let waits = peer
            .calls
            .iter()
            .any(|call| !matches!(call, Call::Vote(..)));
        let idle = waits || peer.next > log.end().1;
        if to == self.me || peer.calls.len() >= CALLS || idle && now < peer.due {
            return;
        }
        peer.due = now + HEARTBEAT;
        let (term, leader) = (self.durable.term, self.me);
        let prev = peer.next - 1;
        let Some(prev_term) = log.term_at(prev) else {
            let (last, snapshot) = (log.start, self.snapshot.clone());
            let ask = Install {
                term,
                leader,
                last,
                snapshot,
            };
            let answer = peer.client.background().install(&ask);
            return peer.calls.push(Call::Install(term, last.1, answer));
        };
        let ask = Append {
            term,
            leader,
            prev: (prev_term, prev),
            entries: log.from(prev),
            commit: self.commit,
        };
        let answer = peer.client.background().append(&ask);
        peer.calls
            .push(Call::Append(term, prev, log.end().1, answer));
    }

    // Answers to our calls. None of them is to be looked at again.

    fn voted(&mut self, term: u64, voted: Voted) -> Option<Call> {
        self.see_term(voted.term);
        if term != self.durable.term || !voted.granted {
            return None;
        }
        let Role::Candidate { votes } = &mut self.role else {
            return None;
        };
        *votes += 1;
        if *votes > self.peers.len() / 2 {
            self.role = Role::Leader;
            self.leader = Some(self.me);
            let next = self.durable.log.end().1 + 1;
            for peer in &mut self.peers {
                (peer.next, peer.matched, peer.due) = (next, 0, Instant::now());
            }
        }
        None
    }

    fn appended(
        &mut self,
        from: usize,
        (term, prev, last): (u64, u64, u64),
        appended: Appended,
    ) -> Option<Call> {
        self.see_term(appended.term);
        if term != self.durable.term || self.role != Role::Leader {
            return None;
        }
        let peer = &mut self.peers[from];
        if appended.success {
            self.holds(from, last);
        } else if prev > peer.matched {
            // No search for the place where the logs part: what is committed is alike.
            peer.next = (appended.commit.max(peer.matched) + 1).min(prev);
            peer.due = Instant::now();
        }
        None
    }

    fn installed(
        &mut self,
        from: usize,
        (term, last): (u64, u64),
        installed: Installed,
    ) -> Option<Call> {
        self.see_term(installed.term);
        if term == self.durable.term && self.role == Role::Leader {
            self.holds(from, last);
        }
        None
    }

    /// A follower's log is ours up to `last`. What is committed by that (§5.3, §5.4.2)?
    fn holds(&mut self, from: usize, last: u64) {
        let peer = &mut self.peers[from];
        peer.matched = peer.matched.max(last);
        peer.next = peer.next.max(peer.matched + 1);
        let log = &self.durable.log;
        while log.end().1 > self.commit {
            // The next one that could be committed: the first of our own term.
            let mut index = self.commit + 1;
            while log
                .term_at(index)
                .is_some_and(|term| term < self.durable.term)
            {
                index += 1;
            }
            let others = self.peers.iter().enumerate();
            let others = others.filter(|(number, _)| *number != self.me);
            let holders = 1 + others.filter(|(_, peer)| peer.matched >= index).count();
            if index > log.end().1 || holders <= self.peers.len() / 2 {
                return;
            }
            self.commit = index;
        }
    }

    // What others ask.

    pub fn vote(&mut self, ask: Vote) -> Voted {
        self.see_term(ask.term);
        let term = self.durable.term;
        let granted = ask.term == term
            && self.durable.vote.is_none_or(|vote| vote == ask.candidate)
            && ask.last >= self.durable.log.end();
        if granted {
            self.durable.vote = Some(ask.candidate);
            self.save();
            self.be_patient();
        }
        Voted { term, granted }
    }

    /// Whether a leader's call is of our term; if so we follow it.
    fn follow(&mut self, term: u64, leader: usize) -> bool {
        self.see_term(term);
        if term < self.durable.term {
            return false;
        }
        self.role = Role::Follower;
        self.leader = Some(leader);
        self.be_patient();
        true
    }

    pub fn append(&mut self, ask: Append) -> Appended {
        let success = self.follow(ask.term, ask.leader) && self.durable.log.has(ask.prev);
        if success {
            let last_new = ask.prev.1 + ask.entries.len() as u64;
            if self.durable.log.put(ask.prev.1, ask.entries) {
                self.save();
            }
            self.commit = self.commit.max(ask.commit.min(last_new));
        }
        Appended {
            term: self.durable.term,
            success,
            commit: self.commit,
        }
    }

    pub fn install(&mut self, ask: Install) -> Installed {
        if self.follow(ask.term, ask.leader) && ask.last.1 > self.commit {
            self.durable.log.start_after(ask.last);
            self.snapshot = ask.snapshot;
            self.commit = ask.last.1;
            self.save();
        }
        Installed {
            term: self.durable.term,
        }
    }

    // What the service asks, and what it gets.

    pub fn start(&mut self, command: Bytes) -> Result<(LogIndex, Term), NotLeader> {
        if self.stopped || self.role != Role::Leader {
            let leader = self.leader.map(PeerId);
            return Err(NotLeader { leader });
        }
        let term = self.durable.term;
        self.durable.log.entries.push_back((term, command));
        self.save();
        Ok((LogIndex(self.durable.log.end().1), Term(term)))
    }

    pub fn state(&self) -> (Term, bool) {
        let leads = self.role == Role::Leader && !self.stopped;
        (Term(self.durable.term), leads)
    }

    pub fn snapshot(&mut self, index: u64, snapshot: Bytes) {
        if index > self.durable.log.start.1 {
            let term = self.durable.log.term_at(index).expect("it was applied");
            self.durable.log.start_after((term, index));
            self.snapshot = snapshot;
            self.save();
        }
    }

    pub fn has_to_apply(&self) -> bool {
        self.applied < self.commit
    }

    pub fn apply_one(&mut self) -> Option<ApplyMsg> {
        if !self.has_to_apply() {
            return None;
        }
        let log = &self.durable.log;
        if self.applied < log.start.1 {
            self.applied = log.start.1;
            return Some(ApplyMsg::Snapshot {
                index: LogIndex(log.start.1),
                term: Term(log.start.0),
                snapshot: self.snapshot.clone(),
            });
        }
        self.applied += 1;
        let (term, command) = log.at(self.applied).expect("what is committed is here");
        Some(ApplyMsg::Command {
            index: LogIndex(self.applied),
            term: Term(*term),
            command: command.clone(),
        })
    }
}

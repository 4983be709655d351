//! The state of a peer, and the rules for servers (Figure 2). All of it is behind one lock.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use labsim::channel::Sender;
use labsim::log::info;
use labsim::rand::{RngExt, rng};
use labsim::time::{Duration, Instant};
use raftapi::{ApplyMsg, LogIndex, NotLeader, PeerId, Persister, Term};

use crate::follower::{Follower, HEARTBEAT};
use crate::log::Log;
use crate::message::*;
use crate::replicator::Note;

pub enum Role {
    Follower(Option<PeerId>),
    Candidate(BTreeSet<usize>),
    Leader(BTreeMap<usize, Follower>),
}

pub struct Node {
    pub me: PeerId,
    pub term: Term,
    pub vote: Option<PeerId>,
    pub log: Log,
    pub snapshot: Bytes,
    pub persister: Persister,
    pub role: Role,
    pub commit: LogIndex,
    deadline: Instant,
    /// Where the replicators are told of news; empty when the peer was told to stop.
    inboxes: Vec<Sender<Note>>,
    peers: usize,
    /// All that was committed goes here, in order; up to `queued` it has.
    committed: Option<Sender<ApplyMsg>>,
    queued: LogIndex,
}

impl Node {
    pub fn new(
        me: PeerId,
        inboxes: Vec<Sender<Note>>,
        persister: Persister,
        committed: Sender<ApplyMsg>,
    ) -> Node {
        let (term, vote, log) = crate::saved::restore(&persister);
        let base = log.snapshot.index;
        let mut node = Node {
            me,
            term,
            vote,
            log,
            snapshot: persister.snapshot(),
            persister,
            role: Role::Follower(None),
            commit: base,
            deadline: Instant::now(),
            peers: inboxes.len(),
            inboxes,
            committed: Some(committed),
            queued: base,
        };
        node.put_off_election();
        node
    }

    pub fn stop(&mut self) {
        self.role = Role::Follower(None);
        self.wake_replicators();
        self.inboxes.clear();
        self.committed = None;
    }

    pub fn stopped(&self) -> bool {
        self.inboxes.is_empty()
    }

    fn wake_replicators(&self) {
        for inbox in &self.inboxes {
            let _ = inbox.send(Note::News);
        }
    }

    fn is_majority(&self, peers: usize) -> bool {
        2 * peers > self.peers
    }

    // The election timer.

    fn put_off_election(&mut self) {
        let wait = rng().random_range(300_000..600_000);
        self.deadline = Instant::now() + Duration::from_micros(wait);
    }

    /// When the timer is to be looked at again.
    pub fn next_look(&self) -> Instant {
        match self.role {
            Role::Leader(_) => Instant::now() + Duration::from_millis(100),
            _ => self.deadline,
        }
    }

    pub fn campaign_if_due(&mut self) {
        if matches!(self.role, Role::Leader(_)) || Instant::now() < self.deadline {
            return;
        }
        self.term = self.term.next();
        self.vote = Some(self.me);
        self.save();
        self.put_off_election();
        self.role = Role::Candidate([self.me.0].into());
        info!(target: "election", "server {} runs for term {}", self.me, self.term);
        self.wake_replicators();
    }

    // All servers.

    fn see(&mut self, term: Term) {
        if term > self.term {
            self.term = term;
            self.vote = None;
            self.save();
            if matches!(self.role, Role::Leader(_)) {
                self.put_off_election();
            }
            self.role = Role::Follower(None);
        }
    }

    /// Everything up to `index` is committed.
    fn commit_up_to(&mut self, index: LogIndex) {
        self.commit = self.commit.max(index);
        let Some(committed) = &self.committed else {
            return;
        };
        let snapshot = self.log.snapshot;
        if self.queued < snapshot.index {
            self.queued = snapshot.index;
            let _ = committed.send(ApplyMsg::Snapshot {
                index: snapshot.index,
                term: snapshot.term,
                snapshot: self.snapshot.clone(),
            });
        }
        while self.queued < self.commit {
            self.queued = self.queued.next();
            let entry = self.log.get(self.queued).expect("a committed entry");
            let _ = committed.send(ApplyMsg::Command {
                index: self.queued,
                term: entry.term,
                command: entry.command.clone(),
            });
        }
    }

    pub fn keep_snapshot(&mut self, index: LogIndex, snapshot: Bytes) {
        if index > self.log.snapshot.index {
            let last = self.log.id(index).expect("an entry that was applied");
            self.log.begin_after(last);
            self.snapshot = snapshot;
            self.save();
        }
    }

    // Leaders.

    pub fn propose(&mut self, command: Bytes) -> Result<(LogIndex, Term), NotLeader> {
        match self.role {
            Role::Leader(_) => {}
            Role::Follower(leader) => return Err(NotLeader { leader }),
            Role::Candidate(_) => return Err(NotLeader { leader: None }),
        }
        let id = self.log.add(self.term, command);
        self.save();
        self.wake_replicators();
        Ok((id.index, id.term))
    }

    /// `from` answers a request for its vote in `asked`.
    pub fn count_vote(&mut self, from: usize, asked: Term, vote: Vote) {
        self.see(vote.term);
        let Role::Candidate(votes) = &mut self.role else {
            return;
        };
        if asked != self.term || !vote.granted {
            return;
        }
        votes.insert(from);
        let votes = votes.len();
        if self.is_majority(votes) {
            info!(target: "election", "server {} leads term {}", self.me, self.term);
            let last = self.log.last().index;
            let others = (0..self.peers).filter(|peer| *peer != self.me.0);
            let followers = others.map(|peer| (peer, Follower::new(last)));
            self.role = Role::Leader(followers.collect());
            self.wake_replicators();
        }
    }

    /// The follower that answers, in its term `theirs`, a call of this leader in `term`; none if this
    /// peer does not lead that term any more.
    pub fn follower(&mut self, peer: usize, term: Term, theirs: Term) -> Option<&mut Follower> {
        self.see(theirs);
        match &mut self.role {
            Role::Leader(followers) if self.term == term => followers.get_mut(&peer),
            _ => None,
        }
    }

    /// Rules for Servers, Leaders, the last one: N is the median of what is held.
    pub fn commit_what_a_majority_holds(&mut self) {
        let Role::Leader(followers) = &self.role else {
            return;
        };
        let mut held: Vec<LogIndex> = followers.values().map(|f| f.matched).collect();
        held.push(self.log.last().index);
        held.sort_by(|a, b| b.cmp(a));
        let index = held[self.peers / 2];
        let id = self.log.id(index);
        if index > self.commit && id.is_some_and(|id| id.term == self.term) {
            self.commit_up_to(index);
        }
    }

    // Receivers.

    pub fn request_vote(&mut self, args: RequestVote) -> Vote {
        self.see(args.term);
        let last = self.log.last();
        let granted = args.term == self.term
            && self.vote.is_none_or(|vote| vote == args.candidate)
            && (args.last.term, args.last.index) >= (last.term, last.index);
        if granted {
            self.vote = Some(args.candidate);
            self.save();
            self.put_off_election();
        }
        Vote {
            term: self.term,
            granted,
        }
    }

    fn follow(&mut self, term: Term, leader: PeerId) -> bool {
        self.see(term);
        let current = term == self.term;
        if current {
            self.role = Role::Follower(Some(leader));
            self.put_off_election();
        }
        current
    }

    pub fn append_entries(&mut self, args: AppendEntries) -> Appended {
        let success = self.follow(args.term, args.leader) && self.log.holds(args.prev);
        if success {
            let last_new = LogIndex(args.prev.index.0 + args.entries.len() as u64);
            if self.log.take_over(args.prev, args.entries) {
                self.save();
            }
            self.commit_up_to(args.commit.min(last_new));
        }
        Appended {
            term: self.term,
            success,
        }
    }

    pub fn install_snapshot(&mut self, args: InstallSnapshot) -> Installed {
        if self.follow(args.term, args.leader) && args.last.index > self.commit {
            self.log.begin_after(args.last);
            self.snapshot = args.snapshot;
            self.save();
            self.commit_up_to(args.last.index);
        }
        Installed { term: self.term }
    }

    /// When a replicator has something to do, if nobody wakes it before.
    pub fn due(&self, to: usize) -> Instant {
        let rest = Instant::now() + HEARTBEAT;
        match &self.role {
            Role::Leader(followers) => followers.get(&to).map_or(rest, |f| f.due),
            _ => rest,
        }
    }
}

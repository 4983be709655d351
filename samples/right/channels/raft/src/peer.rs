//! A peer's state and what the paper says about it. Nothing here waits, or knows of threads.

use bytes::Bytes;
use labsim::rand::{RngExt, rng};
use labsim::time::{Duration, Instant};
use raftapi::view::SavedView;
use raftapi::{ApplyMsg, LogIndex, NotLeader, PeerId, Persister, Term};
use serde::{Deserialize, Serialize};

use crate::log::Log;
use crate::message::*;

pub const HEARTBEAT: Duration = Duration::from_millis(110);

/// Persistent state on all servers.
#[derive(Default, Serialize, Deserialize)]
pub struct Durable {
    pub term: Term,
    pub vote: Option<PeerId>,
    pub log: Log,
}

pub enum Role {
    Follower,
    /// Who has voted for it.
    Candidate(Vec<bool>),
    /// nextIndex and matchIndex of each peer.
    Leader(Vec<LogIndex>, Vec<LogIndex>),
}

pub struct Peer {
    pub me: PeerId,
    pub cluster: usize,
    pub durable: Durable,
    pub snapshot: Bytes,
    persister: Persister,
    pub role: Role,
    pub leader: Option<PeerId>,
    pub commit: LogIndex,
    pub applied: LogIndex,
    /// When an election, or a heartbeat, is due.
    pub alarm: Instant,
}

impl Peer {
    pub fn new(me: PeerId, cluster: usize, persister: Persister) -> Peer {
        let saved = persister.state();
        let durable = match saved.len() {
            0 => Durable::default(),
            _ => labgob::decode(&saved).expect("the state that was saved"),
        };
        let base = durable.log.base.index;
        let mut peer = Peer {
            me,
            cluster,
            durable,
            snapshot: persister.snapshot(),
            persister,
            role: Role::Follower,
            leader: None,
            commit: base,
            applied: base,
            alarm: Instant::now(),
        };
        peer.wait_for_leader();
        peer
    }

    pub fn save(&self) {
        let state = labgob::encode(&self.durable);
        self.persister.save(state, self.snapshot.clone());
    }

    pub fn leads(&self) -> bool {
        matches!(self.role, Role::Leader(..))
    }

    fn wait_for_leader(&mut self) {
        let wait = rng().random_range(250..500);
        self.alarm = Instant::now() + Duration::from_millis(wait);
    }

    /// A term that somebody mentions.
    pub fn hear_of(&mut self, term: Term) {
        if term <= self.durable.term {
            return;
        }
        if self.leads() {
            self.wait_for_leader();
        }
        (self.durable.term, self.durable.vote) = (term, None);
        self.role = Role::Follower;
        self.leader = None;
        self.save();
    }

    // Elections.

    pub fn run_for_office(&mut self) -> VoteArgs {
        let term = self.durable.term.next();
        (self.durable.term, self.durable.vote) = (term, Some(self.me));
        self.save();
        let mut votes = vec![false; self.cluster];
        votes[self.me.0] = true;
        self.role = Role::Candidate(votes);
        self.leader = None;
        self.wait_for_leader();
        VoteArgs {
            term,
            candidate: self.me,
            last: self.durable.log.last(),
        }
    }

    /// True if this vote makes it the leader.
    pub fn count_vote(&mut self, from: PeerId, asked: Term, reply: &VoteReply) -> bool {
        self.hear_of(reply.term);
        let Role::Candidate(votes) = &mut self.role else {
            return false;
        };
        if asked != self.durable.term || !reply.granted {
            return false;
        }
        votes[from.0] = true;
        let elected = votes.iter().filter(|vote| **vote).count() * 2 > self.cluster;
        if elected {
            let next = self.durable.log.last().index.next();
            let (next, matched) = (vec![next; self.cluster], vec![LogIndex(0); self.cluster]);
            self.role = Role::Leader(next, matched);
            self.leader = Some(self.me);
        }
        elected
    }

    pub fn vote(&mut self, args: &VoteArgs) -> VoteReply {
        self.hear_of(args.term);
        let Durable { term, vote, log } = &mut self.durable;
        let key = |id: raftapi::view::EntryId| (id.term, id.index);
        let granted = args.term == *term
            && vote.is_none_or(|vote| vote == args.candidate)
            && key(args.last) >= key(log.last());
        let term = *term;
        if granted {
            *vote = Some(args.candidate);
            self.save();
            self.wait_for_leader();
        }
        VoteReply { term, granted }
    }

    // Followers.

    fn follow(&mut self, term: Term, leader: PeerId) -> bool {
        self.hear_of(term);
        if term < self.durable.term {
            return false;
        }
        self.role = Role::Follower;
        self.leader = Some(leader);
        self.wait_for_leader();
        true
    }

    pub fn append(&mut self, args: AppendArgs) -> AppendReply {
        let mut outcome = Outcome::Stale;
        if self.follow(args.term, args.leader) {
            let last_new = LogIndex(args.prev.index.0 + args.entries.len() as u64);
            let changed;
            (outcome, changed) = self.durable.log.append(args.prev, args.entries);
            if changed {
                self.save();
            }
            if outcome == Outcome::Appended {
                self.commit = self.commit.max(args.commit.min(last_new));
            }
        }
        AppendReply {
            term: self.durable.term,
            outcome,
        }
    }

    pub fn install(&mut self, args: InstallArgs) -> InstallReply {
        if self.follow(args.term, args.leader) && args.last.index > self.commit {
            self.durable.log.rebase(args.last);
            self.snapshot = args.snapshot;
            self.save();
            self.commit = args.last.index;
        }
        InstallReply {
            term: self.durable.term,
        }
    }

    // Leaders.

    pub fn start(&mut self, command: Bytes) -> Result<(LogIndex, Term), NotLeader> {
        if !self.leads() {
            return Err(NotLeader {
                leader: self.leader,
            });
        }
        let term = self.durable.term;
        let entry = raftapi::view::EntryView { term, command };
        self.durable.log.entries.push(entry);
        self.save();
        Ok((self.durable.log.last().index, term))
    }

    /// A follower's log is ours up to `last`, in this term.
    pub fn note_match(&mut self, from: PeerId, term: Term, last: LogIndex) {
        let own = self.durable.term;
        let Role::Leader(next, matched) = &mut self.role else {
            return;
        };
        if own != term {
            return;
        }
        matched[from.0] = matched[from.0].max(last);
        next[from.0] = next[from.0].max(matched[from.0].next());
        // The last entry that a majority holds, this peer included.
        let mut held = matched.clone();
        held[self.me.0] = self.durable.log.last().index;
        held.sort();
        let index = held[(self.cluster - 1) / 2];
        let of_this_term = self.durable.log.id(index).is_some_and(|id| id.term == own);
        if of_this_term && index > self.commit {
            self.commit = index;
        }
    }

    /// What was sent to a follower from `index` on is lost.
    pub fn note_loss(&mut self, from: PeerId, term: Term, index: LogIndex) {
        if let Role::Leader(next, matched) = &mut self.role
            && term == self.durable.term
        {
            next[from.0] = next[from.0].min(index).max(matched[from.0].next());
        }
    }

    /// A follower said no to entries after `prev`: go back. True if that is news.
    pub fn go_back(&mut self, from: PeerId, term: Term, prev: LogIndex, why: Outcome) -> bool {
        let own = self.durable.term;
        let Role::Leader(next, matched) = &mut self.role else {
            return false;
        };
        if own != term || prev <= matched[from.0] {
            return false;
        }
        let back = match why {
            Outcome::TooShort(last) => last.next(),
            Outcome::Conflict(term, first) => self.durable.log.end_of(term).unwrap_or(first),
            Outcome::Stale | Outcome::Appended => return false,
        };
        let back = back.min(prev).min(next[from.0]);
        next[from.0] = back.max(matched[from.0].next());
        true
    }

    /// There are entries that were not sent to this follower yet.
    pub fn lacks_entries(&self, peer: PeerId) -> bool {
        let last = self.durable.log.last().index;
        matches!(&self.role, Role::Leader(next, _) if next[peer.0] <= last)
    }

    // The service.

    pub fn keep_snapshot(&mut self, index: LogIndex, snapshot: Bytes) {
        if index > self.durable.log.base.index {
            let last = self.durable.log.id(index).expect("an applied entry");
            self.durable.log.rebase(last);
            self.snapshot = snapshot;
            self.save();
        }
    }

    /// What the service gets next.
    pub fn next_to_apply(&self) -> Option<ApplyMsg> {
        let base = self.durable.log.base;
        if self.applied < base.index {
            return Some(ApplyMsg::Snapshot {
                index: base.index,
                term: base.term,
                snapshot: self.snapshot.clone(),
            });
        }
        let index = self.applied.next();
        let entry = self
            .durable
            .log
            .get(index)
            .filter(|_| index <= self.commit)?;
        Some(ApplyMsg::Command {
            index,
            term: entry.term,
            command: entry.command.clone(),
        })
    }
}

/// For the tests' checks.
pub fn view_saved(bytes: &[u8]) -> Option<SavedView> {
    let Durable { term, vote, log } = labgob::decode(bytes).ok()?;
    Some(SavedView {
        term,
        vote,
        snapshot: log.base,
        entries: log.entries,
    })
}

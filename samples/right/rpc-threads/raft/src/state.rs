//! "State" of Figure 2, and what survives a crash.

use bytes::Bytes;
use labsim::rand::{RngExt, rng};
use labsim::time::{Duration, Instant};
use raftapi::view::SavedView;
use raftapi::{LogIndex, PeerId, Persister, Term};
use serde::{Deserialize, Serialize};

use crate::log::{Log, Place};

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Role {
    Follower,
    Candidate,
    Leader,
}

/// Everything that a peer's lock protects.
pub struct State {
    // Persistent: `persist` after each change, before the lock is given up.
    pub term: Term,
    pub voted_for: Option<PeerId>,
    pub log: Log,
    pub snapshot: Bytes,
    persister: Persister,

    // Volatile.
    pub role: Role,
    pub leader: Option<PeerId>,
    pub commit: LogIndex,
    pub applied: LogIndex,
    /// When the election is due, unless this peer leads.
    pub election: Instant,
    /// Votes for this candidate in `term`.
    pub votes: usize,

    // On leaders; set anew after each election.
    pub next: Vec<LogIndex>,
    pub matched: Vec<LogIndex>,
    /// Calls under way to each peer.
    pub calls: Vec<usize>,
    /// A round of calls is due then, or as soon as there is news.
    pub heartbeat: Instant,
    pub news: bool,

    pub killed: bool,
}

#[derive(Serialize, Deserialize)]
struct Saved<L> {
    term: Term,
    voted_for: Option<PeerId>,
    log: L,
}

impl State {
    /// A follower with what an earlier life has saved.
    pub fn restore(peers: usize, persister: Persister) -> State {
        let bytes = persister.state();
        let saved = match bytes.is_empty() {
            true => Saved {
                term: Term::ZERO,
                voted_for: None,
                log: Log::after(Place {
                    index: LogIndex::ZERO,
                    term: Term::ZERO,
                }),
            },
            false => labgob::decode(&bytes).expect("what we saved"),
        };
        let base = saved.log.base().index;
        let mut state = State {
            term: saved.term,
            voted_for: saved.voted_for,
            log: saved.log,
            snapshot: persister.snapshot(),
            persister,
            role: Role::Follower,
            leader: None,
            commit: base,
            applied: base,
            election: Instant::now(),
            votes: 0,
            next: vec![LogIndex::ZERO; peers],
            matched: vec![LogIndex::ZERO; peers],
            calls: vec![0; peers],
            heartbeat: Instant::now(),
            news: false,
            killed: false,
        };
        state.restart_election_timer();
        state
    }

    pub fn persist(&self) {
        let saved = Saved {
            term: self.term,
            voted_for: self.voted_for,
            log: &self.log,
        };
        self.persister
            .save(labgob::encode(&saved), self.snapshot.clone());
    }

    pub fn restart_election_timer(&mut self) {
        let wait = rng().random_range(350..700);
        self.election = Instant::now() + Duration::from_millis(wait);
    }

    /// "If RPC request or response contains term T > currentTerm: set currentTerm = T, convert to
    /// follower (§5.1)."
    pub fn heed(&mut self, term: Term) {
        if term > self.term {
            self.term = term;
            self.voted_for = None;
            self.leader = None;
            self.persist();
            if self.role == Role::Leader {
                self.restart_election_timer(); // it stood still
            }
            self.role = Role::Follower;
        }
    }

    pub fn leads(&self, term: Term) -> bool {
        self.role == Role::Leader && self.term == term
    }
}

/// What a saved state says, for the tests' checks.
pub fn view_saved(bytes: &[u8]) -> Option<SavedView> {
    let saved: Saved<Log> = labgob::decode(bytes).ok()?;
    Some(SavedView {
        term: saved.term,
        vote: saved.voted_for,
        snapshot: saved.log.base().into(),
        entries: saved
            .log
            .entries()
            .iter()
            .cloned()
            .map(Into::into)
            .collect(),
    })
}

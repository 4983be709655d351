//! RequestVote, and the election timer beside it (§5.2, §5.4.1; "RequestVote RPC" and "Rules for
//! Servers: Followers, Candidates" of Figure 2).

// BEGIN SOLUTION
use std::collections::{BTreeMap, BTreeSet};

use labsim::log::{debug, info};
use labsim::time::Duration;
use raftapi::{PeerId, Term};

use crate::message::{RequestVoteArgs, RequestVoteReply};
use crate::node::{Call, Node, Role};
use crate::progress::Progress;

/// The election timeout is at least this: a few heartbeats may get lost before a leader is given up.
pub(crate) const ELECTION_TIMEOUT: Duration = Duration::from_millis(300);
/// … and up to this much more, by chance, so that servers rarely run against each other (§5.2).
const ELECTION_SPREAD: Duration = Duration::from_millis(300);

impl Node {
    // The timer.

    /// Waits again for a whole election timeout. To be called in three cases only, or a server that
    /// cannot win keeps one that could from running: at a call from the *current* leader, when we
    /// *grant* a vote, and when we run ourselves.
    pub fn restart_election_timer(&mut self) {
        self.heard_at = self.now;
        self.election_deadline = self.now + ELECTION_TIMEOUT + ELECTION_SPREAD.mul_f64(self.chance);
    }

    /// "If election timeout elapses without receiving AppendEntries RPC from current leader or
    /// granting vote to candidate: convert to candidate"; a candidate starts a new election.
    pub fn tick(&mut self) {
        if !self.is_leader() && self.now >= self.election_deadline {
            self.run_if_allowed();
        }
    }

    /// Everybody may, where the membership never changes.
    fn run_if_allowed(&mut self) {
        if !self.members.open {
            self.start_election(false);
        } else if self.may_run() {
            self.canvass();
        } else {
            // A learner, or a server that is to join or was removed. It hears of no leader any more.
            self.role = Role::Follower { leader: None };
            self.restart_election_timer();
        }
    }

    // RequestVote: send.

    /// "On conversion to candidate, start election" (Rules for Candidates).
    pub fn start_election(&mut self, transfer: bool) {
        self.become_candidate();
        let args = RequestVoteArgs {
            term: self.term,
            candidate: self.me,
            last: self.log.last(),
            transfer,
        };
        for peer in self.other_voters() {
            self.send(peer, Call::RequestVote(args.clone()));
        }
        self.count_vote(self.me);
    }

    /// A new term, in which our vote is our own.
    fn become_candidate(&mut self) {
        let (me, term) = (self.me, self.term.next());
        let waited = self.now.saturating_duration_since(self.heard_at);
        let ms = waited.as_millis();
        let why = match self.role {
            Role::Candidate { .. } => format!("no majority in term {} for {ms} ms", self.term),
            Role::Follower {
                leader: Some(leader),
            } => format!("no word from leader {leader} for {ms} ms"),
            Role::Follower { leader: None } => format!("no leader in sight for {ms} ms"),
            Role::Canvasser { .. } => "a majority would vote for it".to_string(),
            Role::Leader { .. } => panic!("server {me} leads term {} and runs again", self.term),
        };
        info!(target: "election", "server {me} runs for term {term} ({why})");
        self.term = term;
        self.voted_for = Some(me);
        self.must_save();
        self.role = Role::Candidate {
            votes: BTreeSet::new(),
        };
        self.restart_election_timer();
    }

    // RequestVote: receive.

    /// RequestVote RPC, "Receiver implementation" of Figure 2.
    pub fn handle_request_vote(&mut self, args: RequestVoteArgs) -> RequestVoteReply {
        if self.members.open && self.hears_leader() && !args.transfer {
            // "If a server receives a RequestVote request within the minimum election timeout of
            // hearing from a current leader, it does not update its term or grant its vote" (§6).
            return RequestVoteReply {
                term: self.term,
                granted: false,
            };
        }
        self.observe_term(args.term);
        let granted = self.may_vote_for(&args);
        if granted {
            self.voted_for = Some(args.candidate);
            self.must_save(); // or we might vote again after a crash, and two could lead one term
            self.restart_election_timer();
        }
        let (me, verb) = (self.me, if granted { "votes" } else { "does not vote" });
        debug!(target: "election", "server {me} {verb} for {} in term {}", args.candidate, args.term);
        RequestVoteReply {
            term: self.term,
            granted,
        }
    }

    fn may_vote_for(&self, args: &RequestVoteArgs) -> bool {
        // 1. Reply false if term < currentTerm (§5.1).
        args.term == self.term
            // 2. If votedFor is null or candidateId, and candidate's log is at least as up-to-date
            // as receiver's log, grant vote (§5.2, §5.4). The same candidate asks again if our
            // reply got lost.
            && self.voted_for.is_none_or(|vote| vote == args.candidate)
            // A majority holds each committed entry, and a winner needs the vote of one of them.
            // Later term first: a longer log of older terms may lack what was committed (§5.4.1).
            && args.last >= self.log.last()
    }

    // RequestVote: use the reply.

    /// `asked` is the term for which we asked `voter`. If the call failed there is no reply; we do
    /// not ask again, the next election will.
    pub fn use_vote(&mut self, voter: PeerId, asked: Term, reply: Option<RequestVoteReply>) {
        let Some(reply) = reply else { return };
        self.observe_term(reply.term);
        // A vote of an earlier term says nothing about this one.
        if asked == self.term && reply.granted {
            self.count_vote(voter);
        }
    }

    /// "If votes received from majority of servers: become leader." A set, not a number: a reply
    /// that arrives twice is one vote.
    fn count_vote(&mut self, voter: PeerId) {
        let Role::Candidate { votes } = &mut self.role else {
            return;
        };
        votes.insert(voter);
        let count = votes.len();
        if let Role::Candidate { votes } = &self.role
            && self.is_quorum(|peer| votes.contains(&peer))
        {
            self.become_leader(count);
        }
    }

    /// "Upon election: send initial empty AppendEntries RPCs to each server" (Rules for Leaders):
    /// each follower's heartbeat is due now.
    fn become_leader(&mut self, votes: usize) {
        let (me, term, last) = (self.me, self.term, self.log.last());
        info!(target: "election", "server {me} leads term {term} with {votes} votes of {}, its log ends at {last}", self.membership());
        let new = |peer| (peer, Progress::new(last.index, self.now));
        let progress: BTreeMap<_, _> = self.others().map(new).collect();
        self.role = Role::Leader {
            progress,
            reads: Vec::new(),
            transfer: None,
        };
        self.take_up_change();
    }
}
// END SOLUTION
// STUB: use crate::message::{RequestVoteArgs, RequestVoteReply};
// STUB: use crate::node::Node;
// STUB:
// STUB: // The timer. "If election timeout elapses without receiving AppendEntries RPC from current leader or
// STUB: // granting vote to candidate: convert to candidate" (Rules for Followers).
// STUB:
// STUB: // RequestVote: send. "On conversion to candidate, start election" (Rules for Candidates).
// STUB:
// STUB: // RequestVote: receive.
// STUB:
// STUB: impl Node {
// STUB:     /// RequestVote RPC, "Receiver implementation" of Figure 2.
// STUB:     pub fn handle_request_vote(&mut self, args: RequestVoteArgs) -> RequestVoteReply {
// STUB:         let _ = args;
// STUB:         // 1. Reply false if term < currentTerm (§5.1).
// STUB:         // 2. If votedFor is null or candidateId, and candidate's log is at least as up-to-date as
// STUB:         // receiver's log, grant vote (§5.2, §5.4).
// STUB:         RequestVoteReply {
// STUB:             term: self.term,
// STUB:             granted: false,
// STUB:         }
// STUB:     }
// STUB: }
// STUB:
// STUB: // RequestVote: use the reply. "If votes received from majority of servers: become leader."

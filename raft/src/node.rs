//! One peer's state ("State" of Figure 2), the roles, and the rule about terms that all servers
//! follow.
// BEGIN SOLUTION
//!
//! The core owns no clock, thread, socket or source of randomness. Whoever runs it lends it the
//! time and a random number ([`Node::at`]), hands it what has come in, and lets out what it returns.
//! So a test can play any scenario by hand, and the same inputs always give the same run.
//!
//! One turn is: `at`, then any number of events, then [`Node::finish`], which saves before it gives
//! out anything. Only after that may replies and calls leave.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use labsim::log::info;
use labsim::sync::Arc;
use labsim::time::Instant;
use raftapi::{LogIndex, PeerId, Persister, Term};

use crate::log::Log;
use crate::membership::Members;
use crate::message::{
    AppendEntriesArgs, AppendEntriesReply, InstallSnapshotArgs, InstallSnapshotReply, PreVoteArgs,
    PreVoteReply, RequestVoteArgs, RequestVoteReply, TimeoutNowArgs, TimeoutNowReply,
};
use crate::persist::Restored;
use crate::progress::{HEARTBEAT, Progress, Sent};
use crate::reads::Read;
use crate::records::Records;
use crate::trace::Traced;
use crate::transfer::Transfer;

/// One peer.
pub(crate) struct Node {
    /// This peer's number.
    pub me: PeerId,
    /// How many peers there are, this one included: the address book's length.
    pub cluster: usize,
    /// Who votes. Comes from the log, and from what is saved with its base.
    pub members: Members,
    /// Everybody else to whom a leader sends.
    pub others: Arc<[PeerId]>,

    // Persistent state on all servers. After each change: `must_save`.
    /// currentTerm: the latest term this peer has seen. Only grows.
    pub term: Term,
    /// votedFor: who got this peer's vote in `term`. Set at most once in a term.
    pub voted_for: Option<PeerId>,
    /// log[], without what `snapshot` stands for.
    pub log: Log,
    /// The service's state at the log's base. Shared with the persister and calls, never copied.
    pub snapshot: Bytes,
    /// The disk.
    pub persister: Persister,
    /// The log as it goes to disk.
    pub records: Records,
    /// Something of the above is not on disk yet.
    pub unsaved: bool,

    // Volatile state on all servers: applied <= commit <= last index of the log.
    /// commitIndex: entries up to here are known to be committed. Only grows.
    pub commit: LogIndex,
    /// lastApplied: entries up to here were handed to the applier. Only grows.
    pub applied: LogIndex,
    /// What this peer is in `term`.
    pub role: Role,

    /// When this peer runs for office, unless it leads.
    pub election_deadline: Instant,
    /// When the election timer was last restarted.
    pub heard_at: Instant,
    /// Lent: the time of the event at hand, and a random number in 0..1.
    pub now: Instant,
    pub chance: f64,
    /// Calls to make at the end of the turn.
    pub outbox: Vec<Outgoing>,
    /// What the trace knows of this peer.
    pub traced: Traced,
    /// Killed: its thread ends, and it takes no commands any more.
    pub retired: bool,
}

/// What a peer is. What Figure 2 gives only to candidates or leaders exists only there.
pub(crate) enum Role {
    /// Answers others, and knows the leader once it has heard of it. Ends when the election timer
    /// runs out.
    Follower { leader: Option<PeerId> },
    /// Where the membership can change: asks whether it would be elected, still in its old term. Ends
    /// with a majority's yes, with a leader's call, or with the next timeout.
    Canvasser { votes: BTreeSet<PeerId> },
    /// Collects votes, its own included. Ends with a majority, with another's claim to the term, or
    /// with the next timeout.
    Candidate { votes: BTreeSet<PeerId> },
    /// Replicates its log to each of the others. Ends when it sees a later term.
    Leader {
        progress: BTreeMap<PeerId, Progress>,
        /// Reads that wait for a majority's word.
        reads: Vec<Read>,
        /// The office is about to go to another.
        transfer: Option<Transfer>,
    },
}

/// A call to make.
pub(crate) struct Outgoing {
    pub to: PeerId,
    pub call: Call,
}

/// A call's arguments, with what its sender must remember to judge the reply.
#[derive(Clone)]
pub(crate) enum Call {
    RequestVote(RequestVoteArgs),
    AppendEntries(AppendEntriesArgs, Sent),
    InstallSnapshot(InstallSnapshotArgs, Sent),
    /// With the time at which this round began.
    PreVote(PreVoteArgs, Instant),
    TimeoutNow(TimeoutNowArgs),
}

/// How a call ended: what we remember of it, and the reply unless it failed.
pub(crate) enum Outcome {
    /// With the term that we asked for.
    RequestVote(Term, Option<RequestVoteReply>),
    AppendEntries(Sent, Option<AppendEntriesReply>),
    InstallSnapshot(Sent, Option<InstallSnapshotReply>),
    /// With the time at which we asked.
    PreVote(Instant, Option<PreVoteReply>),
    TimeoutNow(Option<TimeoutNowReply>),
}

impl Node {
    /// A follower with what the persister has, in a cluster that never changes.
    #[cfg(test)]
    pub fn new(
        me: PeerId,
        cluster: usize,
        persister: Persister,
        now: Instant,
        chance: f64,
    ) -> Node {
        Node::member(me, cluster, Members::fixed(cluster), persister, now, chance)
    }

    /// A follower with what the persister has; `members` are those before its first entry.
    pub fn member(
        me: PeerId,
        cluster: usize,
        mut members: Members,
        persister: Persister,
        now: Instant,
        chance: f64,
    ) -> Node {
        let Restored {
            term,
            voted_for,
            log,
            membership,
        } = crate::persist::restore(&persister);
        members.restore(membership, &log);
        let base = log.base().index;
        let mut node = Node {
            me,
            cluster,
            members,
            others: Arc::new([]),
            term,
            voted_for,
            log,
            snapshot: persister.snapshot(),
            persister,
            records: Records::default(),
            unsaved: false,
            // What the snapshot stands for was committed and applied; the service has read it.
            commit: base,
            applied: base,
            role: Role::Follower { leader: None },
            election_deadline: now,
            heard_at: now,
            now,
            chance,
            outbox: Vec::new(),
            traced: Traced::default(),
            retired: false,
        };
        node.note_members();
        node.restart_election_timer();
        node
    }

    /// Lends the core the time and a random number in 0..1 for what comes next.
    pub fn at(&mut self, now: Instant, chance: f64) -> &mut Node {
        (self.now, self.chance) = (now, chance);
        self
    }

    /// Ends a turn, and gives the calls that it leads to. Everything is on disk by then: replies
    /// may go out now as well.
    pub fn finish(&mut self) -> Vec<Outgoing> {
        // Before anything goes out that could tell of it (Figure 2, "Persistent state").
        self.persist();
        // Our own entries count towards a majority only now that they are on disk.
        self.advance_commit();
        let change_ended = self.go_on_with_change();
        self.replicate();
        self.go_on_with_transfer();
        if change_ended {
            self.let_members_go();
        }
        self.check_invariants();
        self.trace();
        assert!(
            !self.unsaved,
            "server {} is about to send what it has not saved",
            self.me
        );
        std::mem::take(&mut self.outbox)
    }

    /// A call to `peer` has ended.
    pub fn use_outcome(&mut self, peer: PeerId, outcome: Outcome) {
        match outcome {
            Outcome::RequestVote(asked, reply) => self.use_vote(peer, asked, reply),
            Outcome::AppendEntries(sent, reply) => self.use_append_reply(peer, sent, reply),
            Outcome::InstallSnapshot(sent, reply) => self.use_snapshot_reply(peer, sent, reply),
            Outcome::PreVote(round, reply) => self.use_pre_vote(peer, round, reply),
            Outcome::TimeoutNow(reply) => {
                reply.into_iter().for_each(|r| self.observe_term(r.term));
            }
        }
    }

    /// When `tick` must be called, if nothing else happens before.
    pub fn deadline(&self) -> Instant {
        match &self.role {
            Role::Leader {
                progress, transfer, ..
            } => {
                let heartbeats = progress.values().map(|p| p.heartbeat_due);
                let due = heartbeats.chain(transfer.iter().map(|t| t.until)).min();
                due.unwrap_or(self.now + HEARTBEAT)
            }
            _ => self.election_deadline,
        }
    }

    /// "If RPC request or response contains term T > currentTerm: set currentTerm = T, convert to
    /// follower" (Rules for All Servers, §5.1). Nobody leads the new term as far as we know, and a
    /// later term alone is no reason to wait longer for a leader: the timer runs on.
    pub fn observe_term(&mut self, term: Term) {
        if term > self.term {
            self.become_follower(term, None);
        }
    }

    /// Follows in `term`, under `leader` if there is one yet.
    pub fn become_follower(&mut self, term: Term, leader: Option<PeerId>) {
        let (me, own) = (self.me, self.term);
        assert!(
            term >= own,
            "server {me} in term {own} cannot go back to term {term}"
        );
        if term > own {
            self.term = term;
            self.voted_for = None;
            self.must_save();
        }
        match &self.role {
            // A leader's election timer stood still.
            Role::Leader { .. } => {
                assert!(
                    term > own,
                    "server {me} and {leader:?} both lead term {own} (§5.2)"
                );
                info!(target: "election", "server {me} steps down in term {own}: term {term} has begun");
                self.restart_election_timer();
            }
            Role::Follower { leader: known } if term == own && known.is_some() => {
                assert!(
                    leader == *known,
                    "servers {known:?} and {leader:?} both lead term {own} (§5.2)"
                );
            }
            _ => {}
        }
        if let Some(leader) = leader.filter(|_| self.leader() != leader) {
            info!(target: "election", "server {me} follows server {leader} in term {term}");
        }
        self.role = Role::Follower { leader };
    }

    /// Killed: leads nobody from now on.
    pub fn retire(&mut self) {
        self.retired = true;
        self.role = Role::Follower { leader: None };
    }

    /// Who leads `term`, as far as this peer knows.
    pub fn leader(&self) -> Option<PeerId> {
        match &self.role {
            Role::Follower { leader } => *leader,
            Role::Candidate { .. } | Role::Canvasser { .. } => None,
            Role::Leader { .. } => Some(self.me),
        }
    }

    /// This peer leads `term`.
    pub fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader { .. })
    }

    /// Everybody else to whom a leader sends.
    pub fn others(&self) -> impl Iterator<Item = PeerId> + use<> {
        let others = self.others.clone();
        (0..others.len()).map(move |place| others[place])
    }

    /// Adds a call to make at the end of the turn.
    pub fn send(&mut self, to: PeerId, call: Call) {
        self.outbox.push(Outgoing { to, call });
    }

    /// Panics if the state contradicts itself.
    pub fn check_invariants(&self) {
        let (me, term, commit, applied) = (self.me, self.term, self.commit, self.applied);
        let (base, last) = (self.log.base(), self.log.last());
        assert!(
            applied <= commit && base.index <= commit && commit <= last.index,
            "server {me}: applied {applied} <= commit {commit} <= last entry {last} and \
             base {base} <= commit must hold"
        );
        assert!(
            last.term <= term,
            "server {me} in term {term} has an entry of a later term: {last}"
        );
        match &self.role {
            Role::Follower { leader } => {
                assert!(
                    *leader != Some(me),
                    "server {me} follows itself in term {term}"
                );
            }
            Role::Candidate { votes } => {
                assert!(
                    self.voted_for == Some(me) && votes.contains(&me),
                    "server {me} runs for term {term} but voted for {:?}",
                    self.voted_for
                );
                assert!(
                    !self.is_quorum(|peer| votes.contains(&peer)),
                    "server {me} has votes {votes:?} in term {term} and does not lead"
                );
            }
            Role::Canvasser { votes } => assert!(
                votes.contains(&me),
                "server {me} asks if it may run and would not vote for itself"
            ),
            Role::Leader { progress, .. } => {
                assert!(
                    self.voted_for == Some(me),
                    "server {me} leads term {term} but voted for {:?}",
                    self.voted_for
                );
                progress
                    .iter()
                    .for_each(|(peer, p)| p.check_invariants(*peer, last));
            }
        }
    }
}
// END SOLUTION
// STUB: //!
// STUB: //! Begin here: what Figure 2 lists under "State" goes into `Node`. All of it is behind one lock, which
// STUB: //! is held while you think, and never while you call somebody, sleep, or send on a channel.
// STUB:
// STUB: use raftapi::Term;
// STUB:
// STUB: /// The state of one peer.
// STUB: #[derive(Default)]
// STUB: pub(crate) struct Node {
// STUB:     /// currentTerm: the latest term this peer has seen.
// STUB:     pub term: Term,
// STUB:     // votedFor, log[], commitIndex, lastApplied, and the role are yours to add. What the paper gives
// STUB:     // only to leaders is best kept in the leader's variant of an `enum Role`.
// STUB: }
// STUB:
// STUB: // Rules for Servers, All Servers: "If RPC request or response contains term T > currentTerm: set
// STUB: // currentTerm = T, convert to follower (§5.1)". Four handlers and callers need it: write it once.

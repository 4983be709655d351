// BEGIN SOLUTION
//! Asking for leave before running (PreVote, dissertation §9.6), where the membership can change.
//!
//! A server that was removed hears no heartbeats, so it runs for office, again and again and in ever
//! higher terms, each of which would depose the leader (§6, "The third issue"). Two things keep the
//! others from that: they take no notice of a candidate while they hear a leader (§6; dissertation
//! §4.2.3), and whoever is about to run asks first whether it would win. Only with a yes from a
//! majority does it begin a new term.

use std::collections::BTreeSet;

use labsim::log::{debug, info};
use labsim::time::Instant;
use raftapi::PeerId;

use crate::election::ELECTION_TIMEOUT;
use crate::message::{PreVoteArgs, PreVoteReply};
use crate::node::{Call, Node, Role};

impl Node {
    /// Would a majority vote for us?
    pub fn canvass(&mut self) {
        let (me, term) = (self.me, self.term.next());
        info!(target: "election", "server {me} asks if it may run for term {term}");
        self.role = Role::Canvasser {
            votes: BTreeSet::new(),
        };
        self.restart_election_timer();
        let args = PreVoteArgs {
            term,
            candidate: me,
            last: self.log.last(),
        };
        for peer in self.other_voters() {
            self.send(peer, Call::PreVote(args.clone(), self.heard_at));
        }
        self.count_pre_vote(me);
    }

    /// A leader of this term is alive: this one, or one that was heard within the shortest election
    /// timeout.
    pub fn hears_leader(&self) -> bool {
        let recent = self.now < self.heard_at + ELECTION_TIMEOUT;
        self.is_leader() || (self.leader().is_some() && recent)
    }

    /// Says what we would say to a candidate. Nothing changes here, whatever we say.
    pub fn handle_pre_vote(&mut self, args: PreVoteArgs) -> PreVoteReply {
        let granted = !self.hears_leader() && args.term > self.term && args.last >= self.log.last();
        let (me, verb) = (self.me, if granted { "would" } else { "would not" });
        debug!(target: "election", "server {me} {verb} vote for {} in term {}", args.candidate, args.term);
        PreVoteReply {
            term: self.term,
            granted,
        }
    }

    /// `round` is when we asked; `None` if the call failed.
    pub fn use_pre_vote(&mut self, voter: PeerId, round: Instant, reply: Option<PreVoteReply>) {
        let Some(reply) = reply else { return };
        // If the voter is in a later term, it could never vote for us in the one we asked for.
        self.observe_term(reply.term);
        if reply.granted && round == self.heard_at {
            self.count_pre_vote(voter);
        }
    }

    fn count_pre_vote(&mut self, voter: PeerId) {
        let Role::Canvasser { votes } = &mut self.role else {
            return;
        };
        votes.insert(voter);
        if let Role::Canvasser { votes } = &self.role
            && self.is_quorum(|peer| votes.contains(&peer))
        {
            self.start_election(false);
        }
    }
}
// END SOLUTION

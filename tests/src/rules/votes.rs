//! Who voted for whom, as far as replies show it: a server votes once a term, and nobody leads a term who has not heard of
//! a majority's votes (§5.2).

use std::collections::{BTreeMap, BTreeSet};

use raftapi::Term;
use raftapi::view::RpcView;

use super::Rules;
use crate::Server;
use crate::claim::{self, Broken};
use crate::server::set;

/// A vote that a reply grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Vote {
    term: Term,
    candidate: Server,
    voter: Server,
}

/// The votes that were seen.
#[derive(Debug, Default)]
pub struct Votes {
    /// Who got a server's vote. Each of its lives has a vote of its own: before part 2C nothing is saved, and from
    /// then on [`Rules::saved`] compares the lives.
    given: BTreeMap<(Term, Server, u32), Server>,
    /// Those of which the candidate has heard. One that was given and is not here has elected nobody yet.
    heard: BTreeSet<Vote>,
    /// A reply to a RequestVote was seen: this Raft shows them. Nothing is known of one that does not.
    shows: bool,
    /// From a RequestVote of these terms nothing more can be learnt, though its reply may yet come.
    unknown: BTreeSet<Term>,
}

impl Votes {
    /// Whom `voter` voted for first, in this life and term: `candidate`, if nobody was known till now.
    fn first_of(&mut self, term: Term, voter: Server, life: u32, candidate: Server) -> Server {
        *self.given.entry((term, voter, life)).or_insert(candidate)
    }
}

impl Rules {
    /// `voter`, in its life of this number, has sent this reply to this request. Gives the vote that is in it.
    ///
    /// # Errors
    /// It grants a second vote in that term.
    pub fn votes(
        &mut self,
        voter: Server,
        life: u32,
        request: &RpcView,
        reply: &RpcView,
    ) -> Result<Option<Vote>, Broken> {
        let (
            RpcView::RequestVote {
                term, candidate, ..
            },
            RpcView::RequestVoteReply { granted, .. },
        ) = (request, reply)
        else {
            return Ok(None);
        };
        self.votes.shows = true;
        if !granted {
            return Ok(None);
        }
        let candidate = Server::numbered(candidate.0);
        let first = self.votes.first_of(*term, voter, life, candidate);
        if first != candidate {
            return Err(claim::ONE_VOTE.broken(format!(
                "in term {term} {voter} gave its vote to {first}, later to {candidate}"
            )));
        }
        Ok(Some(Vote {
            term: *term,
            candidate,
            voter,
        }))
    }

    /// `candidate`, in its life of this number, asks for a vote: its own is for itself (Rules for Candidates).
    ///
    /// # Errors
    /// It has given that to another.
    pub fn asks(&mut self, candidate: Server, life: u32, request: &RpcView) -> Result<(), Broken> {
        let RpcView::RequestVote { term, .. } = request else {
            return Ok(());
        };
        let first = self.votes.first_of(*term, candidate, life, candidate);
        if first != candidate {
            return Err(claim::ONE_VOTE.broken(format!(
                "in term {term} {candidate} gave its vote to {first}, and later asks for votes itself"
            )));
        }
        Ok(())
    }

    /// The reply with this vote has reached the candidate.
    pub fn hears(&mut self, vote: Vote) {
        self.votes.heard.insert(vote);
    }

    /// The reply to this request will not be looked at.
    pub fn gives_up(&mut self, request: &RpcView) {
        if let RpcView::RequestVote { term, .. } = request {
            self.votes.unknown.insert(*term);
        }
    }

    /// `leader` was just seen to lead `term` for the first time.
    ///
    /// # Errors
    /// It has not heard of a majority's votes. Where the membership can change, its changes are looked at instead.
    pub fn elected(&self, leader: Server, term: Term) -> Result<(), Broken> {
        self.minority_for(leader, term).map_or(Ok(()), |voters| {
            Err(claim::NO_LEADER_WITHOUT_MAJORITY
                .broken(format!("{leader} leads term {term}, for which {voters}")))
        })
    }

    /// `server` says that it took a command in `term`.
    ///
    /// # Errors
    /// Another leads that term, or this one was not elected.
    pub fn takes(&self, server: Server, term: Term) -> Result<(), Broken> {
        let whose = match self.leaders.get(&term) {
            Some(leader) if *leader == server => return Ok(()),
            Some(leader) => Some(format!("which {leader} leads")),
            None => (self.minority_for(server, term)).map(|voters| format!("for which {voters}")),
        };
        whose.map_or(Ok(()), |whose| {
            Err(claim::TAKES_AS_LEADER
                .broken(format!("{server} took a command in term {term}, {whose}")))
        })
    }

    /// Who voted for `leader`, in words, if it is known that these are too few.
    fn minority_for(&self, leader: Server, term: Term) -> Option<String> {
        if !self.votes.shows || self.members.is_some() || self.votes.unknown.contains(&term) {
            return None;
        }
        let first = Vote {
            term,
            candidate: leader,
            voter: Server::numbered(0),
        };
        let heard = self.votes.heard.range(first..);
        let heard = heard.take_while(|vote| (vote.term, vote.candidate) == (term, leader));
        let mut voters = BTreeSet::from([leader]);
        voters.extend(heard.map(|vote| vote.voter));
        let servers = self.saved.len();
        (voters.len() * 2 <= servers).then(|| {
            let voters = set(voters);
            format!(
                "it knows of the votes of {voters} only, of {servers} servers, its own among them"
            )
        })
    }
}

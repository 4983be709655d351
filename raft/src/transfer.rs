// BEGIN SOLUTION
//! Handing over the office (dissertation §3.10): the leader takes no more commands, waits until its
//! successor has its whole log, and tells it to run at once. The numbers below are the section's.

use labsim::log::info;
use labsim::time::Instant;
use raftapi::{ChangeError, PeerId};

use crate::election::ELECTION_TIMEOUT;
use crate::message::{TimeoutNowArgs, TimeoutNowReply};
use crate::node::{Call, Node, Role};

/// An office that is about to be handed over.
pub(crate) struct Transfer {
    to: PeerId,
    /// If nothing has come of it by then the leader goes on.
    pub until: Instant,
    told: bool,
}

impl Node {
    /// Begins to hand over to `to`.
    pub fn transfer_leadership(&mut self, to: PeerId) -> Result<(), ChangeError> {
        self.must_lead()?;
        if !self.membership().voters.contains(&to) {
            return Err(ChangeError::Stranger(to));
        }
        let (me, until) = (self.me, self.now + ELECTION_TIMEOUT);
        if to == me {
            return Ok(());
        }
        info!(target: "election", "leader {me} is to hand over to server {to}");
        if let Role::Leader { transfer, .. } = &mut self.role {
            // 1. "The prior leader stops accepting new client requests."
            let told = false;
            *transfer = Some(Transfer { to, until, told });
        }
        Ok(())
    }

    /// Who is to lead instead of this leader.
    pub fn successor(&self) -> Option<PeerId> {
        match &self.role {
            Role::Leader { transfer, .. } => transfer.as_ref().map(|transfer| transfer.to),
            _ => None,
        }
    }

    /// Goes on with a transfer, or gives it up.
    pub fn go_on_with_transfer(&mut self) {
        let (now, last) = (self.now, self.log.last().index);
        let Role::Leader {
            progress, transfer, ..
        } = &mut self.role
        else {
            return;
        };
        let Some(Transfer { to, until, told }) = transfer else {
            return;
        };
        let to = *to;
        if now >= *until {
            // "If leadership transfer does not complete after about an election timeout, the prior
            // leader aborts the transfer and resumes accepting client requests."
            *transfer = None;
        } else if !*told && progress.get(&to).is_some_and(|p| p.match_index == last) {
            // 2. "… fully updates the target server's log to match its own." 3. "… sends a TimeoutNow
            // request to the target server."
            *told = true;
            self.tell_to_run(to);
        }
    }

    fn tell_to_run(&mut self, to: PeerId) {
        let args = TimeoutNowArgs {
            term: self.term,
            leader: self.me,
        };
        self.send(to, Call::TimeoutNow(args));
    }

    /// Stops leading, though no later term has begun: this peer has no vote any more. The one that
    /// has most of the log runs next.
    pub fn resign(&mut self) {
        let me = self.me;
        info!(target: "election", "server {me} steps down in term {}: it has no vote in {}", self.term, self.membership());
        if let Role::Leader { progress, .. } = &self.role {
            let voters = progress
                .iter()
                .filter(|(peer, _)| self.membership().has_voter(**peer));
            let next = voters.max_by_key(|(_, p)| p.match_index);
            if let Some(next) = next.map(|(peer, _)| *peer) {
                self.tell_to_run(next);
            }
        }
        self.role = Role::Follower { leader: None };
        self.restart_election_timer();
    }

    /// TimeoutNow: run at once, "as if its election timer had fired", and without asking for leave:
    /// the others hear a leader, who wants to go.
    pub fn handle_timeout_now(&mut self, args: TimeoutNowArgs) -> TimeoutNowReply {
        self.observe_term(args.term);
        if args.term == self.term && !self.is_leader() && self.may_run() {
            info!(target: "election", "server {} is to run at once, leader {} says", self.me, args.leader);
            self.start_election(true);
        }
        TimeoutNowReply { term: self.term }
    }
}
// END SOLUTION

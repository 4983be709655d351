// BEGIN SOLUTION
//! What the trace of a run shows of a peer: its role, term, vote, log and commit index, each time
//! they change.

use labsim::trace::event;
use raftapi::{LogIndex, PeerId, Term};

use crate::message::EntryId;
use crate::node::{Node, Role};

const ROLES: [&str; 3] = ["follower", "candidate", "leader"];

/// What was last put into the trace.
#[derive(Clone, Copy, Default, PartialEq)]
pub(crate) struct Traced {
    /// The role as a place in [`ROLES`], the term, and the vote in it.
    office: (usize, Term, Option<PeerId>),
    log: (EntryId, EntryId),
    commit: LogIndex,
}

impl Node {
    /// Puts what has changed into the trace.
    pub fn trace(&mut self) {
        let (before, now) = (self.traced, self.to_trace());
        self.traced = now;
        if now.office != before.office {
            let (role, term, vote) = now.office;
            event("role", role as u64, term.0, || {
                let role = ROLES[role];
                let vote = vote.map_or("null".to_string(), |v| v.to_string());
                format!(r#"{{"role":"{role}","term":{term},"vote":{vote}}}"#)
            });
        }
        if now.log != before.log {
            let (base, last) = now.log;
            event("log", last.index.0, last.term.0, || {
                format!(r#"{{"base":"{base}","last":"{last}"}}"#)
            });
        }
        if now.commit != before.commit {
            let commit = now.commit.0;
            event("commit", commit, 0, || format!(r#"{{"commit":{commit}}}"#));
        }
    }

    fn to_trace(&self) -> Traced {
        let role = match self.role {
            Role::Follower { .. } | Role::Canvasser { .. } => 0,
            Role::Candidate { .. } => 1,
            Role::Leader { .. } => 2,
        };
        Traced {
            office: (role, self.term, self.voted_for),
            log: (self.log.base(), self.log.last()),
            commit: self.commit,
        }
    }
}
// END SOLUTION

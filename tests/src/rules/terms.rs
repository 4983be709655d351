//! The terms that servers have shown, in what they sent: every reply carries its server's term, so that whoever is behind
//! learns of it, and that term never goes back (§5.1; Figure 2, Results).

use raftapi::Term;

use super::Rules;
use crate::Server;
use crate::claim::{self, Broken};

/// Which life of a server, counted as its fault domain counts them, and the latest term that it has shown in it.
pub type Shown = (u32, Term);

/// What each server has shown so far.
#[derive(Debug)]
pub struct Terms(Vec<Of>);

#[derive(Clone, Copy, Debug, Default)]
struct Of {
    shown: Option<Shown>,
    killed: bool,
}

impl Terms {
    /// Nothing yet of this many servers.
    pub fn new(servers: usize) -> Self {
        Terms(vec![Of::default(); servers])
    }
}

impl Rules {
    /// `server` has sent a message of this term, in the life of this number.
    pub fn shows(&mut self, server: Server, life: u32, term: Term) {
        let of = &mut self.terms.0[server.number()];
        let before = of.shown.filter(|(its, _)| *its == life);
        of.shown = Some((life, before.map_or(term, |(_, known)| known.max(term))));
    }

    /// What `server` has shown so far.
    pub fn shown(&self, server: Server) -> Option<Shown> {
        self.terms.0[server.number()].shown
    }

    /// From now on `server` need say nothing that makes sense: its Raft was told to end.
    pub fn killed(&mut self, server: Server) {
        self.terms.0[server.number()].killed = true;
    }

    /// `server` replies in this term, in the life of this number, to a request before which it had `shown` so much.
    ///
    /// # Errors
    /// The reply's term is an earlier one. Not that of the moment at which it is sent counts: a thread may send it late,
    /// when others have gone on.
    pub fn answers(
        &self,
        server: Server,
        life: u32,
        shown: Option<Shown>,
        term: Term,
    ) -> Result<(), Broken> {
        let known = shown.filter(|(its, known)| *its == life && term < *known);
        match known {
            Some((_, known)) if !self.terms.0[server.number()].killed => {
                Err(claim::TERM_ONLY_GROWS.broken(format!(
                    "{server} answered in term {term}, though it was in term {known} before it was asked"
                )))
            }
            _ => Ok(()),
        }
    }
}

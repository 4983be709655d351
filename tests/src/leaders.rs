//! Who leads, as the servers themselves say.

use std::collections::BTreeMap;

use labsim::rand::{RngExt, rng};
use labsim::time::Duration;
use raftapi::Term;

use crate::claim;
use crate::server::set;
use crate::{Cluster, Server};

/// How often a leader is looked for, about half a second apart: five seconds in all.
const POLLS: usize = 10;

impl Cluster {
    /// What a server says of itself: its term, and whether it leads. `None` if it is down.
    pub fn state(&self, server: Server) -> Option<(Term, bool)> {
        let (term, leads) = self.call(server, |raft| raft.state())?;
        let at = self.shared.now();
        self.shared
            .run
            .board
            .server(server, |s| s.said = Some((term, leads, at)));
        self.record_state(server, term, leads);
        if leads {
            self.shared
                .watch
                .leads(server, term)
                .unwrap_or_else(|broken| self.shared.breaks(broken));
        }
        Some((term, leads))
    }

    /// Whether a server says that it leads.
    pub fn leads(&self, server: Server) -> bool {
        self.state(server).is_some_and(|(_, leads)| leads)
    }

    /// The term that a server says it is in; 0 if it is down.
    pub fn term_of(&self, server: Server) -> Term {
        self.state(server).map_or(Term(0), |(term, _)| term)
    }

    /// The leader, among the connected servers, of the latest term that has one. Waits for it five seconds.
    #[track_caller]
    pub fn leader(&self) -> Server {
        self.leader_among(&self.connected())
    }

    /// The same among these servers; what the others say does not count.
    #[track_caller]
    pub fn leader_among(&self, servers: &[Server]) -> Server {
        let began = self.now();
        let mut terms = Vec::new();
        for _ in 0..POLLS {
            self.sleep(Duration::from_millis(rng().random_range(450..550)));
            let (leaders, heard) = self.look_for_leaders(servers);
            terms.extend(heard);
            if let Some((_, leader)) = leaders.last_key_value() {
                return *leader;
            }
        }
        let took = (self.now() - began).as_secs_f64();
        let among = set(servers.iter().copied());
        self.fail(
            &claim::ONE_LEADER,
            format!(
                "expected one leader among {among} within {took:.1} s; saw none, {}",
                span(&terms)
            ),
        )
    }

    /// Whoever says now that he leads, or the leader once there is one.
    #[track_caller]
    pub fn leader_quickly(&self) -> Server {
        let now = self.connected().into_iter().find(|s| self.leads(*s));
        now.unwrap_or_else(|| self.leader())
    }

    /// Checks that no connected server thinks that it leads.
    #[track_caller]
    pub fn no_leader(&self) {
        let (leaders, _) = self.look_for_leaders(&self.connected());
        if let Some((term, leader)) = leaders.first_key_value() {
            self.fail(
                &claim::NO_LEADER_WITHOUT_MAJORITY,
                format!(
                    "{leader} says that it leads term {term}, but only {} of {} servers are connected: {}",
                    self.connected().len(),
                    self.servers().len(),
                    set(self.connected())
                ),
            );
        }
    }

    /// The term that all connected servers say they are in.
    #[track_caller]
    pub fn terms(&self) -> Term {
        let terms: Vec<(Server, Term)> = self
            .connected()
            .into_iter()
            .map(|server| (server, self.term_of(server)))
            .collect();
        self.check();
        let (_, first) = terms[0];
        if terms.iter().any(|(_, term)| *term != first) {
            let said: Vec<String> = terms
                .iter()
                .map(|(s, t)| format!("{s} in term {t}"))
                .collect();
            self.fail(&claim::SAME_TERM, format!("saw {}", said.join(", ")));
        }
        first
    }

    /// Asks each of these servers once: the leaders by term, and all terms heard.
    #[track_caller]
    fn look_for_leaders(&self, servers: &[Server]) -> (BTreeMap<Term, Server>, Vec<Term>) {
        let mut leaders = BTreeMap::new();
        let mut terms = Vec::new();
        for server in servers.iter().copied() {
            let Some((term, leads)) = self.state(server) else {
                continue;
            };
            terms.push(term);
            if leads {
                leaders.insert(term, server);
            }
        }
        self.check();
        (leaders, terms)
    }
}

/// "terms 4 to 19".
fn span(terms: &[Term]) -> String {
    match (terms.iter().min(), terms.iter().max()) {
        (Some(low), Some(high)) if low == high => format!("term {low} all the time"),
        (Some(low), Some(high)) => format!("terms {low} to {high}"),
        _ => "no server to ask".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_terms() {
        assert_eq!(span(&[Term(7), Term(4), Term(19)]), "terms 4 to 19");
        assert_eq!(span(&[Term(0), Term(0)]), "term 0 all the time");
        assert_eq!(span(&[]), "no server to ask");
    }
}

// BEGIN SOLUTION
//! What the tests ask about a world.

use raftapi::{LogIndex, Membership, PeerId};

use super::{Server, World};

impl World {
    pub fn last_committed(&self) -> LogIndex {
        self.facts.last_committed()
    }

    /// What is committed of the configurations, as far as a server that is up knows; if all is well,
    /// that is the whole of it.
    fn members(&self) -> Membership {
        let up = self.servers.iter().filter_map(|s| s.up.as_ref());
        let newest = up.max_by_key(|up| (up.node.commit, up.node.members.latest_at()));
        newest
            .map(|up| up.node.membership().clone())
            .unwrap_or_default()
    }

    /// No change is under way, and all its members have applied everything, at least up to `index`.
    pub fn members_applied(&self, index: LogIndex) -> bool {
        let (all, members) = (self.last_committed(), self.members());
        let applied = |peer: &PeerId| {
            let up = self.servers[peer.0].up.as_ref();
            up.is_some_and(|up| up.node.applied == all && *up.node.membership() == members)
        };
        all >= index && !members.is_joint() && members.everyone().iter().all(applied)
    }

    pub fn is_open(&self) -> bool {
        self.founders.is_some()
    }

    pub fn changes(&self) -> usize {
        self.facts.changes.len()
    }

    pub fn terms_with_leader(&self) -> usize {
        self.facts.leaders.len()
    }

    /// Every server is up and has applied everything that is committed, at least up to `index`.
    pub fn all_applied(&self, index: LogIndex) -> bool {
        let all = self.last_committed();
        let applied = |s: &Server| s.up.as_ref().is_some_and(|up| up.service.applied == all);
        all >= index && self.servers.iter().all(applied)
    }
}
// END SOLUTION

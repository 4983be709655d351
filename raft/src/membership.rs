//! Membership changes (§6): part 2E, which is optional. Joint consensus, C_old,new then C_new.
// BEGIN SOLUTION
//!
//! ```text
//!    C_old ──▶ C_old,new ──▶ C_new        each in force as soon as it is in the log
//!                  │            └── enters a log only when C_old,new is committed
//!                  └── elections and commitment take a majority of C_old and one of C_new
//! ```
//!
//! Who votes is asked in two places only, [`is_quorum`] and [`index_of_quorum`]; everything else here
//! is about which configuration that is.

use std::collections::BTreeSet;

use labsim::log::info;
use labsim::sync::Arc;
use raftapi::{ChangeError, LogIndex, Membership, NotLeader, PeerId, Term};

use crate::log::Log;
use crate::message::{Entry, EntryId};
use crate::node::{Node, Role};
use crate::progress::Progress;

/// A majority of each set that votes is among those for whom `says_so`.
pub(crate) fn is_quorum(membership: &Membership, says_so: impl Fn(PeerId) -> bool) -> bool {
    let majority = |set: &BTreeSet<PeerId>| {
        let peers = set.iter().filter(|peer| says_so(**peer)).count();
        peers > set.len() / 2
    };
    majority(&membership.voters) && (!membership.is_joint() || majority(&membership.outgoing))
}

/// The last index up to which a majority of each set that votes holds the log.
pub(crate) fn index_of_quorum(
    membership: &Membership,
    holds_to: impl Fn(PeerId) -> LogIndex,
) -> LogIndex {
    let by_majority_of = |set: &BTreeSet<PeerId>| {
        let mut held: Vec<LogIndex> = set.iter().map(|peer| holds_to(*peer)).collect();
        held.sort_unstable();
        // Sorted, so from this one on there are more than half of them.
        held[(held.len() - 1) / 2]
    };
    let by_new = by_majority_of(&membership.voters);
    match membership.is_joint() {
        true => by_new.min(by_majority_of(&membership.outgoing)),
        false => by_new,
    }
}

/// The configurations that one peer knows of: what the log says, and what was before it.
pub(crate) struct Members {
    /// Before the first entry.
    first: Membership,
    /// At the log's base, if an entry up to there has changed it. Persistent.
    at_base: Option<Membership>,
    /// Where the entry was, or the base if that is not known any more.
    base: LogIndex,
    /// Those in the log, in its order.
    in_log: Vec<(EntryId, Membership)>,
    /// The log was looked through up to here.
    seen: EntryId,
    /// The last change that was seen to end.
    settled: LogIndex,
    /// The membership can change: this is not a cluster of parts 2A to 2D.
    pub open: bool,
}

impl Members {
    /// All of them, for ever.
    pub fn fixed(cluster: usize) -> Members {
        Members::new(Membership::of((0..cluster).map(PeerId)), false)
    }

    /// These at first.
    pub fn open(first: Membership) -> Members {
        Members::new(first, true)
    }

    fn new(first: Membership, open: bool) -> Members {
        Members {
            first,
            at_base: None,
            base: LogIndex::ZERO,
            in_log: Vec::new(),
            seen: EntryId::default(),
            settled: LogIndex::ZERO,
            open,
        }
    }

    /// The configuration in force: the latest in the log, committed or not (§6).
    pub fn latest(&self) -> &Membership {
        match self.in_log.last() {
            Some((_, membership)) => membership,
            None => self.before_log(),
        }
    }

    /// Where it is in the log.
    pub fn latest_at(&self) -> LogIndex {
        self.in_log.last().map_or(self.base, |(id, _)| id.index)
    }

    fn before_log(&self) -> &Membership {
        self.at_base.as_ref().unwrap_or(&self.first)
    }

    /// What to save beside the log's base.
    pub fn to_save(&self) -> Option<Membership> {
        self.at_base.clone()
    }

    /// What to send beside a snapshot. Whoever joins knows nothing else.
    pub fn to_send(&self) -> Option<Membership> {
        self.open.then(|| self.before_log().clone())
    }

    /// Those that may turn out to be in force: the last one that is committed, and all after it.
    pub fn from(&self, commit: LogIndex) -> impl Iterator<Item = &Membership> {
        let committed = self.in_log.partition_point(|(id, _)| id.index <= commit);
        let before = (committed == 0).then(|| self.before_log());
        let later = self.in_log[committed.saturating_sub(1)..].iter();
        before
            .into_iter()
            .chain(later.map(|(_, membership)| membership))
    }

    /// Begins at a base, from a disk or from a leader's snapshot.
    pub fn restore(&mut self, at_base: Option<Membership>, log: &Log) {
        let base = log.base().index;
        self.in_log.retain(|(id, _)| id.index > base);
        self.base = at_base.as_ref().map_or(LogIndex::ZERO, |_| base);
        self.at_base = at_base;
        self.follow(log);
    }

    /// The log has changed. Tells whether the configurations have.
    pub fn follow(&mut self, log: &Log) -> bool {
        let mut changed = false;
        // Cut off: the one before is in force again.
        while self.in_log.pop_if(|(id, _)| !log.contains(*id)).is_some() {
            changed = true;
        }
        let base = log.base().index;
        while self.in_log.first().is_some_and(|(id, _)| id.index <= base) {
            let (id, membership) = self.in_log.remove(0);
            (self.base, self.at_base) = (id.index, Some(membership));
        }
        // If the log holds what was seen last, it holds all that was seen (§5.3).
        let known = match log.contains(self.seen) {
            true => self.seen.index,
            false => self.latest_at(),
        };
        for index in (known.max(base).0 + 1..=log.last().index.0).map(LogIndex) {
            let entry = log.entry(index);
            if let Some(membership) = &entry.membership {
                let term = entry.term;
                self.in_log
                    .push((EntryId { term, index }, (**membership).clone()));
                changed = true;
            }
        }
        self.seen = log.last();
        changed
    }
}

impl Node {
    /// The configuration in force here.
    pub fn membership(&self) -> &Membership {
        self.members.latest()
    }

    /// A majority of each set that votes is among those for whom `says_so`.
    pub fn is_quorum(&self, says_so: impl Fn(PeerId) -> bool) -> bool {
        is_quorum(self.membership(), says_so)
    }

    /// Everybody else who votes.
    pub fn other_voters(&self) -> Vec<PeerId> {
        let Membership {
            voters, outgoing, ..
        } = self.membership();
        let all = voters.union(outgoing).copied();
        all.filter(|peer| *peer != self.me).collect()
    }

    /// This peer has a vote in a configuration that may be in force. Not only in the latest: if C_new
    /// gets lost with its leader, others may need one who is not in it to lead them.
    pub fn may_run(&self) -> bool {
        let me = self.me;
        self.members.from(self.commit).any(|m| m.has_voter(me))
    }

    /// The log has changed, and the configuration in force perhaps with it.
    pub fn follow_log(&mut self) {
        if self.members.follow(&self.log) {
            let (members, at) = (self.membership(), self.members.latest_at());
            info!(target: "members", "server {} has {members} from entry {at} on", self.me);
            self.note_members();
        }
    }

    /// Keeps what a leader knows of each member in step with who is one. Those that leave stay until
    /// the change is committed, and so learn of it.
    pub fn note_members(&mut self) {
        let me = self.me;
        let all: BTreeSet<PeerId> = self
            .members
            .from(self.commit)
            .flat_map(|membership| membership.everyone())
            .filter(|peer| *peer != me)
            .collect();
        let (last, now) = (self.log.last().index, self.now);
        if let Role::Leader { progress, .. } = &mut self.role {
            progress.retain(|peer, _| all.contains(peer));
            for peer in &all {
                progress
                    .entry(*peer)
                    .or_insert_with(|| Progress::new(last, now));
            }
        }
        self.others = Arc::from_iter(all);
    }

    /// Begins a change, as [`raftapi::Raft::change_membership`] says.
    pub fn change_membership(
        &mut self,
        voters: &BTreeSet<PeerId>,
        learners: &BTreeSet<PeerId>,
    ) -> Result<(LogIndex, Term), ChangeError> {
        self.may_change(voters, learners)?;
        let old = &self.membership().voters;
        let outgoing = match old == voters {
            true => BTreeSet::new(), // only learners come and go: that changes no majority
            false => old.clone(),
        };
        let id = self.append_membership(Membership {
            voters: voters.clone(),
            outgoing,
            learners: learners.difference(voters).copied().collect(),
        });
        Ok((id.index, id.term))
    }

    fn may_change(
        &self,
        voters: &BTreeSet<PeerId>,
        learners: &BTreeSet<PeerId>,
    ) -> Result<(), ChangeError> {
        if !self.members.open {
            return Err(ChangeError::NotWritten);
        }
        self.must_lead()?;
        // One at a time: majorities of C_old and of what comes after C_new need not have anybody in
        // common.
        let at = self.members.latest_at();
        if self.commit < at || self.membership().is_joint() {
            return Err(ChangeError::UnderWay);
        }
        if voters.is_empty() {
            return Err(ChangeError::NoVoters);
        }
        let known = |peer: &&PeerId| peer.0 < self.cluster;
        if let Some(stranger) = voters.union(learners).find(|peer| !known(peer)) {
            return Err(ChangeError::Stranger(*stranger));
        }
        let behind = |peer: PeerId| self.progress_of(peer).is_none_or(|p| p.match_index < at);
        let mut new = voters.difference(&self.membership().voters);
        match new.find(|peer| **peer != self.me && behind(**peer)) {
            Some(peer) => Err(ChangeError::Behind(*peer)),
            None => Ok(()),
        }
    }

    /// This peer leads, and is not about to hand over its office.
    pub fn must_lead(&self) -> Result<(), NotLeader> {
        match self.successor() {
            None if self.is_leader() => Ok(()),
            successor => Err(NotLeader {
                leader: successor.or(self.leader()),
            }),
        }
    }

    /// In force from now on.
    pub fn append_membership(&mut self, membership: Membership) -> EntryId {
        let id = self.log.push(Entry {
            term: self.term,
            command: Default::default(),
            membership: Some(Box::new(membership)),
        });
        self.must_save();
        self.follow_log();
        id
    }

    /// A new leader says again what it finds at the end of its log. An entry of an earlier term is
    /// committed only together with one of its own (§5.4.2), and the change might wait for that.
    pub fn take_up_change(&mut self) {
        if self.members.open && self.commit < self.members.latest_at() {
            self.append_membership(self.membership().clone());
        }
    }

    /// C_new follows C_old,new as soon as that is committed. Tells whether a change has ended.
    pub fn go_on_with_change(&mut self) -> bool {
        while self.is_leader() && self.membership().is_joint() && self.latest_is_committed() {
            let new = Membership {
                outgoing: BTreeSet::new(),
                ..self.membership().clone()
            };
            self.append_membership(new);
            self.persist();
            self.advance_commit();
        }
        let ended = self.members.settled < self.members.latest_at() && self.latest_is_committed();
        let now = self.now;
        if let (true, Role::Leader { progress, .. }) = (ended, &mut self.role) {
            // Those that leave hear of it with this, or never.
            progress.values_mut().for_each(|p| p.hurry_heartbeat(now));
        }
        ended
    }

    fn latest_is_committed(&self) -> bool {
        self.commit >= self.members.latest_at()
    }

    /// A change has ended: those that are in no configuration any more get no more calls, and a
    /// leader that has no vote steps down (§6, "The second issue").
    pub fn let_members_go(&mut self) {
        self.members.settled = self.members.latest_at();
        self.note_members();
        if self.is_leader() && !self.membership().has_voter(self.me) {
            self.resign();
        }
    }
}
// END SOLUTION
// STUB: //!
// STUB: //! Nothing else in this crate needs it. What you add: entries that are a configuration (`message.rs`), the
// STUB: //! one in force at this peer, majorities of two sets (`election.rs`, `replication.rs`), what is saved and
// STUB: //! goes with a snapshot, and the methods of `raftapi::Raft` from `make_member` on. docs/lab2.md has the order.

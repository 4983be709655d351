//! The rules of part 2E: which configuration an entry needs a majority of, and what may follow what (§6).

use std::collections::{BTreeMap, BTreeSet};

use raftapi::view::EntryId;
use raftapi::{LogIndex, Membership, PeerId, Term};

use super::{Rules, holds};
use crate::Server;
use crate::claim::{self, Broken};

/// The configurations that were seen.
#[derive(Debug)]
pub struct Members {
    /// Before any entry.
    first: Membership,
    /// Knows an entry that is a configuration.
    view: fn(&[u8]) -> Option<Membership>,
    /// All that were seen in messages and on disks.
    seen: BTreeMap<(LogIndex, Term), Membership>,
    /// Those of them that nobody has looked at yet.
    new: Vec<EntryId>,
    /// Those that are committed. All up to `known` were looked at.
    committed: BTreeMap<LogIndex, Membership>,
    known: LogIndex,
    /// An entry of any kind was seen: this Raft shows what it says.
    shows: bool,
}

impl Members {
    /// These at first.
    pub fn new(first: Membership, view: fn(&[u8]) -> Option<Membership>) -> Members {
        Members {
            first,
            view,
            seen: BTreeMap::new(),
            new: Vec::new(),
            committed: BTreeMap::new(),
            known: LogIndex::ZERO,
            shows: false,
        }
    }

    /// An entry is seen for the first time.
    pub(super) fn note(&mut self, id: EntryId, command: &[u8]) {
        self.shows = true;
        if let Some(membership) = (self.view)(command) {
            self.seen.insert((id.index, id.term), membership);
            self.new.push(id);
        }
    }

    /// The committed configuration that was in force at `index`.
    fn committed_at(&self, index: LogIndex) -> &Membership {
        let last = self.committed.range(..=index).next_back();
        last.map_or(&self.first, |(_, membership)| membership)
    }
}

/// A majority of each set that votes is in `holders`.
fn is_quorum(membership: &Membership, holders: &BTreeSet<PeerId>) -> bool {
    let mut asked = vec![&membership.voters];
    asked.extend(Some(&membership.outgoing).filter(|old| !old.is_empty()));
    let mut holding = asked
        .into_iter()
        .map(|set| (set.intersection(holders).count(), set.len()));
    holding.all(|(some, all)| 2 * some > all)
}

/// Majorities of the two always have a server in common, without any third configuration in between.
fn always_meet(one: &BTreeSet<PeerId>, other: &BTreeSet<PeerId>) -> bool {
    one.symmetric_difference(other).count() <= 1
}

fn show(peers: &BTreeSet<PeerId>) -> String {
    Membership::of(peers.iter().copied()).to_string()
}

impl Rules {
    /// From now on the membership can change.
    pub fn open(&mut self, members: Members) {
        self.members = Some(members);
    }

    /// The term of an entry at `at` that changes the membership, if there may be one: one was seen, or
    /// this Raft shows nothing.
    pub fn change_at(&self, at: LogIndex) -> Option<Term> {
        let members = self.members.as_ref()?;
        let all_terms = (at, Term::ZERO)..=(at, Term(u64::MAX));
        let seen = members.seen.range(all_terms).next_back();
        let seen = seen.map(|((_, term), _)| *term);
        seen.or((!members.shows).then_some(Term::ZERO))
    }

    /// The configurations that were seen since this was last asked for.
    pub fn take_new_changes(&mut self) -> Vec<EntryId> {
        let members = self.members.as_mut();
        members.map_or(Vec::new(), |members| std::mem::take(&mut members.new))
    }

    /// `server` sends these entries, configurations that nobody saw before. All disks were looked at just before.
    ///
    /// # Errors
    /// One follows a C_old,new that is not committed, or follows another one without a C_old,new in between.
    pub fn changes(&mut self, server: Server, changes: &[EntryId]) -> Result<(), Broken> {
        let saved = &self.saved[server.number()];
        let own = |id: &EntryId| saved.term_at(id.index) == Some(id.term);
        let (own, others): (Vec<EntryId>, Vec<EntryId>) = changes.iter().copied().partition(own);
        if let Some(members) = &mut self.members {
            members.new.extend(others); // seen on another's disk, and not sent yet
        }
        own.into_iter().try_for_each(|id| self.change(server, id))
    }

    fn change(&self, server: Server, id: EntryId) -> Result<(), Broken> {
        let Some(members) = &self.members else {
            return Ok(());
        };
        let new = &members.seen[&(id.index, id.term)];
        let Some((before, at)) = self.before(server, id.index) else {
            return Ok(());
        };
        if before.is_joint() && before != *new {
            let holders = at.map_or_else(BTreeSet::new, |at| self.holders(at));
            if at.is_some() && !is_quorum(&before, &holders) {
                return Err(claim::NEW_AFTER_JOINT.broken(format!(
                    "{server} has put {new} into its log at {id} (index@term); before it stands {before}, \
                     which only {} have on disk",
                    show(&holders)
                )));
            }
            return Ok(());
        }
        if !new.is_joint() && !before.is_joint() && !always_meet(&before.voters, &new.voters) {
            return Err(claim::THROUGH_JOINT.broken(format!(
                "{server} has put {new} into its log at {id} (index@term), right after {before}"
            )));
        }
        Ok(())
    }

    /// The configuration before `index` in the log of `server`, and its entry if that is still in the log.
    /// `None` if it is in a snapshot, and nobody has told what the snapshot stands for.
    fn before(&self, server: Server, index: LogIndex) -> Option<(Membership, Option<EntryId>)> {
        let members = self.members.as_ref().expect("this is about members");
        let saved = &self.saved[server.number()];
        let is_in_log = |id: EntryId| saved.term_at(id.index) == Some(id.term);
        let earlier = members.seen.range(..(index, Term::ZERO)).rev();
        let mut ids = earlier.map(|((index, term), membership)| {
            let id = EntryId {
                index: *index,
                term: *term,
            };
            (id, membership)
        });
        match ids.find(|(id, _)| id.index > saved.snapshot.index && is_in_log(*id)) {
            Some((id, membership)) => Some((membership.clone(), Some(id))),
            None if members.known < saved.snapshot.index => None,
            None => Some((members.committed_at(index).clone(), None)),
        }
    }

    fn holders(&self, entry: EntryId) -> BTreeSet<PeerId> {
        let all = self.saved.iter().enumerate();
        all.filter(|(_, saved)| holds(saved, entry))
            .map(|(number, _)| PeerId(number))
            .collect()
    }

    /// Somebody has applied `entry`, the first to do so. Its leader went by the configuration of that time,
    /// which is the one in force at the entry or one that was seen after it.
    pub(super) fn applied_by_members(
        &mut self,
        server: Server,
        entry: EntryId,
    ) -> Result<(), Broken> {
        let holders = self.holders(entry);
        let saved = &self.saved[server.number()];
        let Some(members) = &mut self.members else {
            return Ok(());
        };
        let after = (members.known.next(), Term::ZERO);
        for ((index, term), membership) in members.seen.range(after..=(entry.index, Term(u64::MAX)))
        {
            if saved.snapshot.index >= *index {
                return Ok(()); // whether this one or another of its index is committed cannot be told
            }
            if saved.term_at(*index) == Some(*term) {
                members.committed.insert(*index, membership.clone());
            }
        }
        members.known = entry.index;
        let in_force = members.committed_at(entry.index);
        let later = members.seen.range((entry.index.next(), Term::ZERO)..);
        let mut possible = later.map(|(_, membership)| membership).chain([in_force]);
        if possible.any(|membership| is_quorum(membership, &holders)) {
            return Ok(());
        }
        Err(claim::COMMIT_NEEDS_MAJORITY.broken(format!(
            "{server} applied the entry {entry} (index@term), which only {} have on disk; in force is {in_force}",
            show(&holders)
        )))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use raftapi::view::{EntryView, SavedView};

    use super::*;
    use crate::claim::Claim;

    const A: Server = Server::numbered(0);

    fn members(voters: &[usize]) -> Membership {
        Membership::of(voters.iter().copied().map(PeerId))
    }

    fn joint(old: &[usize], new: &[usize]) -> Membership {
        Membership {
            outgoing: members(old).voters,
            ..members(new)
        }
    }

    fn view(command: &[u8]) -> Option<Membership> {
        labgob::decode(command).ok()
    }

    fn change(membership: &Membership) -> EntryView {
        EntryView {
            term: Term(1),
            command: labgob::encode(membership).into(),
        }
    }

    fn command() -> EntryView {
        EntryView {
            term: Term(1),
            command: Bytes::from_static(b"x"),
        }
    }

    /// Three founders and three more; each disk holds so many of the log's entries.
    fn rules(log: &[EntryView], held: [usize; 6]) -> Rules {
        let mut rules = Rules::new(6);
        rules.open(Members::new(members(&[0, 1, 2]), view));
        for (number, held) in held.into_iter().enumerate() {
            let disk = SavedView {
                term: Term(1),
                entries: log[..held].to_vec(),
                ..SavedView::default()
            };
            rules.saved(Server::numbered(number), disk).unwrap();
        }
        rules
    }

    fn id(index: u64) -> EntryId {
        EntryId {
            index: LogIndex(index),
            term: Term(1),
        }
    }

    #[track_caller]
    fn broken(result: Result<(), Broken>, claim: &Claim, saw: &str) {
        let broken = result.expect_err("the rule holds");
        assert_eq!((broken.claim, broken.saw.as_str()), (claim, saw));
    }

    #[test]
    fn joint_needs_both_majorities() {
        let log = [change(&joint(&[0, 1, 2], &[3, 4, 5])), command()];
        let mut enough = rules(&log, [2, 2, 0, 2, 2, 0]);
        enough.applied(A, id(2), true).unwrap();
        for held in [[2, 2, 2, 2, 0, 0], [2, 0, 0, 2, 2, 2]] {
            let result = rules(&log, held).applied(A, id(2), true);
            let who: Vec<String> = (0..6usize)
                .filter(|n| held[*n] == 2)
                .map(|n| n.to_string())
                .collect();
            broken(
                result,
                &claim::COMMIT_NEEDS_MAJORITY,
                &format!(
                    "server 0 applied the entry 2@1 (index@term), which only {{{}}} have on disk; \
                     in force is {{0, 1, 2}} to {{3, 4, 5}}",
                    who.join(", ")
                ),
            );
        }
    }

    #[test]
    fn learners_do_not_count() {
        let learners = Membership {
            learners: members(&[3, 4]).voters,
            ..members(&[0, 1, 2])
        };
        let log = [change(&learners), command()];
        let result = rules(&log, [2, 0, 0, 2, 2, 0]).applied(A, id(2), true);
        broken(
            result,
            &claim::COMMIT_NEEDS_MAJORITY,
            "server 0 applied the entry 2@1 (index@term), which only {0, 3, 4} have on disk; \
             in force is {0, 1, 2}, learners {3, 4}",
        );
    }

    #[test]
    fn new_comes_after_a_committed_joint_only() {
        let log = [
            change(&joint(&[0, 1, 2], &[3, 4, 5])),
            change(&members(&[3, 4, 5])),
        ];
        let mut enough = rules(&log, [2, 1, 0, 1, 1, 0]);
        enough.changes(A, &[id(1), id(2)]).unwrap();
        let result = rules(&log, [2, 1, 1, 1, 0, 0]).changes(A, &[id(2)]);
        broken(
            result,
            &claim::NEW_AFTER_JOINT,
            "server 0 has put {3, 4, 5} into its log at 2@1 (index@term); before it stands \
             {0, 1, 2} to {3, 4, 5}, which only {0, 1, 2, 3} have on disk",
        );
    }

    #[test]
    fn no_way_straight_from_old_to_new() {
        let log = [change(&members(&[0, 3, 4]))];
        let result = rules(&log, [1, 0, 0, 0, 0, 0]).changes(A, &[id(1)]);
        broken(
            result,
            &claim::THROUGH_JOINT,
            "server 0 has put {0, 3, 4} into its log at 1@1 (index@term), right after {0, 1, 2}",
        );
        // One server more or less: majorities meet all the same (dissertation §4.1).
        let log = [change(&members(&[0, 1, 2, 3]))];
        rules(&log, [1, 0, 0, 0, 0, 0])
            .changes(A, &[id(1)])
            .unwrap();
    }

    #[test]
    fn what_may_be_passed_over() {
        let log = [command(), change(&members(&[0, 1]))];
        let seen = rules(&log, [2, 2, 0, 0, 0, 0]);
        assert_eq!(seen.change_at(LogIndex(1)), None);
        assert_eq!(seen.change_at(LogIndex(2)), Some(Term(1)));
        assert!(
            rules(&[], [0; 6]).change_at(LogIndex(7)).is_some(),
            "it shows nothing"
        );
        assert_eq!(
            Rules::new(3).change_at(LogIndex(7)),
            None,
            "nothing changes here"
        );
    }
}

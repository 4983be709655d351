// BEGIN SOLUTION
//! The properties of Figure 3, which hold after every turn.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use raftapi::{LogIndex, PeerId, Term};

use super::Up;
use crate::message::EntryId;
use crate::node::Node;

/// All that has come to be true, on whatever server.
#[derive(Default)]
pub(super) struct Facts {
    pub leaders: BTreeMap<Term, PeerId>,
    /// Each entry that ever was in a log: its command, and the term of the entry before it.
    pub entries: BTreeMap<(LogIndex, Term), (Bytes, Term)>,
    /// Where entries are that change the membership.
    pub changes: BTreeSet<(LogIndex, Term)>,
    /// Committed entries, with the earliest term in which a server knew it.
    pub committed: BTreeMap<LogIndex, (EntryId, Term)>,
    /// The digest of a service that has executed everything up to there.
    pub digests: BTreeMap<LogIndex, u64>,
}

impl Facts {
    /// Figure 3's properties, after a turn of this server.
    pub(super) fn check(&mut self, up: &mut Up) {
        let node = &up.node;
        let on_disk = crate::persist::restore(&node.persister);
        let (term, vote, log) = (&node.term, &node.voted_for, &node.log);
        assert_eq!(
            (&on_disk.term, &on_disk.voted_for, &on_disk.log),
            (term, vote, log),
            "on disk and in memory"
        );
        self.check_log_matching(node);
        self.check_commit(node, up.commit);
        up.commit = node.commit;
        if !node.is_leader() {
            up.led = None;
            return;
        }
        self.check_leader(node);
        if let Some((term, last)) = up.led.replace((node.term, node.log.last())) {
            let kept = term != node.term || node.log.contains(last);
            assert!(
                kept,
                "Leader Append-Only: leader {} has lost {last} in term {term}",
                node.me
            );
        }
    }

    /// What is left out between two that are applied are changes of the membership, and committed.
    pub(super) fn check_order(&self, i: usize, applied: LogIndex, index: LogIndex) {
        assert!(
            index > applied,
            "server {i} applies {index} after {applied}"
        );
        for left_out in (applied.0 + 1..index.0).map(LogIndex) {
            let (id, _) = self.committed[&left_out];
            assert!(
                self.changes.contains(&(left_out, id.term)),
                "server {i} applies {index} right after {applied}, and leaves {left_out} out"
            );
        }
    }

    /// Log Matching, by induction: an entry has one command and one predecessor.
    fn check_log_matching(&mut self, node: &Node) {
        let (base, last) = (node.log.base(), node.log.last());
        let mut before = base.term;
        for index in (base.index.0 + 1..=last.index.0).map(LogIndex) {
            let entry = node.log.entry(index);
            if entry.membership.is_some() {
                self.changes.insert((index, entry.term));
            }
            let known = self.entries.entry((index, entry.term));
            let known = known.or_insert_with(|| (entry.command.clone(), before));
            assert!(
                known.0 == entry.command && known.1 == before,
                "Log Matching: server {} has {index}@{} after term {before}; elsewhere it is {known:?}",
                node.me,
                entry.term
            );
            before = entry.term;
        }
    }

    /// What is committed on one server is committed: no other has another entry there.
    fn check_commit(&mut self, node: &Node, before: LogIndex) {
        let first = before.max(node.log.base().index.prev_or_zero()).next();
        for index in (first.0..=node.commit.0).map(LogIndex) {
            let id = node.log.id_at(index);
            let (known, term) = self.committed.entry(index).or_insert((id, node.term));
            assert_eq!(*known, id, "server {} has committed another entry", node.me);
            *term = node.term.min(*term);
        }
    }

    /// Election Safety, and Leader Completeness.
    fn check_leader(&mut self, node: &Node) {
        let (me, term) = (node.me, node.term);
        let leader = *self.leaders.entry(term).or_insert(me);
        assert_eq!(leader, me, "Election Safety: two lead term {term}");
        for (id, in_term) in self.committed.values().filter(|(_, t)| *t < term) {
            assert!(
                node.log.contains(*id),
                "Leader Completeness: {id} was committed in term {in_term}, and leader {me} of \
                 term {term} does not have it"
            );
        }
    }

    /// The last index known to be committed anywhere.
    pub(super) fn last_committed(&self) -> LogIndex {
        self.committed
            .keys()
            .next_back()
            .copied()
            .unwrap_or_default()
    }
}

trait PrevOrZero {
    fn prev_or_zero(self) -> Self;
}

impl PrevOrZero for LogIndex {
    fn prev_or_zero(self) -> LogIndex {
        LogIndex(self.0.saturating_sub(1))
    }
}
// END SOLUTION

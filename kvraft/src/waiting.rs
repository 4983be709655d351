// BEGIN SOLUTION
//! Handlers that wait until what they proposed is applied.

use std::collections::BTreeMap;

use labsim::channel::{Receiver, Sender, bounded};
use raftapi::{LogIndex, Term};

/// Who waits for which entry. An entry is named by index *and* term (Log Matching, Figure 3): after
/// a change of leaders another operation may stand at the index.
#[derive(Default)]
pub(crate) struct Waiting {
    /// By index; terms do not fall from one to the next, since a leader's log only grows and a later leader's
    /// terms are higher.
    waiters: BTreeMap<LogIndex, (Term, Sender<String>)>,
}

impl Waiting {
    /// The result of this entry, once it is applied. The channel is closed when it is certain that
    /// it never will be, or can no longer be told.
    pub fn wait_for(&mut self, index: LogIndex, term: Term) -> Receiver<String> {
        let (tell, result) = bounded(1);
        // Whoever waited at this index before waits in vain: this server has led again since, with
        // another entry there.
        self.waiters.insert(index, (term, tell));
        result
    }

    /// Whoever waits for this entry no longer does.
    pub fn give_up(&mut self, index: LogIndex, term: Term) {
        if self
            .waiters
            .get(&index)
            .is_some_and(|(own, _)| *own == term)
        {
            self.waiters.remove(&index);
        }
    }

    /// This entry was applied, with this result.
    pub fn applied(&mut self, index: LogIndex, term: Term, result: String) {
        if let Some((own, tell)) = self.waiters.remove(&index)
            && own == term
        {
            let _ = tell.send(result); // whoever waited may have given up this moment
        }
        // Terms in a log do not fall, so nothing of an older term comes after this entry.
        self.waiters.retain(|_, (own, _)| *own >= term);
    }

    /// A snapshot has taken the place of all entries up to here. Their results are not known.
    pub fn skipped(&mut self, last: LogIndex) {
        self.waiters.retain(|index, _| *index > last);
    }

    /// Nobody waits any more.
    pub fn clear(&mut self) {
        self.waiters.clear();
    }
}

#[cfg(test)]
mod tests {
    use labsim::channel::TryRecvError;

    use super::*;

    #[test]
    fn the_result_is_for_the_entry_and_not_for_its_place() {
        let mut waiting = Waiting::default();
        let mine = waiting.wait_for(LogIndex(4), Term(2));
        waiting.applied(LogIndex(4), Term(3), "somebody else's".into());
        assert_eq!(mine.try_recv(), Err(TryRecvError::Disconnected));
    }

    #[test]
    fn an_entry_of_a_later_term_ends_the_wait_for_those_behind_it() {
        let mut waiting = Waiting::default();
        let (lost, open) = (
            waiting.wait_for(LogIndex(5), Term(2)),
            waiting.wait_for(LogIndex(6), Term(3)),
        );
        waiting.applied(LogIndex(4), Term(3), String::new());
        assert_eq!(lost.try_recv(), Err(TryRecvError::Disconnected));
        assert_eq!(open.try_recv(), Err(TryRecvError::Empty));
    }

    #[test]
    fn a_snapshot_ends_the_wait_for_what_it_covers() {
        let mut waiting = Waiting::default();
        let (covered, open) = (
            waiting.wait_for(LogIndex(5), Term(2)),
            waiting.wait_for(LogIndex(6), Term(2)),
        );
        waiting.skipped(LogIndex(5));
        waiting.applied(LogIndex(6), Term(2), "x".into());
        assert_eq!(covered.try_recv(), Err(TryRecvError::Disconnected));
        assert_eq!(open.try_recv(), Ok("x".into()));
    }

    #[test]
    fn giving_up_is_for_ones_own_entry() {
        let mut waiting = Waiting::default();
        let later = waiting.wait_for(LogIndex(5), Term(3));
        waiting.give_up(LogIndex(5), Term(2));
        waiting.applied(LogIndex(5), Term(3), "x".into());
        assert_eq!(later.try_recv(), Ok("x".into()));
    }
}
// END SOLUTION

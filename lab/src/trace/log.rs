//! A server's log as far as it is known: which indices, and the term of each.

/// A log by the terms of its entries: there are many entries and few terms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Log {
    /// The last entry that a snapshot covers, index and term.
    pub base: (u64, u64),
    /// Where a run of equal terms begins, and which term that is.
    pub runs: Vec<(u64, u64)>,
    /// The last index.
    pub last: u64,
}

impl Log {
    /// A log that is known whole.
    pub fn whole(base: (u64, u64), runs: Vec<(u64, u64)>, last: u64) -> Log {
        Log { base, runs, last }
    }

    /// The term at an index, 0 if there is no such entry.
    pub fn term(&self, index: u64) -> u64 {
        if index == self.base.0 {
            return self.base.1;
        }
        let inside = index > self.base.0 && index <= self.last;
        let run = self.runs.iter().rev().find(|(from, _)| *from <= index);
        run.filter(|_| inside).map_or(0, |(_, term)| *term)
    }

    /// Ends it here.
    pub fn cut_after(&mut self, index: u64) {
        if index < self.last {
            self.last = index.max(self.base.0);
            self.runs.retain(|(from, _)| *from <= self.last);
        }
    }

    /// Puts entries in, given by their terms' runs, up to `last`: those that are there with the same terms stay, with
    /// what follows them; a conflict cuts the log (§5.3).
    pub fn merge(&mut self, runs: &[(u64, u64)], last: u64) {
        let Some((first, _)) = runs.first() else {
            return;
        };
        let ends = runs
            .iter()
            .skip(1)
            .map(|(from, _)| from.saturating_sub(1))
            .chain([last]);
        let same = runs.iter().zip(ends.clone()).all(|((from, term), end)| {
            // A run of the log that holds both ends holds what is between.
            let run = self.runs.iter().rev().find(|(start, _)| start <= from);
            run.is_some_and(|(_, known)| known == term)
                && self.term(end) == *term
                && self.last >= end
        });
        if same {
            return;
        }
        if *first > self.last + 1 {
            // Nobody saw what comes before it.
            self.runs.clear();
        }
        self.cut_after(first.saturating_sub(1));
        for ((from, term), end) in runs.iter().zip(ends) {
            self.push(*from, *term, end);
        }
    }

    fn push(&mut self, from: u64, term: u64, end: u64) {
        if self.runs.last().is_none_or(|(_, known)| *known != term) {
            self.runs.push((from, term));
        }
        self.last = self.last.max(end);
    }

    /// Forgets what a snapshot to this entry covers.
    pub fn compact(&mut self, base: (u64, u64)) {
        if base.0 <= self.base.0 {
            return;
        }
        let next = self.term(base.0 + 1);
        self.runs.retain(|(from, _)| *from > base.0 + 1);
        self.base = base;
        self.last = self.last.max(base.0);
        if next != 0 && self.last > base.0 {
            self.runs.insert(0, (base.0 + 1, next));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(runs: &[(u64, u64)], last: u64) -> Log {
        Log::whole((0, 0), runs.to_vec(), last)
    }

    #[test]
    fn terms_are_those_of_runs() {
        let log = Log::whole((4, 1), vec![(5, 1), (7, 3)], 9);
        let terms: Vec<u64> = (3..11).map(|index| log.term(index)).collect();
        assert_eq!(terms, [0, 1, 1, 1, 3, 3, 3, 0]);
    }

    #[test]
    fn a_conflict_cuts_the_log_and_a_repetition_does_not() {
        let mut it = log(&[(1, 1), (3, 2)], 5);
        it.merge(&[(2, 1), (3, 2)], 4);
        assert_eq!(it, log(&[(1, 1), (3, 2)], 5), "already there");
        it.merge(&[(4, 3)], 4);
        assert_eq!(it, log(&[(1, 1), (3, 2), (4, 3)], 4));
        it.merge(&[(5, 3)], 6);
        assert_eq!(it, log(&[(1, 1), (3, 2), (4, 3)], 6));
        it.merge(&[(2, 4)], 2);
        assert_eq!(it, log(&[(1, 1), (2, 4)], 2));
    }

    #[test]
    fn a_snapshot_takes_the_beginning() {
        let mut it = log(&[(1, 1), (3, 2)], 5);
        it.compact((3, 2));
        assert_eq!(it, Log::whole((3, 2), vec![(4, 2)], 5));
        it.compact((9, 3));
        assert_eq!(it, Log::whole((9, 3), vec![], 9));
    }
}

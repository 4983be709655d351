// BEGIN SOLUTION
//! The log against a naive model that keeps every entry from index 1 on.

use proptest::prelude::*;
use raftapi::{LogIndex, Term};

use super::stage::{entries, id, log_of};
use crate::log::Log;
use crate::message::*;

/// All entries ever, and how many of them a snapshot stands for.
#[derive(Debug)]
struct Model {
    terms: Vec<u64>,
    base: usize,
}

impl Model {
    fn term_at(&self, index: u64) -> Option<u64> {
        match index {
            0 => Some(0),
            _ => self.terms.get(index as usize - 1).copied(),
        }
    }

    fn real(&self) -> Log {
        let mut log = log_of(&self.terms);
        if self.base > 0 {
            log.compact(LogIndex(self.base as u64));
        }
        log
    }
}

/// Terms along a log never decrease.
fn some_terms(max: usize) -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(0..3u64, 0..max).prop_map(|steps| {
        let mut term = 1;
        steps
            .into_iter()
            .map(|step| {
                term += step.saturating_sub(1);
                term
            })
            .collect()
    })
}

fn some_log() -> impl Strategy<Value = Model> {
    some_terms(12).prop_flat_map(|terms| {
        let len = terms.len();
        (Just(terms), 0..=len).prop_map(|(terms, base)| Model { terms, base })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Terms, ends and membership are those of the whole log, except that what is compacted is gone.
    #[test]
    fn reads(model in some_log(), index in 0..16u64, term in 0..8u64) {
        let log = model.real();
        let (base, len) = (model.base as u64, model.terms.len() as u64);
        prop_assert_eq!(log.base(), id(base, model.term_at(base).unwrap()));
        prop_assert_eq!(log.last(), id(len, model.term_at(len).unwrap()));
        let there = model.term_at(index).filter(|_| index >= base).map(Term);
        prop_assert_eq!(log.term_at(LogIndex(index)), there);
        prop_assert_eq!(log.get(LogIndex(index)).map(|e| e.term), there.filter(|_| index > base));
        let contains = index < base || model.term_at(index) == Some(term);
        prop_assert_eq!(log.contains(id(index, term)), contains);
    }

    /// Merging cuts only where an entry conflicts, and then has all that was sent.
    #[test]
    fn merges(model in some_log(), cut in 0..12usize, new in some_terms(8)) {
        // The sender's log: it agrees with ours up to `cut`, or up to the base if that is later.
        let cut = cut.min(model.terms.len());
        let agree = cut.max(model.base);
        let last = model.term_at(agree as u64).unwrap();
        let mut theirs = model.terms[..agree].to_vec();
        theirs.extend(new.iter().map(|t| t + last));

        let mut log = model.real();
        let prev = id(cut as u64, model.term_at(cut as u64).unwrap());
        let changed = log.merge(prev, entries(cut as u64, &theirs[cut..]));

        let common = model.terms.iter().zip(&theirs).take_while(|(a, b)| a == b).count();
        let expected = if common == theirs.len() { model.terms.clone() } else { theirs };
        prop_assert_eq!(changed, expected != model.terms);
        let expected = Model { terms: expected, base: model.base };
        prop_assert_eq!(log, expected.real());
    }

    /// A leader finds where a follower's log parts from its own in one call for each term in which
    /// the follower differs, and one more at most (end of §5.3).
    #[test]
    fn backs_up(common in some_terms(8), ours in some_terms(8), theirs in some_terms(8)) {
        // As the protocol makes them: after the common part the two have no term in common.
        let last = common.last().copied().unwrap_or(0);
        let follower: Vec<u64> = [&common[..], &ours.iter().map(|t| last + 2 * t).collect::<Vec<_>>()].concat();
        let leader: Vec<u64> = [&common[..], &theirs.iter().map(|t| last + 2 * t + 1).collect::<Vec<_>>()].concat();
        let mut differing = follower[common.len()..].to_vec();
        differing.dedup();

        let (follower, leader) = (log_of(&follower), log_of(&leader));
        let mut prev = leader.last();
        let mut calls = 1;
        while !follower.contains(prev) {
            let next = leader.next_after(prev.index, follower.conflict_hint(prev));
            prop_assert!(next <= prev.index, "next {} after {}", next, prev);
            prop_assert!(next.0 > common.len() as u64, "next {} skips what both have", next);
            prev = leader.id_at(next.prev());
            calls += 1;
        }
        prop_assert_eq!(prev.index.0, common.len().min(leader.last().index.0 as usize) as u64);
        prop_assert!(calls <= differing.len() + 2, "{} calls for {:?}", calls, differing);
    }

    /// What is sent after `prev` fits, is in order, and is never nothing if there is something.
    #[test]
    fn sends(model in some_log(), prev in 0..14u64, max_bytes in 0..40usize) {
        let log = model.real();
        prop_assume!(prev >= model.base as u64);
        let sent = log.after(LogIndex(prev), max_bytes);
        let rest = entries(prev, model.terms.get(prev as usize..).unwrap_or_default());
        prop_assert_eq!(&sent[..], &rest[..sent.len()]);
        prop_assert_eq!(sent.is_empty(), rest.is_empty());
        let bytes: usize = sent.iter().map(|e| e.command.len()).sum();
        prop_assert!(sent.len() <= 1 || bytes <= max_bytes, "{} bytes of {}", bytes, max_bytes);
    }

    /// A leader's snapshot keeps what follows it if it belongs to it, and otherwise nothing.
    #[test]
    fn restores(model in some_log(), index in 1..16u64, term in 1..8u64) {
        let mut log = model.real();
        prop_assume!(index > model.base as u64);
        log.restore(id(index, term));
        prop_assert_eq!(log.base(), id(index, term));
        let suffix = match model.term_at(index) == Some(term) {
            true => entries(index, &model.terms[index as usize..]),
            false => Vec::<Entry>::new(),
        };
        prop_assert_eq!(log.after(LogIndex(index), usize::MAX), suffix);
    }
}
// END SOLUTION

//! What a test's runs add up to.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::catalog::Test;
use crate::record::{Ended, Record};
use crate::worker::{Batch, Harvest};

/// A run that failed.
#[derive(Clone, Debug)]
pub struct Failed {
    /// Its seed.
    pub seed: u64,
    /// The claim that broke.
    pub claim: String,
    /// What the student reads.
    pub report: String,
    virtual_ms: f64,
}

/// A test and what its runs add up to so far.
#[derive(Debug)]
pub struct Tally {
    /// The test.
    pub test: Arc<Test>,
    /// Its first seed.
    pub seed: u64,
    /// Runs that were asked for.
    pub wanted: u32,
    /// Runs that passed.
    pub passed: u32,
    /// Runs that failed, those without a record among them.
    pub failures: Vec<Failed>,
    /// Why it did not run, if it needs the simulation.
    pub skipped: bool,
    /// Milliseconds of virtual time, of all runs.
    pub virtual_ms: f64,
    /// Milliseconds of processor time, of all runs.
    pub cpu_ms: f64,
    /// The seed that took most of the processor, with its milliseconds.
    pub slowest: Option<(f64, u64)>,
    /// Hints, each once.
    pub warnings: std::collections::BTreeSet<String>,
    /// Nobody waits for the rest of its runs.
    pub cut_short: bool,
    hashes: BTreeMap<u64, String>,
}

/// The claim of a run that left no record.
pub const NO_RECORD: &str = "the run comes to its end";

impl Tally {
    /// Nothing yet.
    pub fn new(test: Arc<Test>, seed: u64, wanted: u32) -> Self {
        Tally {
            test,
            seed,
            wanted,
            passed: 0,
            failures: Vec::new(),
            skipped: false,
            virtual_ms: 0.0,
            cpu_ms: 0.0,
            slowest: None,
            warnings: Default::default(),
            cut_short: false,
            hashes: BTreeMap::new(),
        }
    }

    /// Nothing yet, of each test.
    pub fn none(tests: &[Arc<Test>], seed: u64, wanted: u32) -> Vec<Self> {
        let new = |test: &Arc<Test>| Tally::new(test.clone(), seed, wanted);
        tests.iter().map(new).collect()
    }

    /// Adds a batch. Each seed counts once, by its one record; a seed with none, or with two, failed.
    pub fn add(&mut self, batch: &Batch, harvest: &Harvest) {
        if harvest
            .records
            .iter()
            .any(|record| record.result == Ended::Skipped)
        {
            self.skipped = true;
            return;
        }
        for k in 0..u64::from(batch.runs) {
            let seed = batch.seed.wrapping_add(k);
            let mut of_seed = harvest
                .records
                .iter()
                .filter(|r| r.seed == seed && r.test == batch.test.story.name);
            match (of_seed.next(), of_seed.next()) {
                (Some(record), None) => self.count(record),
                (None, _) if harvest.stopped => self.cut_short = true,
                (None, _) => self.fail(seed, NO_RECORD, self.lost(seed, &harvest.end), 0.0),
                (Some(_), Some(_)) => self.fail(
                    seed,
                    NO_RECORD,
                    self.lost(seed, "two records were left"),
                    0.0,
                ),
            }
        }
    }

    fn count(&mut self, record: &Record) {
        self.virtual_ms += record.virtual_ms;
        self.cpu_ms += record.cpu_ms;
        self.hashes.insert(record.seed, record.trace_hash.clone());
        self.warnings.extend(record.warnings.iter().cloned());
        if self.slowest.is_none_or(|(most, _)| record.cpu_ms > most) {
            self.slowest = Some((record.cpu_ms, record.seed));
        }
        match record.result {
            Ended::Passed => self.passed += 1,
            _ => {
                let claim = record.claim.as_deref().unwrap_or(NO_RECORD);
                self.fail(
                    record.seed,
                    claim,
                    record.report.clone().unwrap_or_default(),
                    record.virtual_ms,
                );
            }
        }
    }

    fn fail(&mut self, seed: u64, claim: &str, report: String, virtual_ms: f64) {
        self.failures.push(Failed {
            seed,
            claim: claim.into(),
            report,
            virtual_ms,
        });
    }

    fn lost(&self, seed: u64, end: &str) -> String {
        let story = &self.test.story;
        let end = end.replace('\n', "\n  | ");
        format!(
            "FAIL {} {}: {NO_RECORD}.\n  Seed {seed:#x} left no record: {end}.\n  \
             Question: Does something end the process, overflow a stack, or never return?\n  \
             Replay: cargo lab replay {} --seed {seed:#x}",
            story.part, story.name, story.name
        )
    }

    /// Runs that ended or were lost.
    pub fn runs(&self) -> u32 {
        self.passed + self.failures.len() as u32
    }

    /// All its runs are in, or nobody waits for the rest.
    pub fn is_done(&self) -> bool {
        self.skipped || self.cut_short || self.runs() >= self.wanted
    }

    /// The failed run that takes least time to look at.
    pub fn shortest_failure(&self) -> Option<&Failed> {
        let lost = |failed: &Failed| failed.virtual_ms == 0.0;
        self.failures.iter().min_by(|a, b| {
            (lost(a), a.virtual_ms, a.seed)
                .partial_cmp(&(lost(b), b.virtual_ms, b.seed))
                .expect("no NaN")
        })
    }

    /// Names the page of the failure that takes least time to look at, in its report.
    pub fn add_page(&mut self, page: &str) {
        let shown = self.shortest_failure().map(|failed| failed.seed);
        for failed in self
            .failures
            .iter_mut()
            .filter(|failed| Some(failed.seed) == shown)
        {
            failed.report = format!("{}\n  Page: {page}", failed.report.trim_end());
        }
    }

    /// The seeds of the failures by claim, most frequent first.
    pub fn by_claim(&self) -> Vec<(&str, Vec<u64>)> {
        let mut claims: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for failed in &self.failures {
            claims.entry(&failed.claim).or_default().push(failed.seed);
        }
        let mut claims: Vec<_> = claims.into_iter().collect();
        claims
            .iter_mut()
            .for_each(|(_, seeds)| seeds.sort_unstable());
        claims.sort_by_key(|(_, seeds)| std::cmp::Reverse(seeds.len()));
        claims
    }

    /// One hash of the hashes of all runs, in the order of their seeds: FNV-1a over their text.
    pub fn trace_hash(&self) -> String {
        let text = self.hashes.values().flat_map(|hash| hash.bytes());
        let hash = text.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        format!("{hash:016x}")
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::catalog::tests::sample;

    /// A record of the test `re_election`.
    pub fn record(seed: u64, claim: Option<&str>) -> Record {
        Record {
            secret: String::new(),
            test: "re_election".into(),
            seed,
            result: if claim.is_some() {
                Ended::Failed
            } else {
                Ended::Passed
            },
            virtual_ms: 4500.0 - seed as f64,
            cpu_ms: seed as f64,
            trace_hash: format!("{seed:016x}"),
            warnings: Vec::new(),
            claim: claim.map(String::from),
            report: claim.map(|claim| format!("FAIL 2A re_election: {claim}.")),
            trace: None,
        }
    }

    /// A tally of `records` for `runs` seeds from 0.
    pub fn tally(records: Vec<Record>, runs: u32, stopped: bool) -> Tally {
        let test = sample("2A", "re_election");
        let mut tally = Tally::new(test.clone(), 0, runs);
        let harvest = Harvest {
            records,
            end: "the process ended with exit code 0".into(),
            stopped,
        };
        tally.add(
            &Batch {
                number: 0,
                test,
                seed: 0,
                runs,
            },
            &harvest,
        );
        tally
    }

    #[test]
    fn a_seed_without_a_record_has_failed() {
        let tally = tally(
            vec![
                record(0, None),
                record(1, Some("one leader")),
                record(3, None),
            ],
            4,
            false,
        );
        assert_eq!((tally.passed, tally.failures.len()), (2, 2));
        assert_eq!(
            tally.by_claim(),
            [("one leader", vec![1]), (NO_RECORD, vec![2])]
        );
        assert_eq!(
            tally.shortest_failure().unwrap().seed,
            1,
            "a report says more than a lost run"
        );
        assert!(
            tally.failures[1].report.contains("exit code 0"),
            "{}",
            tally.failures[1].report
        );
    }

    #[test]
    fn two_records_of_a_seed_are_one_too_many() {
        assert_eq!(
            tally(vec![record(0, None), record(0, None)], 1, false)
                .failures
                .len(),
            1
        );
    }

    #[test]
    fn what_was_stopped_has_not_failed() {
        let tally = tally(vec![record(0, None)], 9, true);
        assert_eq!(
            (tally.runs(), tally.failures.len(), tally.is_done()),
            (1, 0, true)
        );
    }

    #[test]
    fn the_hash_is_that_of_the_seeds_in_order() {
        let forth = tally(vec![record(0, None), record(1, None)], 2, false);
        let back = tally(vec![record(1, None), record(0, None)], 2, false);
        assert_eq!(forth.trace_hash(), back.trace_hash());
        assert_ne!(
            forth.trace_hash(),
            tally(vec![record(0, None)], 1, false).trace_hash()
        );
    }
}

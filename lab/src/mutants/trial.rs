//! One wrong solution against the suites.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};

use super::corpus::Mutant;
use crate::catalog::Test;
use crate::guard::Limits;
use crate::pool::Plan;
use crate::tally::{Failed, Tally};
use crate::worker::is_set;

/// How a mutant fared.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Verdict {
    /// Its name.
    pub mutant: String,
    /// The part that must reject it.
    pub part: String,
    /// The mistake.
    pub why: String,
    /// What came of it.
    pub fate: Fate,
    /// Seconds of processor time of its runs.
    pub cpu_s: f64,
}

/// What came of a mutant.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Its part rejects it.
    Rejected(Kill),
    /// Only another part does.
    Elsewhere(Kill),
    /// It passes everything.
    Survived,
    /// It was not tried to the end.
    BrokenOff,
    /// It is no program.
    NotBuilt(String),
}

/// How a mutant was found out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kill {
    /// So many seeds of each test were needed: the median over the repeats.
    pub seeds: u32,
    /// Repeats in which all seeds passed.
    pub missed: u32,
    /// The tests that failed with the last seed of a repeat, each with the claim that broke.
    pub tests: BTreeMap<String, String>,
    /// What the first report says was broken.
    pub claim: String,
    /// The first report.
    pub report: String,
}

/// What a trial needs to know.
#[derive(Debug)]
pub struct Trial<'a> {
    /// The first seed.
    pub seed: u64,
    /// The most seeds.
    pub runs: u32,
    /// How often they are tried, each time other seeds.
    pub repeats: u32,
    /// Processes at a time.
    pub jobs: usize,
    /// How the tests run.
    pub environment: Vec<(&'static str, String)>,
    /// What one process may use.
    pub limits: Limits,
    /// Set to end it all early.
    pub interrupted: &'a AtomicBool,
}

impl Trial<'_> {
    /// In each repeat one seed of each test after the other, until one fails. Gives the processor time too, in seconds.
    ///
    /// # Errors
    /// The machine is at fault.
    pub fn run(&self, tests: &[Arc<Test>]) -> Result<(Option<Kill>, f64), String> {
        let (mut found, mut cpu_s) = (Found::default(), 0.0);
        for repeat in 0..self.repeats {
            let first = u64::from(repeat) * u64::from(self.runs);
            let mut rejected = false;
            for k in 0..self.runs {
                let seed = self.seed.wrapping_add(first + u64::from(k));
                let tallies = self.round(tests, seed)?;
                cpu_s += tallies.iter().map(|tally| tally.cpu_ms).sum::<f64>() / 1000.0;
                if is_set(self.interrupted) {
                    return Ok((None, cpu_s));
                }
                rejected = found.add(&tallies, k + 1);
                if rejected {
                    break;
                }
            }
            found.missed += u32::from(!rejected);
        }
        Ok((found.kill(), cpu_s))
    }

    fn round(&self, tests: &[Arc<Test>], seed: u64) -> Result<Vec<Tally>, String> {
        let plan = Plan {
            tests,
            seed,
            runs: 1,
            jobs: self.jobs,
            batch: None,
            deadline: None,
            environment: self.environment.clone(),
            limits: self.limits,
            interrupted: self.interrupted,
        };
        plan.tally()
    }
}

/// What the repeats have found.
#[derive(Default)]
struct Found {
    needed: Vec<u32>,
    missed: u32,
    tests: BTreeMap<String, String>,
    first: Option<(String, String)>,
}

impl Found {
    /// Whether a test failed with a repeat's seed of this number.
    fn add(&mut self, tallies: &[Tally], number: u32) -> bool {
        let mut failed = false;
        for tally in tallies {
            let Some(failure) = tally.failures.first() else {
                continue;
            };
            failed = true;
            let name = tally.test.story.name.clone();
            self.tests.entry(name).or_insert(failure.claim.clone());
            let first = || (headline(failure), failure.report.clone());
            self.first.get_or_insert_with(first);
        }
        if failed {
            self.needed.push(number);
        }
        failed
    }

    fn kill(mut self) -> Option<Kill> {
        let (claim, report) = self.first?;
        self.needed.sort_unstable();
        Some(Kill {
            seeds: self.needed[(self.needed.len() - 1) / 2],
            missed: self.missed,
            tests: self.tests,
            claim,
            report,
        })
    }
}

/// The sentence of the report's first line: after `FAIL`, part and test. The claim's name if there is no report.
fn headline(failure: &Failed) -> String {
    let mut lines = failure.report.lines();
    let fail = lines.find_map(|line| line.strip_prefix("FAIL "));
    let says = fail.and_then(|line| line.split_once(": "));
    says.map_or(failure.claim.as_str(), |(_, says)| says).into()
}

impl Verdict {
    /// What is known before the trial.
    pub fn new(mutant: &Mutant, fate: Fate, cpu_s: f64) -> Verdict {
        Verdict {
            mutant: mutant.name.clone(),
            part: mutant.part.clone(),
            why: mutant.why.clone(),
            fate,
            cpu_s,
        }
    }

    /// Its part rejects it, each time, as it must.
    pub fn is_as_it_must_be(&self) -> bool {
        matches!(&self.fate, Fate::Rejected(kill) if kill.missed == 0)
    }

    /// One line of the table.
    pub fn line(&self) -> String {
        let tests = |kill: &Kill| kill.tests.keys().cloned().collect::<Vec<_>>().join(", ");
        let fate = match &self.fate {
            Fate::Rejected(kill) if kill.missed > 0 => {
                format!("MISSED {} times, else by {}", kill.missed, tests(kill))
            }
            Fate::Rejected(kill) => format!("rejected  seed {:<3} {}", kill.seeds, tests(kill)),
            Fate::Elsewhere(kill) => format!("ELSEWHERE seed {:<3} {}", kill.seeds, tests(kill)),
            Fate::Survived => "SURVIVED".into(),
            Fate::BrokenOff => "broken off".into(),
            Fate::NotBuilt(message) => format!("NOT BUILT {}", message.replace('\n', "\n    ")),
        };
        format!("{:<32} {}  {fate}", self.mutant, self.part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::tests::{record, tally};

    fn verdict(fate: Fate) -> Verdict {
        Verdict {
            mutant: "two_votes".into(),
            part: "2A".into(),
            why: "It votes twice.".into(),
            fate,
            cpu_s: 1.0,
        }
    }

    fn kill_of(numbers: &[u32], missed: u32) -> Option<Kill> {
        let mut found = Found {
            missed,
            ..Found::default()
        };
        for number in numbers {
            let failed = tally(vec![record(0, Some("one leader a term"))], 1, false);
            assert!(found.add(&[failed], *number));
        }
        found.kill()
    }

    #[test]
    fn a_failed_test_is_a_kill_with_its_claim() {
        let passed = tally(vec![record(0, None)], 1, false);
        let mut found = Found::default();
        assert!(!found.add(&[passed], 1));
        assert!(found.kill().is_none());
        let kill = kill_of(&[3], 0).unwrap();
        assert_eq!(kill.tests["re_election"], "one leader a term");
        assert_eq!(kill.claim, "one leader a term.");
        let rejected = verdict(Fate::Rejected(kill));
        assert!(rejected.is_as_it_must_be());
        assert_eq!(
            rejected.line(),
            "two_votes                        2A  rejected  seed 3   re_election"
        );
    }

    #[test]
    fn the_seeds_needed_are_the_median_of_the_repeats() {
        assert_eq!(kill_of(&[9, 1, 2], 0).unwrap().seeds, 2);
        assert_eq!(kill_of(&[4, 1], 0).unwrap().seeds, 1);
    }

    #[test]
    fn a_repeat_without_a_failure_is_no_rejection() {
        let missed = verdict(Fate::Rejected(kill_of(&[2, 2], 1).unwrap()));
        assert!(!missed.is_as_it_must_be());
        assert!(
            missed
                .line()
                .ends_with("2A  MISSED 1 times, else by re_election")
        );
    }

    #[test]
    fn only_a_rejection_by_its_own_part_is_as_it_must_be() {
        let kill = || kill_of(&[1], 0).unwrap();
        for fate in [
            Fate::Elsewhere(kill()),
            Fate::Survived,
            Fate::NotBuilt(String::new()),
            Fate::BrokenOff,
        ] {
            assert!(!verdict(fate).is_as_it_must_be());
        }
    }
}

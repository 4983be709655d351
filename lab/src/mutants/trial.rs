//! One wrong solution against the suites.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde::Serialize;

use super::corpus::Mutant;
use crate::catalog::Test;
use crate::guard::Limits;
use crate::pool::Plan;
use crate::tally::Tally;
use crate::worker::is_set;

/// How a mutant fared.
#[derive(Clone, Debug, Serialize)]
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
#[derive(Clone, Debug, Serialize)]
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
#[derive(Clone, Debug, Serialize)]
pub struct Kill {
    /// So many seeds of each test were needed.
    pub seeds: u32,
    /// The tests that failed with the last of them, each with the claim that broke.
    pub tests: BTreeMap<String, String>,
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
    /// One seed of each test after the other, until one fails. Gives the processor time too, in seconds.
    ///
    /// # Errors
    /// The machine is at fault.
    pub fn run(&self, tests: &[Arc<Test>]) -> Result<(Option<Kill>, f64), String> {
        let mut cpu_s = 0.0;
        for k in 0..self.runs {
            let tallies = self.round(tests, self.seed.wrapping_add(u64::from(k)))?;
            cpu_s += tallies.iter().map(|tally| tally.cpu_ms).sum::<f64>() / 1000.0;
            if is_set(self.interrupted) {
                break;
            }
            if let Some(kill) = kill(&tallies, k + 1) {
                return Ok((Some(kill), cpu_s));
            }
        }
        Ok((None, cpu_s))
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

fn kill(tallies: &[Tally], seeds: u32) -> Option<Kill> {
    let failed = || {
        tallies
            .iter()
            .filter_map(|t| Some((t, t.failures.first()?)))
    };
    let (_, first) = failed().next()?;
    Some(Kill {
        seeds,
        tests: failed()
            .map(|(tally, failure)| (tally.test.story.name.clone(), failure.claim.clone()))
            .collect(),
        report: first.report.clone(),
    })
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

    /// Its part rejects it, as it must.
    pub fn is_as_it_must_be(&self) -> bool {
        matches!(self.fate, Fate::Rejected(_))
    }

    /// One line of the table.
    pub fn line(&self) -> String {
        let tests = |kill: &Kill| kill.tests.keys().cloned().collect::<Vec<_>>().join(", ");
        let fate = match &self.fate {
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

    #[test]
    fn a_failed_test_is_a_kill_with_its_claim() {
        let passed = tally(vec![record(0, None)], 1, false);
        assert!(kill(&[passed], 1).is_none());
        let failed = tally(vec![record(0, Some("one leader a term"))], 1, false);
        let kill = kill(&[failed], 3).unwrap();
        assert_eq!(kill.tests["re_election"], "one leader a term");
        let rejected = verdict(Fate::Rejected(kill));
        assert!(rejected.is_as_it_must_be());
        assert_eq!(
            rejected.line(),
            "two_votes                        2A  rejected  seed 3   re_election"
        );
    }

    #[test]
    fn who_lives_is_said_loudly() {
        let survived = verdict(Fate::Survived);
        assert!(!survived.is_as_it_must_be());
        assert_eq!(
            survived.line(),
            "two_votes                        2A  SURVIVED"
        );
    }
}

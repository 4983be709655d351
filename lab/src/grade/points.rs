//! `grading.toml`: how many points a part is worth, and what a test must do for them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;

use crate::catalog::Test;
use crate::near;

/// What a test gets for some of its runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// All its points if each run passes, else none.
    #[default]
    All,
    /// The share of its points that is the share of runs that pass.
    Rate,
}

/// The file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Points {
    /// Seeds a test, where the command line does not say.
    pub runs: u32,
    /// The rule for tests that have none of their own.
    #[serde(default)]
    pub rule: Rule,
    /// Points by part. Within a part they are shared out by the tests' weights. Tests that
    /// can earn nothing are left out.
    pub parts: BTreeMap<String, f64>,
    /// Exceptions by test.
    #[serde(default)]
    pub tests: BTreeMap<String, Exception>,
}

/// What differs for one test.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// Its weight within its part, instead of the suite's.
    pub weight: Option<f64>,
    /// Its own rule.
    pub rule: Option<Rule>,
}

impl Points {
    /// Reads the file and checks it against the tests that exist.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str, tests: &[Arc<Test>]) -> Result<Points, String> {
        let points: Points = toml::from_str(text).map_err(|e| e.to_string())?;
        let parts: BTreeSet<&str> = tests.iter().map(|test| test.story.part.as_str()).collect();
        let parts: Vec<&str> = parts.into_iter().collect();
        let names: Vec<&str> = tests.iter().map(|test| test.story.name.as_str()).collect();
        if let Some(part) = points
            .parts
            .keys()
            .find(|part| !parts.contains(&part.as_str()))
        {
            return Err(near::unknown("part", part, &parts));
        }
        if let Some(part) = parts.iter().find(|part| !points.parts.contains_key(**part)) {
            return Err(format!(
                "[parts] says nothing of {part}; with 0 points its tests are left out"
            ));
        }
        if let Some(test) = points
            .tests
            .keys()
            .find(|test| !names.contains(&test.as_str()))
        {
            return Err(near::unknown("test", test, &names));
        }
        let negative = points
            .parts
            .values()
            .chain(points.tests.values().filter_map(|e| e.weight.as_ref()));
        if negative
            .clone()
            .any(|value| !value.is_finite() || *value < 0.0)
        {
            return Err("points and weights are numbers from 0".into());
        }
        if points.parts.values().all(|points| *points == 0.0) {
            return Err("no part has points".into());
        }
        if points.runs == 0 {
            return Err("runs is at least 1".into());
        }
        Ok(points)
    }

    /// The tests that can earn points.
    pub fn graded(&self, tests: Vec<Arc<Test>>) -> Vec<Arc<Test>> {
        let shares = self.shares(&tests);
        let earning = tests
            .into_iter()
            .zip(shares)
            .filter(|(_, share)| *share > 0.0);
        earning.map(|(test, _)| test).collect()
    }

    /// The points that each test can earn, in the order of `tests`.
    pub fn shares(&self, tests: &[Arc<Test>]) -> Vec<f64> {
        let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
        for test in tests {
            *sums.entry(&test.story.part).or_default() += self.weight(test);
        }
        let share = |test: &Arc<Test>| match sums[test.story.part.as_str()] {
            0.0 => 0.0,
            sum => self.parts[&test.story.part] * self.weight(test) / sum,
        };
        tests.iter().map(share).collect()
    }

    fn weight(&self, test: &Test) -> f64 {
        let own = self
            .tests
            .get(&test.story.name)
            .and_then(|exception| exception.weight);
        own.unwrap_or_else(|| f64::from(test.story.points))
    }

    /// The share of its points that a test earns.
    pub fn earned(&self, test: &Test, passed: u32, runs: u32) -> f64 {
        let own = self
            .tests
            .get(&test.story.name)
            .and_then(|exception| exception.rule);
        match own.unwrap_or(self.rule) {
            Rule::All => f64::from(u32::from(passed == runs && runs > 0)),
            Rule::Rate => f64::from(passed) / f64::from(runs.max(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::tests::sample;

    fn tests() -> Vec<Arc<Test>> {
        vec![
            sample("2A", "re_election"),
            sample("2A", "even_cluster"),
            sample("2B", "figure8"),
        ]
    }

    #[test]
    fn parts_are_shared_out_by_weight() {
        let text = "runs = 3\nparts = { 2A = 30, 2B = 70 }\n[tests.even_cluster]\nweight = 6\nrule = 'rate'";
        let points = Points::read(text, &tests()).unwrap();
        assert_eq!(points.shares(&tests()), [10.0, 20.0, 70.0]);
        assert_eq!(points.earned(&tests()[0], 2, 3), 0.0);
        assert_eq!(points.earned(&tests()[0], 3, 3), 1.0);
        assert_eq!(points.earned(&tests()[1], 1, 2), 0.5);
        assert_eq!(
            points.earned(&tests()[0], 0, 0),
            0.0,
            "nothing ran, nothing is earned"
        );
    }

    #[test]
    fn parts_without_points_are_left_out() {
        let points = Points::read("runs = 3\nparts = { 2A = 0, 2B = 1 }", &tests()).unwrap();
        let graded = points.graded(tests());
        assert_eq!(
            (graded.len(), graded[0].story.name.as_str()),
            (1, "figure8")
        );
    }

    #[test]
    fn names_are_checked_against_the_tests() {
        let wrong = |text: &str| Points::read(text, &tests()).unwrap_err();
        assert_eq!(
            wrong("runs = 3\nparts = { 2A = 1, 2B = 1, 2Z = 1 }"),
            "there is no part `2Z`; did you mean 2A, 2B?"
        );
        assert_eq!(
            wrong("runs = 3\nparts = { 2A = 1 }"),
            "[parts] says nothing of 2B; with 0 points its tests are left out"
        );
        assert_eq!(
            wrong("runs = 3\nparts = { 2A = 1, 2B = 1 }\ntests.figure9.weight = 1"),
            "there is no test `figure9`; did you mean figure8?"
        );
        assert!(wrong("runs = 3\nparts = { 2A = 1, 2B = -1 }").contains("from 0"));
        assert_eq!(
            wrong("runs = 3\nparts = { 2A = 0, 2B = 0 }"),
            "no part has points"
        );
        assert!(wrong("rnus = 3\nparts = {}").contains("rnus"));
    }
}

//! The marks of one submission.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::points::Points;
use crate::tally::Tally;

/// How far a submission came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Its tests ran.
    Graded,
    /// It holds something that is not allowed, or can't be read.
    Refused,
    /// It does not compile.
    NotBuilt,
    /// The machine did not build it. No mark: it is to be graded again.
    NotGraded,
}

/// The marks of one submission.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Marks {
    /// Its name.
    pub name: String,
    /// What was graded, and how: equal for equal sources, seeds and points.
    pub key: String,
    /// The first seed.
    pub seed: u64,
    /// Seeds a test.
    pub runs: u32,
    /// How far it came.
    pub status: Status,
    /// Why it was refused, what the compiler says, what was left out.
    pub message: String,
    /// A mark a test.
    pub tests: Vec<Mark>,
}

/// The mark of one test.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Mark {
    /// Its name.
    pub test: String,
    /// Its part.
    pub part: String,
    /// What it is about.
    pub title: String,
    /// What it earned.
    pub score: f64,
    /// What it can earn.
    pub points: f64,
    /// Runs that ended or were lost.
    pub runs: u32,
    /// Runs that passed.
    pub passed: u32,
    /// Milliseconds of processor time. Not written down: equal gradings write equal marks.
    #[serde(skip)]
    pub cpu_ms: f64,
    /// The report of the failure that is easiest to look at.
    pub report: String,
    /// A seed that fails.
    pub failing_seed: Option<u64>,
    /// The page of that run, beside the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
}

impl Mark {
    /// The mark of a test that was or was not run.
    pub fn new(tally: &Tally, points: &Points, share: f64) -> Mark {
        let story = &tally.test.story;
        let worst = tally.shortest_failure();
        let report = match worst {
            Some(failed) => failed.report.clone(),
            None if tally.runs() < tally.wanted => format!(
                "The time for this submission was up after {} of {} runs.",
                tally.runs(),
                tally.wanted
            ),
            None => String::new(),
        };
        Mark {
            test: story.name.clone(),
            part: story.part.clone(),
            title: story.title.clone(),
            score: points.earned(&tally.test, tally.passed, tally.wanted) * share,
            points: share,
            runs: tally.runs(),
            passed: tally.passed,
            cpu_ms: tally.cpu_ms,
            report,
            failing_seed: worst.map(|failed| failed.seed),
            page: None,
        }
    }

    /// It earned all that it can.
    pub fn is_full(&self) -> bool {
        self.score >= self.points && self.runs > 0
    }
}

impl Marks {
    /// The sum, to a hundredth.
    pub fn score(&self) -> f64 {
        hundredth(self.tests.iter().map(|mark| mark.score).sum())
    }

    /// What could be earned, to a hundredth.
    pub fn points(&self) -> f64 {
        hundredth(self.tests.iter().map(|mark| mark.points).sum())
    }

    /// Score and points by part, to a hundredth.
    pub fn parts(&self) -> BTreeMap<&str, (f64, f64)> {
        let mut parts: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
        for mark in &self.tests {
            let (score, points) = parts.entry(&mark.part).or_default();
            *score += mark.score;
            *points += mark.points;
        }
        parts.values_mut().for_each(|(score, points)| {
            (*score, *points) = (hundredth(*score), hundredth(*points))
        });
        parts
    }

    /// The message in a line: its first one, and the one that this announces.
    pub fn note(&self) -> String {
        let mut lines = self.message.lines();
        let first = lines.next().unwrap_or_default();
        match first.ends_with(':') {
            true => format!("{first} {}", lines.next().unwrap_or_default()),
            false => first.to_string(),
        }
    }

    /// The tests that lack runs, because the time was up.
    pub fn unfinished(&self) -> usize {
        let ran = self.status == Status::Graded;
        let lacks = |mark: &&Mark| ran && mark.runs < self.runs;
        self.tests.iter().filter(lacks).count()
    }

    /// What there is to know of marks that came about because the time was up: on a busy machine that is not the
    /// submission's fault.
    pub fn time_was_up(&self, time: Duration) -> Option<String> {
        let minutes = |time: Duration| time.as_secs_f64() / 60.0;
        let cpu_ms: f64 = self.tests.iter().map(|mark| mark.cpu_ms).sum();
        let used = Duration::from_secs_f64(cpu_ms / 1e3);
        (self.unfinished() > 0).then(|| {
            format!(
                "The {} minutes for this submission were up before {} of {} tests had all their runs, which cost \
                 it points. Its runs used {:.1} minutes of the processor; on a busy machine give it more time, with \
                 --minutes.\n",
                minutes(time),
                self.unfinished(),
                self.tests.len(),
                minutes(used)
            )
        })
    }

    /// A score as people read it: where nothing was graded there is none, not even a zero.
    pub fn shown(&self, score: f64) -> String {
        self.number(score).unwrap_or("-".into())
    }

    /// The same for tables that programs read.
    pub fn number(&self, score: f64) -> Option<String> {
        (self.status != Status::NotGraded).then(|| score.to_string())
    }

    /// In a word or two.
    pub fn status_text(&self) -> &'static str {
        match self.status {
            Status::Graded => "graded",
            Status::Refused => "refused",
            Status::NotBuilt => "does not build",
            Status::NotGraded => "not graded",
        }
    }
}

/// Rounded to a hundredth.
pub fn hundredth(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Marks for tests: one test passed, one failed.
    pub fn sample() -> Marks {
        let mark = |test: &str, part: &str, score: f64, report: &str| Mark {
            test: test.into(),
            part: part.into(),
            title: "Votes & <terms>.".into(),
            score,
            points: 10.0 / 3.0,
            runs: 3,
            passed: if report.is_empty() { 3 } else { 2 },
            cpu_ms: 12.5,
            report: report.into(),
            failing_seed: (!report.is_empty()).then_some(0x17),
            page: (!report.is_empty()).then(|| "runs/2C-figure8-0x17.html".into()),
        };
        Marks {
            name: "ada, b.".into(),
            key: "k".into(),
            seed: 0x10,
            runs: 3,
            status: Status::Graded,
            message: String::new(),
            tests: vec![
                mark("re_election", "2A", 10.0 / 3.0, ""),
                mark(
                    "figure8",
                    "2C",
                    0.0,
                    "FAIL 2C figure8: <two> leaders & \u{1b}[31mred.\n  Replay: x",
                ),
            ],
        }
    }

    #[test]
    fn a_note_says_what_it_announces() {
        let note = |message: &str| {
            let message = message.to_string();
            Marks {
                message,
                ..sample()
            }
            .note()
        };
        assert_eq!(note("x is left out.\nmore"), "x is left out.");
        assert_eq!(
            note("x does not build:\nwhy\nwhere"),
            "x does not build: why"
        );
    }

    #[test]
    fn sums_are_rounded_once() {
        assert_eq!((sample().score(), sample().points()), (3.33, 6.67));
        assert_eq!(sample().parts()["2C"], (0.0, 3.33));
    }
}

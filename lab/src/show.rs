//! How tests over many seeds look: a live table on a terminal, lines in a pipe, JSON for programs.

use std::fmt::Write as _;

use serde_json::json;

use crate::out;
use crate::tally::Tally;

/// Something that shows tallies as they grow.
pub trait Show {
    /// Something may have changed.
    fn update(&mut self, tallies: &[Tally]);
    /// Nothing will change any more.
    fn finish(&mut self, tallies: &[Tally]);
}

/// A line for each test, in the order of the tests, as soon as those before it are done.
#[derive(Debug, Default)]
pub struct Lines {
    shown: usize,
}

impl Show for Lines {
    fn update(&mut self, tallies: &[Tally]) {
        while let Some(tally) = tallies.get(self.shown).filter(|tally| tally.is_done()) {
            if self.shown == 0 {
                out::line(header());
            }
            out::line(row(tally));
            self.shown += 1;
        }
    }

    fn finish(&mut self, tallies: &[Tally]) {
        self.update(tallies);
        for tally in tallies.iter().skip(self.shown) {
            out::line(row(tally));
        }
    }
}

/// An object for each test, likewise.
#[derive(Debug, Default)]
pub struct Json {
    shown: usize,
}

impl Show for Json {
    fn update(&mut self, tallies: &[Tally]) {
        while let Some(tally) = tallies.get(self.shown).filter(|tally| tally.is_done()) {
            out::line(object(tally));
            self.shown += 1;
        }
    }

    fn finish(&mut self, tallies: &[Tally]) {
        for tally in tallies.iter().skip(self.shown) {
            out::line(object(tally));
        }
    }
}

/// The whole table, painted over itself.
#[derive(Debug, Default)]
pub struct Live {
    painted: usize,
    scrolled: usize,
    last: String,
}

/// More rows than this do not fit on a usual terminal: those that are done scroll away.
const ROWS: usize = 20;

impl Show for Live {
    fn update(&mut self, tallies: &[Tally]) {
        self.paint(tallies, ROWS);
    }

    fn finish(&mut self, tallies: &[Tally]) {
        self.paint(tallies, usize::MAX);
    }
}

impl Live {
    fn paint(&mut self, tallies: &[Tally], most: usize) {
        let mut out = String::new();
        if self.painted == 0 && self.scrolled == 0 {
            let _ = writeln!(out, "{}", header());
        }
        if self.painted > 0 {
            let _ = write!(out, "\x1b[{}A\x1b[J", self.painted);
        }
        let mut rest = &tallies[self.scrolled.min(tallies.len())..];
        while rest.first().is_some_and(Tally::is_done) {
            let _ = writeln!(out, "{}", coloured(&rest[0]));
            self.scrolled += 1;
            rest = &rest[1..];
        }
        self.painted = rest.len().min(most);
        for tally in &rest[..self.painted] {
            let _ = writeln!(out, "{}", coloured(tally));
        }
        if out != self.last {
            crate::out::text(&out);
            self.last = out;
        }
    }
}

fn coloured(tally: &Tally) -> String {
    let colour = match (tally.failures.is_empty(), tally.is_done()) {
        (false, _) => "31",
        (true, true) => "32",
        (true, false) => "90",
    };
    format!("\x1b[{colour}m{}\x1b[0m", row(tally))
}

fn header() -> String {
    format!(
        "     part {:34} {:>7} {:>7} {:>7} {:>10} {:>9}  slowest seed",
        "test", "passed", "failed", "rate", "virtual s", "CPU s"
    )
}

fn row(tally: &Tally) -> String {
    let story = &tally.test.story;
    let (passed, failed) = (tally.passed, tally.failures.len());
    let verdict = match (tally.skipped, failed > 0, tally.runs() >= tally.wanted) {
        (true, ..) => {
            return format!(
                "skip {:4} {:34} needs the simulation",
                story.part, story.name
            );
        }
        (_, true, _) => "FAIL",
        (_, false, true) => "pass",
        (_, false, false) => "...",
    };
    let rate = match tally.runs() {
        0 => "-".into(),
        runs => format!(
            "{:.1}%",
            (f64::from(passed) * 1000.0 / f64::from(runs)).floor() / 10.0
        ),
    };
    let slowest = tally
        .slowest
        .map_or(String::new(), |(_, seed)| format!("{seed:#x}"));
    format!(
        "{verdict:4} {:4} {:34} {passed:>7} {failed:>7} {rate:>7} {:>10.1} {:>9.2}  {slowest}",
        story.part,
        story.name,
        tally.virtual_ms / 1e3,
        tally.cpu_ms / 1e3,
    )
    .trim_end()
    .to_string()
}

fn object(tally: &Tally) -> serde_json::Value {
    let story = &tally.test.story;
    let claims: Vec<_> = tally
        .by_claim()
        .into_iter()
        .map(|(claim, seeds)| json!({ "claim": claim, "seeds": seeds }))
        .collect();
    json!({
        "test": story.name,
        "part": story.part,
        "suite": story.suite,
        "seed": tally.seed,
        "runs": tally.runs(),
        "passed": tally.passed,
        "failed": tally.failures.len(),
        "skipped": tally.skipped,
        "virtual_ms": round(tally.virtual_ms),
        "cpu_ms": round(tally.cpu_ms),
        "trace_hash": tally.trace_hash(),
        "claims": claims,
        "report": tally.shortest_failure().map(|failed| &failed.report),
    })
}

fn round(milliseconds: f64) -> f64 {
    (milliseconds * 1e3).round() / 1e3
}

/// What follows the table: reports, the rest of the failures by claim, hints, and the sum.
pub fn closing(tallies: &[Tally], broke_off: bool, real: bool) -> String {
    let mut out = String::new();
    for tally in tallies {
        if let Some(shown) = tally.shortest_failure() {
            let _ = write!(out, "\n{}\n", shown.report.trim_end());
            let _ = write!(out, "{}", others(tally, shown.seed));
        }
    }
    let warnings: std::collections::BTreeSet<&String> =
        tallies.iter().flat_map(|t| &t.warnings).collect();
    for warning in warnings {
        let _ = write!(out, "\nwarning: {warning}\n");
    }
    let (runs, failed): (u32, usize) = (
        tallies.iter().map(Tally::runs).sum(),
        tallies.iter().map(|t| t.failures.len()).sum(),
    );
    let bad = tallies
        .iter()
        .filter(|tally| !tally.failures.is_empty())
        .count();
    let skipped = tallies.iter().filter(|tally| tally.skipped).count();
    let _ = write!(
        out,
        "\n{}: {runs} runs of {} tests",
        if failed > 0 { "FAIL" } else { "pass" },
        tallies.len() - skipped
    );
    if failed > 0 {
        let _ = write!(out, ", {failed} runs of {bad} tests failed");
    }
    if skipped > 0 {
        let _ = write!(out, ", {skipped} tests skipped");
    }
    let virtual_s: f64 = tallies.iter().map(|t| t.virtual_ms).sum::<f64>() / 1e3;
    let cpu_s: f64 = tallies.iter().map(|t| t.cpu_ms).sum::<f64>() / 1e3;
    let _ = write!(
        out,
        "; {virtual_s:.0} s {}, {cpu_s:.1} s CPU",
        if real { "of real time" } else { "virtual" }
    );
    if broke_off {
        let _ = write!(out, "; broken off before the rest ran");
    }
    out.push('\n');
    out
}

/// The failures whose report is not shown, by claim.
fn others(tally: &Tally, shown: u64) -> String {
    const SEEDS: usize = 4;
    let mut out = String::new();
    for (claim, mut seeds) in tally.by_claim() {
        seeds.retain(|seed| *seed != shown);
        if seeds.is_empty() {
            continue;
        }
        let some: Vec<String> = seeds
            .iter()
            .take(SEEDS)
            .map(|seed| format!("{seed:#x}"))
            .collect();
        let dots = if seeds.len() > SEEDS { ", …" } else { "" };
        let _ = writeln!(
            out,
            "  {} more: {claim} (seeds {}{dots})",
            seeds.len(),
            some.join(", ")
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::tests::{record, tally};

    fn some_failed() -> Tally {
        let claim = |seed| match seed {
            2 | 7 => Some("one leader"),
            5 => Some("log matching"),
            _ => None,
        };
        tally(
            (0..8).map(|seed| record(seed, claim(seed))).collect(),
            8,
            false,
        )
    }

    #[test]
    fn rows_stand_under_their_headings() {
        assert_eq!(
            format!("{}\n{}", header(), row(&some_failed())),
            "     part test                                passed  failed    rate  virtual s     CPU s  slowest seed\n\
             FAIL 2A   re_election                              5       3   62.5%       36.0      0.03  0x7"
        );
    }

    #[test]
    fn a_report_stands_once_and_the_rest_by_claim() {
        let expected = "
FAIL 2A re_election: one leader.
  1 more: one leader (seeds 0x2)
  1 more: log matching (seeds 0x5)

FAIL: 8 runs of 1 tests, 3 runs of 1 tests failed; 36 s virtual, 0.0 s CPU
";
        assert_eq!(closing(&[some_failed()], false, false), expected);
    }

    #[test]
    fn json_holds_what_programs_read() {
        let object = object(&some_failed());
        assert_eq!(
            (&object["test"], &object["part"]),
            (&json!("re_election"), &json!("2A"))
        );
        assert_eq!(
            (&object["runs"], &object["passed"], &object["failed"]),
            (&json!(8), &json!(5), &json!(3))
        );
        assert_eq!(
            (&object["seed"], &object["virtual_ms"], &object["cpu_ms"]),
            (&json!(0), &json!(35972.0), &json!(28.0))
        );
        assert_eq!(
            object["claims"][0],
            json!({"claim": "one leader", "seeds": [2, 7]})
        );
    }
}

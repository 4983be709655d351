//! What lost points, by the claims that were broken: one mistake breaks the same claim in many tests.

use std::collections::BTreeMap;

use super::marks::{Mark, Marks, Status, hundredth};

/// A claim that was broken, with all tests in which that was the report.
#[derive(Debug)]
pub struct Loss<'a> {
    /// The claim, with its section; of a test that was stopped, why.
    pub claim: &'a str,
    /// What it cost.
    pub points: f64,
    /// The tests, in the order of the marks.
    pub tests: Vec<&'a Mark>,
}

/// The losses of a submission whose tests ran, the greatest first.
pub fn losses(marks: &Marks) -> Vec<Loss<'_>> {
    let mut by_claim: BTreeMap<&str, Loss<'_>> = BTreeMap::new();
    let ran = marks.status == Status::Graded;
    for mark in marks.tests.iter().filter(|mark| ran && !mark.is_full()) {
        let claim = claim(mark);
        let loss = by_claim.entry(claim).or_insert_with(|| Loss {
            claim,
            points: 0.0,
            tests: Vec::new(),
        });
        loss.points += mark.points - mark.score;
        loss.tests.push(mark);
    }
    let mut losses: Vec<Loss<'_>> = by_claim.into_values().collect();
    losses
        .iter_mut()
        .for_each(|loss| loss.points = hundredth(loss.points));
    losses.sort_by(|a, b| b.points.total_cmp(&a.points));
    losses
}

/// What a report says first: `FAIL 2C figure8: the claim (its section).`
fn claim(mark: &Mark) -> &str {
    let first = mark.report.lines().next().unwrap_or("not run");
    let head = format!("FAIL {} {}: ", mark.part, mark.test);
    first.strip_prefix(&head).unwrap_or(first)
}

/// For a page of plain text; nothing if nothing was lost.
pub fn text(marks: &Marks) -> String {
    let line = |loss: Loss<'_>| {
        let tests: Vec<String> = (loss.tests.iter())
            .map(|mark| format!("{} {}", mark.part, mark.test))
            .collect();
        format!(
            "\n- {:.2} points: {}\n  {}",
            loss.points,
            loss.claim,
            tests.join(", ")
        )
    };
    let lines: String = losses(marks).into_iter().map(line).collect();
    match lines.is_empty() {
        true => lines,
        false => format!("\nWhat lost points:{lines}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grade::marks::tests::sample;

    fn lost(test: &str, score: f64, report: &str) -> Mark {
        let mut mark = sample().tests.remove(1);
        (mark.test, mark.score, mark.report) = (test.into(), score, report.into());
        mark
    }

    #[test]
    fn tests_that_break_one_claim_are_named_together_and_the_greatest_loss_first() {
        let mut marks = sample();
        let claim = "FAIL 2C two: a server votes once (§5.2).\n  In term 4 …";
        marks.tests.extend([
            lost("two", 0.0, claim),
            lost("three", 0.0, &claim.replace("two", "three")),
            lost(
                "four",
                3.0,
                "The time for this submission was up after 1 of 3 runs.",
            ),
            lost("five", 3.0, ""),
        ]);
        let said = text(&marks);
        let wanted = "
What lost points:
- 6.67 points: a server votes once (§5.2).
  2C two, 2C three
- 3.33 points: <two> leaders & \u{1b}[31mred.
  2C figure8
- 0.33 points: The time for this submission was up after 1 of 3 runs.
  2C four
- 0.33 points: not run
  2C five";
        assert_eq!(said, wanted);
    }

    #[test]
    fn full_marks_and_refusals_have_no_losses() {
        let mut marks = sample();
        marks.tests.truncate(1);
        assert_eq!(text(&marks), "");
        let mut refused = sample();
        refused.status = Status::Refused;
        assert_eq!(text(&refused), "");
    }
}

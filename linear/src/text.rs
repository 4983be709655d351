//! A report in words, for the terminal: at most a screen.

use std::fmt;

use crate::check::{Exceeded, Verdict};
use crate::history::OpId;
use crate::report::{Alternative, Failure, KeyReport, KeyResult, OpReport, Overtaken, Report};

/// How many operations of an order are shown.
const SHOWN: usize = 8;

/// How many operations without a reply are shown, and how many further keys.
const SHOWN_BESIDE: usize = 3;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.verdict {
            Verdict::Linearizable => self.write_linearizable(f),
            Verdict::Unknown => self.write_unknown(f),
            Verdict::Illegal => self.write_illegal(f),
        }
    }
}

impl Report {
    fn write_linearizable(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operations: usize = self.keys.iter().map(|key| key.operations.len()).sum();
        let steps: u64 = self.keys.iter().map(|key| key.steps).sum();
        write!(
            f,
            "Linearizable: {}, {}, found in {}.",
            count(operations, "operation"),
            count(self.keys.len(), "key"),
            count(steps as usize, "step")
        )
    }

    fn write_unknown(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let undecided = |key: &&KeyReport| matches!(key.result, KeyResult::Unknown { .. });
        let key = self
            .keys
            .iter()
            .find(undecided)
            .expect("some key is undecided");
        let KeyResult::Unknown { exceeded } = key.result else {
            unreachable!("just matched")
        };
        let open = key
            .operations
            .iter()
            .filter(|op| op.reply.is_none())
            .count();
        writeln!(
            f,
            "Undecided: the search on {} ({}, {open} without a reply) gave up after {}.",
            key.key,
            count(key.operations.len(), "operation"),
            count(key.steps as usize, "step"),
        )?;
        let (limit, name) = match exceeded {
            Exceeded::Steps => ("its limit of steps", "Settings::steps"),
            Exceeded::WallTime => ("its limit of time", "Settings::wall_time"),
        };
        write!(
            f,
            "It met {limit}, so the history may be right or wrong: this is not a pass. \
             Let fewer\noperations on one key overlap between two reads, or raise {name}."
        )
    }

    fn write_illegal(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut failures: Vec<(&KeyReport, &Failure)> = Vec::new();
        for key in &self.keys {
            if let KeyResult::Illegal(failure) = &key.result {
                failures.push((key, failure));
            }
        }
        failures.sort_by_key(|(key, failure)| key.find(failure.op).reply);
        let Some(((key, failure), others)) = failures.split_first() else {
            unreachable!("an illegal history has an illegal key")
        };
        Wording {
            key,
            failure,
            report: self,
        }
        .write(f)?;
        for (key, failure) in others.iter().take(SHOWN_BESIDE) {
            let op = key.find(failure.op);
            write!(f, "\nAlso wrong, later, on {}: {}", key.key, self.line(op))?;
        }
        match others.len().saturating_sub(SHOWN_BESIDE) {
            0 => Ok(()),
            more => write!(
                f,
                "\nAlso wrong: {more} more of the {} keys.",
                self.keys.len()
            ),
        }
    }

    /// An operation with all that is known of it.
    fn line(&self, op: &OpReport) -> String {
        format!(
            "client {}: {}{}, {}",
            op.client,
            op.input,
            answer(op),
            self.interval(op)
        )
    }

    fn interval(&self, op: &OpReport) -> String {
        let call = self.unit.show(op.call);
        match op.reply {
            Some(reply) => format!("called at {call}, reply at {}", self.unit.show(reply)),
            None => format!("called at {call}, no reply"),
        }
    }
}

/// One failure, to be put in words.
struct Wording<'a> {
    report: &'a Report,
    key: &'a KeyReport,
    failure: &'a Failure,
}

impl Wording<'_> {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bad = self.key.find(self.failure.op);
        writeln!(
            f,
            "Not linearizable: no order of the {} on {} explains the answers.",
            count(self.key.operations.len(), "operation"),
            self.key.key
        )?;
        writeln!(f, "The first answer that cannot be right:")?;
        writeln!(f, "    {}", self.report.line(bad))?;
        let Some(first) = self.failure.possible.first() else {
            return write!(
                f,
                "What it could have been was not found within {} steps; perhaps an earlier \
                 answer is wrong too.",
                crate::explain::STEPS
            );
        };
        self.write_possible(f)?;
        if let Some(overtaken) = first.overtaken {
            self.write_overtaken(f, overtaken)?;
        }
        self.write_order(f, first)?;
        self.write_open(f, first)
    }

    fn write_possible(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bad = self.key.find(self.failure.op);
        let end = self.report.unit.show(bad.reply.unwrap_or(bad.call));
        let possible = &self.failure.possible;
        write!(
            f,
            "All that was answered before {end} can be explained. Then "
        )?;
        match (possible.len(), self.failure.complete) {
            (1, true) => writeln!(f, "the only right answer here was")?,
            (_, true) => writeln!(f, "the right answers here were")?,
            (_, false) => writeln!(f, "right answers here were, among others,")?,
        }
        for alternative in possible {
            writeln!(f, "    {}", alternative.answer)?;
        }
        if let Some(difference) = &possible[0].difference {
            let which = if possible.len() > 1 {
                "Compared with the first: "
            } else {
                ""
            };
            writeln!(f, "{which}{difference}")?;
        }
        Ok(())
    }

    fn write_overtaken(&self, f: &mut fmt::Formatter<'_>, overtaken: Overtaken) -> fmt::Result {
        let [by, witness, bad] =
            [overtaken.by, overtaken.witness, self.failure.op].map(|op| self.key.find(op));
        let called = self.report.unit.show(bad.call);
        let replied = self.report.unit.show(witness.reply.unwrap_or(witness.call));
        let by = format!("client {}'s {}", by.client, by.input);
        writeln!(f, "The answer given was right until {by} took effect,")?;
        if overtaken.by == overtaken.witness {
            return writeln!(
                f,
                "which had its reply at {replied}, before this call at {called}."
            );
        }
        let what = format!(
            "client {}'s {}{}",
            witness.client,
            witness.input,
            answer(witness)
        );
        writeln!(
            f,
            "and {what}, placed after it, had its reply at {replied},\nbefore this call at {called}."
        )
    }

    fn write_order(&self, f: &mut fmt::Formatter<'_>, alternative: &Alternative) -> fmt::Result {
        let place = alternative
            .order
            .iter()
            .position(|placed| placed.op == self.failure.op);
        let order = &alternative.order[..=place.expect("the failed operation is placed")];
        let shown = &order[order.len().saturating_sub(SHOWN)..];
        let which = match self.failure.possible.len() {
            1 => "that answer",
            _ => "the first of these answers",
        };
        write!(f, "An order with {which}")?;
        match order.len() - shown.len() {
            0 => writeln!(f, ":")?,
            hidden => writeln!(f, " (after {}):", count(hidden, "earlier operation"))?,
        }
        for placed in shown {
            let op = self.key.find(placed.op);
            let at = self.report.unit.show(placed.at);
            let (mark, answer) = if placed.op == self.failure.op {
                (">", format!(" -> {}", alternative.answer))
            } else {
                (" ", answer(op))
            };
            let call = self.report.unit.show(op.call);
            let end = op
                .reply
                .map_or("no reply".to_string(), |reply| self.report.unit.show(reply));
            writeln!(
                f,
                "  {mark} at {at}, client {}: {}{answer} ({call} .. {end})",
                op.client, op.input
            )?;
        }
        Ok(())
    }

    /// The operations under way at the failed one's reply, but for those in the order shown.
    fn write_open(&self, f: &mut fmt::Formatter<'_>, alternative: &Alternative) -> fmt::Result {
        let before = alternative
            .order
            .iter()
            .take_while(|placed| placed.op != self.failure.op);
        let placed: Vec<OpId> = before.map(|placed| placed.op).collect();
        let mut open = self.failure.open.clone();
        open.retain(|op| !placed.contains(op));
        if open.is_empty() {
            return write!(
                f,
                "No other operation that changes the value was under way then."
            );
        }
        write!(f, "Under way then, so done or not yet done:")?;
        for &op in open.iter().take(SHOWN_BESIDE) {
            write!(f, "\n    {}", self.report.line(self.key.find(op)))?;
        }
        match open.len().saturating_sub(SHOWN_BESIDE) {
            0 => Ok(()),
            more => write!(f, "\n    and {more} more"),
        }
    }
}

impl KeyReport {
    /// The operation of that name.
    ///
    /// # Panics
    /// If it is none of this key's.
    #[must_use]
    pub fn find(&self, op: OpId) -> &OpReport {
        let found = self
            .operations
            .binary_search_by_key(&op, |operation| operation.op);
        &self.operations[found.unwrap_or_else(|_| panic!("{} has no operation {}", self.key, op.0))]
    }
}

/// The answer, after its call; nothing if there was none or it says nothing.
fn answer(op: &OpReport) -> String {
    match op.output.as_deref() {
        None | Some("") => String::new(),
        Some(output) => format!(" -> {output}"),
    }
}

fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

//! What was found, as data: for a page that draws it, and for the text of a failure.

use serde::{Deserialize, Serialize};

use crate::check::{Check, Exceeded, Outcome, Verdict};
use crate::explain::{explain, points};
use crate::history::{History, OpId, TimeUnit};
use crate::model::Model;
use crate::problem::Problem;

/// Everything that was found, without the model's types. Its `Display` is for the terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The verdict on the whole history.
    pub verdict: Verdict,
    /// What all times count.
    pub unit: TimeUnit,
    /// Key by key, in the order of keys.
    pub keys: Vec<KeyReport>,
}

/// What was found on one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyReport {
    /// The key in words, e.g. `key "x"`.
    pub key: String,
    /// How many steps the search took.
    pub steps: u64,
    /// The operations on the key, in the order of their [`OpId`]s.
    pub operations: Vec<OpReport>,
    /// How the search ended.
    pub result: KeyResult,
}

/// One operation, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpReport {
    /// Its name in the history.
    pub op: OpId,
    /// Its client.
    pub client: u32,
    /// When it was called.
    pub call: u64,
    /// When its reply came, if it did.
    pub reply: Option<u64>,
    /// The call, e.g. `get("x")`.
    pub input: String,
    /// The answer, if there was one, e.g. `"ab"`; empty if it says nothing.
    pub output: Option<String>,
}

/// How the search on one key ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyResult {
    /// The answers are right in this order.
    Linearizable {
        /// The operations and when each may have taken effect. Those without a reply that are
        /// not in it need not have.
        order: Vec<Placed>,
    },
    /// No order explains the answers.
    Illegal(Failure),
    /// A limit was met first.
    Unknown {
        /// Which.
        exceeded: Exceeded,
    },
}

/// A place in an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// The operation.
    pub op: OpId,
    /// A moment at which it may have taken effect: between its call and its reply, and not
    /// before that of the operation placed before it.
    pub at: u64,
}

/// The first operation that cannot be placed, and what would have been possible.
///
/// "First" is by replies. What was answered before this operation's reply can be explained by an
/// order; what was answered up to and including this reply cannot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The operation.
    pub op: OpId,
    /// Answers that would have been possible, each different, at most four. None only if the
    /// search for them met its limit; then an earlier answer may be the first wrong one.
    pub possible: Vec<Alternative>,
    /// Whether no other answer would have been.
    pub complete: bool,
    /// The operations that were under way at its reply and can have changed something.
    pub open: Vec<OpId>,
}

/// A longest partial linearization: an order of everything that had to take effect before the
/// failed operation's reply, with an answer that this operation could have given in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alternative {
    /// What the operation would have answered.
    pub answer: String,
    /// How what it did answer differs, in a sentence, where that is hard to see.
    pub difference: Option<String>,
    /// The order, the failed operation in it.
    pub order: Vec<Placed>,
    /// Why the answer given is wrong in this order, if it would have been right earlier.
    pub overtaken: Option<Overtaken>,
}

/// An answer that came too late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overtaken {
    /// The operation whose effect made the answer wrong.
    pub by: OpId,
    /// An operation that came no earlier in the order and had its reply before the failed
    /// operation was called; often the same.
    pub witness: OpId,
}

impl<K: std::fmt::Display> Check<K> {
    /// Everything that was found, in words and numbers. `model` and `history` must be those that
    /// were checked. For an illegal history this searches for what would have been possible,
    /// within limits of its own (some tenths of a second at worst).
    #[must_use]
    pub fn report<M: Model<Key = K>>(
        &self,
        model: &M,
        history: &History<M::Input, M::Output>,
    ) -> Report {
        let key_report = |part: &crate::check::Part<K>| KeyReport {
            key: part.key.to_string(),
            steps: part.steps,
            operations: part
                .operations
                .iter()
                .map(|&op| op_report(model, history, op))
                .collect(),
            result: self.result(model, history, &part.operations, &part.outcome),
        };
        Report {
            verdict: self.verdict(),
            unit: history.unit(),
            keys: self.parts.iter().map(key_report).collect(),
        }
    }

    fn result<M: Model>(
        &self,
        model: &M,
        history: &History<M::Input, M::Output>,
        operations: &[OpId],
        outcome: &Outcome,
    ) -> KeyResult {
        let call_time = |op: OpId| history.operation(op).call;
        match outcome {
            Outcome::Linearizable(order) => KeyResult::Linearizable {
                order: points(order, call_time),
            },
            Outcome::Illegal => {
                let problem = Problem::new(model, history, operations);
                let seed = self.settings.seed;
                KeyResult::Illegal(explain(model, &problem, call_time, seed))
            }
            Outcome::Unknown(exceeded) => KeyResult::Unknown {
                exceeded: *exceeded,
            },
        }
    }
}

fn op_report<M: Model>(model: &M, history: &History<M::Input, M::Output>, op: OpId) -> OpReport {
    let operation = history.operation(op);
    OpReport {
        op,
        client: operation.client,
        call: operation.call,
        reply: operation.reply.as_ref().map(|reply| reply.at),
        input: model.show_input(&operation.input),
        output: operation
            .reply
            .as_ref()
            .map(|reply| model.show_output(&reply.output)),
    }
}

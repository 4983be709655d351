//! The check of a whole history: key by key.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::history::{History, OpId};
use crate::model::Model;
use crate::problem::Problem;
use crate::search::{Budget, End, Search};

/// How much to spend on a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The most operations tried for one key before the verdict on it is [`Verdict::Unknown`].
    /// A count is the same on every machine and every run. A step takes some 0.3 µs and at most
    /// 50 bytes of memory with [`Kv`](crate::models::Kv).
    pub steps: u64,
    /// The longest time to spend on all keys together, on the wall clock; `None` for no limit.
    /// With a limit the verdict may depend on the machine's speed, never between right and wrong,
    /// but between these and [`Verdict::Unknown`].
    pub wall_time: Option<Duration>,
    /// For the hashes. No verdict should depend on it.
    pub seed: u64,
}

impl Default for Settings {
    /// Four million steps a key, no limit of time.
    fn default() -> Self {
        Settings {
            steps: 1 << 22,
            wall_time: None,
            seed: 0x006c_696e_6561_7221,
        }
    }
}

/// The answer to the question whether a history is linearizable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Verdict {
    /// There is an order of the operations that explains all answers.
    Linearizable,
    /// The budget was used up first. Not a pass.
    Unknown,
    /// There is none.
    Illegal,
}

/// What [`check`] found.
#[derive(Debug, Clone)]
pub struct Check<K> {
    pub(crate) parts: Vec<Part<K>>,
    pub(crate) settings: Settings,
}

/// What was found on one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<K> {
    /// The key.
    pub key: K,
    /// The operations on it.
    pub operations: Vec<OpId>,
    /// How many steps the search took.
    pub steps: u64,
    /// How it ended.
    pub outcome: Outcome,
}

/// How the search on one key ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The answers are right in this order. Operations without a reply that are not in it need
    /// not have taken effect.
    Linearizable(Vec<OpId>),
    /// No order explains the answers; [`Check::report`] finds out which is the first that cannot
    /// be explained.
    Illegal,
    /// The budget was used up.
    Unknown(Exceeded),
}

/// Which limit was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exceeded {
    /// [`Settings::steps`].
    Steps,
    /// [`Settings::wall_time`].
    WallTime,
}

impl<K> Check<K> {
    /// The verdict on the whole history: the worst of any key.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let verdicts = self.parts.iter().map(|part| part.outcome.verdict());
        verdicts.max().unwrap_or(Verdict::Linearizable)
    }

    /// Key by key, in the order of keys.
    #[must_use]
    pub fn parts(&self) -> &[Part<K>] {
        &self.parts
    }

    /// How many steps were taken in all.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.parts.iter().map(|part| part.steps).sum()
    }
}

impl Outcome {
    /// The outcome in one word.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Outcome::Linearizable(_) => Verdict::Linearizable,
            Outcome::Illegal => Verdict::Illegal,
            Outcome::Unknown(_) => Verdict::Unknown,
        }
    }
}

/// Checks whether `history` could have come from an object that does one operation at a time,
/// each at one moment between its call and its reply.
///
/// # Panics
/// If an order found by the search does not hold by the model's plain rules: then the model's
/// [`Model::Search`] or [`Model::is_read`] is at odds with them.
pub fn check<M: Model>(
    model: &M,
    history: &History<M::Input, M::Output>,
    settings: &Settings,
) -> Check<M::Key> {
    let deadline = settings.wall_time.map(|limit| Instant::now() + limit);
    let budget = Budget {
        steps: settings.steps,
        deadline,
    };
    let parts = split(model, history)
        .into_iter()
        .map(|(key, operations)| {
            let problem = Problem::new(model, history, &operations);
            let (outcome, steps) = decide(model, &problem, settings.seed, budget);
            Part {
                key,
                operations,
                steps,
                outcome,
            }
        })
        .collect();
    Check {
        parts,
        settings: *settings,
    }
}

fn split<M: Model>(
    model: &M,
    history: &History<M::Input, M::Output>,
) -> BTreeMap<M::Key, Vec<OpId>> {
    let mut parts: BTreeMap<M::Key, Vec<OpId>> = BTreeMap::new();
    for (index, op) in history.operations().iter().enumerate() {
        parts
            .entry(model.key(&op.input))
            .or_default()
            .push(OpId(index as u32));
    }
    parts
}

fn decide<M: Model>(
    model: &M,
    problem: &Problem<'_, M>,
    seed: u64,
    budget: Budget,
) -> (Outcome, u64) {
    let mut search = Search::new(model, problem, None, seed, budget);
    let id = |op: usize| problem.entries()[op].id;
    let outcome = match search.run() {
        End::Found => {
            confirm(model, problem, search.order());
            Outcome::Linearizable(search.order().iter().map(|&op| id(op)).collect())
        }
        End::Exhausted => Outcome::Illegal,
        End::OutOfSteps => Outcome::Unknown(Exceeded::Steps),
        End::OutOfTime => Outcome::Unknown(Exceeded::WallTime),
    };
    (outcome, search.steps())
}

/// Goes through `order` by the model's plain rules: no hash has a say in a right verdict.
fn confirm<M: Model>(model: &M, problem: &Problem<'_, M>, order: &[usize]) {
    let mut state = model.initial();
    for (place, &op) in order.iter().enumerate() {
        let entry = &problem.entries()[op];
        let Some(output) = entry.output else {
            model.apply(&mut state, entry.input);
            continue;
        };
        assert!(
            model.accept(&mut state, entry.input, output),
            "the search put operation {} ({} -> {}) at place {place} of the order, where the \
             model's plain rules do not allow it: Model::Search or Model::is_read is wrong",
            entry.id.0,
            model.show_input(entry.input),
            model.show_output(output),
        );
    }
}

//! The key/value store as the search sees it.

use crate::form::{Foresight, SearchForm, View};
use crate::models::kv::{Kv, KvInput, KvOutput};
use crate::models::kv_decoded::Decoded;
use crate::models::kv_plain::Plain;
use crate::prefixes::{Prefixes, TextId};
use crate::problem::{Entry, Problem};
use crate::rolling::{Digest, Rolling, Suffix};

/// The search form of [`Kv`]: a value is its hash and its length, and an append goes on from
/// there; and what the gets answered is used to look ahead.
///
/// Without looking ahead, fifty appends by five clients and one get at their end are hopeless:
/// all their orders leave different values. How far it can look depends on the values written:
/// see `kv_decoded.rs` for those that can be told apart in every answer, `kv_plain.rs` for others.
pub struct KvForm<'h> {
    steps: Vec<Step>,
    calls: Calls<'h>,
    ahead: Ahead,
}

enum Ahead {
    Decoded(Decoded),
    Plain(Plain),
}

/// A value of the key: its hash and its length; or [`Value::DEAD`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value {
    digest: Digest,
    len: u64,
    /// 0 at the start; after a put its number plus 1, if the look ahead tells puts apart.
    epoch: u32,
}

impl Value {
    const EMPTY: Value = Value {
        digest: Digest::EMPTY,
        len: 0,
        epoch: 0,
    };
    /// A value that will be replaced before anybody reads it.
    pub(super) const DEAD: Value = Value {
        digest: Digest::EMPTY,
        len: u64::MAX,
        epoch: 0,
    };

    pub(super) fn epoch(self) -> u32 {
        self.epoch
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Get(TextId),
    /// A get that may answer anything.
    GetUnknown,
    Put(Value),
    Append(Suffix, u64),
    /// An answer that no state gives, e.g. a value to a put.
    Impossible,
}

/// What the look ahead is made from.
pub(super) struct Calls<'h> {
    pub(super) prefixes: Prefixes<'h>,
    /// The gets that have answers, by number.
    pub(super) gets: Vec<Option<Get<'h>>>,
    /// In the order of their calls.
    pub(super) writes: Vec<Write<'h>>,
    /// Gets whose answer is to be found out: they can see any state.
    pub(super) unknown: Vec<usize>,
}

pub(super) struct Get<'h> {
    pub(super) answer: &'h str,
    pub(super) text: TextId,
    pub(super) call: u32,
    pub(super) reply: u32,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Write<'h> {
    pub(super) op: usize,
    pub(super) put: bool,
    pub(super) value: &'h str,
    pub(super) call: u32,
    pub(super) reply: u32,
}

impl<'h> SearchForm<'h, Kv> for KvForm<'h> {
    type State = Value;

    fn new(_: &'h Kv, problem: &Problem<'h, Kv>, seed: u64) -> Self {
        let rolling = Rolling::new(seed);
        let len = problem.entries().len();
        let mut steps = Vec::with_capacity(len);
        let mut calls = Calls {
            prefixes: Prefixes::new(rolling.clone()),
            gets: Vec::with_capacity(len),
            writes: Vec::new(),
            unknown: Vec::new(),
        };
        for (op, entry) in problem.entries().iter().enumerate() {
            steps.push(calls.prepare(op, entry, &rolling));
        }
        let ahead = match Decoded::new(&calls) {
            Some(decoded) => {
                number_puts(&mut steps);
                Ahead::Decoded(decoded)
            }
            None => Ahead::Plain(Plain::new(&calls)),
        };
        KvForm {
            steps,
            calls,
            ahead,
        }
    }

    fn initial(&self) -> Value {
        Value::EMPTY
    }

    #[inline]
    fn step(&mut self, state: Value, op: usize) -> Option<Value> {
        match self.steps[op] {
            Step::Get(text) => (text.whole() == (state.digest, state.len)).then_some(state),
            Step::GetUnknown => Some(state),
            Step::Put(value) => Some(value),
            Step::Append(..) if state == Value::DEAD => {
                let wasted = matches!(&self.ahead, Ahead::Decoded(ahead) if ahead.is_shown(op));
                (!wasted).then_some(Value::DEAD)
            }
            Step::Append(suffix, len) => Some(Value {
                digest: suffix.after(state.digest),
                len: state.len + len,
                epoch: state.epoch,
            }),
            Step::Impossible => None,
        }
    }

    #[inline]
    fn fingerprint(&self, state: Value) -> u128 {
        // Digests have zeros at the top of each half, so a dead state is like no other.
        if state == Value::DEAD {
            u128::MAX
        } else {
            state.digest.number()
        }
    }

    fn look_ahead(&self, state: Value, view: View<'_, Value>) -> Foresight<Value> {
        match &self.ahead {
            Ahead::Decoded(ahead) => ahead.look(&self.calls, state, view),
            Ahead::Plain(ahead) => ahead.look(&self.calls, state, view),
        }
    }

    fn is_unseen(&self, state: Value, op: usize) -> bool {
        let write = matches!(self.steps[op], Step::Put(_) | Step::Append(..));
        match &self.ahead {
            Ahead::Decoded(ahead) => state == Value::DEAD && write && !ahead.is_shown(op),
            Ahead::Plain(_) => false,
        }
    }
}

/// Makes states that different puts began different.
fn number_puts(steps: &mut [Step]) {
    for (op, step) in steps.iter_mut().enumerate() {
        if let Step::Put(value) = step {
            value.epoch = op as u32 + 1;
        }
    }
}

impl<'h> Calls<'h> {
    fn prepare(&mut self, op: usize, entry: &Entry<'h, Kv>, rolling: &Rolling) -> Step {
        self.gets.push(None);
        match (entry.input, entry.output) {
            (KvInput::Get { .. }, None) => {
                self.unknown.push(op);
                Step::GetUnknown
            }
            (KvInput::Get { .. }, Some(KvOutput::Value(answer))) => {
                let text = self.prefixes.insert(answer.as_bytes());
                self.gets[op] = Some(Get {
                    answer,
                    text,
                    call: entry.call,
                    reply: entry.reply,
                });
                Step::Get(text)
            }
            (KvInput::Put { value, .. }, None | Some(KvOutput::Done)) => {
                self.writes.push(Write::new(op, entry, true, value));
                Step::Put(Value {
                    digest: rolling.extend(Digest::EMPTY, value.as_bytes()),
                    len: value.len() as u64,
                    epoch: 0,
                })
            }
            (KvInput::Append { value, .. }, None | Some(KvOutput::Done)) => {
                self.writes.push(Write::new(op, entry, false, value));
                Step::Append(rolling.suffix(value.as_bytes()), value.len() as u64)
            }
            (KvInput::Get { .. }, Some(KvOutput::Done))
            | (KvInput::Put { .. } | KvInput::Append { .. }, Some(KvOutput::Value(_))) => {
                Step::Impossible
            }
        }
    }

    /// Whether the answer of the get begins with the state.
    #[inline]
    pub(super) fn begins(&self, state: Value, get: &Get<'h>) -> bool {
        self.prefixes.beginning(get.text, state.len) == Some(state.digest)
    }
}

impl<'h> Write<'h> {
    fn new(op: usize, entry: &Entry<'h, Kv>, put: bool, value: &'h str) -> Self {
        Write {
            op,
            put,
            value,
            call: entry.call,
            reply: entry.reply,
        }
    }
}

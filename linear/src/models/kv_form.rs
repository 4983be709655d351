//! The key/value store as the search sees it.

use crate::form::{Foresight, SearchForm, View};
use crate::models::kv::{Kv, KvInput, KvOutput};
use crate::prefixes::{Prefixes, TextId};
use crate::problem::{Entry, NEVER, Problem};
use crate::rolling::{Digest, Rolling, Suffix};

/// The search form of [`Kv`]: a value is its hash and its length, and an append goes on from
/// there; and what the gets answered is used to look ahead.
///
/// A value that only grows is a beginning of all that is read later. So a state can be judged by
/// the *next get*, the one still to be placed that replied first:
///
/// - If its answer begins with the state, well and good.
/// - If not, the state must be replaced by a put before the next get is placed, and the last such
///   put must write a beginning of that answer. If no such *useful* put is left that was called
///   before the next get's reply, there is no hope.
/// - If there is one, the state may still be seen by other gets first. These are placed before
///   the next get, so they were called before its reply; and they replied after it, or they would
///   be the next themselves: there are at most as many as clients. If no answer of theirs begins
///   with the state either, nobody will see it, nor what is appended to it, and it is dead until
///   a put replaces it. All dead states are one.
///
/// Without the first rule, fifty appends by five clients and one get at their end are hopeless;
/// without the second, the same with a put between.
pub struct KvForm<'h> {
    steps: Vec<Step>,
    prefixes: Prefixes<'h>,
    /// The gets that have answers, by number.
    gets: Vec<Option<Get<'h>>>,
    /// Puts with replies, in the order of their calls.
    puts: Vec<Put<'h>>,
    /// Puts without.
    open_puts: Vec<Put<'h>>,
    /// Gets whose answer is to be found out: they can see any state.
    unknown: Vec<usize>,
}

/// A value of the key: its hash and its length; or [`Value::DEAD`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value {
    digest: Digest,
    len: u64,
}

impl Value {
    const EMPTY: Value = Value {
        digest: Digest::EMPTY,
        len: 0,
    };
    /// A value that will be replaced before anybody reads it.
    const DEAD: Value = Value {
        digest: Digest::EMPTY,
        len: u64::MAX,
    };
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Get(Value),
    /// A get that may answer anything.
    GetUnknown,
    Put(Value),
    Append(Suffix, u64),
    /// An answer that no state gives, e.g. a value to a put.
    Impossible,
}

struct Get<'h> {
    answer: &'h str,
    text: TextId,
    reply: u32,
    /// The gets under way at this one's reply, itself among them.
    beside: Vec<usize>,
}

struct Put<'h> {
    op: usize,
    value: &'h str,
    call: u32,
    /// The latest reply of this and the puts before it in its list.
    replied: u32,
}

impl<'h> SearchForm<'h, Kv> for KvForm<'h> {
    type State = Value;

    fn new(_: &'h Kv, problem: &Problem<'h, Kv>, seed: u64) -> Self {
        let rolling = Rolling::new(seed);
        let mut form = KvForm {
            steps: Vec::with_capacity(problem.entries().len()),
            prefixes: Prefixes::new(rolling.clone()),
            gets: Vec::with_capacity(problem.entries().len()),
            puts: Vec::new(),
            open_puts: Vec::new(),
            unknown: Vec::new(),
        };
        for (op, entry) in problem.entries().iter().enumerate() {
            let (step, get) = form.prepare(op, entry, &rolling);
            form.steps.push(step);
            form.gets.push(get);
        }
        // To look ahead is to rely on writes that can always be placed.
        if form
            .steps
            .iter()
            .any(|step| matches!(step, Step::Impossible))
        {
            form.gets.fill_with(|| None);
        }
        form.find_gets_beside(problem);
        form
    }

    fn initial(&self) -> Value {
        Value::EMPTY
    }

    #[inline]
    fn step(&mut self, state: Value, op: usize) -> Option<Value> {
        match self.steps[op] {
            Step::Get(answer) => (answer == state).then_some(state),
            Step::GetUnknown => Some(state),
            Step::Put(value) => Some(value),
            Step::Append(..) if state == Value::DEAD => Some(Value::DEAD),
            Step::Append(suffix, len) => Some(Value {
                digest: suffix.after(state.digest),
                len: state.len + len,
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

    fn look_ahead(&self, state: Value, view: View<'_>) -> Foresight<Value> {
        let Some(get) = view.next_read.and_then(|op| self.gets[op].as_ref()) else {
            return Foresight::Live(state);
        };
        if self.begins(state, get) {
            return Foresight::Live(state);
        }
        if !self.useful_put_left(get, view) {
            return Foresight::Hopeless;
        }
        let unknown_left = self.unknown.iter().any(|&op| !view.taken.contains(op));
        if unknown_left || self.seen_beside(state, get, view) {
            Foresight::Live(state)
        } else {
            Foresight::Dead(Value::DEAD)
        }
    }
}

impl<'h> KvForm<'h> {
    fn prepare(
        &mut self,
        op: usize,
        entry: &Entry<'h, Kv>,
        rolling: &Rolling,
    ) -> (Step, Option<Get<'h>>) {
        match (entry.input, entry.output) {
            (KvInput::Get { .. }, None) => {
                self.unknown.push(op);
                (Step::GetUnknown, None)
            }
            (KvInput::Get { .. }, Some(KvOutput::Value(answer))) => {
                let text = self.prefixes.insert(answer.as_bytes());
                let value = Value {
                    digest: text.whole(),
                    len: answer.len() as u64,
                };
                let get = Get {
                    answer,
                    text,
                    reply: entry.reply,
                    beside: Vec::new(),
                };
                (Step::Get(value), Some(get))
            }
            (KvInput::Put { value, .. }, None | Some(KvOutput::Done)) => {
                let list = if entry.reply == NEVER {
                    &mut self.open_puts
                } else {
                    &mut self.puts
                };
                let replied = list.last().map_or(0, |put| put.replied).max(entry.reply);
                list.push(Put {
                    op,
                    value,
                    call: entry.call,
                    replied,
                });
                let digest = rolling.extend(Digest::EMPTY, value.as_bytes());
                (
                    Step::Put(Value {
                        digest,
                        len: value.len() as u64,
                    }),
                    None,
                )
            }
            (KvInput::Append { value, .. }, None | Some(KvOutput::Done)) => (
                Step::Append(rolling.suffix(value.as_bytes()), value.len() as u64),
                None,
            ),
            (KvInput::Get { .. }, Some(KvOutput::Done))
            | (KvInput::Put { .. } | KvInput::Append { .. }, Some(KvOutput::Value(_))) => {
                (Step::Impossible, None)
            }
        }
    }

    /// Finds for each get those that are under way at its reply.
    fn find_gets_beside(&mut self, problem: &Problem<'h, Kv>) {
        let entries = problem.entries();
        let mut events: Vec<(u32, usize)> = Vec::new();
        for op in (0..entries.len()).filter(|&op| self.gets[op].is_some()) {
            events.extend([(entries[op].call, op), (entries[op].reply, op)]);
        }
        events.sort_unstable();
        let mut under_way: Vec<usize> = Vec::new();
        for (position, op) in events {
            if position == entries[op].call {
                under_way.push(op);
                continue;
            }
            if let Some(get) = &mut self.gets[op] {
                get.beside.clone_from(&under_way);
            }
            under_way.retain(|&other| other != op);
        }
    }

    /// Whether the get's answer begins with the state.
    #[inline]
    fn begins(&self, state: Value, get: &Get<'h>) -> bool {
        self.prefixes.beginning(get.text, state.len) == Some(state.digest)
    }

    /// Whether a put is left that can come before `get` and writes a beginning of its answer.
    fn useful_put_left(&self, get: &Get<'h>, view: View<'_>) -> bool {
        let useful = |put: &Put<'h>| {
            !view.taken.contains(put.op) && get.answer.as_bytes().starts_with(put.value.as_bytes())
        };
        let before = |puts: &[Put<'h>]| puts.partition_point(|put| put.call < get.reply);
        // The later ones are the likelier to be left; behind the frontier none is.
        let closed = self.puts[..before(&self.puts)].iter().rev();
        let open = &self.open_puts[..before(&self.open_puts)];
        closed
            .take_while(|put| put.replied >= view.frontier)
            .any(useful)
            || open.iter().any(useful)
    }

    /// Whether a get that can come before `get` can see the state, or what is made of it.
    fn seen_beside(&self, state: Value, get: &Get<'h>, view: View<'_>) -> bool {
        let sees = |&op: &usize| {
            !view.taken.contains(op)
                && self.gets[op]
                    .as_ref()
                    .is_some_and(|other| self.begins(state, other))
        };
        get.beside.iter().any(sees)
    }
}

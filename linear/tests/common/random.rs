//! Random histories: of an object that is right, and spoilt ones.

use linear::models::{KvInput, KvOutput};
use linear::{History, Model, Operation, Reply, TimeUnit};

/// SplitMix64.
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    pub fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// What a run is like.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub clients: usize,
    pub operations: usize,
    /// The chance in percent that the clock stands still between two events.
    pub still: usize,
    /// The chance in percent that a client gives an operation up.
    pub give_up: usize,
}

struct Call<I, O> {
    op: usize,
    input: I,
    answer: Option<O>,
}

/// A run of an object that does each operation at one moment; `input` makes the operations.
pub fn run<M: Model>(
    model: &M,
    rng: &mut Rng,
    shape: Shape,
    mut input: impl FnMut(&mut Rng, usize) -> M::Input,
) -> Vec<Operation<M::Input, M::Output>>
where
    M::Input: Clone,
{
    let mut states: std::collections::BTreeMap<M::Key, M::State> = Default::default();
    let mut operations: Vec<Operation<M::Input, M::Output>> = Vec::new();
    let mut busy: Vec<Option<Call<M::Input, M::Output>>> = Vec::new();
    busy.resize_with(shape.clients, || None);
    let mut now = 0;
    loop {
        if !rng.percent(shape.still) {
            now += 1;
        }
        let client = rng.below(shape.clients);
        let Some(mut call) = busy[client].take() else {
            if operations.len() < shape.operations {
                let input = input(rng, client);
                busy[client] = Some(Call {
                    op: operations.len(),
                    input: input.clone(),
                    answer: None,
                });
                operations.push(Operation {
                    client: client as u32,
                    input,
                    call: now,
                    reply: None,
                });
            } else if busy.iter().all(Option::is_none) {
                return operations;
            }
            continue;
        };
        if rng.percent(shape.give_up) {
            continue; // whether or not it took effect
        }
        if let Some(output) = call.answer {
            operations[call.op].reply = Some(Reply { at: now, output });
            continue;
        }
        let state = states
            .entry(model.key(&call.input))
            .or_insert_with(|| model.initial());
        call.answer = Some(model.apply(state, &call.input));
        busy[client] = Some(call);
    }
}

/// Changes up to two answers or times, so that the history may be wrong.
pub fn spoil<I, O: Clone>(
    rng: &mut Rng,
    operations: &mut [Operation<I, O>],
    mut other: impl FnMut(&mut Rng, &I, &O) -> O,
) {
    for _ in 0..=rng.below(2) {
        let index = rng.below(operations.len());
        let op = &mut operations[index];
        let Some(reply) = &mut op.reply else { continue };
        if rng.percent(60) {
            reply.output = other(rng, &op.input, &reply.output);
        } else {
            // The operation is over sooner than it was: not a change that breaks the rules.
            reply.at = op.call + rng.below((reply.at - op.call + 1) as usize) as u64;
        }
    }
}

pub fn history<I, O>(operations: Vec<Operation<I, O>>) -> History<I, O> {
    History::new(TimeUnit::Ticks, operations).unwrap_or_else(|error| panic!("{error}"))
}

/// What share of a key/value load are gets and puts, in percent; the rest appends.
#[derive(Debug, Clone, Copy)]
pub struct Mix {
    pub gets: usize,
    pub puts: usize,
    pub keys: usize,
    /// How many different values are written; 0 for a new one with each write.
    pub values: usize,
}

pub fn kv_input(rng: &mut Rng, mix: Mix) -> KvInput {
    let key = *rng.pick(&["x", "y", "z"][..mix.keys]);
    let value = match mix.values {
        0 => format!("x{}", rng.below(1000)),
        values => rng
            .pick(&["a", "b", "ab", "", "c", "d"][..values])
            .to_string(),
    };
    match rng.below(100) {
        n if n < mix.gets => KvInput::get(key),
        n if n < mix.gets + mix.puts => KvInput::put(key, value),
        _ => KvInput::append(key, value),
    }
}

/// A wrong answer to a get, near the right one.
pub fn kv_other(rng: &mut Rng, input: &KvInput, output: &KvOutput) -> KvOutput {
    let (KvInput::Get { .. }, KvOutput::Value(value)) = (input, output) else {
        return output.clone();
    };
    if value.contains('x') && rng.percent(80) {
        return KvOutput::Value(other_parts(rng, value));
    }
    let cut = rng.below(value.len() + 1);
    KvOutput::Value(match rng.below(4) {
        0 => value[..cut].to_string(),
        1 => value[cut..].to_string(),
        2 => format!("{value}{}", rng.pick(&["a", "b", "ab"])),
        _ => rng.pick(&["", "a", "b", "ab", "ba", "aab"]).to_string(),
    })
}

/// The values that made `text`, each of which starts with an `x`: one less, or two swapped, or
/// only the first or last ones, or one twice.
fn other_parts(rng: &mut Rng, text: &str) -> String {
    let mut parts: Vec<String> = text[1..]
        .split('x')
        .map(|part| format!("x{part}"))
        .collect();
    let (a, b) = (rng.below(parts.len()), rng.below(parts.len()));
    match rng.below(5) {
        0 => drop(parts.remove(a)),
        1 => parts.swap(a, b),
        2 => parts.truncate(a),
        3 => drop(parts.drain(..a)),
        _ => parts.push(parts[a].clone()),
    }
    parts.concat()
}

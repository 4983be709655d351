//! Large key/value histories, as a busy test of a real store leaves them.

use super::random::{Rng, history};
use linear::models::{Kv, KvInput, KvOutput};
use linear::{History, Model, Operation, Reply};

/// What clients do all the time, all on one key.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub clients: usize,
    pub operations: usize,
    /// In percent; the rest are appends.
    pub gets: usize,
    pub puts: usize,
    /// In percent: operations whose reply is lost, whether or not they took effect.
    pub lost: usize,
}

pub type KvOperation = Operation<KvInput, KvOutput>;

/// A run of a right store. Each client calls again as soon as it has its reply.
pub fn run(seed: u64, load: Load) -> Vec<KvOperation> {
    let rng = &mut Rng(seed);
    let mut state = String::new();
    let mut operations: Vec<KvOperation> = Vec::new();
    let mut under_way: Vec<(usize, Option<KvOutput>)> = Vec::new();
    let mut now = 0;
    for client in 0..load.clients {
        under_way.push((operations.len(), None));
        let input = input(rng, load, client, operations.len());
        operations.push(call(client, now, input));
    }
    while !under_way.is_empty() {
        now += 1 + rng.below(3) as u64;
        let slot = rng.below(under_way.len());
        let (op, answer) = &mut under_way[slot];
        let lost = rng.percent(load.lost);
        match answer.take() {
            None if !lost || rng.percent(50) => {
                *answer = Some(Kv.apply(&mut state, &operations[*op].input));
            }
            answer => {
                operations[*op].reply = answer
                    .filter(|_| !lost)
                    .map(|output| Reply { at: now, output });
                let client = operations[*op].client as usize;
                if operations.len() == load.operations {
                    under_way.remove(slot);
                    continue;
                }
                under_way[slot] = (operations.len(), None);
                let input = input(rng, load, client, operations.len());
                operations.push(call(client, now + 1, input));
            }
        }
    }
    operations
}

fn call(client: usize, at: u64, input: KvInput) -> KvOperation {
    Operation {
        client: client as u32,
        input,
        call: at,
        reply: None,
    }
}

fn input(rng: &mut Rng, load: Load, client: usize, number: usize) -> KvInput {
    let value = format!("x {client} {number} y");
    match rng.below(100) {
        n if n < load.gets => KvInput::get("k"),
        n if n < load.gets + load.puts => KvInput::put("k", value),
        _ => KvInput::append("k", value),
    }
}

/// How a history is made wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// One of the last gets answers what held long before.
    Stale,
    /// One of the last gets shows the last append twice.
    Twice,
    /// All gets from one on miss an append that was acknowledged.
    LostUpdate,
}

/// Makes a right history wrong, near its end.
pub fn break_history(operations: &mut [KvOperation], fault: Fault) {
    let gets: Vec<usize> = (0..operations.len())
        .filter(|&op| matches!(value(&operations[op]), Some(value) if !value.is_empty()))
        .collect();
    let late = gets[gets.len() * 99 / 100];
    let answer = value(&operations[late])
        .expect("a get with an answer")
        .to_string();
    let unit = |text: &str| text.rfind("x ").expect("an appended value");
    match fault {
        Fault::Stale => {
            let early = gets[gets.len() * 9 / 10];
            let old = value(&operations[early])
                .expect("a get with an answer")
                .to_string();
            set(&mut operations[late], old);
        }
        Fault::Twice => {
            let last = &answer[unit(&answer)..];
            set(&mut operations[late], format!("{answer}{last}"));
        }
        Fault::LostUpdate => {
            let last = answer[unit(&answer)..].to_string();
            for op in operations {
                if let Some(text) = value(op).map(|text| text.replace(&last, "")) {
                    set(op, text);
                }
            }
        }
    }
}

fn value(op: &KvOperation) -> Option<&str> {
    match &op.reply.as_ref()?.output {
        KvOutput::Value(value) => Some(value),
        KvOutput::Done => None,
    }
}

fn set(op: &mut KvOperation, value: String) {
    op.reply.as_mut().expect("a get with an answer").output = KvOutput::Value(value);
}

/// A right history of this load.
pub fn right(seed: u64, load: Load) -> History<KvInput, KvOutput> {
    history(run(seed, load))
}

/// A wrong one.
pub fn wrong(seed: u64, load: Load, fault: Fault) -> History<KvInput, KvOutput> {
    let mut operations = run(seed, load);
    break_history(&mut operations, fault);
    history(operations)
}

/// Appends by five clients, none of them read before a last get.
pub fn unread(seed: u64, each: usize, gap: Option<&str>) -> Vec<KvOperation> {
    let load = Load {
        clients: 5,
        operations: 5 * each,
        gets: 0,
        puts: 0,
        lost: 0,
    };
    let mut operations = run(seed, load);
    let mut state = String::new();
    let end = operations
        .iter()
        .filter_map(|op| Some(op.reply.as_ref()?.at))
        .max()
        .unwrap();
    if let Some(value) = gap {
        let mut put = call(0, end + 1, KvInput::put("k", value));
        put.reply = Some(Reply {
            at: end + 2,
            output: KvOutput::Done,
        });
        operations.push(put);
        state.push_str(value);
    } else {
        let mut order: Vec<&KvOperation> = operations.iter().collect();
        order.sort_by_key(|op| op.reply.as_ref().map(|reply| reply.at));
        for op in order {
            Kv.apply(&mut state, &op.input);
        }
    }
    let mut get = call(1, end + 3, KvInput::get("k"));
    get.reply = Some(Reply {
        at: end + 4,
        output: KvOutput::Value(state),
    });
    operations.push(get);
    operations
}

//! Short ways to write a key/value history down.

use linear::models::{Kv, KvInput, KvOutput};
use linear::{Check, History, Operation, Reply, Settings, TimeUnit, check, models::KvKey};

pub type KvOperation = Operation<KvInput, KvOutput>;
pub type KvHistory = History<KvInput, KvOutput>;

/// `client` calls at the first of `times`, and has its reply at the second.
pub fn get(client: u32, times: (u64, u64), key: &str, value: &str) -> KvOperation {
    replied(client, times, KvInput::get(key), KvOutput::value(value))
}

pub fn put(client: u32, times: (u64, u64), key: &str, value: &str) -> KvOperation {
    replied(client, times, KvInput::put(key, value), KvOutput::Done)
}

pub fn append(client: u32, times: (u64, u64), key: &str, value: &str) -> KvOperation {
    replied(client, times, KvInput::append(key, value), KvOutput::Done)
}

pub fn lost(client: u32, call: u64, input: KvInput) -> KvOperation {
    Operation {
        client,
        input,
        call,
        reply: None,
    }
}

fn replied(client: u32, times: (u64, u64), input: KvInput, output: KvOutput) -> KvOperation {
    let (call, at) = times;
    Operation {
        client,
        input,
        call,
        reply: Some(Reply { at, output }),
    }
}

pub fn history(operations: impl Into<Vec<KvOperation>>) -> KvHistory {
    History::new(TimeUnit::Ticks, operations.into()).unwrap_or_else(|error| panic!("{error}"))
}

pub fn decide(history: &KvHistory) -> Check<KvKey> {
    check(&Kv, history, &Settings::default())
}

/// The report in words.
pub fn text(history: &KvHistory) -> String {
    decide(history).report(&Kv, history).to_string()
}

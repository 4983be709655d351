//! A key/value store of strings: get, put, append.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::Model;
use crate::models::kv_form::KvForm;
use crate::quote::{difference, quote};

/// A key/value store. A key that was never written holds the empty string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kv;

/// What can be asked of a [`Kv`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum KvInput {
    /// What is the key's value?
    Get {
        /// The key.
        key: String,
    },
    /// Let this be the key's value.
    Put {
        /// The key.
        key: String,
        /// Its value from then on.
        value: String,
    },
    /// Let the key's value go on with this.
    Append {
        /// The key.
        key: String,
        /// What comes after its value so far.
        value: String,
    },
}

impl KvInput {
    /// `get(key)`.
    pub fn get(key: impl Into<String>) -> Self {
        KvInput::Get { key: key.into() }
    }

    /// `put(key, value)`.
    pub fn put(key: impl Into<String>, value: impl Into<String>) -> Self {
        KvInput::Put {
            key: key.into(),
            value: value.into(),
        }
    }

    /// `append(key, value)`.
    pub fn append(key: impl Into<String>, value: impl Into<String>) -> Self {
        KvInput::Append {
            key: key.into(),
            value: value.into(),
        }
    }

    fn key(&self) -> &str {
        match self {
            KvInput::Get { key } | KvInput::Put { key, .. } | KvInput::Append { key, .. } => key,
        }
    }
}

/// What a [`Kv`] answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum KvOutput {
    /// To a get: the value.
    Value(String),
    /// To a put or an append.
    Done,
}

impl KvOutput {
    /// The answer to a get.
    pub fn value(value: impl Into<String>) -> Self {
        KvOutput::Value(value.into())
    }
}

/// The key of an operation on a [`Kv`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KvKey(pub String);

impl fmt::Display for KvKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {}", quote(&self.0))
    }
}

impl Model for Kv {
    type Key = KvKey;
    type Input = KvInput;
    type Output = KvOutput;
    type State = String;
    type Search<'h> = KvForm<'h>;

    fn key(&self, input: &KvInput) -> KvKey {
        KvKey(input.key().to_string())
    }

    fn initial(&self) -> String {
        String::new()
    }

    fn apply(&self, state: &mut String, input: &KvInput) -> KvOutput {
        match input {
            KvInput::Get { .. } => return KvOutput::Value(state.clone()),
            KvInput::Put { value, .. } => state.clone_from(value),
            KvInput::Append { value, .. } => state.push_str(value),
        }
        KvOutput::Done
    }

    fn accept(&self, state: &mut String, input: &KvInput, output: &KvOutput) -> bool {
        match (input, output) {
            (KvInput::Get { .. }, KvOutput::Value(value)) => value == state,
            _ => self.apply(state, input) == *output,
        }
    }

    fn is_read(&self, input: &KvInput, _: Option<&KvOutput>) -> bool {
        matches!(input, KvInput::Get { .. })
    }

    fn show_input(&self, input: &KvInput) -> String {
        match input {
            KvInput::Get { key } => format!("get({})", quote(key)),
            KvInput::Put { key, value } => format!("put({}, {})", quote(key), quote(value)),
            KvInput::Append { key, value } => format!("append({}, {})", quote(key), quote(value)),
        }
    }

    fn show_output(&self, output: &KvOutput) -> String {
        match output {
            KvOutput::Value(value) => quote(value),
            KvOutput::Done => String::new(),
        }
    }

    fn show_difference(&self, given: &KvOutput, possible: &KvOutput) -> Option<String> {
        match (given, possible) {
            (KvOutput::Value(given), KvOutput::Value(possible)) => difference(given, possible),
            _ => None,
        }
    }
}

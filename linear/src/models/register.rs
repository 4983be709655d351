//! A register that holds one number.

use serde::{Deserialize, Serialize};

use crate::interned::Interned;
use crate::model::{Model, Whole};

/// One register, which starts with 0 and knows compare-and-swap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Register;

/// What can be asked of a [`Register`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegisterInput {
    /// What is its value?
    Read,
    /// Let this be its value.
    Write(u64),
    /// If its value is `expected`, let it be `new`.
    CompareAndSwap {
        /// The value to be replaced.
        expected: u64,
        /// The value to replace it.
        new: u64,
    },
}

/// What a [`Register`] answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegisterOutput {
    /// To a read: the value.
    Value(u64),
    /// To a write.
    Written,
    /// To a compare-and-swap: whether it swapped.
    Swapped(bool),
}

impl Model for Register {
    type Key = Whole;
    type Input = RegisterInput;
    type Output = RegisterOutput;
    type State = u64;
    type Search<'h> = Interned<'h, Register>;

    fn key(&self, _: &RegisterInput) -> Whole {
        Whole
    }

    fn initial(&self) -> u64 {
        0
    }

    fn apply(&self, state: &mut u64, input: &RegisterInput) -> RegisterOutput {
        match *input {
            RegisterInput::Read => RegisterOutput::Value(*state),
            RegisterInput::Write(value) => {
                *state = value;
                RegisterOutput::Written
            }
            RegisterInput::CompareAndSwap { expected, new } => {
                let swaps = *state == expected;
                if swaps {
                    *state = new;
                }
                RegisterOutput::Swapped(swaps)
            }
        }
    }

    fn is_read(&self, input: &RegisterInput, output: Option<&RegisterOutput>) -> bool {
        match input {
            RegisterInput::Read => true,
            RegisterInput::Write(_) => false,
            RegisterInput::CompareAndSwap { .. } => output == Some(&RegisterOutput::Swapped(false)),
        }
    }

    fn show_input(&self, input: &RegisterInput) -> String {
        match input {
            RegisterInput::Read => "read()".to_string(),
            RegisterInput::Write(value) => format!("write({value})"),
            RegisterInput::CompareAndSwap { expected, new } => format!("cas({expected}, {new})"),
        }
    }

    fn show_output(&self, output: &RegisterOutput) -> String {
        match output {
            RegisterOutput::Value(value) => value.to_string(),
            RegisterOutput::Written => String::new(),
            RegisterOutput::Swapped(true) => "swapped".to_string(),
            RegisterOutput::Swapped(false) => "not swapped".to_string(),
        }
    }
}

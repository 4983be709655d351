//! A FIFO queue, the example of Herlihy and Wing; also a model written outside the crate.

use std::collections::VecDeque;

use linear::{Interned, Model, Whole};

pub struct Queue;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueInput {
    Enq(char),
    Deq,
}

/// To an enq `None`; to a deq the item, or `None` from an empty queue.
pub type QueueOutput = Option<char>;

impl Model for Queue {
    type Key = Whole;
    type Input = QueueInput;
    type Output = QueueOutput;
    type State = VecDeque<char>;
    type Search<'h> = Interned<'h, Queue>;

    fn key(&self, _: &QueueInput) -> Whole {
        Whole
    }

    fn initial(&self) -> VecDeque<char> {
        VecDeque::new()
    }

    fn apply(&self, state: &mut VecDeque<char>, input: &QueueInput) -> QueueOutput {
        match *input {
            QueueInput::Enq(item) => {
                state.push_back(item);
                None
            }
            QueueInput::Deq => state.pop_front(),
        }
    }

    fn show_input(&self, input: &QueueInput) -> String {
        match input {
            QueueInput::Enq(item) => format!("enq({item})"),
            QueueInput::Deq => "deq()".to_string(),
        }
    }

    fn show_output(&self, output: &QueueOutput) -> String {
        output.map_or("nothing".to_string(), |item| item.to_string())
    }
}

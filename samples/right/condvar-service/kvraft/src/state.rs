//! The state machine.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::message::{Entry, Ticket};

/// What all servers agree on, and a snapshot has.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Machine {
    data: BTreeMap<String, String>,
    /// The last operation of each clerk, and what was answered.
    answers: BTreeMap<u64, (u64, String)>,
}

impl Machine {
    /// The machine of a snapshot; without one a new machine.
    pub fn load(snapshot: &[u8]) -> Machine {
        if snapshot.is_empty() {
            return Machine::default();
        }
        labgob::decode(snapshot).expect("a snapshot that this service wrote")
    }

    /// The answer to an operation, if it is done.
    pub fn answer(&self, ticket: Ticket) -> Option<&String> {
        let (number, answer) = self.answers.get(&ticket.clerk)?;
        // A clerk whose number is lower has gone on, and reads no more of this answer.
        (*number >= ticket.number).then_some(answer)
    }

    /// The next entry of the log.
    pub fn execute(&mut self, entry: Entry) {
        let ticket = entry.ticket();
        if self.answer(ticket).is_some() {
            return;
        }
        let answer = match entry {
            Entry::Get(get) => self.data.get(&get.key).cloned().unwrap_or_default(),
            Entry::Change(change) => {
                let value = self.data.entry(change.key).or_default();
                if !change.append {
                    value.clear();
                }
                value.push_str(&change.value);
                String::new()
            }
        };
        self.answers.insert(ticket.clerk, (ticket.number, answer));
    }
}

//! The state machine.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::message::{Args, Kind};

/// Values, and the last number of each clerk that wrote.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Table {
    values: BTreeMap<String, String>,
    written: BTreeMap<u64, u32>,
}

impl Table {
    /// Does an operation. A get's value; empty otherwise.
    pub fn apply(&mut self, args: Args) -> String {
        let (clerk, number) = args.ticket;
        if args.kind == Kind::Get {
            return self.values.get(&args.key).cloned().unwrap_or_default();
        }
        let last = self.written.entry(clerk).or_default();
        if number > *last {
            *last = number;
            match args.kind {
                Kind::Put => _ = self.values.insert(args.key, args.value),
                _ => self.values.entry(args.key).or_default().push_str(&args.value),
            }
        }
        String::new()
    }
}

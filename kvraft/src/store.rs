// BEGIN SOLUTION
//! The state machine: what all servers do in the same order, and so with the same result.

use std::collections::BTreeMap;

use labsim::sync::Arc;
use serde::{Deserialize, Serialize};

use crate::message::{ClerkId, Op, Request};

/// Keys and values, and which operations were done.
///
/// A clone is a picture of the store as it is now. It shares everything with the original until
/// that changes, so that a snapshot can be written while the service goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Store {
    values: Arc<BTreeMap<String, Arc<String>>>,
    /// The last write of each clerk that was done. One number for each is enough: a clerk begins an
    /// operation only when the one before is done.
    ///
    /// It belongs to the state as much as the values do. A server that forgot it, in a crash or by
    /// way of a snapshot, would do a write again that the others skip (§8).
    done: Arc<BTreeMap<ClerkId, u64>>,
}

impl Store {
    /// The store that a snapshot holds; an empty one without a snapshot.
    ///
    /// # Panics
    /// If the bytes are not those of a snapshot.
    pub fn restore(snapshot: &[u8]) -> Store {
        if snapshot.is_empty() {
            return Store::default();
        }
        labgob::decode(snapshot).unwrap_or_else(|e| panic!("the snapshot cannot be read: {e}"))
    }

    /// Everything that another server needs to go on from here.
    pub fn snapshot(&self) -> Vec<u8> {
        labgob::encode(self)
    }

    /// The value of a key; empty if it was never written.
    pub fn get(&self, key: &str) -> &str {
        self.values.get(key).map_or("", |value| value)
    }

    /// Executes the next operation of the log. Returns a get's value; empty text otherwise.
    pub fn apply(&mut self, request: Request) -> String {
        let Request { clerk, number, op } = request;
        match op {
            // A get that is done twice does no harm: its clerk takes one of the answers, and each
            // was right at a moment at which the clerk was waiting. So nothing is noted of it.
            Op::Get { key } => return self.get(&key).to_string(),
            Op::Put { key, value } => {
                if self.is_new(clerk, number) {
                    Arc::make_mut(&mut self.values).insert(key, Arc::new(value));
                }
            }
            Op::Append { key, value } => {
                if self.is_new(clerk, number) {
                    let old = Arc::make_mut(&mut self.values).entry(key).or_default();
                    Arc::make_mut(old).push_str(&value);
                }
            }
        }
        String::new()
    }

    /// Whether this write was not done before; notes that it is now.
    fn is_new(&mut self, clerk: ClerkId, number: u64) -> bool {
        let last = self.done.get(&clerk).copied().unwrap_or_default();
        // Lower numbers too: a write that its clerk sent often may be in the log once more, behind
        // the clerk's next one.
        if number <= last {
            return false;
        }
        Arc::make_mut(&mut self.done).insert(clerk, number);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(clerk: u64, number: u64, value: &str) -> Request {
        let (key, value) = ("x".to_string(), value.to_string());
        Request {
            clerk: ClerkId(clerk),
            number,
            op: Op::Append { key, value },
        }
    }

    #[test]
    fn a_write_is_done_once_however_often_it_is_in_the_log() {
        let mut store = Store::default();
        for request in [
            append(1, 1, "a"),
            append(1, 1, "a"),
            append(1, 2, "b"),
            append(1, 1, "a"),
        ] {
            store.apply(request);
        }
        assert_eq!(store.get("x"), "ab");
    }

    #[test]
    fn clerks_have_numbers_of_their_own() {
        let mut store = Store::default();
        [append(1, 1, "a"), append(2, 1, "b")]
            .into_iter()
            .for_each(|r| _ = store.apply(r));
        assert_eq!(store.get("x"), "ab");
    }

    #[test]
    fn a_restored_store_knows_what_was_done() {
        let mut store = Store::default();
        store.apply(append(1, 7, "a"));
        let mut restored = Store::restore(&store.snapshot());
        assert_eq!(restored, store);
        restored.apply(append(1, 7, "a"));
        assert_eq!(restored.get("x"), "a");
    }

    #[test]
    fn a_picture_stays_as_it_is() {
        let mut store = Store::default();
        store.apply(append(1, 1, "a"));
        let picture = store.clone();
        store.apply(append(1, 2, "b"));
        assert_eq!((picture.get("x"), store.get("x")), ("a", "ab"));
    }

    #[test]
    fn what_is_remembered_does_not_grow_with_operations() {
        let mut store = Store::default();
        store.apply(append(1, 1, ""));
        let before = store.snapshot().len();
        (2..100).for_each(|number| _ = store.apply(append(1, number, "")));
        assert_eq!(store.snapshot().len(), before);
    }
}
// END SOLUTION

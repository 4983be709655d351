//! Numbers with a meaning, so that a term is never compared with an index.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A term of office: Raft's logical clock (§5.1). It only grows, and begins at 0, in which nobody
/// leads.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Term(pub u64);

/// A place in the log. The first entry is at 1; 0 is the place before it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct LogIndex(pub u64);

/// A peer of the cluster, by its place in the `peers` given to [`Raft::make`](crate::Raft::make),
/// from 0.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct PeerId(pub usize);

impl Term {
    /// The term in which nobody has led or voted yet.
    pub const ZERO: Term = Term(0);

    /// The term after this one, for a candidate.
    pub fn next(self) -> Term {
        Term(self.0 + 1)
    }
}

impl LogIndex {
    /// The place before the first entry.
    pub const ZERO: LogIndex = LogIndex(0);

    /// The place after this one.
    pub fn next(self) -> LogIndex {
        LogIndex(self.0 + 1)
    }

    /// The place before this one.
    ///
    /// # Panics
    /// At 0, before which there is none.
    #[track_caller]
    pub fn prev(self) -> LogIndex {
        let prev = self.0.checked_sub(1);
        LogIndex(prev.expect("no log index comes before 0, the place before the first entry"))
    }
}

macro_rules! display_as_number {
    ($($t:ty),*) => {$(
        impl fmt::Display for $t {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}
display_as_number!(Term, LogIndex, PeerId);

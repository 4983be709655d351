//! What the suites claim of a Raft: each check has its own sentence, section and question.

use std::fmt;

mod costs;
mod elections;
mod logs;
mod members;
mod runs;
mod seen;
mod service;

pub use costs::*;
pub use elections::*;
pub use logs::*;
pub use members::*;
pub use runs::*;
pub use seen::*;
pub use service::*;

/// A property that a right Raft keeps. A check that fails names the one it found broken.
#[derive(Debug, PartialEq, Eq)]
pub struct Claim {
    /// A short name, by which failures are grouped.
    pub name: &'static str,
    /// The property, in a sentence.
    pub says: &'static str,
    /// Where the paper (or the lab text) asks for it.
    pub section: &'static str,
    /// What a teaching assistant would ask whose Raft breaks it.
    pub question: &'static str,
    /// What a report shows of what led to it.
    pub events: &'static [Matter],
}

/// What an event is about, for the choice of those that a report shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Matter {
    /// A RequestVote and its answer.
    Vote,
    /// An AppendEntries without entries.
    Beat,
    /// An AppendEntries with entries.
    Append,
    /// An InstallSnapshot.
    Snapshot,
    /// A call of a clerk.
    Clerk,
    /// A message that the harness cannot read.
    Rpc,
    /// A reply that reaches its caller.
    Reply,
    /// A server changes its role.
    Role,
    /// A server saves its state.
    Save,
    /// The service on a server takes a command or a snapshot.
    Apply,
    /// A commit index moves.
    Commit,
    /// A command is given to a leader.
    Start,
    /// A server loses its power, or is back.
    Life,
    /// The story does something.
    Step,
}

/// A claim that was seen broken.
#[derive(Clone, Debug)]
pub struct Broken {
    /// Which claim.
    pub claim: &'static Claim,
    /// What was seen, with its values.
    pub saw: String,
    /// The line of the story that was being played, or where the check stands.
    pub at: String,
}

impl Claim {
    /// Says that this claim was seen broken.
    #[track_caller]
    pub fn broken(&'static self, saw: impl Into<String>) -> Broken {
        let at = std::panic::Location::caller();
        Broken {
            claim: self,
            saw: saw.into(),
            at: format!("{}:{}", at.file(), at.line()),
        }
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.says, self.section)
    }
}

macro_rules! claims {
    ($($(#[$doc:meta])* $id:ident: $says:literal, $section:literal, $question:literal, [$($matter:ident)+];)+) => {
        $($(#[$doc])* pub static $id: $crate::claim::Claim = $crate::claim::Claim {
            name: stringify!($id), says: $says, section: $section, question: $question,
            events: &[$($crate::claim::Matter::$matter),+],
        };)+
        pub(super) static ALL: &[&$crate::claim::Claim] = &[$(&$id),+];
    };
}
use claims;

/// Every claim.
pub fn all() -> impl Iterator<Item = &'static Claim> {
    let parts = [
        elections::ALL,
        logs::ALL,
        seen::ALL,
        members::ALL,
        costs::ALL,
        service::ALL,
        runs::ALL,
    ];
    parts.into_iter().flatten().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_claim_asks_a_question_and_names_its_source() {
        for claim in all() {
            assert!(claim.question.contains('?'), "{} asks nothing", claim.name);
            assert!(!claim.section.is_empty(), "{} has no section", claim.name);
            assert!(
                !claim.says.ends_with('.'),
                "{}: a report adds the full stop",
                claim.name
            );
        }
    }

    #[test]
    fn a_broken_claim_knows_its_line() {
        let broken = ONE_LEADER.broken("none");
        assert!(broken.at.contains("claim.rs:"), "{}", broken.at);
    }
}

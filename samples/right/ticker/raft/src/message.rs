//! What peers ask of each other, and what they answer.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::log::Entry;

labrpc::service! {
    /// One peer, as the others see it.
    pub mod peer: "Peer" {
        fn vote(Vote) -> Voted;
        fn append(Append) -> Appended;
        fn install(Install) -> Installed;
    }
}

/// RequestVote.
#[derive(Clone, Serialize, Deserialize)]
pub struct Vote {
    pub term: u64,
    pub candidate: usize,
    /// Term and index of the candidate's last entry.
    pub last: (u64, u64),
}

/// Its answer.
#[derive(Serialize, Deserialize)]
pub struct Voted {
    pub term: u64,
    pub granted: bool,
}

/// AppendEntries.
#[derive(Clone, Serialize, Deserialize)]
pub struct Append {
    pub term: u64,
    pub leader: usize,
    /// Term and index of the entry before the new ones.
    pub prev: (u64, u64),
    pub entries: Vec<Entry>,
    pub commit: u64,
}

/// Its answer.
#[derive(Serialize, Deserialize)]
pub struct Appended {
    pub term: u64,
    pub success: bool,
    /// What the follower knows to be committed: there, at the latest, the two logs agree.
    pub commit: u64,
}

/// InstallSnapshot.
#[derive(Clone, Serialize, Deserialize)]
pub struct Install {
    pub term: u64,
    pub leader: usize,
    /// Term and index of the last entry in the snapshot.
    pub last: (u64, u64),
    pub snapshot: Bytes,
}

/// Its answer.
#[derive(Serialize, Deserialize)]
pub struct Installed {
    pub term: u64,
}

//! What a clerk and a server say to each other, and what goes into the log.

use raftapi::PeerId;
use serde::{Deserialize, Serialize};

labrpc::service! {
    /// The service's one RPC.
    pub mod kv_rpc: "Kv" {
        /// Executes an operation. Returns once it is committed and applied, or once the server
        /// knows that it cannot say whether it will be.
        fn execute(Request) -> Reply;
    }
}

/// What can be done to the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
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

/// An operation with its name. It goes into the log as it is: a server that hears of the operation
/// only through the log must recognize it when its clerk sends it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Whose operation it is.
    pub clerk: ClerkId,
    /// Which one of that clerk's, from 1. The same each time that it is sent.
    pub number: u64,
    /// What is to be done.
    pub op: Op,
}

/// A clerk, by a number that it has drawn: so many that no two draw the same.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct ClerkId(pub u64);

/// The answer to a [`Request`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// It is executed: now, or when it was sent before. With a get's value; empty otherwise.
    Done(String),
    /// Ask another server. This one does not lead, or cannot tell in time whether the operation
    /// will be executed.
    NotHere {
        /// The server that it believes to lead, if it knows of one. It may be wrong.
        leader: Option<PeerId>,
    },
}

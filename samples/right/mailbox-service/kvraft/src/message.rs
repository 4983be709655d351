//! What clerk and server say to each other. The same goes into the log.

use serde::{Deserialize, Serialize};

labrpc::service! {
    /// The service.
    pub mod box_rpc: "Mailbox" {
        /// Does an operation.
        fn post(Letter) -> Result<String, NotDone>;
    }
}

/// An operation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Letter {
    /// Whose it is.
    pub from: u64,
    /// Which of theirs.
    pub number: u64,
    /// The key.
    pub key: String,
    /// What becomes of the value.
    pub what: What,
}

/// What becomes of a value.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum What {
    /// Nothing; it is asked for.
    Read,
    /// It is this.
    Be(String),
    /// It goes on with this.
    Grow(String),
}

/// This server does not lead, or leads no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotDone;

//! What clerk and server say to each other. The same goes into the log.

use serde::{Deserialize, Serialize};

labrpc::service! {
    /// The service.
    pub mod kv_rpc: "KeyValue" {
        /// Does an operation.
        fn submit(Args) -> Option<String>;
    }
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Read.
    Get,
    /// Write.
    Put,
    /// Write behind what is there.
    Append,
}

/// An operation. The answer is `None` if this server could not do it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Args {
    /// What is to be done.
    pub kind: Kind,
    /// The key.
    pub key: String,
    /// Empty for a get.
    pub value: String,
    /// Whose it is, and which of theirs.
    pub ticket: (u64, u32),
}

//! What clerk and server say to each other. The same goes into the log.

use serde::{Deserialize, Serialize};

labrpc::service! {
    /// One RPC for each operation.
    pub mod store_rpc: "Store" {
        /// The value of a key.
        fn get(Get) -> Answer;
        /// A new value, or more of it.
        fn change(Change) -> Answer;
    }
}

/// Who asks, and which operation of theirs it is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Ticket {
    /// The clerk.
    pub clerk: u64,
    /// From 1, one more for each operation.
    pub number: u64,
}

/// A get.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Get {
    /// Whose it is.
    pub ticket: Ticket,
    /// The key.
    pub key: String,
}

/// A put or an append.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Change {
    /// Whose it is.
    pub ticket: Ticket,
    /// The key.
    pub key: String,
    /// The text.
    pub value: String,
    /// The text comes after what is there.
    pub append: bool,
}

/// An entry of the log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Entry {
    /// A get.
    Get(Get),
    /// A put or an append.
    Change(Change),
}

impl Entry {
    /// Whose it is.
    pub fn ticket(&self) -> Ticket {
        match self {
            Entry::Get(get) => get.ticket,
            Entry::Change(change) => change.ticket,
        }
    }
}

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// Done, with a get's value.
    Ok(String),
    /// This server does not lead.
    WrongLeader,
    /// It took too long.
    Timeout,
}

//! The key/value service without a lock: one thread owns the state, and everything is a message to it. Clerks ask all servers
//! at once. Sections are those of the Raft paper's extended version.
//!
//! | thread | does |
//! |---|---|
//! | a handler for each request | posts it, waits for the answer |
//! | `owner` | proposes, applies, answers, writes snapshots |
//! | `feeder` | posts what Raft commits |
//!
//! A new leader begins with an entry that says nothing. What the owner waits for has no index: an operation that came out of the log, whoever proposed it, is the answer to all who
//! asked for it. It is proposed once in a term, however often it is asked for.
#![forbid(unsafe_code)]

mod clerk;
mod message;
mod owner;
mod server;

pub use clerk::Clerk;
pub use server::Server;

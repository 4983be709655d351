//! The key/value service with a channel for each index of the log, and with little patience. Sections are those of the Raft
//! paper's extended version.
//!
//! A handler waits at the index that `start` gave it; what comes out there has its ticket or has not. Nobody asks Raft whether
//! it still leads: a handler that waits in vain gives up soon, and its clerk, which waits no longer either, asks another
//! server. So an operation is in the log several times more often than with a patient service.
//!
//! | thread | does |
//! |---|---|
//! | a handler for each request | proposes, waits at an index |
//! | `applier` | takes what Raft commits; writes a snapshot at half the limit |
#![forbid(unsafe_code)]

mod clerk;
mod message;
mod server;
mod table;

pub use clerk::Clerk;
pub use server::Server;

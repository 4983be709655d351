//! The key/value service with one lock and one condition variable, the way most people write it first. Sections are those
//! of the Raft paper's extended version.
//!
//! Whoever waits for an operation looks into the table of answers each time that something was applied: not at an index of the
//! log, and so it makes no difference which entry of the log, and whose proposal, the answer came from. The table has gets too.
//!
//! | thread | does |
//! |---|---|
//! | a handler for each request | proposes, waits until the answer is in the table |
//! | `applier` | takes what Raft commits; writes snapshots itself, under the lock |
#![forbid(unsafe_code)]

mod clerk;
mod message;
mod server;
mod state;

pub use clerk::Clerk;
pub use server::Server;

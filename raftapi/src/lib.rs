//! The contract between a Raft peer and whoever runs it: a service above it, or a test.
//!
//! Tests know a Raft only through this crate. With it and the paper ("In Search of an
//! Understandable Consensus Algorithm", extended version) at hand you can write one; what the paper
//! says is not said again here.
//!
//! ```text
//!        the service (a key/value server, or a test)
//!    start(command) │        ▲ ApplyMsg, in log order     │ snapshot(index, bytes)
//!                   ▼        │                            ▼
//!        ┌──────────────────────────────────────────────────┐   save(state, snapshot)
//!        │  your Raft                                       │ ───────────────────────▶ Persister
//!        └──────────────────────────────────────────────────┘
//!    calls through peers[i]  │        ▲ calls that service() answers
//!                            ▼        │
//!                        the network (labrpc)
//! ```
//!
//! | item | what it is |
//! |---|---|
//! | [`Raft`] | the trait you implement, with every promise that the tests hold you to |
//! | [`ApplyMsg`] | what your Raft hands to the service: a committed command or a snapshot |
//! | [`Persister`] | what survives a crash of your peer |
//! | [`NotLeader`] | the answer of a peer that cannot take a command |
//! | [`Membership`], [`ChangeError`] | who is in the cluster, and why it is not changed: part 2E |
//! | [`Term`], [`LogIndex`], [`PeerId`] | numbers that must not be mixed up |
//! | [`Disk`], [`view`] | for the harness: what it does behind your back, and how it looks inside |
//! | [`kv`] | the same for the key/value service of part 3 |
//!
//! # One peer's life
//!
//! 1. The harness mounts the peer's [`Disk`] and calls [`Raft::make`] inside the peer's fault domain
//!    ([`labsim::Domain`]). `make` restores what was saved, spawns the peer's threads and returns.
//! 2. It puts [`Raft::service`] on the network. From now on calls arrive.
//! 3. Service and tests call [`Raft::start`], [`Raft::state`] and [`Raft::snapshot`] at any time and
//!    from any thread, and take [`ApplyMsg`]s from their end of the channel.
//! 4. The peer ends in one of two ways. A *crash* is a power failure: every thread of the peer ends
//!    wherever it is, and nothing is called to announce it. Only what [`Persister::save`] had taken
//!    is left. Then step 1 follows with a new incarnation of the peer. At the end of a test
//!    [`Raft::kill`] asks the peer to stop by itself.
//!
//! Only bytes and numbers cross this boundary, so a peer could as well be in a process of its own.
#![forbid(unsafe_code)]

mod apply;
mod disk;
mod ids;
pub mod kv;
mod membership;
mod peer;
mod persister;
pub mod view;

pub use apply::ApplyMsg;
pub use disk::{Disk, Saved};
pub use ids::{LogIndex, PeerId, Term};
pub use membership::{ChangeError, Membership};
pub use peer::{NotLeader, Raft};
pub use persister::Persister;

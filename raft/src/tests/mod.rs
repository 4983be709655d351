// BEGIN SOLUTION
//! Tests of this Raft from the inside: what the suites cannot see at the interface.
//!
//! Those of the core play scenes by hand, without threads, network or clock; `stage` has what they
//! need for it. `fuzz` plays many thousands of them by chance.

mod elections;
mod fuzz;
mod logs;
mod members;
mod persistence;
mod reads;
mod replications;
mod snapshots;
mod stage;
mod weather;
mod world;
// END SOLUTION

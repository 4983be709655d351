//! The network from outside. One executable: the compiler needs a third of the time that it needs for ten.

mod chaos;
mod common;
mod copies;
mod counters;
mod delays;
mod errors;
mod failures;
mod hooks;
mod links;
mod original;
mod simulation;

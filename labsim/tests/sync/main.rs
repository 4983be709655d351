//! Locks, cells and barriers beside the originals whose shapes they have. One executable, which is quicker to build than five.

#[macro_use]
mod support;

mod atomic;
mod barrier;
mod core;
mod once;
mod rwlock;

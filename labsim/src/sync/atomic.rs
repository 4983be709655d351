//! Atomics.
pub use std::sync::atomic::*;

//! Time: std's `Instant` and `Duration`.
pub use std::time::{Duration, Instant};

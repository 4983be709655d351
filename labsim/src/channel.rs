//! Channels: crossbeam-channel's API and errors.
pub use crossbeam_channel::*;

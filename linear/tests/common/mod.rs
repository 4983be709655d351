//! Shared by the tests: random histories, and checkers that go by the definition alone.
#![allow(dead_code)] // each test file uses its own part

pub mod kv;
pub mod load;
pub mod oracle;
pub mod queue;
pub mod random;

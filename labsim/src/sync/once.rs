//! Values made once.
pub use std::sync::{LazyLock, Once, OnceLock};

//! Readers-writer locks.
pub use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

//! Locks: parking_lot's API.
pub use parking_lot::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, WaitTimeoutResult};
pub use std::sync::Arc;
pub use std::sync::OnceLock;
pub use std::sync::atomic;

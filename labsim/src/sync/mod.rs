//! Locks: parking_lot's API. No poisoning: a panic fails its run anyway.

pub mod atomic;
mod condvar;
mod mutex;
mod once;
mod rwlock;

pub use std::sync::{Arc, Weak};

pub use condvar::{Condvar, WaitTimeoutResult};
pub use mutex::{MappedMutexGuard, Mutex, MutexGuard};
pub use once::{LazyLock, Once, OnceLock};
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};

//! Locks and the like. Names and behaviour are parking_lot's ([`Mutex`], [`RwLock`], [`Condvar`]: no poisoning, a
//! panic fails its run anyway), std's ([`OnceLock`], [`Once`], [`LazyLock`], [`Barrier`], [`atomic`]) and crossbeam's ([`WaitGroup`]).

pub mod atomic;
mod barrier;
mod condvar;
mod mutex;
mod once;
mod rwlock;
mod wait_group;

pub use std::sync::{Arc, Weak};

pub use barrier::{Barrier, BarrierWaitResult};
pub use condvar::{Condvar, WaitTimeoutResult};
pub use mutex::{MappedMutexGuard, Mutex, MutexGuard};
pub use once::{LazyLock, Once, OnceLock};
pub use rwlock::{
    GenericRwLock, MappedReadGuard, MappedRecursiveRwLockReadGuard,
    MappedRecursiveRwLockWriteGuard, MappedRwLockReadGuard, MappedRwLockWriteGuard,
    MappedWriteGuard, ReadGuard, RecursiveRwLock, RecursiveRwLockReadGuard,
    RecursiveRwLockWriteGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, WriteGuard,
};
pub use wait_group::WaitGroup;

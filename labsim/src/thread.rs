//! Threads: std's API. A thread belongs to the fault domain of the one that spawned it.
pub use std::thread::{JoinHandle, sleep, yield_now, current};

use crate::Domain;

/// Spawns a thread into the caller's fault domain.
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let domain = Domain::current();
    std::thread::spawn(move || match domain {
        Some(d) => d.enter(f),
        None => f(),
    })
}

/// A thread's factory: set its name before it starts.
#[derive(Debug, Default)]
pub struct Builder {
    name: Option<String>,
}

impl Builder {
    /// A builder with no name set.
    pub fn new() -> Self {
        Self::default()
    }
    /// Names the thread.
    pub fn name(mut self, name: String) -> Self {
        self.name = Some(name);
        self
    }
    /// Spawns it.
    pub fn spawn<F, T>(self, f: F) -> std::io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let domain = Domain::current();
        let mut b = std::thread::Builder::new();
        if let Some(n) = self.name {
            b = b.name(n);
        }
        b.spawn(move || match domain {
            Some(d) => d.enter(f),
            None => f(),
        })
    }
}

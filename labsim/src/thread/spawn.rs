//! How a thread begins, on either clock.

use std::io;
use std::panic::Location;
use std::sync::Arc;

use crate::domain::Domain;
use crate::sim::objects::ObjId;
use crate::sim::{self, Sim};
use crate::trace::What;
use crate::wall;

use super::handle::{Thread, UNNAMED};
use super::join::{Finish, JoinHandle, Packet, Place};

/// Spawns a thread into the caller's fault domain.
///
/// Inside a run, a panic of the thread fails the run; outside, `join` returns it, as std's does.
///
/// # Panics
/// When the system gives no more threads.
#[track_caller]
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    spawn_into(None, Domain::current(), f, Location::caller())
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

    /// Names the thread: reports and traces call it so.
    #[must_use]
    pub fn name(mut self, name: String) -> Self {
        self.name = Some(name);
        self
    }

    /// Spawns it.
    ///
    /// # Errors
    /// When the system gives no more threads.
    #[track_caller]
    pub fn spawn<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let at = Location::caller();
        match sim::current() {
            Some(sim) => Ok(spawn_simulated(
                sim,
                self.name.map(Into::into),
                Domain::current(),
                f,
                at,
            )),
            None => spawn_real(self.name.map(Into::into), Domain::current(), f, at),
        }
    }
}

/// Spawns a thread into `domain`.
pub(crate) fn spawn_into<F, T>(
    name: Option<Arc<str>>,
    domain: Option<Domain>,
    f: F,
    at: &'static Location<'static>,
) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    match sim::current() {
        Some(sim) => spawn_simulated(sim, name, domain, f, at),
        None => spawn_real(name, domain, f, at)
            .unwrap_or_else(|e| panic!("the system gives no more threads (at {at}): {e}")),
    }
}

fn spawn_simulated<F, T>(
    sim: &Sim,
    name: Option<Arc<str>>,
    domain: Option<Domain>,
    f: F,
    at: &'static Location<'static>,
) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let packet = Packet::new();
    let finish = Finish(packet.clone());
    let name: Arc<str> = name.unwrap_or_else(|| UNNAMED.into());
    let body = Box::new(move || {
        let value = f();
        finish.leave(Some(Ok(value)));
    });
    let place = sim.spawn(name.clone(), domain, body, at);
    let uid = place.map_or(u64::MAX, |(slot, _)| {
        sim.kernel.with(|k| u64::from(k.threads.get(slot).uid))
    });
    let place = place.map(|(slot, exit)| Place {
        sim: sim.id,
        slot,
        exit,
    });
    let handle = JoinHandle {
        packet,
        thread: Thread::simulated(name, uid, sim.id),
        place,
    };
    sim.point(What::Spawn, ObjId::NONE, at);
    handle
}

fn spawn_real<F, T>(
    name: Option<Arc<str>>,
    domain: Option<Domain>,
    f: F,
    at: &'static Location<'static>,
) -> io::Result<JoinHandle<T>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    wall::heed();
    let packet = Packet::new();
    let thread = Thread::real(name.clone());
    if domain.as_ref().is_some_and(|d| !d.is_alive()) {
        drop(Finish(packet.clone()));
        return Ok(JoinHandle {
            packet,
            thread,
            place: None,
        });
    }
    let context = wall::Context {
        run: wall::current_run(),
        domain,
        acting: None,
        name: name.clone(),
    };
    let mut builder = std::thread::Builder::new();
    if let Some(name) = &name {
        builder = builder.name(name.to_string());
    }
    let finish = Finish(packet.clone());
    let me = thread.clone();
    let member = wall::Membership::join(&context, at);
    builder.spawn(move || {
        let finish = finish;
        me.adopt();
        let result = wall::thread_base(context, member, f);
        finish.leave(result);
    })?;
    Ok(JoinHandle {
        packet,
        thread,
        place: None,
    })
}

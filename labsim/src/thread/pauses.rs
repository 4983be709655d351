//! A thread's own pauses: it sleeps, gives way, or waits for its token.

use std::panic::Location;

use crate::diagnose;
use crate::sim;
use crate::sim::objects::ObjId;
use crate::sim::threads::Why;
use crate::time::{Duration, Instant};
use crate::trace::What;
use crate::wall;

use super::handle::current;

/// Sleeps. In a simulation this costs virtual time only.
#[track_caller]
pub fn sleep(duration: Duration) {
    let at = Location::caller();
    if let Some(sim) = sim::current() {
        sim.point(What::Sleep, ObjId::NONE, at);
        diagnose::note_held(sim, &"the end of a sleep", ObjId::NONE, at);
        let until = sim.now().saturating_add(sim::kernel::nanos(duration));
        sim.block(&[], Some(until), Why::Sleep, at);
        return;
    }
    if !wall::is_bound() {
        return std::thread::sleep(duration);
    }
    let deadline = std::time::Instant::now().checked_add(duration);
    wall::wait_in_slices(deadline, |until| {
        std::thread::sleep(until.saturating_duration_since(std::time::Instant::now()));
        false
    });
}

/// Lets others run.
#[track_caller]
pub fn yield_now() {
    match sim::current() {
        Some(sim) => sim.yield_now(Location::caller()),
        None => {
            wall::heed();
            std::thread::yield_now();
        }
    }
}

/// Blocks until another thread calls `unpark` on this one, or already has. As std's, it may also return without.
#[track_caller]
pub fn park() {
    park_until(None, Location::caller());
}

/// As [`park`], but no longer than `timeout`.
#[track_caller]
pub fn park_timeout(timeout: Duration) {
    park_until(Instant::now().checked_add(timeout), Location::caller());
}

fn park_until(deadline: Option<Instant>, at: &'static Location<'static>) {
    if let Some(sim) = sim::current() {
        sim.point(What::Park, ObjId::NONE, at);
        diagnose::note_held(sim, &"an unpark", ObjId::NONE, at);
        if !sim.kernel.with(|k| k.me().unpark_token) {
            sim.block(&[], deadline.map(Instant::as_nanos), Why::Park, at);
        }
        sim.kernel.with(|k| k.me().unpark_token = false);
        return;
    }
    let parker = current().parker;
    wall::wait_in_slices(deadline.map(Instant::to_std), |until| {
        let mut token = parker.token.lock();
        if !*token {
            parker.changed.wait_until(&mut token, until);
        }
        std::mem::take(&mut *token)
    });
}

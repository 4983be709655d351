//! Channels: crossbeam-channel's API and errors.
//!
//! Made outside a simulation they are crossbeam's own. Made inside one they belong to it: sends and receives are
//! calls of the simulator, and `after` and `tick` go by virtual time.
//!
//! ```
//! use labsim::channel::{after, select, unbounded};
//! use labsim::time::Duration;
//!
//! labsim::run(labsim::Config::seed(1), || {
//!     let (tx, rx) = unbounded::<&str>();
//!     let idle = after(Duration::from_secs(60));
//!     let got = select! {
//!         recv(rx) -> message => message.ok(),
//!         recv(idle) -> _ => None,
//!     };
//!     assert_eq!(got, None); // a minute later, at once
//!     drop(tx);
//! })
//! .unwrap();
//! ```

mod buffered;
mod macros;
mod receiver;
mod select;
mod sender;
mod timed;
mod zero;

pub use crossbeam_channel::{
    RecvError, RecvTimeoutError, SelectTimeoutError, SendError, SendTimeoutError, TryRecvError,
    TrySelectError, TrySendError,
};

pub use crate::select;
pub use receiver::{IntoIter, Iter, Receiver, TryIter};
pub use select::{Select, SelectedOperation};
pub use sender::Sender;
pub use timed::{after, at, never, tick};

use std::panic::Location;
use std::sync::Arc;

use crate::sim;
use crate::sim::objects::ObjId;
use crate::trace::What;

use self::buffered::Buffered;
use self::zero::Zero;

/// A channel without a bound on the messages it holds.
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    match sim::current() {
        Some(sim) => buffered(Buffered::new(sim.id, None)),
        None => {
            let (tx, rx) = crossbeam_channel::unbounded();
            (Sender::real(tx), Receiver::real(rx))
        }
    }
}

/// A channel that holds at most `cap` messages. With 0 it holds none: a send waits until a receive takes its message.
pub fn bounded<T>(cap: usize) -> (Sender<T>, Receiver<T>) {
    match sim::current() {
        Some(sim) if cap == 0 => {
            let zero = Arc::new(Zero::new(sim.id));
            (Sender::zero(zero.clone()), Receiver::zero(zero))
        }
        Some(sim) => buffered(Buffered::new(sim.id, Some(cap))),
        None => {
            let (tx, rx) = crossbeam_channel::bounded(cap);
            (Sender::real(tx), Receiver::real(rx))
        }
    }
}

fn buffered<T>(channel: Buffered<T>) -> (Sender<T>, Receiver<T>) {
    let channel = Arc::new(channel);
    (
        Sender::buffered(channel.clone()),
        Receiver::buffered(channel),
    )
}

/// The calling thread's simulation, to which the channel must belong. `None`: the thread is in none, and neither is
/// the channel any more, its simulation being over.
///
/// # Panics
/// When the channel belongs to a simulation under way and the thread does not.
fn simulation_of<'a>(channel: u32) -> Option<&'a sim::Sim> {
    match sim::current() {
        Some(sim) if sim.id == channel => Some(sim),
        _ => {
            sim::assert_over(channel, "channel");
            None
        }
    }
}

/// A look at a channel is a call like others: a loop that polls costs time, and lets others run.
fn look(at: &'static Location<'static>) {
    if let Some(sim) = sim::current() {
        sim.point(What::Channel, ObjId::NONE, at);
    }
}

/// A simulated thread is about to wait on a channel that was made outside the simulation.
#[cold]
fn foreign_channel() -> ! {
    panic!(
        "a thread of a simulation waits on a channel that was made outside it, where the simulator cannot see what \
         comes: make the channel inside the run"
    )
}

//! Who waits for a call's outcome, and how it is handed over.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use labsim::Domain;
use labsim::channel::Sender;
use labsim::thread;

use crate::error::RpcError;

/// A call's outcome: the encoded reply, or why there is none.
pub(crate) type Outcome = Result<Vec<u8>, RpcError>;

/// Who waits for a call's outcome.
pub(crate) enum Waiter {
    /// A blocked thread, at the other side of a channel with room for one.
    Thread(Sender<Outcome>),
    /// A function, which runs where the outcome becomes known.
    Function(Box<dyn FnOnce(Outcome) + Send>),
}

impl Waiter {
    /// Hands over the outcome, holding no lock. A function of a dead peer does not run.
    pub fn settle(self, outcome: Outcome, caller: Option<&Domain>) {
        match self {
            Waiter::Thread(to) => drop(to.try_send(outcome)),
            Waiter::Function(_) if caller.is_some_and(|d| !d.is_alive()) => {}
            Waiter::Function(f) => contained(caller, move || f(outcome)),
        }
    }
}

/// Runs a peer's code on a thread that is not the peer's. If it panics, it is a thread of the peer
/// that panics, and the calling thread goes on.
pub(crate) fn contained(domain: Option<&Domain>, f: impl FnOnce()) {
    let run = || catch_unwind(AssertUnwindSafe(f));
    let result = match domain {
        Some(domain) => domain.enter(run),
        None => run(),
    };
    if let Err(payload) = result {
        blame(domain, payload);
    }
}

/// Lets a panic go on in a thread of its own. Only panics with a message are moved: any other
/// payload is labsim's own way to end this very thread.
fn blame(domain: Option<&Domain>, payload: Box<dyn Any + Send>) {
    if !payload.is::<&'static str>() && !payload.is::<String>() {
        resume_unwind(payload);
    }
    let name = "labrpc: panic in a callback or deferred handler";
    match domain {
        Some(domain) if domain.is_alive() => drop(domain.spawn(name, || resume_unwind(payload))),
        Some(_) => {}
        None => {
            let builder = thread::Builder::new().name(name.into());
            let thread = builder.spawn(|| resume_unwind(payload));
            drop(thread.expect("a thread to panic in"));
        }
    }
}

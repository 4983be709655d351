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
    /// Whether this is a function that belongs to no peer, while the calling thread does: it would be torn
    /// by a crash that is none of its business.
    pub fn is_astray(&self, caller: Option<&Domain>) -> bool {
        let is_function = matches!(self, Waiter::Function(_));
        is_function && caller.is_none() && Domain::current().is_some()
    }

    /// Hands over the outcome, holding no lock. A function of a dead peer does not run.
    pub fn settle(self, outcome: Outcome, caller: Option<&Domain>) {
        match self {
            Waiter::Thread(to) => drop(to.try_send(outcome)),
            Waiter::Function(_) if caller.is_some_and(|d| !d.is_alive()) => {}
            Waiter::Function(f) => contained(caller, move || f(outcome)),
        }
    }
}

/// Runs a peer's code on a thread that is not the peer's. A panic in it fails the run, if there is one; if there is none, the
/// panic goes on in a thread of its own, and the calling thread with its work.
pub(crate) fn contained(domain: Option<&Domain>, f: impl FnOnce()) {
    let run = || catch_unwind(AssertUnwindSafe(f));
    let result = match domain {
        Some(domain) => domain.enter(run),
        None => run(),
    };
    if let Err(payload) = result {
        // In a run the report wants this very thread, and any payload may be labsim's own way to end it.
        if labsim::is_in_run() || !is_message(&*payload) {
            resume_unwind(payload);
        }
        let name = "rpc panic".to_string();
        let builder = thread::Builder::new().name(name);
        drop(builder.spawn(|| resume_unwind(payload)));
    }
}

/// Whether this is what `panic!` with a message panics with.
fn is_message(payload: &(dyn Any + Send)) -> bool {
    payload.is::<&'static str>() || payload.is::<String>()
}

//! What the handles of a network share.

use std::sync::atomic::{AtomicBool, Ordering};

use labsim::channel::Sender;
use labsim::sync::{Arc, Mutex};
use labsim::time::{Duration, Instant};

use crate::call::CallId;
use crate::postman::{Action, Deed};
use crate::state::State;

/// A network, as its ends, tickets and threads see it.
pub(crate) struct Core {
    state: Mutex<State>,
    /// The postman's inbox.
    later: Sender<Action>,
    /// Whether there is an interceptor for replies, so that a reply need not lock to find out.
    pub intercepts_replies: AtomicBool,
}

impl Core {
    pub fn new(later: Sender<Action>) -> Core {
        let state = Mutex::new(State::new());
        Core {
            state,
            later,
            intercepts_replies: AtomicBool::new(false),
        }
    }

    /// Does something with the state, locked.
    ///
    /// A peer's thread can be ended in any call of labsim, unlocking included. Two rules keep the network
    /// whole: in `f` nothing of labsim is called and no code but our own runs, so that it happens
    /// entirely or not at all; and what it returns makes up for the rest when dropped (tickets and calls do).
    pub fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock();
        let result = f(&mut state);
        // By name: when a guard unwinds at the end of its block, the block's value is leaked (rust#47949).
        drop(state);
        result
    }

    /// Has the postman do this after a while.
    pub fn post(&self, after: Duration, deed: Deed) {
        self.post_at(Instant::now() + after, deed);
    }

    /// Has the postman do this at a time.
    pub fn post_at(&self, at: Instant, deed: Deed) {
        if let Err(unsent) = self.later.send(Action { at, deed }) {
            // The postman has ended, and with it the network: nobody waits for anything.
            unsent.into_inner().deed.write_off();
        }
    }

    /// Has the postman look at these calls at these times.
    pub fn post_looks(self: &Arc<Self>, looks: Vec<(u32, CallId, Instant)>) {
        for (slot, call, at) in looks {
            self.post_at(at, Deed::Look(self.clone(), slot, call));
        }
    }

    /// Whether the calls' replies must be shown to an interceptor.
    pub fn intercepts_replies(&self) -> bool {
        self.intercepts_replies.load(Ordering::Acquire)
    }
}

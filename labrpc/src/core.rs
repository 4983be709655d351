//! What the handles of a network share.

use labsim::channel::Sender;
use labsim::sync::atomic::{AtomicBool, Ordering};
use labsim::sync::{Arc, Mutex};
use labsim::time::{Duration, Instant};

use crate::call::Key;
use crate::postman::{Action, Deed};
use crate::state::State;

/// A network, as its ends, tickets and threads see it.
///
/// The rule that keeps it whole when a peer's thread is ended in the middle of a call: while the
/// state is locked, nothing of labsim is called, and no code but our own runs. So what one lock protects happens
/// entirely or not at all, and dropping a ticket makes up for the rest.
pub(crate) struct Core {
    pub state: Mutex<State>,
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

    /// Has the postman do this after a while.
    pub fn post(&self, after: Duration, deed: Deed) {
        self.post_at(Instant::now() + after, deed);
    }

    /// Has the postman look at these calls at these times.
    pub fn post_looks(self: &Arc<Self>, looks: Vec<(Key, Instant)>) {
        for (key, at) in looks {
            self.post_at(at, Deed::Look(self.clone(), key));
        }
    }

    pub fn post_at(&self, at: Instant, deed: Deed) {
        if let Err(unsent) = self.later.send(Action { at, deed }) {
            // The postman has ended, and with it the network: nobody waits for anything.
            unsent.into_inner().deed.write_off();
        }
    }

    /// Whether the calls' replies must be shown to an interceptor.
    pub fn intercepts_replies(&self) -> bool {
        self.intercepts_replies.load(Ordering::Acquire)
    }
}

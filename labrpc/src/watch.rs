//! Counting what goes over a network, looking at it, and deciding on single messages.

use std::sync::atomic::Ordering;

use labsim::sync::Arc;

use crate::counters::{Counters, Counts};
use crate::events;
use crate::network::Network;
use crate::observer::{Cause, Direction, Hooks, Interceptor, MessageId, Observer};

/// # Counts
impl Network {
    /// How many requests have reached the server of this name since it was last added.
    pub fn count(&self, server: &str) -> u64 {
        self.with(|state| state.server_counters(server).arrived)
    }

    /// How many requests have been sent, lost ones too.
    pub fn total_count(&self) -> u64 {
        self.with(|state| state.totals().requests)
    }

    /// Bytes of all requests sent and of all replies delivered.
    pub fn total_bytes(&self) -> u64 {
        self.with(|state| state.totals().bytes())
    }

    /// The counts of one method, such as `Raft.request_vote`.
    pub fn method_counters(&self, method: &str) -> Counters {
        self.with(|state| state.method_counters(method))
    }

    /// The counts of one server since it was last added.
    pub fn server_counters(&self, server: &str) -> Counters {
        self.with(|state| state.server_counters(server))
    }

    /// How many calls have been sent and have not ended, for good or ill.
    pub fn in_flight(&self) -> usize {
        self.with(|state| state.calls.len())
    }

    /// All counts: in total, by method, by server, and by server and method.
    pub fn counts(&self) -> Counts {
        self.with(|state| state.counts())
    }
}

/// # Observers and interceptors
impl Network {
    /// Lets an observer see each message from now on.
    pub fn observe(&self, observer: Arc<dyn Observer>) {
        self.change_hooks(|hooks| hooks.observers.push(observer));
    }

    /// Takes all observers away.
    pub fn stop_observing(&self) {
        self.change_hooks(|hooks| hooks.observers.clear());
    }

    /// Lets this function decide the fate of each request and each reply, in place of the ones that did.
    pub fn intercept(&self, interceptor: Interceptor) {
        self.change_hooks(|hooks| {
            hooks.requests = Some(interceptor.clone());
            hooks.replies = Some(interceptor);
        });
    }

    /// Lets this function decide the fate of each request, in place of the one that did.
    pub fn intercept_requests(&self, interceptor: Interceptor) {
        self.change_hooks(|hooks| hooks.requests = Some(interceptor));
    }

    /// Lets this function decide the fate of each reply, in place of the one that did.
    pub fn intercept_replies(&self, interceptor: Interceptor) {
        self.change_hooks(|hooks| hooks.replies = Some(interceptor));
    }

    /// Leaves all messages to chance again. Messages that are held stay so.
    pub fn stop_intercepting(&self) {
        self.change_hooks(|hooks| (hooks.requests, hooks.replies) = (None, None));
    }

    fn change_hooks(&self, change: impl FnOnce(&mut Hooks)) {
        let (replies, old) = self.with(|state| {
            let mut hooks = state.hooks.as_deref().cloned().unwrap_or_default();
            change(&mut hooks);
            let replies = hooks.replies.is_some();
            let hooks = (!hooks.is_empty()).then(|| Arc::new(hooks));
            (replies, std::mem::replace(&mut state.hooks, hooks))
        });
        self.core()
            .intercepts_replies
            .store(replies, Ordering::Release);
        drop(old);
    }

    /// The messages that an interceptor's [`Hold`](crate::Verdict::Hold) or
    /// [`HoldCopy`](crate::Verdict::HoldCopy) keeps back, in the order of their ids.
    pub fn held(&self) -> Vec<MessageId> {
        self.with(|state| state.held.keys().copied().collect())
    }

    /// Lets a message go that an interceptor holds: it arrives now, on the calling thread. False if
    /// there is none of this name.
    pub fn release(&self, id: MessageId) -> bool {
        let Some((ticket, bytes)) = self.with(|state| state.held.remove(&id)) else {
            return false;
        };
        match id.direction {
            Direction::Request => ticket.arrive(bytes),
            Direction::Reply => ticket.deliver(bytes),
        }
        true
    }

    /// Loses a message that an interceptor holds: it never arrives, and the caller learns of it now, unless another copy
    /// may arrive still. False if there is none of this name.
    pub fn discard(&self, id: MessageId) -> bool {
        let Some((ticket, bytes)) = self.with(|state| state.held.remove(&id)) else {
            return false;
        };
        let hooks = self.with(|state| state.hooks.clone());
        events::lost(
            &ticket,
            id.direction,
            &bytes,
            Cause::Intercepted,
            hooks.as_deref(),
        );
        ticket.fail();
        true
    }
}

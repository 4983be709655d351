//! Handing what is committed to the service ("If commitIndex > lastApplied: increment lastApplied,
//! apply log\[lastApplied\] to state machine", Rules for All Servers).
//!
//! The channel may be full for as long as the service likes, and meanwhile the peer goes on; the
//! service may well ask it for something.
// BEGIN SOLUTION
//! So the peer's thread waits for room in the channel *beside* whatever else may happen, and
//! without the lock.

use std::collections::VecDeque;

use labsim::channel::{Receiver, Sender, select};
use labsim::time::Instant;
use raftapi::{ApplyMsg, LogIndex};

use crate::actor::Event;
use crate::node::Node;

impl Node {
    /// What is to be applied next, in order; nothing if all that is committed has been taken.
    pub fn take_deliveries(&mut self) -> Vec<ApplyMsg> {
        let base = self.log.base();
        let mut all = Vec::new();
        if self.applied < base.index {
            // A leader's snapshot has taken the place of the next entries.
            all.push(ApplyMsg::Snapshot {
                index: base.index,
                term: base.term,
                snapshot: self.snapshot.clone(),
            });
            self.applied = base.index;
        }
        let first = self.applied.next();
        all.extend((first.0..=self.commit.0).filter_map(|index| self.delivery(LogIndex(index))));
        self.applied = self.commit;
        all
    }

    /// Nothing for an entry that changes the membership: the service has no part in that.
    fn delivery(&self, index: LogIndex) -> Option<ApplyMsg> {
        let entry = self.log.entry(index);
        entry.membership.is_none().then(|| ApplyMsg::Command {
            index,
            term: entry.term,
            command: entry.command.clone(),
        })
    }
}

/// What the service has not taken yet.
pub(crate) struct Deliveries {
    apply_tx: Sender<ApplyMsg>,
    waiting: VecDeque<ApplyMsg>,
}

impl Deliveries {
    /// Nothing yet.
    pub fn to(apply_tx: Sender<ApplyMsg>) -> Deliveries {
        let waiting = VecDeque::new();
        Deliveries { apply_tx, waiting }
    }

    /// These come next.
    pub fn add(&mut self, messages: Vec<ApplyMsg>) {
        self.waiting.extend(messages);
    }

    /// Waits for the next event, until the deadline. What the service takes meanwhile is delivered.
    pub fn deliver_until(&mut self, deadline: Instant, inbox: &Receiver<Event>) -> Option<Event> {
        while !self.waiting.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            select! {
                recv(inbox) -> event => return event.ok(),
                send(self.apply_tx, self.waiting.pop_front().expect("it is not empty")) -> sent => {
                    if sent.is_err() {
                        self.waiting.clear(); // nobody receives any more
                    }
                }
                default(left) => return None,
            }
        }
        inbox.recv_deadline(deadline).ok()
    }
}
// END SOLUTION
// STUB: // Part 2B. One thread sends, in the order of the log, without holding the lock: whoever receives may be
// STUB: // waiting for that lock in `snapshot` or `start`.

//! The one thread of a network: it does what is due later.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::ops::ControlFlow;

use labsim::channel::{Receiver, RecvTimeoutError};
use labsim::sync::Arc;
use labsim::thread;
use labsim::time::Instant;

use crate::call::{CallId, Pending, Route, Ticket};
use crate::core::Core;
use crate::error::RpcError;
use crate::events;
use crate::observer::Direction;
use crate::server::{Job, Worker};
use crate::waiter::{Outcome, Waiter, contained};

/// Something to do at a time.
pub(crate) struct Action {
    pub at: Instant,
    pub deed: Deed,
}

/// What the postman can do.
pub(crate) enum Deed {
    /// A message arrives.
    Arrive(Direction, Ticket, Vec<u8>),
    /// The caller learns that this copy of its call will bring nothing.
    Fail(Ticket),
    /// A ticket was dropped by a thread that unwinds.
    Abandon(Ticket),
    /// A caller looks whether the server it waits for still lives.
    Look(Arc<Core>, u32, CallId),
    /// A call ends without a reply, since the thread that was to end it has crashed.
    Rescue(Arc<Route>, Waiter),
    /// A call ends, and its caller's function belongs to no peer.
    Settle(Pending, Outcome),
    /// A deferred handler that belongs to no peer gets a request.
    Answer(Job),
    /// A worker that belongs to no peer starts.
    Hire(Worker),
    /// The network is shut down.
    Stop(Arc<Core>),
}

impl Deed {
    /// It will not be done: the network has ended, and with it all calls.
    pub fn write_off(self) {
        match self {
            Deed::Arrive(_, mut ticket, _) | Deed::Fail(mut ticket) | Deed::Abandon(mut ticket) => {
                ticket.spent = true;
            }
            Deed::Answer(job) => job.write_off(),
            Deed::Hire(worker) => worker.write_off(),
            Deed::Rescue(..) | Deed::Settle(..) if !thread::panicking() => self.perform(),
            Deed::Rescue(..) | Deed::Settle(..) | Deed::Look(..) | Deed::Stop(..) => {}
        }
    }

    fn perform(self) {
        match self {
            Deed::Arrive(Direction::Request, ticket, args) => ticket.arrive(args),
            Deed::Arrive(Direction::Reply, ticket, reply) => ticket.deliver(reply),
            Deed::Fail(ticket) => ticket.fail(),
            Deed::Abandon(ticket) => ticket.abandon(),
            Deed::Look(core, slot, call) => core.look(slot, call),
            Deed::Rescue(route, waiter) => {
                events::failed(route.call);
                let method = route.method.name.clone();
                waiter.settle(Err(RpcError::NoReply { method }), route.caller());
            }
            Deed::Settle(pending, outcome) => pending.settle_here(outcome),
            Deed::Answer(job) => job.run(),
            Deed::Hire(worker) => worker.start(),
            Deed::Stop(core) => core.close(),
        }
    }
}

/// An action with its rank among those of the same time: first come, first done.
struct Ranked(Instant, u64, Deed);

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}
impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Ranked {}

/// Runs until the network is shut down.
pub(crate) fn run(inbox: Receiver<Action>) {
    let mut agenda = Agenda::default();
    loop {
        let received = match agenda.heap.peek() {
            None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(Reverse(next)) => inbox.recv_deadline(next.0),
        };
        match received {
            Ok(action) => agenda.add(action),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        while let Ok(action) = inbox.try_recv() {
            agenda.add(action);
        }
        if agenda.perform_due().is_break() {
            break;
        }
    }
    agenda
        .heap
        .into_iter()
        .for_each(|Reverse(next)| next.2.write_off());
    while let Ok(action) = inbox.try_recv() {
        action.deed.write_off();
    }
}

/// What is to be done, the next thing first.
#[derive(Default)]
struct Agenda {
    heap: BinaryHeap<Reverse<Ranked>>,
    added: u64,
}

impl Agenda {
    fn add(&mut self, action: Action) {
        self.added += 1;
        self.heap
            .push(Reverse(Ranked(action.at, self.added, action.deed)));
    }

    /// Does all that is due by now. Breaks off when the network is shut down.
    fn perform_due(&mut self) -> ControlFlow<()> {
        let now = Instant::now();
        while self.heap.peek().is_some_and(|Reverse(next)| next.0 <= now) {
            let Some(Reverse(Ranked(.., deed))) = self.heap.pop() else {
                break;
            };
            let stops = matches!(deed, Deed::Stop(_));
            // Observers' and interceptors' code runs in here: whatever it does, the post goes on.
            contained(None, || deed.perform());
            if stops {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }
}

//! Exact control over single messages: held back, let go, sent twice, lost.
//!
//! A story takes real messages of the Raft under test and changes when they arrive. So it needs to
//! know nothing of what they say, and fits any Raft.

use std::collections::VecDeque;

use labrpc::{MessageId, MessageSeen, Verdict};
use labsim::sync::Arc;
use labsim::time::Duration;
use parking_lot::Mutex;

use crate::power::Power;
use crate::{Cluster, Server};

/// What happens to messages that go one way between two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handling {
    /// They go their way.
    Pass,
    /// They wait until they are released.
    Hold,
    /// They go their way, and a copy waits until it is released.
    Copy,
    /// They never arrive. Their senders wait, and learn of it when messages pass again.
    Swallow,
    /// They arrive, and once more after so long.
    Twice(Duration),
}

/// The story's orders about messages, and what waits because of them.
pub(crate) struct Post {
    orders: Mutex<Orders>,
    pub(crate) power: Arc<Power>,
}

struct Orders {
    requests: Vec<Vec<Handling>>,
    replies: Vec<Vec<Handling>>,
    waiting: VecDeque<Waiting>,
    swallowed: Vec<Waiting>,
}

/// A message that waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    from: Server,
    to: Server,
    reply: bool,
    id: MessageId,
    bytes: usize,
}

impl Post {
    pub(crate) fn new(servers: usize) -> Self {
        let pass = || vec![vec![Handling::Pass; servers]; servers];
        let orders = Orders {
            requests: pass(),
            replies: pass(),
            waiting: VecDeque::new(),
            swallowed: Vec::new(),
        };
        Post {
            orders: Mutex::new(orders),
            power: Arc::new(Power::new(servers)),
        }
    }

    /// The verdict on a message; called on the thread that sends it.
    pub(crate) fn verdict(&self, seen: &MessageSeen<'_>) -> Verdict {
        let (Some(caller), Some(callee)) = (seen.from_peer(), seen.to_peer()) else {
            return Verdict::Pass;
        };
        let (caller, callee) = (
            Server::numbered(caller as usize),
            Server::numbered(callee as usize),
        );
        let reply = seen.is_reply();
        let (from, to) = if reply {
            (callee, caller)
        } else {
            (caller, callee)
        };
        let mut orders = self.orders.lock();
        let table = if reply {
            &orders.replies
        } else {
            &orders.requests
        };
        let ordered = table[from.number()][to.number()];
        let wait = |id| Waiting {
            from,
            to,
            reply,
            id,
            bytes: seen.bytes.len(),
        };
        match self.power.handling(from, to, reply).unwrap_or(ordered) {
            Handling::Pass => Verdict::Pass,
            Handling::Twice(after) => Verdict::Duplicate(after),
            Handling::Hold => {
                orders.waiting.push_back(wait(seen.id));
                Verdict::Hold
            }
            Handling::Swallow => {
                orders.swallowed.push(wait(seen.id));
                Verdict::Hold
            }
            Handling::Copy => {
                orders.waiting.push_back(wait(MessageId {
                    copy: seen.id.copy + 1,
                    ..seen.id
                }));
                Verdict::HoldCopy
            }
        }
    }
}

/// Whether requests or replies are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mail {
    /// Requests that the first server sends to the second.
    Requests,
    /// Replies that the first server sends to the second, which had called it.
    Replies,
}

impl Cluster {
    /// From now on, what `from` sends to `to` is treated like this. See [`Cluster::release_held`].
    pub fn handle(&self, mail: Mail, from: Server, to: Server, handling: Handling) {
        self.step(format!("{mail:?} {from} -> {to}: {handling:?}"));
        self.order(|orders| orders.table(mail)[from.number()][to.number()] = handling);
        if handling == Handling::Pass {
            self.give_up_swallowed(|w| w.is(mail, from, to));
        }
    }

    /// From now on, all messages of this kind are treated like this.
    pub fn handle_all(&self, mail: Mail, handling: Handling) {
        self.step(format!("all {mail:?}: {handling:?}"));
        self.order(|orders| {
            orders
                .table(mail)
                .iter_mut()
                .for_each(|row| row.fill(handling))
        });
    }

    /// From now on, the requests that `from` sends to `to` wait.
    pub fn hold(&self, from: Server, to: Server) {
        self.handle(Mail::Requests, from, to, Handling::Hold);
    }

    /// From now on all messages pass. Those that are held get lost.
    pub fn let_all_pass(&self) {
        self.step("all messages pass");
        self.order(|orders| {
            orders
                .requests
                .iter_mut()
                .chain(&mut orders.replies)
                .for_each(|row| row.fill(Handling::Pass));
            let waiting = std::mem::take(&mut orders.waiting);
            orders.swallowed.extend(waiting);
        });
        self.give_up_swallowed(|_| true);
    }

    /// What was held comes in now, in its order; what comes after it is still held. Returns how many that was.
    pub fn release_held(&self, mail: Mail, from: Server, to: Server) -> usize {
        let taken = self.take_waiting(|w| w.is(mail, from, to)).into_iter();
        // An order is noted a moment before it is carried out: what the network does not hold yet waits on
        // (`replicators`, PCT, seed 0x127).
        let (released, early): (Vec<Waiting>, Vec<Waiting>) =
            taken.partition(|w| self.shared.net.release(w.id));
        self.order(|orders| orders.waiting.extend(early));
        released.len()
    }

    /// The first that is held comes in now. Tells whether there was one.
    pub fn release_next(&self, mail: Mail, from: Server, to: Server) -> bool {
        let held = self.waiting(|w| w.is(mail, from, to));
        self.let_go(held.first().copied())
    }

    /// The last that is held comes in now. Tells whether there was one.
    pub fn release_last(&self, mail: Mail, from: Server, to: Server) -> bool {
        let held = self.waiting(|w| w.is(mail, from, to));
        self.let_go(held.last().copied())
    }

    /// From now on each snapshot is so large that [`Cluster::release_snapshot`] can tell it from all else that is held.
    pub fn mark_snapshots(&self) {
        self.pad_snapshots(10_000);
    }

    /// The last request with a snapshot that is held comes in now. Tells whether there was one. A heartbeat may have been
    /// sent after it; so snapshots are known by their size.
    ///
    /// # Panics
    /// Neither [`Cluster::mark_snapshots`] nor [`Cluster::pad_snapshots`] was called.
    pub fn release_snapshot(&self, from: Server, to: Server) -> bool {
        let large = self.shared.run.board.history.lock().padding();
        assert!(
            large > 0,
            "release_snapshot knows snapshots by their size: call mark_snapshots first"
        );
        let held = self.waiting(|w| w.is(Mail::Requests, from, to) && w.bytes >= large);
        self.let_go(held.last().copied())
    }

    fn waiting(&self, which: impl Fn(&Waiting) -> bool) -> Vec<MessageId> {
        let orders = self.shared.post.orders.lock();
        let waiting = orders.waiting.iter().filter(|w| which(w));
        waiting.map(|w| w.id).collect()
    }

    fn let_go(&self, id: Option<MessageId>) -> bool {
        self.take_waiting(|w| Some(w.id) == id);
        id.is_some_and(|id| self.shared.net.release(id))
    }

    /// How many messages are held.
    pub fn held(&self, mail: Mail, from: Server, to: Server) -> usize {
        self.waiting(|w| w.is(mail, from, to)).len()
    }

    fn take_waiting(&self, mut which: impl FnMut(&Waiting) -> bool) -> Vec<Waiting> {
        let mut orders = self.shared.post.orders.lock();
        let all = std::mem::take(&mut orders.waiting);
        let (taken, kept): (Vec<_>, Vec<_>) = all.into_iter().partition(|w| which(w));
        orders.waiting = kept.into();
        taken
    }

    /// Messages that never arrive are lost for good, so that nobody waits for them any longer.
    pub(crate) fn give_up_swallowed(&self, which: impl Fn(&Waiting) -> bool) {
        let all = std::mem::take(&mut self.shared.post.orders.lock().swallowed);
        let (lost, kept): (Vec<_>, Vec<_>) = all.into_iter().partition(which);
        self.shared.post.orders.lock().swallowed = kept;
        for message in lost {
            self.lose(message);
        }
    }

    /// A message is let go while the link of its call is cut, and so gets lost.
    fn lose(&self, message: Waiting) {
        let (caller, callee) = if message.reply {
            (message.to, message.from)
        } else {
            (message.from, message.to)
        };
        match self.end_name(caller, callee) {
            Some(end) => {
                let open = self.shared.net.is_enabled(&end);
                self.shared.net.enable(&end, false);
                self.shared.net.release(message.id);
                self.shared.net.enable(&end, open);
            }
            None => drop(self.shared.net.release(message.id)), // its caller is dead, and so is the call
        }
    }

    fn order(&self, give: impl FnOnce(&mut Orders)) {
        give(&mut self.shared.post.orders.lock());
        self.intercept();
    }

    /// Orders cost each message a little, so the network asks for them only from the first one on.
    pub(crate) fn intercept(&self) {
        let post = self.shared.post.clone();
        let verdict = Arc::new(move |seen: &MessageSeen<'_>| post.verdict(seen));
        self.shared.net.intercept(verdict);
    }
}

impl Orders {
    fn table(&mut self, mail: Mail) -> &mut Vec<Vec<Handling>> {
        match mail {
            Mail::Requests => &mut self.requests,
            Mail::Replies => &mut self.replies,
        }
    }
}

impl Waiting {
    pub(crate) fn comes_from(&self, server: Server) -> bool {
        self.from == server
    }

    fn is(&self, mail: Mail, from: Server, to: Server) -> bool {
        self.reply == (mail == Mail::Replies) && self.from == from && self.to == to
    }
}

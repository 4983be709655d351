//! Exact control over single messages: held back, let go, sent twice, lost.
//!
//! A story takes real messages of the Raft under test and changes when they arrive. So it needs to
//! know nothing of what they say, and fits any Raft.

use std::collections::VecDeque;

use bytes::Bytes;
use labrpc::{MessageId, MessageSeen, Verdict};
use labsim::sync::Arc;
use labsim::time::Duration;
use parking_lot::Mutex;
use raftapi::Disk;

use crate::{Cluster, Server, claim};

/// What happens to messages that go one way between two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handling {
    /// They go their way.
    Pass,
    /// They wait until they are released.
    Hold,
    /// They go their way, and a copy waits until it is released.
    Copy,
    /// They are lost.
    Lose,
    /// They arrive, and once more after so long.
    Twice(Duration),
}

/// The story's orders about messages, and what waits because of them.
pub(crate) struct Post {
    orders: Mutex<Orders>,
}

struct Orders {
    requests: Vec<Vec<Handling>>,
    replies: Vec<Vec<Handling>>,
    waiting: VecDeque<Waiting>,
    /// Servers that say nothing more once they have sent a reply to this one.
    last_words: Vec<Option<LastWords>>,
}

/// A message that waits.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    from: Server,
    to: Server,
    reply: bool,
    id: MessageId,
}

/// A server that is to lose its power right after a reply.
struct LastWords {
    to: Server,
    disk: Disk,
    /// What was on disk as the reply left.
    image: Option<(Bytes, Bytes)>,
}

impl Post {
    pub(crate) fn new(servers: usize) -> Self {
        let pass = || vec![vec![Handling::Pass; servers]; servers];
        let orders = Orders {
            requests: pass(),
            replies: pass(),
            waiting: VecDeque::new(),
            last_words: (0..servers).map(|_| None).collect(),
        };
        Post { orders: Mutex::new(orders) }
    }

    /// The verdict on a message; called on the thread that sends it.
    pub(crate) fn verdict(&self, seen: &MessageSeen<'_>) -> Verdict {
        let (Some(caller), Some(callee)) = (seen.from_peer(), seen.to_peer()) else { return Verdict::Pass };
        let (caller, callee) = (Server::numbered(caller as usize), Server::numbered(callee as usize));
        let reply = seen.is_reply();
        let (from, to) = if reply { (callee, caller) } else { (caller, callee) };
        let mut orders = self.orders.lock();
        if let Some(words) = &mut orders.last_words[from.number()] {
            return words.verdict(reply, to);
        }
        let table = if reply { &orders.replies } else { &orders.requests };
        let handling = table[from.number()][to.number()];
        let (verdict, waiting) = match handling {
            Handling::Pass => (Verdict::Pass, None),
            Handling::Lose => (Verdict::Drop, None),
            Handling::Twice(after) => (Verdict::Duplicate(after), None),
            Handling::Hold => (Verdict::Hold, Some(seen.id)),
            Handling::Copy => (Verdict::HoldCopy, Some(MessageId { copy: seen.id.copy + 1, ..seen.id })),
        };
        orders.waiting.extend(waiting.map(|id| Waiting { from, to, reply, id }));
        verdict
    }
}

impl LastWords {
    fn verdict(&mut self, reply: bool, to: Server) -> Verdict {
        if self.image.is_some() {
            return Verdict::Drop;
        }
        if reply && to == self.to {
            self.image = Some((self.disk.state(), self.disk.snapshot()));
        }
        Verdict::Pass
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
    /// From now on, what `from` sends to `to` is treated like this. See [`Cluster::release`].
    pub fn handle(&self, mail: Mail, from: Server, to: Server, handling: Handling) {
        self.step(format!("{mail:?} {from} -> {to}: {handling:?}"));
        self.order(|orders| orders.table(mail)[from.number()][to.number()] = handling);
    }

    /// From now on, the requests that `from` sends to `to` wait.
    pub fn hold(&self, from: Server, to: Server) {
        self.handle(Mail::Requests, from, to, Handling::Hold);
    }

    /// What was held comes in now, in its order, and nothing is held any more.
    pub fn release(&self, mail: Mail, from: Server, to: Server) {
        self.handle(mail, from, to, Handling::Pass);
        self.release_held(mail, from, to);
    }

    /// What was held comes in now, in its order; what comes after it is still held. Returns how many that was.
    pub fn release_held(&self, mail: Mail, from: Server, to: Server) -> usize {
        let mut ids = Vec::new();
        self.order(|orders| {
            orders.waiting.retain(|w| {
                let theirs = w.is(mail, from, to);
                ids.extend(theirs.then_some(w.id));
                !theirs
            });
        });
        ids.iter().filter(|id| self.shared.net.release(**id)).count()
    }

    /// How many messages are held.
    pub fn held(&self, mail: Mail, from: Server, to: Server) -> usize {
        self.shared.post.orders.lock().waiting.iter().filter(|w| w.is(mail, from, to)).count()
    }

    /// Waits until messages are held, five seconds at most.
    #[track_caller]
    pub fn until_held(&self, mail: Mail, from: Server, to: Server) {
        let poll = Duration::from_millis(1);
        if !self.until(Duration::from_secs(5), poll, || self.held(mail, from, to) > 0) {
            self.fail(&claim::SITUATION, format!("in 5 s {from} sent nothing to {to} that could be held"));
        }
    }

    /// Messages pass again as they come; those that are held are never let go.
    pub fn handle_all_normally(&self) {
        self.order(|orders| {
            orders.requests.iter_mut().chain(&mut orders.replies).for_each(|row| row.fill(Handling::Pass));
        });
    }

    /// Arranges that a server loses its power as soon as it has sent a reply to `to`: the reply gets
    /// through, and nothing that the server does or saves after it counts. [`Cluster::lose_power`] carries it out.
    pub fn arm_power_failure(&self, server: Server, to: Server) {
        self.step(format!("{server} is to lose its power right after its next reply to {to}"));
        let disk = self.disk(server);
        self.order(|orders| orders.last_words[server.number()] = Some(LastWords { to, disk, image: None }));
    }

    /// Whether that reply was sent.
    pub fn has_spoken(&self, server: Server) -> bool {
        self.shared.post.orders.lock().last_words[server.number()].as_ref().is_some_and(|w| w.image.is_some())
    }

    /// Crashes a server, leaving on its disk what was there as the reply of
    /// [`Cluster::arm_power_failure`] left.
    pub fn lose_power(&self, server: Server) {
        self.crash(server);
        let mut words = None;
        self.order(|orders| words = orders.last_words[server.number()].take());
        if let Some((state, snapshot)) = words.and_then(|w| w.image) {
            self.rewrite_disk(server, state, snapshot);
        }
    }

    /// Gives an order. Orders of this kind cost each message a little, so the network asks for them
    /// only from the first one on.
    fn order(&self, give: impl FnOnce(&mut Orders)) {
        let post = self.shared.post.clone();
        give(&mut post.orders.lock());
        let verdict = Arc::new(move |seen: &MessageSeen<'_>| post.verdict(seen));
        self.shared.net.intercept_requests(Some(verdict.clone()));
        self.shared.net.intercept_replies(Some(verdict));
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
    fn is(&self, mail: Mail, from: Server, to: Server) -> bool {
        self.reply == (mail == Mail::Replies) && self.from == from && self.to == to
    }
}

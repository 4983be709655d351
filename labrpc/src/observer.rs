//! Looking at messages, and deciding the fate of single ones.

use std::fmt;

use labsim::Domain;
use labsim::sync::Arc;
use labsim::time::Duration;

use crate::call::CallId;

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the caller to the server.
    Request,
    /// From the server back to the caller.
    Reply,
}

/// A name for one copy of one message, unique on its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId {
    /// The call it belongs to.
    pub call: CallId,
    /// Request or reply.
    pub direction: Direction,
    /// 0, or a higher number for each further copy of the call's messages. The reply to a copy of a
    /// request has the copy's number.
    pub copy: u32,
}

/// A message as observers and interceptors see it. What it borrows lives as long as their call.
#[derive(Clone, Copy)]
pub struct MessageSeen<'a> {
    /// Its name.
    pub id: MessageId,
    /// The name of the caller's end.
    pub end: &'a str,
    /// The caller's fault domain, if it has one: which peer, and which life of it.
    pub from: Option<&'a Domain>,
    /// The name of the server that the end is connected to, if it is to any.
    pub server: Option<&'a str>,
    /// The server's fault domain, if there is a server and it has one.
    pub to: Option<&'a Domain>,
    /// Service and method, such as `Raft.request_vote`.
    pub method: &'a str,
    /// The encoded arguments, or the encoded reply.
    pub bytes: &'a [u8],
}

impl MessageSeen<'_> {
    /// Whether it is a request.
    pub fn is_request(&self) -> bool {
        self.id.direction == Direction::Request
    }

    /// Whether it is a reply.
    pub fn is_reply(&self) -> bool {
        self.id.direction == Direction::Reply
    }

    /// The caller's peer number, if it has one.
    pub fn from_peer(&self) -> Option<u32> {
        self.from.map(Domain::peer)
    }

    /// The server's peer number, if it has one.
    pub fn to_peer(&self) -> Option<u32> {
        self.to.map(Domain::peer)
    }
}

impl fmt::Debug for MessageSeen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = if self.is_request() {
            "request"
        } else {
            "reply"
        };
        write!(f, "{} {way} of call {}", self.method, self.id.call)?;
        if self.id.copy > 0 {
            write!(f, " (copy {})", self.id.copy)?;
        }
        write!(f, " by end {:?} ", self.end)?;
        match self.server {
            Some(server) => write!(f, "to server {server:?}")?,
            None => write!(f, "to no server")?,
        }
        write!(f, ", {} bytes", self.bytes.len())
    }
}

/// What becomes of a message, as far as it is settled when the message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is to arrive after this time. It can still be lost, if by then the link is cut or the
    /// server gone: see [`Observer::on_lost`].
    Arrives {
        /// From now.
        after: Duration,
    },
    /// It does not arrive.
    Lost {
        /// Why.
        cause: Cause,
        /// When the caller learns of it, unless another copy arrives.
        after: Duration,
    },
    /// It waits for [`Network::release`](crate::Network::release).
    Held,
}

/// Why a message did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// The end is disabled, or was removed.
    EndDisabled,
    /// The end is connected to no server, or there is none of that name now.
    NoServer,
    /// The server that had the request is dead, or another took its place.
    ServerGone,
    /// The link's settings cut this way.
    Cut,
    /// Bad luck: the link's settings lose some messages.
    Chance,
    /// An interceptor said so.
    Intercepted,
    /// The sender's incarnation has crashed.
    SenderDead,
    /// The handler ended without a reply: it panicked, or dropped its responder.
    NoAnswer,
}

impl Cause {
    /// One word, as the trace has it.
    pub fn name(self) -> &'static str {
        match self {
            Cause::EndDisabled => "end-disabled",
            Cause::NoServer => "no-server",
            Cause::ServerGone => "server-gone",
            Cause::Cut => "cut",
            Cause::Chance => "chance",
            Cause::Intercepted => "intercepted",
            Cause::SenderDead => "sender-dead",
            Cause::NoAnswer => "no-answer",
        }
    }
}

/// Looks at every message of a network, without changing anything.
///
/// The methods are called inline, on the thread that sends or delivers, holding no lock of the
/// network. They must be quick, must not block and must not panic. They may run on several threads at once.
pub trait Observer: Send + Sync {
    /// A request is sent. Called once for each copy the network makes of it.
    fn on_request(&self, seen: &MessageSeen<'_>, fate: Fate) {
        let _ = (seen, fate);
    }

    /// A request has reached its server, whose handler runs next.
    fn on_arrival(&self, seen: &MessageSeen<'_>) {
        let _ = seen;
    }

    /// A reply is sent. What it promises must have been saved by now.
    fn on_reply(&self, seen: &MessageSeen<'_>, fate: Fate) {
        let _ = (seen, fate);
    }

    /// A reply has reached its caller, who sees it next.
    fn on_delivery(&self, seen: &MessageSeen<'_>) {
        let _ = seen;
    }

    /// A message that was on its way is lost after all; or there is no reply (then `bytes` is empty).
    fn on_lost(&self, seen: &MessageSeen<'_>, cause: Cause) {
        let _ = (seen, cause);
    }
}

/// Decides what happens to each message, exactly. It is called once for each request as it is sent
/// by a caller whose end is enabled and connected to a live server, and once for each reply as it
/// leaves the server; copies of a request are not shown again, their replies are. It is called
/// inline, as an [`Observer`] is, and has the same duties.
pub type Interceptor = Arc<dyn Fn(&MessageSeen<'_>) -> Verdict + Send + Sync>;

/// What an [`Interceptor`] decides. All but [`Pass`](Verdict::Pass) take the message out of the
/// hands of chance: the link's loss, delays and duplication do not apply to it. That the link is
/// up and the server alive is tested on arrival even so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As the link's settings have it.
    Pass,
    /// It is lost. The caller learns of it after the link's `notice`, by default at once.
    Drop,
    /// It arrives exactly so much later.
    Delay(Duration),
    /// It arrives now, and once more exactly so much later.
    Duplicate(Duration),
    /// It waits until [`Network::release`](crate::Network::release) lets it go or
    /// [`Network::discard`](crate::Network::discard) loses it. Till then the call waits too.
    Hold,
    /// It arrives now, and a copy with the next number waits for [`Network::release`](crate::Network::release).
    HoldCopy,
}

/// Who looks on at a network, and who decides.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub observers: Vec<Arc<dyn Observer>>,
    pub requests: Option<Interceptor>,
    pub replies: Option<Interceptor>,
}

impl Hooks {
    pub fn is_empty(&self) -> bool {
        self.observers.is_empty() && self.requests.is_none() && self.replies.is_none()
    }

    pub fn verdict(&self, seen: &MessageSeen<'_>) -> Verdict {
        let interceptor = match seen.id.direction {
            Direction::Request => &self.requests,
            Direction::Reply => &self.replies,
        };
        interceptor.as_ref().map_or(Verdict::Pass, |f| f(seen))
    }
}

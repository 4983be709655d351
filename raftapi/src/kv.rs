//! The contract of the key/value service on top of Raft (parts 3A and 3B): what its servers and its
//! clerks promise, and how the tests run them.
//!
//! A store maps keys to values, both text; a key that was never written holds the empty text. Three
//! operations: [`get`](KvClerk::get), [`put`](KvClerk::put), [`append`](KvClerk::append). Together
//! the servers behave like one machine that does one operation at a time (*linearizability*): each
//! operation takes effect at one moment between the clerk's call and its return, once, however
//! often it was sent and whatever crashed meanwhile.

use labrpc::{ClientEnd, Service};

use crate::{Membership, PeerId, Persister, Raft};

/// One server of the key/value service, with the Raft peer that it runs on.
///
/// # What the tests hold you to
///
/// - Linearizability, over all clerks, whatever the network and crashes do.
/// - With a majority of servers up and connected, a clerk that can reach one of it gets its answer.
/// - A server that does not lead, or has lost its leadership, says so promptly: an operation that
///   waits in it holds up its clerk, which could go elsewhere.
/// - With a limit on Raft's state, [`Persister::state_len`] stays below eight times the limit. A
///   snapshot holds all that a server needs to go on, not only keys and values.
/// - After [`kill`](KvServer::kill) no thread of the server is left.
pub trait KvServer: Send + Sync + 'static {
    /// Starts the server, from nothing or after a crash, and its Raft with it.
    ///
    /// - `peers`, `me` and `persister` are for [`Raft::make`]; a saved snapshot is read from the
    ///   persister before the Raft is made.
    /// - `max_state` is how large, in bytes, Raft's saved state should be allowed to grow before the
    ///   service takes a snapshot; `None`: never take one.
    ///
    /// Returns quickly. The caller is in the server's fault domain, so threads end with the server.
    fn start(
        peers: Vec<ClientEnd>,
        me: PeerId,
        persister: Persister,
        max_state: Option<usize>,
    ) -> Self
    where
        Self: Sized;

    /// The same in a cluster whose membership can change ([`Raft::make_member`]). `None`, the default,
    /// says that this is not written.
    fn start_member(
        peers: Vec<ClientEnd>,
        me: PeerId,
        persister: Persister,
        max_state: Option<usize>,
        first: Membership,
    ) -> Option<Self>
    where
        Self: Sized,
    {
        let _ = (peers, me, persister, max_state, first);
        None
    }

    /// What this server answers: its Raft's RPCs and its own.
    fn services(&self) -> Vec<Service>;

    /// The Raft it runs on. The tests ask it who leads.
    fn raft(&self) -> &dyn Raft;

    /// The server is no longer needed: it answers no more, and its threads end, its Raft's too. May
    /// be called more than once, and returns at once.
    fn kill(&self);
}

/// A client of the service. It has one operation under way at a time.
///
/// Whom no server can serve pauses before he asks again, 10 ms for example: in virtual time a call that is declined takes
/// microseconds, and a clerk that asks on and on is slower to simulate than all the servers together. The tests allow a clerk
/// ten thousand calls a second.
pub trait KvClerk: Send + 'static {
    /// A new clerk, unlike any other that there ever was. `servers[i]` calls server `i`.
    fn new(servers: Vec<ClientEnd>) -> Self
    where
        Self: Sized;

    /// The value of `key`; empty if it was never written. Tries until there is an answer.
    fn get(&mut self, key: &str) -> String;

    /// Gives `key` this value. Returns once that has happened.
    fn put(&mut self, key: &str, value: &str);

    /// Adds `value` to the end of `key`'s value. Returns once that has happened.
    fn append(&mut self, key: &str, value: &str);
}

//! The trait that a Raft implements.

use std::fmt;

use bytes::Bytes;
use labrpc::{ClientEnd, Service};
use labsim::channel::{Receiver, Sender};
use serde::{Deserialize, Serialize};

use crate::view::{RpcView, SavedView};
use crate::{ApplyMsg, LogIndex, PeerId, Persister, Term};

/// One Raft peer.
///
/// # What the tests hold you to
///
/// - The five properties of Figure 3, whatever the network and crashes do.
/// - A reply goes out only after everything it promises has been saved: the term, the vote, the
///   entries (Figure 2, "Persistent state on all servers: Updated on stable storage before
///   responding to RPCs").
/// - With a majority up and connected, a leader is elected and commands commit within a few seconds
///   of virtual time, and with a modest number of calls. At most some ten heartbeats a second are
///   enough; an election timeout of a few hundred milliseconds suits them.
/// - After [`kill`](Raft::kill) no thread of the peer is left.
///
/// # Threads
///
/// All methods but `make` take `&self` and are called from several threads at once. Take threads,
/// time, locks, channels and randomness from [`labsim`] and from nowhere else: the same test then
/// runs in virtual time, and a failure can be replayed from its seed.
///
/// Do not hold a lock while you wait for a reply, sleep, or send on `apply_tx`. Whoever receives
/// from the other end may be calling [`snapshot`](Raft::snapshot) or [`start`](Raft::start), which
/// want your lock; then neither side goes on.
pub trait Raft: Send + Sync + 'static {
    /// Creates the peer, from nothing or after a crash, as a follower.
    ///
    /// - `peers[i]` calls peer `i`. `peers.len()` is the size of the cluster, always the same, and
    ///   the order is the same at every peer. `peers[me]` is there too, for the numbering; a peer
    ///   does not call itself.
    /// - `me` is this peer's place in `peers`.
    /// - `persister` has what an earlier incarnation of this peer saved, or nothing: then
    ///   [`Persister::state`] is empty.
    /// - `apply_tx` takes what is committed. The channel may be bounded, even to nothing, so a send
    ///   may block. When the other end is gone a send fails; nobody wants the rest, so stop sending.
    ///
    /// Returns quickly: work that takes time belongs in threads that `make` spawns. The caller is in
    /// the peer's fault domain, so they end with the peer.
    ///
    /// # What goes through `apply_tx`
    ///
    /// Every committed entry, once per incarnation, in the order of the log and without a gap: after
    /// index *i* comes either the [`Command`](ApplyMsg::Command) at *i* + 1 or a
    /// [`Snapshot`](ApplyMsg::Snapshot) of an index above *i*. The first message counts from the
    /// last index of the saved snapshot, which is 0 if there is none. The saved snapshot itself is
    /// not sent: the service has read it from its disk before it made its Raft.
    fn make(
        peers: Vec<ClientEnd>,
        me: PeerId,
        persister: Persister,
        apply_tx: Sender<ApplyMsg>,
    ) -> Self
    where
        Self: Sized;

    /// The RPCs that this peer answers (Figures 2 and 13). The harness calls it once, right after
    /// `make`, and puts it on the network. What `labrpc::service!` generates makes a `Service`.
    fn service(&self) -> Service;

    /// Asks for agreement on a new command, and returns at once.
    ///
    /// As the leader, appends `command` to the log and returns where, and the current term. That is
    /// no promise: if the leader fails or loses its office first, another command may be committed
    /// at this index. The caller knows that its command is committed when it comes out of `apply_tx`
    /// at this index, and that it is not when something else does.
    ///
    /// The first command ever is at index 1. A leader that was just elected adds no entry of its own,
    /// so that indices count commands (§8 has it add one; tests that count indices would fail).
    ///
    /// # Errors
    /// [`NotLeader`] if this peer does not think that it leads, or was killed.
    fn start(&self, command: Bytes) -> Result<(LogIndex, Term), NotLeader>;

    /// Asks for a read barrier, for a service whose reads do not go through the log (§8; "ReadIndex" in
    /// §6.4 of Ongaro's dissertation). Returns at once.
    ///
    /// On the channel comes an index, once a majority has confirmed that this peer still led after
    /// the call. A read from the service's state is right as soon as all entries up to that index
    /// are applied to it. If this peer loses its office first, the channel is closed.
    ///
    /// `None`, the default, is always right: a read then goes through the log as the rest does. It
    /// is the answer of a peer that does not lead, or leads and has committed nothing in its term yet.
    fn read_index(&self) -> Option<Receiver<LogIndex>> {
        None
    }

    /// The current term, and whether this peer thinks that it leads it. Returns at once.
    ///
    /// The two are read in one step: never the term from before an election with the role from
    /// after it. A leader that was cut off thinks that it leads until it hears of a later term.
    fn state(&self) -> (Term, bool);

    /// The service has put the effect of all entries up to and including `index` in `snapshot`:
    /// forget those entries (§7).
    ///
    /// Saves the shortened log and the snapshot in one [`Persister::save`]; the log as the tests
    /// measure it, [`Persister::state_len`], must shrink. `index` is one that came out of
    /// `apply_tx`. If a newer snapshot has come in meanwhile this one is stale: ignore it.
    ///
    /// Called by the thread that receives from `apply_tx`, so while it runs nobody receives.
    fn snapshot(&self, index: LogIndex, snapshot: Bytes);

    /// The peer is no longer needed: [`start`](Raft::start) refuses, and its threads end, each at
    /// once or as soon as the call, the send or the sleep that it is in comes back. May be called
    /// more than once, and returns at once.
    ///
    /// This is the tidy end. A crash never calls it.
    fn kill(&self);

    /// What a message of this peer says, for the checks that run in every test and for the trace.
    ///
    /// `service_method` is its name on the network, such as `Raft.request_vote`; `bytes` are the
    /// encoded arguments, or the encoded reply if `is_reply`. `None`, the default, is always right;
    /// then the tests check less and pictures show less. Messages that are not of Figure 2 or 13
    /// are `None` too.
    fn view_rpc(service_method: &str, is_reply: bool, bytes: &[u8]) -> Option<RpcView>
    where
        Self: Sized,
    {
        let _ = (service_method, is_reply, bytes);
        None
    }

    /// What `state`, as this peer gave it to [`Persister::save`], says. `None`, the default, is
    /// always right, at the price that [`view_rpc`](Raft::view_rpc) names. Must be able to read
    /// the state of any peer at any time. Not called with the empty state of a new disk.
    fn view_saved(state: &[u8]) -> Option<SavedView>
    where
        Self: Sized,
    {
        let _ = state;
        None
    }
}

/// This peer cannot take a command, because it does not lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NotLeader {
    /// The peer that it believes to lead: the one that last sent it an accepted AppendEntries in
    /// its current term. It may be wrong.
    pub leader: Option<PeerId>,
}

impl fmt::Display for NotLeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.leader {
            Some(leader) => write!(
                f,
                "this server does not lead; the last leader it heard from is server {leader}: \
                 try that one, and the others in turn if it does not lead either"
            ),
            None => write!(
                f,
                "this server does not lead and has not heard from a leader in its term: \
                 try the other servers in turn, and again after an election timeout"
            ),
        }
    }
}

impl std::error::Error for NotLeader {}

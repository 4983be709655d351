//! The trait that a Raft implements.

use std::collections::BTreeSet;
use std::fmt;

use bytes::Bytes;
use labrpc::{ClientEnd, Service};
use labsim::channel::{Receiver, Sender};
use serde::{Deserialize, Serialize};

use crate::view::{RpcView, SavedView};
use crate::{ApplyMsg, ChangeError, LogIndex, Membership, PeerId, Persister, Term};

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
    ///
    /// An entry that changes the membership ([`change_membership`](Raft::change_membership)) is for
    /// Raft alone. Nothing is sent for it, so its index is left out.
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

    // Part 2E, which is optional: the membership changes (§6).

    /// Creates a peer of a cluster whose membership can change. As [`make`](Raft::make), except:
    ///
    /// - `peers` is the address book: all that may ever be members.
    /// - `first` is the configuration before the first entry of the log: the founders', at each of
    ///   them. Empty at a peer that is to join later, which waits until a leader calls it and never
    ///   runs for office before. It is the same in each life of the peer; what an entry of its log
    ///   or its snapshot says counts for more.
    ///
    /// `None`, the default, says that part 2E is not written.
    ///
    /// # What the tests hold you to, besides what they hold any Raft to
    ///
    /// - A configuration is in force at a server as soon as it is in its log, committed or not, and
    ///   no longer when the entry is cut off. It outlives crashes, and goes with snapshots.
    /// - While a C_old,new is in force elections and commitment take a majority of C_old and one of
    ///   C_new. C_new enters no log before C_old,new is committed.
    /// - A server that a committed configuration does not name, or names as a learner, neither leads
    ///   for long nor keeps the others from having a leader, however long it runs for office.
    /// - Whoever leads brings a change to its end that it finds in its log. It may add entries to do
    ///   so; of commands all that [`start`](Raft::start) says stays true, but for the indices left out.
    fn make_member(
        peers: Vec<ClientEnd>,
        me: PeerId,
        persister: Persister,
        apply_tx: Sender<ApplyMsg>,
        first: Membership,
    ) -> Option<Self>
    where
        Self: Sized,
    {
        let _ = (peers, me, persister, apply_tx, first);
        None
    }

    /// Begins a change to these voters and learners, which replace those that are in force, and
    /// returns at once: with the index and term of the entry that begins it. If the voters stay the
    /// same that is the new configuration itself, else C_old,new; C_new follows once that is
    /// committed. As with [`start`](Raft::start) this is no promise. A peer that is in both sets is a
    /// voter.
    ///
    /// A new voter must be a learner first, until it holds the log up to the configuration that is in
    /// force. Else a majority might be needed that consists of servers with empty logs, and nothing
    /// is committed until they have caught up (§6, "The first issue").
    ///
    /// A leader that is not in C_new leads until it is committed, without counting itself towards a
    /// majority of C_new, and then steps down.
    ///
    /// # Errors
    /// What stands at [`ChangeError`]. This peer's log is as it was.
    fn change_membership(
        &self,
        voters: &BTreeSet<PeerId>,
        learners: &BTreeSet<PeerId>,
    ) -> Result<(LogIndex, Term), ChangeError> {
        let _ = (voters, learners);
        Err(ChangeError::NotWritten)
    }

    /// The latest configuration in this peer's log, which is the one in force at it. `None`, the
    /// default, says that part 2E is not written.
    fn membership(&self) -> Option<Membership> {
        None
    }

    /// Begins to hand this peer's office to `to`, a voter that is in step, and returns at once
    /// (§3.10 of Ongaro's dissertation). Until that has happened this peer takes no commands; if it
    /// has not within an election timeout, it goes on as before.
    ///
    /// # Errors
    /// This peer does not lead, or `to` does not vote.
    fn transfer_leadership(&self, to: PeerId) -> Result<(), ChangeError> {
        let _ = to;
        Err(ChangeError::NotWritten)
    }

    /// The configuration that an entry stands for, given what
    /// [`EntryView::command`](crate::view::EntryView::command) says of it; `None` if it is a command.
    /// [`view_rpc`](Raft::view_rpc) and [`view_saved`](Raft::view_saved) show such entries with a
    /// command that this method knows, and that no service would give to `start`.
    fn view_membership(command: &[u8]) -> Option<Membership>
    where
        Self: Sized,
    {
        let _ = command;
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

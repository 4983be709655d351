//! A peer's side of its stable storage.

use std::fmt;

use bytes::Bytes;
use labsim::Domain;

use crate::Disk;

/// A peer's stable storage: two blobs of bytes, the Raft state and the snapshot, that survive a
/// crash of the peer.
///
/// Save what Figure 2 calls persistent state (`currentTerm`, `votedFor`, `log[]`, and what §7 adds)
/// as one blob, whenever it changes and *before* anybody can hear of the change: before a reply goes
/// out, and before this peer counts itself in a majority.
///
/// Cloning gives another handle to the same storage. [`Bytes`] are never changed once made, so
/// neither saving nor reading copies them, and nobody can alter what was saved.
///
/// ```
/// use raftapi::{Disk, LogIndex, Persister, Term};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Default, Serialize, Deserialize)]
/// struct State {
///     term: Term,
///     log: Vec<(Term, String)>,
/// }
///
/// fn restore(persister: &Persister) -> State {
///     let saved = persister.state();
///     if saved.is_empty() {
///         return State::default(); // the first start
///     }
///     labgob::decode(&saved).expect("what we saved ourselves")
/// }
///
/// # let domain = labsim::Domain::new(0, 0);
/// # let disk = Disk::new();
/// # let persister = disk.mount(&domain);
/// let mut state = restore(&persister);
/// state.term = state.term.next();
/// persister.save(labgob::encode(&state), persister.snapshot()); // keep the snapshot
///
/// # domain.crash();
/// # let persister = disk.mount(&labsim::Domain::new(0, 1));
/// // … and after a crash
/// assert_eq!(restore(&persister).term, Term(1));
/// ```
#[derive(Clone)]
pub struct Persister {
    disk: Disk,
    domain: Domain,
}

impl Persister {
    pub(crate) fn new(disk: Disk, domain: Domain) -> Persister {
        Persister { disk, domain }
    }

    /// Replaces both blobs, in one step: after a crash either both are there or neither is.
    ///
    /// An empty `snapshot` erases the one that was saved. To keep it pass it again
    /// (`persister.snapshot()`), which is cheap.
    ///
    /// Takes no time. What a crashed peer saves goes nowhere: the call returns as ever, and the next
    /// incarnation does not see it.
    pub fn save(&self, state: impl Into<Bytes>, snapshot: impl Into<Bytes>) {
        self.disk.save(&self.domain, state.into(), snapshot.into());
    }

    /// The state last saved by this peer, in this life or an earlier one; empty if none ever was.
    pub fn state(&self) -> Bytes {
        self.disk.state()
    }

    /// The snapshot last saved; empty if there is none.
    pub fn snapshot(&self) -> Bytes {
        self.disk.snapshot()
    }

    /// Bytes of [`state`](Persister::state). Snapshots are there to keep it small (§7).
    pub fn state_len(&self) -> usize {
        self.disk.state_len()
    }

    /// Bytes of [`snapshot`](Persister::snapshot).
    pub fn snapshot_len(&self) -> usize {
        self.disk.snapshot_len()
    }
}

impl fmt::Debug for Persister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Persister")
            .field("peer", &self.domain.peer())
            .field("incarnation", &self.domain.incarnation())
            .field("state_len", &self.state_len())
            .field("snapshot_len", &self.snapshot_len())
            .finish()
    }
}

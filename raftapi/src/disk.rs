//! The harness's side of a peer's stable storage.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use labsim::Domain;
use parking_lot::Mutex;

use crate::Persister;

/// The stable storage of one peer, which outlives the peer's incarnations. For the harness; a peer
/// sees it as the [`Persister`] of its incarnation.
///
/// Cloning gives another handle to the same storage.
///
/// ```
/// use labsim::Domain;
/// use raftapi::Disk;
///
/// let disk = Disk::new();
/// let first = Domain::new(2, 0);
/// let persister = disk.mount(&first);
/// persister.save("term 1", "");
///
/// first.crash();
/// persister.save("term 2", ""); // goes nowhere: its incarnation is dead
///
/// let persister = disk.mount(&Domain::new(2, 1));
/// assert_eq!(persister.state(), "term 1");
/// assert_eq!((disk.saves(), disk.lost_saves()), (1, 1));
/// ```
#[derive(Clone)]
pub struct Disk {
    shared: Arc<Shared>,
}

/// What a disk has just taken, for whoever [observes](Disk::observed) it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Saved<'a> {
    /// The domain's peer.
    pub peer: u32,
    /// The domain's incarnation.
    pub incarnation: u32,
    /// This is the disk's n-th save, from 1.
    pub number: u64,
    /// The peer's state.
    pub state: &'a Bytes,
    /// The snapshot, or nothing if there is none.
    pub snapshot: &'a Bytes,
}

struct Shared {
    /// A plain lock and not labsim's, so that a save is one indivisible step of a simulation: a
    /// crash comes before it or after it. Nothing in labsim is called under it that could switch.
    contents: Mutex<Contents>,
    observer: Option<Box<Observer>>,
}

type Observer = dyn Fn(Saved<'_>) + Send + Sync;

#[derive(Default)]
struct Contents {
    state: Bytes,
    snapshot: Bytes,
    counts: Counts,
    mounted: Option<Domain>,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    mounts: u64,
    saves: u64,
    lost_saves: u64,
    bytes_written: u64,
    max_state_len: usize,
    max_snapshot_len: usize,
}

impl Disk {
    /// An empty disk.
    pub fn new() -> Disk {
        Disk::build(None)
    }

    /// An empty disk that shows each save to `observer`, right after it took effect.
    ///
    /// The observer runs on the saving thread, so it belongs to the peer. It must not block, and a
    /// lock of labsim would let others run in between. Two threads that save at once may show up in
    /// either order; [`Saved::number`] tells it.
    pub fn observed(observer: impl Fn(Saved<'_>) + Send + Sync + 'static) -> Disk {
        Disk::build(Some(Box::new(observer)))
    }

    fn build(observer: Option<Box<Observer>>) -> Disk {
        Disk {
            shared: Arc::new(Shared {
                contents: Mutex::default(),
                observer,
            }),
        }
    }

    /// The disk as the incarnation `domain` sees it: with what earlier ones have saved, and for as
    /// long as the domain lives. May be called again for the same incarnation.
    ///
    /// # Panics
    /// If another incarnation has it mounted and is still alive: one disk has one writer.
    #[track_caller]
    pub fn mount(&self, domain: &Domain) -> Persister {
        let mut contents = self.shared.contents.lock();
        if let Some(other) = &contents.mounted
            && other.is_alive()
            && life(other) != life(domain)
        {
            let (other, own) = (life(other), life(domain));
            drop(contents);
            panic!(
                "incarnation {} of server {} cannot mount this disk: incarnation {} of server {} \
                 has it and is still alive. Crash that domain first",
                own.1, own.0, other.1, other.0
            );
        }
        contents.mounted = Some(domain.clone());
        contents.counts.mounts += 1;
        drop(contents);
        Persister::new(self.clone(), domain.clone())
    }

    /// The state last saved; empty if none ever was.
    pub fn state(&self) -> Bytes {
        self.shared.contents.lock().state.clone()
    }

    /// The snapshot last saved; empty if there is none.
    pub fn snapshot(&self) -> Bytes {
        self.shared.contents.lock().snapshot.clone()
    }

    /// Bytes of [`state`](Disk::state).
    pub fn state_len(&self) -> usize {
        self.shared.contents.lock().state.len()
    }

    /// Bytes of [`snapshot`](Disk::snapshot).
    pub fn snapshot_len(&self) -> usize {
        self.shared.contents.lock().snapshot.len()
    }

    /// How often it was mounted.
    pub fn mounts(&self) -> u64 {
        self.counts().mounts
    }

    /// How many saves took effect.
    pub fn saves(&self) -> u64 {
        self.counts().saves
    }

    /// How many saves went nowhere, because the incarnation behind them had crashed.
    pub fn lost_saves(&self) -> u64 {
        self.counts().lost_saves
    }

    /// Bytes of all states and snapshots ever saved. A snapshot handed over again counts again.
    pub fn bytes_written(&self) -> u64 {
        self.counts().bytes_written
    }

    /// Bytes of the largest state ever saved.
    pub fn max_state_len(&self) -> usize {
        self.counts().max_state_len
    }

    /// Bytes of the largest snapshot ever saved.
    pub fn max_snapshot_len(&self) -> usize {
        self.counts().max_snapshot_len
    }

    fn counts(&self) -> Counts {
        self.shared.contents.lock().counts
    }

    /// Takes both blobs in one step, unless `domain` is dead.
    pub(crate) fn save(&self, domain: &Domain, state: Bytes, snapshot: Bytes) {
        let (state_len, snapshot_len) = (state.len() as u64, snapshot.len() as u64);
        let lens = || format!("{{\"state\":{state_len},\"snapshot\":{snapshot_len}}}");
        let Some(number) = self.store(domain, &state, &snapshot) else {
            labsim::trace::event("save_lost", state_len, snapshot_len, lens);
            return;
        };
        if let Some(observer) = &self.shared.observer {
            let (peer, incarnation) = life(domain);
            observer(Saved {
                peer,
                incarnation,
                number,
                state: &state,
                snapshot: &snapshot,
            });
        }
        labsim::trace::event("save", state_len, snapshot_len, lens);
    }

    /// The number of this save, or `None` if it went nowhere.
    fn store(&self, domain: &Domain, state: &Bytes, snapshot: &Bytes) -> Option<u64> {
        let mut contents = self.shared.contents.lock();
        // Asked under the lock: once a new incarnation has read the disk, no save of the old one
        // can still come in.
        if !domain.is_alive() {
            contents.counts.lost_saves += 1;
            return None;
        }
        contents.state = state.clone();
        contents.snapshot = snapshot.clone();
        let counts = &mut contents.counts;
        counts.saves += 1;
        counts.bytes_written += (state.len() + snapshot.len()) as u64;
        counts.max_state_len = counts.max_state_len.max(state.len());
        counts.max_snapshot_len = counts.max_snapshot_len.max(snapshot.len());
        Some(counts.saves)
    }
}

impl Default for Disk {
    fn default() -> Disk {
        Disk::new()
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk")
            .field("state_len", &self.state_len())
            .field("snapshot_len", &self.snapshot_len())
            .field("saves", &self.saves())
            .finish()
    }
}

/// Which incarnation of which peer.
fn life(domain: &Domain) -> (u32, u32) {
    (domain.peer(), domain.incarnation())
}

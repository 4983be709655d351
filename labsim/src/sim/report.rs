//! What the simulator says of its threads when a run fails.

use super::kernel::{Kernel, START};
use super::objects::{Holder, ObjId};
use super::threads::{Slot, State, Thread, Why};
use crate::outcome::{
    BlockerReport, BlockerRole, HeldReport, ThreadReport, WaitReport, short_type,
};

impl Kernel {
    /// What each live thread does, in the order of their start.
    pub(crate) fn snapshot(&self) -> Vec<ThreadReport> {
        self.snapshot_of(|_| true)
    }

    /// The same for those that `which` picks.
    pub(crate) fn snapshot_of(&self, which: impl Fn(&Thread) -> bool) -> Vec<ThreadReport> {
        let mut threads: Vec<(u32, Slot)> = self
            .threads
            .live()
            .filter(|(_, t)| which(t))
            .map(|(slot, t)| (t.uid, slot))
            .collect();
        threads.sort_unstable();
        threads
            .into_iter()
            .map(|(_, slot)| self.thread_report(slot))
            .collect()
    }

    pub(crate) fn thread_report(&self, slot: Slot) -> ThreadReport {
        let t = self.threads.get(slot);
        ThreadReport {
            id: t.uid,
            name: t.name.to_string(),
            peer: t.acts_for().map(|d| d.peer()),
            spawned_at: t.spawned_at,
            last_call: t.last_call,
            wait: self.wait_report(t),
            holds: t
                .held
                .iter()
                .map(|h| HeldReport {
                    object: self.object(h.obj),
                    at: h.at,
                })
                .collect(),
        }
    }

    fn wait_report(&self, t: &Thread) -> Option<WaitReport> {
        let State::Blocked { why, at, since, .. } = t.state else {
            return None;
        };
        let obj = t.waiting_for.first();
        let blockers = obj.map_or_else(Vec::new, |obj| self.blockers(why, *obj));
        let blockers = blockers.into_iter();
        Some(WaitReport {
            what: self.describe_wait(why, &t.waiting_for),
            at,
            since: std::time::Duration::from_nanos(since - START),
            blockers: blockers
                .map(|(role, holder)| self.blocker_report(role, holder))
                .collect(),
        })
    }

    fn blocker_report(&self, role: BlockerRole, holder: Holder) -> BlockerReport {
        let by = self.threads.get(holder.slot);
        BlockerReport {
            id: by.uid,
            name: by.name.to_string(),
            role,
            at: holder.at,
        }
    }

    /// For whom a thread waits that waits for `obj`, and what makes it wait for each of them.
    pub(super) fn blockers(&self, why: Why, obj: ObjId) -> Vec<(BlockerRole, Holder)> {
        let o = self.objects.get(obj);
        let holder = |role| o.holder.iter().map(|h| (role, *h)).collect();
        match why {
            Why::Lock => holder(BlockerRole::Holds),
            Why::Once => holder(BlockerRole::Makes),
            Why::WriteLock | Why::ReadLock if o.holder.is_some() => holder(BlockerRole::Holds),
            Why::WriteLock => {
                let mut readers: Vec<(BlockerRole, Holder)> = Vec::new();
                for reader in &o.readers {
                    // A thread that reads twice stands in the way once.
                    if readers.iter().all(|(_, other)| other.slot != reader.slot) {
                        readers.push((BlockerRole::Reads, *reader));
                    }
                }
                readers
            }
            Why::ReadLock => {
                let first = self.first_writer(obj).into_iter();
                first.map(|h| (BlockerRole::WaitsToWrite, h)).collect()
            }
            _ => Vec::new(),
        }
    }

    fn describe_wait(&self, why: Why, objs: &[ObjId]) -> String {
        // Channels without room, and those of the clock, have no object to wait for.
        let object = || {
            objs.first()
                .map_or_else(|| "a channel".into(), |o| self.object(*o))
        };
        match why {
            Why::Sleep => "sleeps".into(),
            Why::Lock => format!("waits to lock {}", object()),
            Why::ReadLock => format!("waits to read-lock {}", object()),
            Why::WriteLock => format!("waits to write-lock {}", object()),
            Why::Condvar => "waits on a Condvar".into(),
            Why::Receive => format!("waits to receive from {}", object()),
            Why::Send => format!("waits to send to {}", object()),
            Why::Select => "waits in a select".into(),
            Why::Join => format!("waits for the end of {}", self.joined(objs)),
            Why::Park => "is parked".into(),
            Why::Crash => "waits for the end of a crashed peer's threads".into(),
            Why::Once => format!("waits for {} to be initialised", object()),
            Why::Value => format!("waits for {} to be set by another thread", object()),
            Why::Barrier => format!("waits at a Barrier ({} there)", self.waiters_of(objs)),
            Why::Stall => "was preempted, and stands still".into(),
            Why::WaitGroup => "waits for the other holders of a WaitGroup".into(),
        }
    }

    fn waiters_of(&self, objs: &[ObjId]) -> usize {
        objs.first()
            .map_or(0, |o| self.objects.get(*o).waiters.len())
    }

    fn joined(&self, objs: &[ObjId]) -> String {
        let of = self.threads.live().find(|(_, t)| objs.contains(&t.exit));
        of.map_or_else(
            || "a thread".into(),
            |(_, t)| format!("thread '{}'", t.name),
        )
    }

    pub(crate) fn object(&self, id: ObjId) -> String {
        let kind = self.objects.get(id).kind;
        match kind.content {
            "" => kind.name.into(),
            content => format!("{}<{}>", kind.name, short_type(content)),
        }
    }
}

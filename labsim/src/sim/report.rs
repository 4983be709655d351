//! What the simulator says of its threads when a run fails.

use super::kernel::{Kernel, START};
use super::objects::ObjId;
use super::threads::{Slot, State, Thread, Why};
use crate::outcome::{HeldReport, ThreadReport, WaitReport, short_type};

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
        let State::Blocked { why, at, since } = t.state else {
            return None;
        };
        let obj = t.waiting_for.first().copied();
        let holder = obj.filter(|_| why.is_lock()).and_then(|obj| {
            let o = self.objects.get(obj);
            o.holder.or_else(|| o.readers.first().copied())
        });
        Some(WaitReport {
            what: self.describe_wait(why, &t.waiting_for),
            at,
            since: std::time::Duration::from_nanos(since - START),
            holder: holder.map(|h| {
                let by = self.threads.get(h.slot);
                (by.uid, by.name.to_string(), h.at)
            }),
        })
    }

    fn describe_wait(&self, why: Why, objs: &[ObjId]) -> String {
        let object = || objs.first().map_or_else(String::new, |o| self.object(*o));
        match why {
            Why::Sleep => "sleeps".into(),
            Why::Lock => format!("waits to lock {}", object()),
            Why::ReadLock => format!("waits to read-lock {}", object()),
            Why::WriteLock => format!("waits to write-lock {}", object()),
            Why::Condvar => "waits on a Condvar".into(),
            Why::Receive => format!("waits to receive from {}", object()),
            Why::Send => format!("waits to send to {}", object()),
            Why::Select => format!("waits in a select over {} channels", objs.len()),
            Why::Join => format!("waits for the end of {}", self.joined(objs)),
            Why::Park => "is parked".into(),
            Why::Crash => "waits for the end of a crashed peer's threads".into(),
            Why::Once => "waits for a value that another thread is making".into(),
        }
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

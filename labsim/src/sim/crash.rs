//! Ending the threads of one fault domain, as a power failure does.

use std::panic::Location;

use super::kernel::{Kernel, Next};
use super::objects::{ObjId, ObjKind};
use super::threads::{Life, Why};
use crate::domain::Domain;

const CRASH: ObjKind = ObjKind {
    name: "crash",
    content: "",
};

impl Kernel {
    /// Dooms the threads of `domain`, but for those that are acting for another peer: their doom comes when they are
    /// back. The others unwind before anything else runs.
    pub(crate) fn crash(&mut self, domain: &Domain) {
        self.hash
            .add(0xfc << 56 | u64::from(domain.peer()) << 16 | u64::from(domain.incarnation()));
        self.doom(|t| t.domain.as_ref() == Some(domain) && !t.acts_for_another());
    }

    /// Dooms the running thread if its domain crashed while it was acting for another.
    pub(crate) fn crash_late(&mut self) {
        let me = self.me();
        let crashed = me.domain.as_ref().is_some_and(|d| !d.is_alive());
        if crashed && me.life == Life::Alive && !me.acts_for_another() {
            me.life = Life::Doomed;
        }
    }

    /// An object to wait on until the last thread of `domain` but the caller has ended; none if it has.
    pub(crate) fn await_end_of(&mut self, domain: &Domain) -> Option<ObjId> {
        let me = self.running;
        if !self
            .threads
            .live()
            .any(|(slot, t)| slot != me && t.domain.as_ref() == Some(domain))
        {
            return None;
        }
        let obj = self.objects.add(CRASH);
        self.crashes.push((domain.clone(), obj));
        Some(obj)
    }

    /// Blocks the caller of a crash until the domain's threads have ended.
    pub(crate) fn wait_for_crash(&mut self, obj: ObjId, at: &'static Location<'static>) -> Next {
        self.block(&[obj], None, Why::Crash, at)
    }

    /// A thread of `domain` has finished: whoever waits for its end may go on.
    pub(crate) fn left_domain(&mut self, domain: &Domain) {
        if self.crashes.is_empty() {
            return;
        }
        for i in (0..self.crashes.len()).rev() {
            let (of, obj) = self.crashes[i].clone();
            let waiter = self.objects.get(obj).waiters.first().copied();
            let left = self
                .threads
                .live()
                .any(|(slot, t)| Some(slot) != waiter && t.domain.as_ref() == Some(domain));
            if of == *domain && !left {
                self.notify_all(obj);
                self.objects.remove(obj);
                self.crashes.remove(i);
            }
        }
    }
}

//! Exclusive locks: who holds which. Shared ones are in `rwlock`.

use std::panic::Location;

use super::kernel::Kernel;
use super::objects::{Holder, ObjId};
use super::threads::{Held, Slot};

impl Kernel {
    /// Takes `obj` for the running thread if nobody holds it. `Err`: who does.
    #[inline]
    pub(crate) fn try_acquire(
        &mut self,
        obj: ObjId,
        at: &'static Location<'static>,
    ) -> Result<(), Holder> {
        let slot = self.running;
        let o = self.objects.get_mut(obj);
        if let Some(holder) = o.holder {
            return Err(holder);
        }
        if let Some(reader) = o.readers.first() {
            return Err(*reader);
        }
        o.holder = Some(Holder { slot, at });
        self.threads.get_mut(slot).held.push(Held { obj, at });
        Ok(())
    }

    /// The running thread gives `obj` back; one of those that wait for it may try again.
    #[inline]
    pub(crate) fn release(&mut self, obj: ObjId) {
        let slot = self.running;
        self.drop_held(slot, obj);
        let o = self.objects.get_mut(obj);
        o.holder = None;
        if !o.waiters.is_empty() {
            self.notify_one(obj);
        }
    }

    #[inline]
    pub(crate) fn drop_held(&mut self, slot: Slot, obj: ObjId) {
        let held = &mut self.threads.get_mut(slot).held;
        if let Some(i) = held.iter().rposition(|h| h.obj == obj) {
            held.remove(i);
        }
    }
}

//! Waiting and waking: what blocks a thread, and what makes it ready again.

use std::panic::Location;

use super::kernel::{Kernel, Next, Op};
use super::objects::{Holder, ObjId};
use super::threads::{Life, OpState, Slot, State, Wake, Why};

impl Kernel {
    /// Blocks the running thread until one of `objs` is notified or `deadline` passes.
    pub(crate) fn block(
        &mut self,
        objs: &[ObjId],
        deadline: Option<u64>,
        why: Why,
        at: &'static Location<'static>,
    ) -> Next {
        let slot = self.running;
        let now = self.now;
        let me = self.threads.get_mut(slot);
        me.epoch += 1;
        me.busy_calls = 0;
        me.state = State::Blocked {
            why,
            at,
            since: now,
            limited: deadline.is_some(),
        };
        me.last_call = at;
        me.waiting_for.clear();
        me.waiting_for.extend_from_slice(objs);
        for obj in objs {
            self.objects.get_mut(*obj).waiters.push(slot);
        }
        if let Some(at) = deadline {
            self.timers.set(at, slot, self.threads.get(slot).epoch);
            self.alarm = self.alarm.min(at);
            if self.timers.wants_sweep() {
                let threads = &self.threads;
                self.timers.sweep(|t| threads.get(t.slot).epoch == t.epoch);
            }
        }
        self.hash
            .add(0xfe << 56 | (why as u64) << 48 | u64::from(slot));
        if why.is_lock() {
            self.end_if_in_circle();
        }
        self.next_ready(slot)
    }

    /// The running thread is about to wait on `condvar` with `mutex`. `Err`: a thread that waits on it with another one.
    pub(crate) fn pair(&mut self, condvar: ObjId, mutex: ObjId) -> Result<(), Holder> {
        let object = self.objects.get_mut(condvar);
        match object.waiters.first() {
            Some(slot) if object.mutex != mutex => {
                let at = self.threads.get(*slot).last_call;
                Err(Holder { slot: *slot, at })
            }
            _ => {
                object.mutex = mutex;
                Ok(())
            }
        }
    }

    /// Makes a blocked thread ready.
    pub(crate) fn wake(&mut self, slot: Slot, wake: Wake) {
        let t = self.threads.get_mut(slot);
        debug_assert!(
            matches!(t.state, State::Blocked { .. }),
            "thread {slot} is not blocked"
        );
        t.state = State::Ready;
        t.wake = wake;
        t.epoch += 1;
        let objs = std::mem::take(&mut t.waiting_for);
        for obj in &objs {
            let waiters = &mut self.objects.get_mut(*obj).waiters;
            if let Some(i) = waiters.iter().position(|w| *w == slot) {
                waiters.remove(i);
            }
        }
        let t = self.threads.get_mut(slot);
        t.waiting_for = objs;
        t.waiting_for.clear();
        let (life, priority) = (t.life, t.priority);
        if life == Life::Alive {
            self.ready.push(slot);
            if self
                .sched
                .wake_preempts(self.threads.get(self.running).priority, priority)
            {
                self.cut_turn();
            }
        } else {
            self.dying.push(slot);
            self.cut_turn();
        }
    }

    /// Wakes one of the threads that wait for `obj`; false if there is none.
    pub(crate) fn notify_one(&mut self, obj: ObjId) -> bool {
        let n = self.objects.get(obj).waiters.len();
        if n == 0 {
            return false;
        }
        let i = self.sched.pick_waiter(n);
        let slot = self.objects.get(obj).waiters[i];
        self.wake(slot, Wake::Notified);
        self.threads.get_mut(slot).woken_by = Some(obj);
        self.let_go_first(slot);
        true
    }

    /// The running thread gave back what `slot` waited for. It gives way at once if it, or another, was quicker
    /// before: a loop around a lock would otherwise keep all others out.
    pub(crate) fn let_go_first(&mut self, slot: Slot) {
        if self.threads.get(slot).overtaken {
            self.cut_turn();
        }
    }

    /// Wakes all threads that wait for `obj`, and says how many.
    pub(crate) fn notify_all(&mut self, obj: ObjId) -> usize {
        let mut n = 0;
        while let Some(slot) = self.objects.get(obj).waiters.first().copied() {
            self.wake(slot, Wake::Notified);
            n += 1;
        }
        n
    }

    /// Gives the thread with this uid its token, and wakes it if it is parked.
    pub(crate) fn unpark(&mut self, uid: u64) {
        let found = self
            .threads
            .live()
            .find(|(_, t)| u64::from(t.uid) == uid)
            .map(|(slot, _)| slot);
        let Some(slot) = found else { return };
        let t = self.threads.get_mut(slot);
        t.unpark_token = true;
        if let State::Blocked { why: Why::Park, .. } = t.state {
            self.wake(slot, Wake::Notified);
        }
    }

    /// Begins an operation of the running thread that others may complete while it waits.
    pub(crate) fn begin_op(&mut self) -> Op {
        self.ops += 1;
        Op {
            slot: self.running,
            number: self.ops,
        }
    }

    /// From now on, the running thread waits in `op`; if `open`, others may complete it.
    pub(crate) fn enter_op(&mut self, op: Op, open: bool) {
        self.me().op = Some(OpState {
            number: op.number,
            open,
            arm: None,
        });
    }

    /// Leaves the operation; says which arm of it another thread has completed.
    pub(crate) fn leave_op(&mut self, op: Op) -> Option<usize> {
        self.me().op.take().filter(|o| o.number == op.number)?.arm
    }

    /// Completes another thread's operation by its `arm`; false if it no longer waits, or was completed before.
    pub(crate) fn complete_op(&mut self, op: Op, arm: usize) -> bool {
        match &mut self.threads.get_mut(op.slot).op {
            Some(o) if o.number == op.number && o.open => {
                o.open = false;
                o.arm = Some(arm);
                true
            }
            _ => false,
        }
    }

    /// Wakes the thread that waits in `op`, if it still does.
    pub(crate) fn wake_op(&mut self, op: Op) {
        let t = self.threads.get(op.slot);
        let waits = t.op.as_ref().is_some_and(|o| o.number == op.number);
        if waits && matches!(t.state, State::Blocked { .. }) {
            self.wake(op.slot, Wake::Notified);
        }
    }
}

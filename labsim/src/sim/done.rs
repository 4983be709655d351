//! The end of a run, as the thread that called `run` learns of it.

use crate::outcome::Failure;

/// Where the caller of `run` waits for the end, and finds a failure that left the kernel unreachable.
#[derive(Default)]
pub(crate) struct Done {
    state: parking_lot::Mutex<DoneState>,
    changed: parking_lot::Condvar,
}

#[derive(Default)]
struct DoneState {
    over: bool,
    abandoned: Option<Failure>,
}

impl Done {
    /// Every thread has ended.
    pub(crate) fn over(&self) {
        self.state.lock().over = true;
        self.changed.notify_all();
    }

    /// The run was given up.
    pub(crate) fn fail(&self, failure: Failure) {
        let mut state = self.state.lock();
        if !state.over && state.abandoned.is_none() {
            state.abandoned = Some(failure);
        }
        state.over = true;
        self.changed.notify_all();
    }

    pub(crate) fn is_over(&self) -> bool {
        self.state.lock().over
    }

    /// Waits for the end; `Some` if the run was given up, and then its kernel must not be touched.
    pub(crate) fn wait(&self) -> Option<Failure> {
        let mut state = self.state.lock();
        while !state.over {
            self.changed.wait(&mut state);
        }
        state.abandoned.take()
    }
}

//! Where a run takes place: on labsim's clock that the settings ask for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::claim::{self, Broken};
use crate::run::{Ended, Run, StoryEnded};
use crate::settings::Settings;

/// Runs `body`, the whole of a run. What ended it early, if anything did, is on the run's board.
pub fn execute(_settings: &Settings, run: &Arc<Run>, body: impl FnOnce(Arc<Run>) + Send + 'static) -> Ended {
    let began = Instant::now();
    let handle = run.clone();
    let result = std::thread::spawn(move || catch_unwind(AssertUnwindSafe(|| body(handle)))).join();
    if let Err(payload) | Ok(Err(payload)) = result
        && !payload.is::<StoryEnded>()
    {
        let message = payload.downcast_ref::<String>().cloned().unwrap_or_default();
        run.board.breaks(panicked(message), began.elapsed());
    }
    Ended { elapsed: began.elapsed(), wall: began.elapsed(), cpu: Duration::ZERO, trace_hash: 0, trace: None }
}

fn panicked(message: String) -> Broken {
    claim::NO_PANIC.broken(message)
}

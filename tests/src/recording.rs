//! What is kept of a run that is recorded: its last events, for the report, and its trace, for the pictures.

use std::collections::VecDeque;
use std::sync::Arc;

use labsim::trace::Event;
use parking_lot::Mutex;

use crate::report;
use crate::run::{Ended, Run};
use crate::settings::Settings;
use crate::trace::Trace;

/// The most events that a report looks back on: some seconds of a busy cluster.
const LAST: usize = 30_000;

/// A run that is being recorded.
pub(crate) struct Recording {
    /// The last events, if there is to be a report of them.
    last: Option<Mutex<VecDeque<Event>>>,
    trace: Option<Trace>,
}

impl Recording {
    /// Begins to record a run, if anybody wants it.
    ///
    /// # Panics
    /// If `LAB_TRACE` names a folder that can't be written.
    pub fn begin(settings: &Settings, run: &Run) -> Option<Arc<Recording>> {
        let asked = settings.trace.as_ref().map(|folder| {
            let begun = Trace::begin(folder, run);
            begun.unwrap_or_else(|e| panic!("LAB_TRACE={}: {e}", folder.display()))
        });
        let trace = asked.or_else(|| {
            let folder = settings.spare_trace.as_ref()?;
            let begun = Trace::begin(folder, run);
            begun
                .inspect_err(|e| {
                    run.board
                        .warn(format!("{}: {e}: no trace was kept", folder.display()))
                })
                .ok()
        });
        let last = settings.recorded.then(Mutex::default);
        let wanted = last.is_some() || trace.is_some();
        wanted.then(|| Arc::new(Recording { last, trace }))
    }

    /// Takes an event.
    pub fn take(&self, event: Event) {
        if let Some(trace) = &self.trace {
            trace.add(&event);
        }
        let Some(last) = &self.last else {
            return;
        };
        let mut last = last.lock();
        if last.len() == LAST {
            last.pop_front();
        }
        last.push_back(event);
    }

    /// The run is over, and `ended` is known of it: adds what was recorded.
    pub fn end(&self, run: &Run, ended: &mut Ended) {
        if let Some(last) = &self.last {
            ended.events = std::mem::take(&mut *last.lock()).into();
        }
        let Some(trace) = &self.trace else {
            return;
        };
        let report = run.board.is_broken().then(|| report::failure(run, ended));
        let at = ended.elapsed.as_nanos() as u64;
        match trace.end(run, ended.trace_hash, at, report.as_deref()) {
            Ok(path) => ended.trace = Some(path),
            Err(e) => run
                .board
                .warn(format!("the trace could not be written: {e}")),
        }
    }
}

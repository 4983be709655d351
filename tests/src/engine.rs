//! Where a run takes place: on labsim's clock that the settings ask for.

use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use labsim::{Backend, Config, Failure, Stalls, TraceLevel};
use rustix::time::{ClockId, clock_gettime};

use crate::claim::{self, Broken};
use crate::kv;
use crate::recording::Recording;
use crate::run::{Ended, Run, StoryEnded};
use crate::settings::{Clock, Scheduler, Settings, Threads};

/// In stories in which threads stand still they do so for up to this long: enough for messages to arrive, too little
/// for anybody's election timeout.
const LONGEST_STALL: Duration = Duration::from_millis(10);

/// Runs `body`, the whole of a run. What ended it early, if anything did, is on the run's board.
pub fn execute(
    settings: &Settings,
    run: &Arc<Run>,
    body: impl FnOnce(Arc<Run>) + Send + 'static,
) -> Ended {
    let (began, cpu_before) = (Instant::now(), cpu());
    let handle = run.clone();
    let recording = Recording::begin(settings, run);
    let config = config(settings, run, recording.clone());
    let outcome = labsim::run(config, move || body(handle));
    if let Err(failure) = outcome.result {
        run.board.fails(broken_by(failure), outcome.elapsed);
    }
    if run.story.is_kv() {
        kv::judge(run, outcome.elapsed);
    }
    let cpu = cpu().saturating_sub(cpu_before);
    for finding in outcome.findings {
        run.board.warn(in_our_words(&finding));
    }
    let mut ended = Ended {
        elapsed: outcome.elapsed,
        cpu,
        wall: began.elapsed(),
        trace_hash: outcome.trace_hash,
        ..Ended::default()
    };
    if let Some(recording) = recording {
        recording.end(run, &mut ended);
    }
    ended
}

fn config(settings: &Settings, run: &Run, recording: Option<Arc<Recording>>) -> Config {
    let mut config = Config::seed(run.seed)
        .time_limit(Duration::from_secs(run.story.limit_s))
        .spin_limit(settings.spin_limit)
        .clock(match settings.clock {
            Clock::Sim => labsim::Clock::Virtual,
            Clock::Real => labsim::Clock::Wall,
        })
        .backend(match settings.threads {
            Threads::Os => Backend::Os,
            Threads::Fiber => Backend::Fiber,
        })
        .scheduler(match settings.scheduler {
            Scheduler::Random => labsim::Scheduler::default(),
            Scheduler::Pct => labsim::Scheduler::Pct {
                changes: 3,
                window: 10_000,
            },
            Scheduler::RunToBlock => labsim::Scheduler::RunToBlock,
        });
    config.stalls = (run.story.stalls > 0).then_some(Stalls {
        one_in: run.story.stalls,
        longest: LONGEST_STALL,
    });
    match recording {
        Some(recording) => config
            .trace(TraceLevel::Events)
            .trace_into(move |event| recording.take(event)),
        None => config,
    }
}

/// The claim that a run's own end breaks; `None` if the story ended it.
fn broken_by(failure: Failure) -> Option<Broken> {
    let claim = match &failure {
        Failure::Panic { payload, .. } if payload.downcast_ref::<StoryEnded>().is_some() => {
            return None;
        }
        Failure::Panic { .. } => &claim::NO_PANIC,
        Failure::Deadlock { .. } => &claim::NO_DEADLOCK,
        Failure::Spin { .. } => &claim::NO_SPIN,
        _ => &claim::IN_TIME,
    };
    Some(Broken {
        claim,
        saw: in_our_words(&failure),
        at: place(&failure),
    })
}

/// What labsim says, with servers where it knows peers.
fn in_our_words(what: &dyn std::fmt::Display) -> String {
    what.to_string().replace(" of peer ", " of server ")
}

/// The line that a failure is about.
fn place(failure: &Failure) -> String {
    let line = |at: &Location<'_>| format!("{}:{}", at.file(), at.line());
    match failure {
        Failure::Panic { record, .. } => record.location.clone(),
        Failure::Spin { last_call, .. } => last_call.map(line),
        Failure::Deadlock { threads, .. }
        | Failure::TimeLimit { threads, .. }
        | Failure::CallLimit { threads, .. } => {
            threads.first().map(|thread| line(thread.last_call))
        }
        _ => None,
    }
    .unwrap_or_else(|| "the simulation".into())
}

/// What this process has spent on the processor so far. Tests that run beside this one count too:
/// for an exact figure run with `--test-threads=1`.
fn cpu() -> Duration {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        spent.tv_sec.unsigned_abs(),
        u32::try_from(spent.tv_nsec).unwrap_or(0),
    )
}

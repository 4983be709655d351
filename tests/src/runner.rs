//! Plays a story over its seeds. Each `#[test]` of the suites is one call of [`play`].

use std::io::Write;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::claim::Claim;
use crate::run::{Ended, Run, StoryEnded};
use crate::settings::{Clock, Settings};
use crate::subject::Kind;
use crate::{Cluster, Story, engine, record, report};

/// Seeds that a test tries when nobody says how many: few enough for an edit-compile-run loop.
const RUNS: u32 = 3;
/// The same on the wall clock.
const RUNS_REAL: u32 = 1;

/// Plays `story` on every seed that the knobs ask for.
///
/// # Panics
/// If a claim was broken: the test fails, after its report was printed. Other tests go on.
pub fn play(story: &'static Story, kind: Kind, tell: fn(&Cluster)) {
    let settings = settings();
    let kept = |written: std::io::Result<()>| {
        if let Err(error) = written {
            panic!("LAB_RESULTS={:?}: {error}", settings.results);
        }
    };
    if settings.list {
        return kept(record::list(settings, story));
    }
    if story.exact && settings.clock == Clock::Real {
        say(&format!(
            "skip {} {}: it needs the simulation's control over time",
            story.part, story.name
        ));
        let run = Run::new(story, settings.seed, settings.clock);
        return kept(record::append(
            settings,
            &run,
            &Default::default(),
            record::Result::Skipped,
        ));
    }
    let mut failed = false;
    for seed in seeds(story, settings) {
        let run = Arc::new(Run::new(story, seed, settings.clock));
        let mut ended = engine::execute(settings, &run, move |run| perform(run, kind, tell));
        let broken = run.board.is_broken();
        if broken && settings.clock == Clock::Sim {
            play_again(settings, &run, &mut ended, kind, tell);
        }
        let result = if broken {
            record::Result::Failed
        } else {
            record::Result::Passed
        };
        kept(record::append(settings, &run, &ended, result));
        match broken {
            true if failed => {}
            true => eprintln!("\n{}\n", report::failure(&run, &ended)),
            false => println!("{}", report::success(&run, &ended)),
        }
        warn_of(&run);
        failed |= broken;
        if failed && !settings.keep_going {
            break;
        }
    }
    if failed {
        // The report says it all: no second message from a panic hook.
        resume_unwind(Box::new(
            "a claim of the test was broken; its report is above",
        ));
    }
}

/// A run that failed is played again, and recorded, which so costs nothing when nothing fails. And a seed that
/// does not lead to the same run is worth knowing.
fn play_again(settings: &Settings, run: &Run, ended: &mut Ended, kind: Kind, tell: fn(&Cluster)) {
    let recorded = Settings {
        recorded: true,
        // Whoever asks for records sees to traces himself.
        spare_trace: spare_folder().filter(|_| settings.results.is_none()),
        ..settings.clone()
    };
    let again = Arc::new(Run::new(run.story, run.seed, run.clock));
    let second = engine::execute(&recorded, &again, move |run| perform(run, kind, tell));
    ended.trace = second.trace;
    if second.trace_hash == ended.trace_hash {
        ended.events = second.events;
    } else {
        run.board.warn(format!(
            "played again with the same seed the run is another one (trace {:016x}, then {:016x}): \
             a replay may not show this failure. Does something iterate over a HashMap, or take \
             time, randomness or threads from elsewhere than labsim?",
            ended.trace_hash, second.trace_hash
        ));
    }
}

/// `target/lab`, if this is a test's executable where cargo puts them: `target/debug/deps`.
fn spare_folder() -> Option<PathBuf> {
    let executable = std::env::current_exe().ok()?;
    let deps = executable.parent().filter(|deps| deps.ends_with("deps"))?;
    Some(deps.ancestors().nth(2)?.join("lab"))
}

/// How one run of a story went.
#[derive(Debug)]
pub struct Rehearsal {
    /// The claim that was broken, if one was.
    pub broken: Option<&'static Claim>,
    /// What the test would print.
    pub report: String,
    /// What was worth a warning.
    pub warnings: Vec<String>,
    /// What it cost.
    pub ended: Ended,
}

/// Plays `story` once in the simulation, whatever the knobs say, and prints nothing; with less patience than a test
/// has. For tests of the suites themselves.
pub fn rehearse(story: &'static Story, kind: Kind, tell: fn(&Cluster), seed: u64) -> Rehearsal {
    let settings = Settings {
        recorded: true,
        spin_limit: Duration::from_secs(3),
        ..Settings::default()
    };
    let mut run = Run::new(story, seed, settings.clock);
    (run.storm, run.clerk_storm) = (100_000, 100_000);
    let run = Arc::new(run);
    let ended = engine::execute(&settings, &run, move |run| perform(run, kind, tell));
    let facts = run.board.facts();
    let broken = facts.broken.map(|(broken, _)| broken.claim);
    let report = match broken {
        Some(_) => report::failure(&run, &ended),
        None => report::success(&run, &ended),
    };
    Rehearsal {
        broken,
        report,
        warnings: facts.warnings,
        ended,
    }
}

/// The run itself, inside labsim.
fn perform(run: Arc<Run>, kind: Kind, tell: fn(&Cluster)) {
    let cluster = Cluster::start(run.clone(), kind);
    let told = cluster.play_part(|| {
        tell(&cluster);
        cluster.check();
    });
    match told {
        Err(payload) if !payload.is::<StoryEnded>() => resume_unwind(payload),
        // What clerks were told is checked when the run is over, too late to ask anybody.
        Ok(()) if run.story.is_kv() => cluster.survey(),
        _ => {}
    }
    cluster.finish();
}

fn seeds(story: &Story, settings: &Settings) -> impl Iterator<Item = u64> {
    let usual = match (settings.clock, story.runs) {
        (Clock::Real, _) => RUNS_REAL,
        (Clock::Sim, 0) => RUNS,
        (Clock::Sim, own) => own,
    };
    let first = settings.seed;
    (0..u64::from(settings.runs.unwrap_or(usual))).map(move |k| first.wrapping_add(k))
}

/// The knobs, read once; and the secret taken, before any code of the student's runs.
fn settings() -> &'static Settings {
    static SETTINGS: OnceLock<Result<Settings, String>> = OnceLock::new();
    let read = SETTINGS.get_or_init(|| {
        let settings = Settings::from_env()?;
        record::take_secret(&settings)
            .map_err(|e| format!("LAB_SECRET={:?}: {e}", settings.secret))?;
        Ok(settings)
    });
    match read {
        Ok(settings) => settings,
        Err(problem) => panic!("{problem}"),
    }
}

/// Prints each warning once a process, past libtest's capture: a test that passes shows them too.
fn warn_of(run: &Run) {
    static SAID: OnceLock<parking_lot::Mutex<std::collections::BTreeSet<String>>> = OnceLock::new();
    for warning in run.board.facts().warnings {
        if SAID
            .get_or_init(Default::default)
            .lock()
            .insert(warning.clone())
        {
            say(&format!(
                "warning {} {}: {warning}",
                run.story.part, run.story.name
            ));
        }
    }
}

/// Writes a line to stderr itself, which libtest does not capture.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

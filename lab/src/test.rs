//! `cargo lab test`: tests over many seeds.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::catalog;
use crate::cli::{Clock, Test};
use crate::guard::Limits;
use crate::pool::{Plan, cores};
use crate::show::{Json, Lines, Live, Show, closing};
use crate::tally::Tally;
use crate::trace::{keep, record};
use crate::worker::{interrupted, is_set};
use crate::{grade, out, workspace};

/// Limits wide enough for an honest mistake of one's own: they keep the machine usable.
pub const OWN: Limits = Limits {
    cpu: Duration::from_secs(900),
    memory: 8 << 30,
    output: 256 << 20,
    wall: Duration::from_secs(1800),
    clean: false,
};

/// Runs the tests; `true` if all passed.
///
/// # Errors
/// They don't build, or a name is unknown.
pub fn run(options: &Test) -> Result<bool, String> {
    let root = workspace::root()?;
    let suites = workspace::build(&root, options.knobs.debug)?;
    let tests = catalog::choose(
        &catalog::list(&suites)?,
        &options.what,
        options.filter.as_deref(),
    )?;
    let interrupted = interrupted().map_err(|e| format!("Ctrl-C can't be caught: {e}"))?;
    let plan = Plan {
        tests: &tests,
        seed: options.knobs.seed,
        runs: options.runs,
        jobs: options.jobs.map_or_else(cores, |jobs| jobs as usize),
        environment: options.knobs.environment(),
        batch: None,
        limits: OWN,
        deadline: None,
        interrupted: &interrupted,
    };
    let mut tallies = Tally::none(&tests, plan.seed, plan.runs);
    let mut show: Box<dyn Show> = match (options.json, std::io::stdout().is_terminal()) {
        (true, _) => Box::new(Json::default()),
        (false, true) => Box::new(Live::default()),
        (false, false) => Box::new(Lines::default()),
    };
    plan.play(|news| {
        let mut wanted = true;
        if let Some((batch, harvest)) = news {
            let tally = &mut tallies[batch.number];
            tally.add(batch, harvest);
            if options.fail_fast && !tally.failures.is_empty() {
                tally.cut_short = true;
                wanted = false;
            }
        }
        show.update(&tallies);
        if out::is_gone() {
            interrupted.store(true, Ordering::Relaxed);
        }
        wanted
    })?;
    let broke_off = is_set(&interrupted);
    show.finish(&tallies);
    if !options.json {
        let real = options.knobs.clock == Clock::Real;
        if !real && !broke_off {
            add_pages(
                &mut tallies,
                &options.knobs.environment(),
                &interrupted,
                &root,
            );
        }
        out::text(&closing(&tallies, broke_off, real));
    }
    let failed = tallies.iter().any(|tally| !tally.failures.is_empty());
    grade::warn(&root, failed);
    let ran = |tally: &Tally| tally.skipped || tally.passed > 0;
    Ok(!broke_off && !failed && tallies.iter().all(ran))
}

/// Makes a page for the failure of each test that is shown, and names it in the report.
fn add_pages(
    tallies: &mut [Tally],
    environment: &[(&'static str, String)],
    interrupted: &AtomicBool,
    root: &Path,
) {
    let folder = keep::folder(root);
    for (place, page) in record::pages(tallies, environment, &OWN, interrupted, &folder) {
        tallies[place].add_page(&keep::shown(&page, root));
    }
}

//! The verdict on a run's whole history.

use std::time::Duration;

use linear::models::Kv;
use linear::{Report, Settings, Verdict, check};

use crate::claim::{self, Broken, Claim};
use crate::run::Run;

/// The most steps that the checker may take on a key. Histories here take a few for each operation.
const STEPS: u64 = 4_000_000;

/// Claims about values, of which the checker may know better what went wrong.
const OF_VALUES: [&Claim; 2] = [&claim::READS_OWN_WRITES, &claim::EXACTLY_ONCE];

/// Checks the history of a run that is over. It runs outside of the simulation: no thread of a
/// server waits for it, and it takes no virtual time.
pub(crate) fn judge(run: &Run, at: Duration) {
    let broken = run.board.facts().broken.map(|(broken, _)| broken.claim);
    if broken.is_some_and(|claim| !OF_VALUES.contains(&claim)) {
        return;
    }
    let Err(found) = linearizable(run) else {
        return;
    };
    match broken {
        None => run.board.breaks(found, at),
        // The story's own check was first; the operations that contradict each other say why.
        Some(_) => run.board.update(|facts| {
            if let Some((broken, _)) = &mut facts.broken {
                broken.saw = format!("{}.\n{}", broken.saw, found.saw);
            }
        }),
    }
}

/// The operations of a run and what the checker found, for the trace.
pub(crate) fn findings(run: &Run) -> Report {
    let history = run.board.kv.lock().history();
    check(&Kv, &history, &settings()).report(&Kv, &history)
}

fn settings() -> Settings {
    Settings {
        steps: STEPS,
        ..Settings::default()
    }
}

fn linearizable(run: &Run) -> Result<(), Broken> {
    let history = run.board.kv.lock().history();
    let found = check(&Kv, &history, &settings());
    let claim = match found.verdict() {
        Verdict::Linearizable => return Ok(()),
        Verdict::Illegal => &claim::LINEARIZABLE,
        Verdict::Unknown => &claim::DECIDED,
    };
    let saw = found.report(&Kv, &history).to_string();
    Err(Broken {
        claim,
        saw,
        at: "the check of the whole history".into(),
    })
}

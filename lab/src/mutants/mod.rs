//! `cargo lab mutants`: the suites themselves are put to the test, with wrong solutions.
//!
//! | file | what it holds |
//! |---|---|
//! | `corpus` | `tests/mutants/`, and making a mutant's sources |
//! | `trial` | one mutant against the suites |

mod corpus;
mod trial;

use std::fs;
use std::sync::Arc;

use corpus::{Corpus, Mutant};
use trial::{Fate, Trial, Verdict};

use crate::catalog::{self, Test};
use crate::cli::{Clock, Knobs, Mutants, Threads};
use crate::grade::{Bench, RUN};
use crate::near::unknown;
use crate::pool::cores;
use crate::worker::{interrupted, is_set};
use crate::workspace;

/// Tries each chosen mutant; `true` if each is rejected by its part.
///
/// # Errors
/// The corpus does not fit, or the machine is at fault.
pub fn run(options: &Mutants) -> Result<bool, String> {
    let root = workspace::root()?;
    let corpus = Corpus::read(&root.join("tests/mutants"))?;
    let chosen = choose(&corpus.mutants, &options.what)?;
    let interrupted = interrupted().map_err(|e| format!("Ctrl-C can't be caught: {e}"))?;
    let bench = Bench::new(&root, &root.join("target/lab-mutants"))?;
    let trial = Trial {
        seed: options.seed,
        runs: options.runs,
        jobs: options.jobs.map_or_else(cores, |jobs| jobs as usize),
        environment: knobs(options).environment(),
        limits: RUN,
        interrupted: &interrupted,
    };
    let mut verdicts = Vec::new();
    for mutant in chosen {
        let verdict = try_one(&corpus, mutant, &bench, &trial)?;
        println!("{}", verdict.line());
        if options.verbose
            && let Fate::Rejected(kill) | Fate::Elsewhere(kill) = &verdict.fate
        {
            println!("    {}", kill.report.trim_end().replace('\n', "\n    "));
        }
        verdicts.push(verdict);
        if is_set(&interrupted) {
            break;
        }
    }
    let file = root.join("target/lab-mutants/matrix.json");
    let text = serde_json::to_string_pretty(&verdicts).map_err(|e| e.to_string())?;
    fs::write(&file, text).map_err(|e| format!("{}: {e}", file.display()))?;
    print!("{}", closing(&verdicts));
    println!("the whole matrix is in {}", file.display());
    Ok(!is_set(&interrupted) && verdicts.iter().all(Verdict::is_as_it_must_be))
}

fn choose<'a>(all: &'a [Mutant], what: &[String]) -> Result<Vec<&'a Mutant>, String> {
    let fits = |mutant: &Mutant, word: &String| {
        mutant.part.eq_ignore_ascii_case(word) || mutant.name.contains(word.as_str())
    };
    for word in what {
        if !all.iter().any(|mutant| fits(mutant, word)) {
            let names: Vec<&str> = all.iter().map(|mutant| mutant.name.as_str()).collect();
            return Err(unknown("mutant or part", word, &names));
        }
    }
    let wanted = |m: &&Mutant| what.is_empty() || what.iter().any(|word| fits(m, word));
    Ok(all.iter().filter(wanted).collect())
}

fn try_one(
    corpus: &Corpus,
    mutant: &Mutant,
    bench: &Bench,
    trial: &Trial<'_>,
) -> Result<Verdict, String> {
    let sources = corpus.sources(mutant, bench.reference())?;
    let suites = match bench.build(&sources, || is_set(trial.interrupted)) {
        _ if is_set(trial.interrupted) => return Ok(Verdict::new(mutant, Fate::BrokenOff, 0.0)),
        Err(message) => return Ok(Verdict::new(mutant, Fate::NotBuilt(message), 0.0)),
        Ok(suites) => suites,
    };
    let (own, others): (Vec<Arc<Test>>, Vec<Arc<Test>>) = catalog::list(&suites)?
        .into_iter()
        .partition(|test| test.story.part == mutant.part);
    if own.is_empty() {
        return Err(format!("mutant {}: there is no part {}", mutant.name, mutant.part));
    }
    let (kill, cpu_s) = trial.run(&own)?;
    if let Some(kill) = kill {
        return Ok(Verdict::new(mutant, Fate::Rejected(kill), cpu_s));
    }
    let (kill, more) = trial.run(&others)?;
    let fate = match kill {
        _ if is_set(trial.interrupted) => Fate::BrokenOff,
        Some(kill) => Fate::Elsewhere(kill),
        None => Fate::Survived,
    };
    Ok(Verdict::new(mutant, fate, cpu_s + more))
}

fn knobs(options: &Mutants) -> Knobs {
    Knobs {
        seed: options.seed,
        clock: Clock::Sim,
        threads: Threads::Fiber,
        scheduler: options.scheduler,
        debug: false,
    }
}

fn closing(verdicts: &[Verdict]) -> String {
    let rejected = verdicts.iter().filter(|v| v.is_as_it_must_be()).count();
    let cpu_s: f64 = verdicts.iter().map(|verdict| verdict.cpu_s).sum();
    let mut text = format!(
        "{rejected} of {} rejected in their part, {cpu_s:.0} s of processor time in their runs\n",
        verdicts.len()
    );
    for verdict in verdicts.iter().filter(|v| !v.is_as_it_must_be()) {
        text += &format!("  {}: {}\n", verdict.mutant, verdict.why);
    }
    text
}

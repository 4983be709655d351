//! `cargo lab mutants`: the suites themselves are put to the test, with wrong solutions.
//!
//! | file | what it holds |
//! |---|---|
//! | `corpus` | `tests/mutants/`, and making a mutant's sources |
//! | `trial` | one mutant against the suites |
//! | `matrix` | what came of all of them |

mod corpus;
mod matrix;
mod trial;

use std::path::Path;
use std::time::Duration;

use corpus::{Corpus, Mutant};
use matrix::Matrix;
use trial::{Fate, Kill, Trial, Verdict};

use crate::catalog;
use crate::cli::{Clock, Knobs, Mutants, Threads};
use crate::grade::{Bench, Unbuilt};
use crate::guard::Limits;
use crate::near::unknown;
use crate::pool::cores;
use crate::sources::{self, Sources};
use crate::worker::{interrupted, is_set};
use crate::{out, workspace};

/// What one run of one test may use: many times what the reference does.
const RUN: Limits = Limits {
    cpu: Duration::from_secs(40),
    memory: 4 << 30,
    output: 64 << 20,
    wall: Duration::from_secs(160),
    clean: true,
};

/// The suite of the optional part.
const OPTIONAL: &str = "raft_2e";

/// Tries each chosen mutant; `true` if each is rejected by its part.
///
/// # Errors
/// The corpus does not fit, or the machine is at fault.
pub fn run(options: &Mutants) -> Result<bool, String> {
    let root = workspace::root()?;
    let corpus = Corpus::read(&root, options.blind)?;
    let chosen = sample(choose(&corpus.mutants, &options.what)?, options);
    let interrupted = interrupted().map_err(|e| format!("Ctrl-C can't be caught: {e}"))?;
    let reference = sources::read(&root)?;
    if options.list {
        return list(&corpus, &chosen, &reference);
    }
    let mut bench = Bench::new(&root, &root.join("target/lab-mutants"))?;
    bench.expect_small_changes();
    let trial = Trial {
        seed: options.seed,
        runs: options.runs,
        repeats: options.repeats,
        jobs: options.jobs.map_or_else(cores, |jobs| jobs as usize),
        environment: knobs(options).environment(),
        limits: RUN,
        interrupted: &interrupted,
    };
    let file = match options.blind {
        true => "target/lab-mutants/blind.json",
        false => "target/lab-mutants/matrix.json",
    };
    let mut matrix = Matrix::open(root.join(file), options.resume)?;
    let chosen: Vec<&Mutant> = (chosen.into_iter())
        .filter(|mutant| !matrix.has(&mutant.name))
        .collect();
    for mutant in chosen {
        let sources = corpus.sources(mutant, &reference)?;
        let verdict = try_one(mutant, sources, &root, &mut bench, &trial)?;
        if is_set(&interrupted) {
            break;
        }
        out::line(verdict.line());
        if options.verbose
            && let Fate::Rejected(kill) | Fate::Elsewhere(kill) = &verdict.fate
        {
            out::line(format_args!(
                "    {}",
                kill.report.trim_end().replace('\n', "\n    ")
            ));
        }
        matrix.enter(verdict)?;
    }
    if let Some(file) = &options.table {
        matrix::write(file, &matrix.table())?;
    }
    let verdicts = matrix.verdicts();
    out::text(&closing(verdicts));
    out::line(format_args!(
        "the whole matrix is in {}",
        matrix.file().display()
    ));
    Ok(!is_set(&interrupted) && verdicts.iter().all(Verdict::is_as_it_must_be))
}

/// The mutants of this turn.
fn sample<'a>(all: Vec<&'a Mutant>, options: &Mutants) -> Vec<&'a Mutant> {
    let Some(most) = options.sample else {
        return all;
    };
    let most = (most as usize).min(all.len());
    let first = most * options.turn as usize;
    (first..first + most)
        .map(|at| all[at % all.len()])
        .collect()
}

fn list(corpus: &Corpus, chosen: &[&Mutant], reference: &Sources) -> Result<bool, String> {
    for mutant in chosen {
        if corpus.sources(mutant, reference)? == *reference {
            return Err(format!("mutant {} changes nothing", mutant.name));
        }
        let Mutant {
            name,
            part,
            section,
            why,
            ..
        } = mutant;
        out::line(format_args!("{name:<32} {part}  {why} ({section})"));
    }
    Ok(true)
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
    mutant: &Mutant,
    sources: Sources,
    root: &Path,
    bench: &mut Bench,
    trial: &Trial<'_>,
) -> Result<Verdict, String> {
    let end = format!("_{}", mutant.part.to_lowercase());
    let (own, mut others): (Vec<String>, Vec<String>) = workspace::suites(root)
        .into_iter()
        .partition(|suite| suite.ends_with(&end));
    if mutant.raft.is_some() {
        // That part is optional, and only the reference has it: this one fails there whatever its mistake.
        others.retain(|suite| suite != OPTIONAL);
    }
    if own.is_empty() {
        return Err(format!(
            "mutant {}: there is no part {}",
            mutant.name, mutant.part
        ));
    }
    let mut cpu_s = 0.0;
    for (suites, found) in [
        (own, Fate::Rejected as fn(Kill) -> Fate),
        (others, Fate::Elsewhere),
    ] {
        match against(&sources, suites, bench, trial)? {
            _ if is_set(trial.interrupted) => {
                return Ok(Verdict::new(mutant, Fate::BrokenOff, cpu_s));
            }
            Err(message) => return Ok(Verdict::new(mutant, Fate::NotBuilt(message), cpu_s)),
            Ok((kill, seconds)) => {
                cpu_s += seconds;
                if let Some(kill) = kill {
                    return Ok(Verdict::new(mutant, found(kill), cpu_s));
                }
            }
        }
    }
    Ok(Verdict::new(mutant, Fate::Survived, cpu_s))
}

/// How these sources fare against these suites, or why they do not build.
fn against(
    sources: &Sources,
    suites: Vec<String>,
    bench: &mut Bench,
    trial: &Trial<'_>,
) -> Result<Result<(Option<Kill>, f64), String>, String> {
    bench.restrict(suites);
    match bench.build(sources, || is_set(trial.interrupted)) {
        Err(Unbuilt::Errors(message)) => Ok(Err(message)),
        Err(Unbuilt::Machine(why)) => Err(why),
        Ok(built) => trial.run(&catalog::list(&built)?).map(Ok),
    }
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

//! `cargo lab grade`: marks for submissions.
//!
//! | file | what it holds |
//! |---|---|
//! | `intake`, `archive` | what is taken of a submission |
//! | `strip`, `screen`, `tokens` | its own tests taken out, and what its source may not contain |
//! | `misuse` | what is allowed, and yet a mistake |
//! | `points` | `grading.toml` |
//! | `bench`, `unbuilt` | the workspace that it is built in, and whose fault it is if it isn't |
//! | `grading` | building and running it |
//! | `marks` | what it earned |
//! | `table`, `pages`, `html`, `files` | showing that, and writing it down |
//! | `samples` | `samples/`: submissions with marks that are known |

mod archive;
mod bench;
mod files;
mod grading;
mod html;
mod intake;
mod losses;
mod marks;
mod misuse;
mod pages;
mod points;
mod samples;
mod screen;
mod strip;
mod table;
mod tokens;
mod unbuilt;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::catalog::Test;
use crate::cli::Grade;
use crate::pool::cores;
use crate::worker::{interrupted, is_set};
use crate::{out, sources, workspace};

pub use bench::Bench;
use grading::Grading;
use marks::Status;
pub use pages::escaped;
use points::Points;
pub use unbuilt::Unbuilt;

/// Grades the submissions; `true` if that worked, whatever their marks.
///
/// # Errors
/// The grader is at fault: no tests, wrong points, nowhere to write.
pub fn run(options: &Grade) -> Result<bool, String> {
    let root = workspace::root()?;
    let seed = seed(options)?;
    let interrupted = interrupted().map_err(|e| format!("Ctrl-C can't be caught: {e}"))?;
    let folder = root.join("target/lab-grade");
    let bench = Bench::new(&root, &folder)?;
    let samples = match &options.samples {
        Some(file) => Some(samples::read(file, &root, &folder.join("samples"))?),
        None => None,
    };
    let mut submissions = options.submissions.clone();
    submissions.extend(samples.iter().flat_map(|samples| samples.folders.clone()));
    let Some(grading) = prepare(options, &root, bench, seed, interrupted)? else {
        return Ok(false);
    };
    let mut all = Vec::new();
    for (name, path) in named(&submissions) {
        let below = (submissions.len() > 1).then_some(name.as_str());
        let Some((marks, was_there)) = grading.grade(&name, &path, below)? else {
            break;
        };
        if all.is_empty() {
            out::line(table::header(&marks));
        }
        out::line(table::row(&marks));
        if !was_there {
            grading.write(&marks, below)?;
        }
        all.push(marks);
        if out::is_gone() {
            grading.interrupted.store(true, Ordering::Relaxed);
        }
    }
    if submissions.len() > 1 {
        files::put(&options.out.join("grades.csv"), &pages::csv(&all))?;
        files::put(&options.out.join("index.html"), &html::index(&all))?;
    }
    if all.len() < submissions.len() {
        out::line(format!(
            "broken off after {} of {}; the same command with --resume goes on",
            all.len(),
            submissions.len()
        ));
        return Ok(false);
    }
    let ungraded = (all.iter())
        .filter(|marks| marks.status == Status::NotGraded)
        .count();
    if ungraded > 0 {
        out::line(format!(
            "{ungraded} of {} not graded, by the machine's fault; the same command with --resume grades them",
            all.len()
        ));
        return Ok(false);
    }
    out::line(format!(
        "seed {:#x}, {} runs a test; pages are in {}",
        grading.seed,
        grading.runs,
        options.out.display()
    ));
    match samples {
        Some(samples) => samples.compare(&all).map(|()| true),
        None => Ok(true),
    }
}

/// What there is to say of this workspace's sources before anything runs: why they would be refused, or what in them the
/// simulation knows nothing of; to whoever looks for a failure also what may keep it from being repeated.
pub fn remarks(root: &Path, failed: bool) -> Vec<String> {
    match grading::take(root, &sources::CRATES) {
        Err(why) => vec![format!("`cargo lab grade` would refuse this: {why}")],
        Ok(sources) => misuse::remarks(&sources, failed),
    }
}

/// The same as warnings on stderr.
pub fn warn(root: &Path, failed: bool) {
    for remark in remarks(root, failed) {
        let _ = std::io::stderr().write_all(format!("warning: {remark}\n").as_bytes());
    }
}

/// Asks what tests there are, and reads the points. `None` if
/// Ctrl-C came before that was done.
fn prepare(
    options: &Grade,
    root: &Path,
    mut bench: Bench,
    seed: u64,
    interrupted: Arc<AtomicBool>,
) -> Result<Option<Grading>, String> {
    let stories = match bench.tests(|| is_set(&interrupted)) {
        _ if is_set(&interrupted) => return Ok(None),
        listed => listed?,
    };
    let executable = PathBuf::new(); // each submission has its own
    let tests = stories.into_iter().map(|story| {
        let executable = executable.clone();
        Arc::new(Test { story, executable })
    });
    let tests = tests.collect::<Vec<_>>();
    let usual = root.join("grading.toml");
    let file = options.points.as_ref().unwrap_or(&usual);
    let points_text = fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let points =
        Points::read(&points_text, &tests).map_err(|e| format!("{}: {e}", file.display()))?;
    let tests = points.graded(tests);
    let suites: BTreeSet<String> = tests.iter().map(|test| test.story.suite.clone()).collect();
    bench.restrict(suites.into_iter().collect());
    Ok(Some(Grading {
        bench,
        tests,
        seed,
        runs: options.runs.unwrap_or(points.runs),
        points,
        points_text,
        jobs: options.jobs.map_or_else(cores, |jobs| jobs as usize),
        limits: grading::limits(options.cpu, options.memory),
        time: Duration::from_secs_f64(60.0 * options.minutes),
        out: options.out.clone(),
        resume: options.resume,
        interrupted,
    }))
}

/// The seed that was asked for, or that of the grading that goes on, or a fresh one, written down.
/// That is the first file written: a folder that takes no files is noticed before anything is built.
fn seed(options: &Grade) -> Result<u64, String> {
    let file = options.out.join("seed");
    let before = fs::read_to_string(&file).ok().filter(|_| options.resume);
    let seed = match (options.seed, before) {
        (Some(seed), _) => seed,
        (None, Some(text)) => {
            crate::cli::seed(&text).map_err(|e| format!("{}: {e}", file.display()))?
        }
        (None, None) => {
            let mut bytes = [0; 4];
            let read =
                fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
            read.map_err(|e| format!("/dev/urandom: {e}"))?;
            u64::from(u32::from_le_bytes(bytes))
        }
    };
    fs::create_dir_all(&options.out)
        .map_err(|e| e.to_string())
        .and_then(|()| files::put(&file, &format!("{seed:#x}\n")))
        .map_err(|e| {
            let out = options.out.display();
            format!("--out {out}: {e}; give a folder that can be written to")
        })?;
    Ok(seed)
}

/// Submissions by a name each: the file's, with a number after one that is taken.
fn named(submissions: &[PathBuf]) -> Vec<(String, PathBuf)> {
    let mut taken: BTreeMap<String, u32> = BTreeMap::new();
    // The grading's own files are not a submission's folders.
    let mut used = BTreeSet::from(["seed", "grades.csv", "index.html"].map(String::from));
    let name = |path: &PathBuf| {
        let path = path.canonicalize().unwrap_or_else(|_| path.clone());
        let name = path.file_name().map_or("submission".into(), |name| {
            name.to_string_lossy().into_owned()
        });
        let stem = [".tar.gz", ".tgz", ".zip"]
            .into_iter()
            .find_map(|end| name.strip_suffix(end).map(String::from));
        let stem = stem.unwrap_or(name);
        loop {
            let count = taken.entry(stem.clone()).or_default();
            *count += 1;
            let name = if *count == 1 {
                stem.clone()
            } else {
                format!("{stem}-{count}")
            };
            if used.insert(name.clone()) {
                return name;
            }
        }
    };
    let names: Vec<String> = submissions.iter().map(name).collect();
    names.into_iter().zip(submissions.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart() {
        let paths = [
            "/x/ada.zip",
            "/y/ada.tar.gz",
            "/z/ada-2",
            "/z/b c",
            "/z/seed",
        ]
        .map(PathBuf::from);
        let names: Vec<String> = named(&paths).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["ada", "ada-2", "ada-2-2", "b c", "seed-2"]);
    }
}

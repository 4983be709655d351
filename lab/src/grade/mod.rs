//! `cargo lab grade`: marks for submissions.
//!
//! | file | what it holds |
//! |---|---|
//! | `intake`, `archive` | what is taken of a submission |
//! | `screen` | what its source may not contain |
//! | `points` | `grading.toml` |
//! | `bench` | the workspace that it is built in |
//! | `marks` | what it earned |
//! | `pages`, `html` | writing that down |
//! | `samples` | `samples/`: submissions with marks that are known |

mod archive;
mod bench;
mod html;
mod intake;
mod marks;
mod pages;
mod points;
mod samples;
mod screen;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::catalog::{self, Test};
use crate::cli::{Clock, Grade, Knobs, Scheduler, Threads};
use crate::guard::Limits;
use crate::pool::{Plan, cores};
use crate::tally::Tally;
use crate::worker::{interrupted, is_set};
use crate::workspace;

pub use bench::Bench;
pub use intake::Sources;
use marks::{Mark, Marks, Status};
use points::Points;

/// All that a grading holds fixed.
struct Grading {
    bench: Bench,
    tests: Vec<Arc<Test>>,
    points: Points,
    points_text: String,
    seed: u64,
    runs: u32,
    jobs: usize,
    out: PathBuf,
    resume: bool,
    interrupted: Arc<AtomicBool>,
}

/// Grades the submissions; `true` if that worked, whatever their marks.
///
/// # Errors
/// The grader is at fault: no tests, wrong points, nowhere to write.
pub fn run(options: &Grade) -> Result<bool, String> {
    let root = workspace::root()?;
    fs::create_dir_all(&options.out)
        .map_err(|e| format!("--out {}: {e}", options.out.display()))?;
    let folder = root.join("target/lab-grade");
    let samples = match &options.samples {
        Some(file) => Some(samples::read(file, &root, &folder.join("samples"))?),
        None => None,
    };
    let mut submissions = options.submissions.clone();
    submissions.extend(
        samples
            .iter()
            .flat_map(|samples| samples.folders.iter().cloned()),
    );
    let grading = prepare(options, &root, &folder)?;
    let mut all = Vec::new();
    for (name, path) in named(&submissions) {
        let Some(marks) = grading.grade(&name, &path)? else {
            break;
        };
        println!(
            "{:>7} of {:<6} {:14} {name}",
            marks.score(),
            marks.points(),
            marks.status_text()
        );
        grading.write(
            &marks,
            if submissions.len() == 1 {
                None
            } else {
                Some(&name)
            },
        )?;
        all.push(marks);
    }
    if submissions.len() > 1 {
        put(&options.out.join("grades.csv"), &pages::csv(&all))?;
        put(&options.out.join("index.html"), &html::index(&all))?;
    }
    if is_set(&grading.interrupted) {
        println!(
            "broken off after {} of {}; the same command with --resume goes on",
            all.len(),
            submissions.len()
        );
        return Ok(false);
    }
    println!(
        "seed {:#x}, {} runs a test; pages are in {}",
        grading.seed,
        grading.runs,
        options.out.display()
    );
    match samples {
        Some(samples) => samples.compare(&all).map(|()| true),
        None => Ok(true),
    }
}

/// Builds the reference, whose suites say what tests there are, and reads the points.
fn prepare(options: &Grade, root: &Path, folder: &Path) -> Result<Grading, String> {
    let interrupted = interrupted().map_err(|e| format!("Ctrl-C can't be caught: {e}"))?;
    let bench = Bench::new(root, folder)?;
    let suites = bench
        .build(bench.reference(), || is_set(&interrupted))
        .map_err(|e| format!("the suites do not build with the crates of this workspace:\n{e}"))?;
    let tests = catalog::list(&suites)?;
    let file = options
        .points
        .clone()
        .unwrap_or_else(|| root.join("grading.toml"));
    let points_text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    let points =
        Points::read(&points_text, &tests).map_err(|e| format!("{}: {e}", file.display()))?;
    let seed = seed(options)?;
    let runs = options.runs.unwrap_or(points.runs);
    let jobs = options.jobs.map_or_else(cores, |jobs| jobs as usize);
    let out = options.out.clone();
    Ok(Grading {
        bench,
        tests,
        points,
        points_text,
        seed,
        runs,
        jobs,
        out,
        resume: options.resume,
        interrupted,
    })
}

/// The seed that was asked for, or that of the grading that goes on, or a fresh one, written down.
fn seed(options: &Grade) -> Result<u64, String> {
    let file = options.out.join("seed");
    let before = fs::read_to_string(&file).ok().filter(|_| options.resume);
    let seed = match (options.seed, before) {
        (Some(seed), _) => seed,
        (None, Some(text)) => crate::cli::seed(&text)?,
        (None, None) => {
            let mut bytes = [0; 4];
            let read =
                fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
            read.map_err(|e| format!("/dev/urandom: {e}"))?;
            u64::from(u32::from_le_bytes(bytes))
        }
    };
    put(&file, &format!("{seed:#x}\n"))?;
    Ok(seed)
}

impl Grading {
    /// The marks of one submission; `None` if it was broken off.
    fn grade(&self, name: &str, path: &Path) -> Result<Option<Marks>, String> {
        let taken = intake::take(path, &self.bench.crates).and_then(|sources| {
            sources
                .iter()
                .try_for_each(|(name, text)| screen::check(name, text))
                .map(|()| sources)
        });
        let sources = match taken {
            Ok(sources) => sources,
            Err(message) => {
                return Ok(Some(self.zero(
                    name,
                    String::new(),
                    Status::Refused,
                    message,
                )));
            }
        };
        let key = self.key(&sources);
        if let Some(marks) = self.resume.then(|| self.earlier(name, &key)).flatten() {
            return Ok(Some(marks));
        }
        let stop = || is_set(&self.interrupted);
        let suites = match self.bench.build(&sources, stop) {
            _ if stop() => return Ok(None),
            Ok(suites) => suites,
            Err(message) => return Ok(Some(self.zero(name, key, Status::NotBuilt, message))),
        };
        let tests: Vec<Arc<Test>> = self
            .tests
            .iter()
            .map(|test| {
                let executable = suites.get(&test.story.suite).cloned().unwrap_or_default();
                Arc::new(Test {
                    story: test.story.clone(),
                    executable,
                })
            })
            .collect();
        let tallies = self.play(&tests)?;
        Ok((!stop()).then(|| self.marks(name, key, &tallies)))
    }

    fn play(&self, tests: &[Arc<Test>]) -> Result<Vec<Tally>, String> {
        let plan = Plan {
            tests,
            seed: self.seed,
            runs: self.runs,
            jobs: self.jobs,
            environment: knobs(self.seed).environment(),
            limits: limits(self.runs),
            interrupted: &self.interrupted,
        };
        let mut tallies: Vec<Tally> = tests
            .iter()
            .map(|test| Tally::new(test.clone(), self.seed, self.runs))
            .collect();
        plan.play(|news| {
            if let Some((batch, harvest)) = news {
                tallies[batch.number].add(batch, harvest);
            }
            true
        })?;
        Ok(tallies)
    }

    fn marks(&self, name: &str, key: String, tallies: &[Tally]) -> Marks {
        let shares = self.points.shares(&self.tests);
        let tests = tallies
            .iter()
            .zip(shares)
            .map(|(tally, share)| Mark::new(tally, &self.points, share))
            .collect();
        Marks {
            name: name.into(),
            key,
            seed: self.seed,
            runs: self.runs,
            status: Status::Graded,
            message: String::new(),
            tests,
        }
    }

    fn zero(&self, name: &str, key: String, status: Status, message: String) -> Marks {
        let none: Vec<Tally> = self
            .tests
            .iter()
            .map(|test| Tally::new(test.clone(), self.seed, self.runs))
            .collect();
        Marks {
            status,
            message,
            ..self.marks(name, key, &none)
        }
    }

    /// Equal for gradings that give equal marks.
    fn key(&self, sources: &Sources) -> String {
        let mut hasher = DefaultHasher::new();
        (
            sources,
            &self.points_text,
            self.seed,
            self.runs,
            self.bench.fingerprint(),
        )
            .hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }

    fn earlier(&self, name: &str, key: &str) -> Option<Marks> {
        let places = [self.out.join(name), self.out.clone()];
        let read = |folder: &PathBuf| fs::read_to_string(folder.join("marks.json")).ok();
        let marks = places
            .iter()
            .filter_map(read)
            .filter_map(|text| serde_json::from_str::<Marks>(&text).ok());
        marks
            .into_iter()
            .find(|marks| marks.key == key && marks.name == name)
    }

    fn write(&self, marks: &Marks, below: Option<&str>) -> Result<(), String> {
        let folder = below.map_or(self.out.clone(), |name| self.out.join(name));
        fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        put(
            &folder.join("results.json"),
            &json(&pages::gradescope(marks))?,
        )?;
        put(&folder.join("junit.xml"), &pages::junit(marks))?;
        put(&folder.join("report.html"), &html::report(marks))?;
        put(&folder.join("marks.json"), &json(marks)?)
    }
}

fn knobs(seed: u64) -> Knobs {
    Knobs {
        seed,
        clock: Clock::Sim,
        threads: Threads::Fiber,
        scheduler: Scheduler::Random,
        debug: false,
    }
}

/// What one run of one test may use: many times what the reference does.
pub const RUN: Limits = Limits {
    cpu: Duration::from_secs(40),
    memory: 4 << 30,
    output: 64 << 20,
    wall: Duration::from_secs(160),
};

/// What the runs of one test may use.
fn limits(runs: u32) -> Limits {
    let cpu = Duration::from_secs(30 + 10 * u64::from(runs));
    Limits {
        cpu,
        memory: 4 << 30,
        output: 64 << 20,
        wall: cpu * 4,
    }
}

/// Submissions by a name each: the file's, with a number after one that is taken.
fn named(submissions: &[PathBuf]) -> Vec<(String, PathBuf)> {
    let mut taken: BTreeMap<String, u32> = BTreeMap::new();
    let mut used = BTreeSet::new();
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

fn json(value: &impl serde::Serialize) -> Result<String, String> {
    serde_json::to_string_pretty(value)
        .map(|text| text + "\n")
        .map_err(|e| e.to_string())
}

fn put(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart() {
        let paths = ["/x/ada.zip", "/y/ada.tar.gz", "/z/ada-2", "/z/b c"].map(PathBuf::from);
        let names: Vec<String> = named(&paths).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["ada", "ada-2", "ada-2-2", "b c"]);
    }
}

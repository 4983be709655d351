//! One grading: what it holds fixed, and the marks of one submission after another.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::bench::Bench;
use super::intake;
use super::marks::{Mark, Marks, Status};
use super::points::Points;
use super::unbuilt::Unbuilt;
use super::{files, html, misuse, pages, screen};
use crate::catalog::Test;
use crate::cli::{Clock, Knobs, Scheduler, Threads};
use crate::guard::Limits;
use crate::pool::Plan;
use crate::sources::{self, Sources};
use crate::tally::Tally;
use crate::trace::record;
use crate::worker::is_set;
use crate::workspace::Suites;

/// Seeds of one process. A number of its own, so that marks do not depend on the number of cores.
const BATCH: u32 = 5;

/// All that a grading holds fixed.
#[derive(Debug)]
pub struct Grading {
    /// Where submissions are built.
    pub bench: Bench,
    /// The tests that earn points.
    pub tests: Vec<Arc<Test>>,
    /// What they earn.
    pub points: Points,
    /// The same as its file has it.
    pub points_text: String,
    /// The first seed.
    pub seed: u64,
    /// Seeds a test.
    pub runs: u32,
    /// Processes at a time.
    pub jobs: usize,
    /// What one process of a submission may use.
    pub limits: Limits,
    /// The most time for the runs of one submission.
    pub time: Duration,
    /// The folder for the pages.
    pub out: PathBuf,
    /// Marks that are there already are taken over.
    pub resume: bool,
    /// Set by Ctrl-C.
    pub interrupted: Arc<AtomicBool>,
}

impl Grading {
    /// The marks of one submission, and whether they were there already; `None` if it was broken off.
    ///
    /// # Errors
    /// The machine is at fault.
    pub fn grade(
        &self,
        name: &str,
        path: &Path,
        below: Option<&str>,
    ) -> Result<Option<(Marks, bool)>, String> {
        let fresh = |marks| Ok(Some((marks, false)));
        let mut sources = match take(path, &self.bench.crates) {
            Ok(sources) => sources,
            Err(message) => {
                return fresh(self.zero(name, String::new(), Status::Refused, message));
            }
        };
        let mut message = String::new();
        for crate_ in self.bench.missing(&sources) {
            message.push_str(&format!(
                "There is no {crate_}/src in it; the handout's stub took its place.\n"
            ));
            sources.extend(self.bench.stub(crate_));
        }
        for remark in misuse::remarks(&sources, false) {
            message.push_str(&format!("{remark}\n"));
        }
        let key = self.key(&sources);
        if let Some(marks) = self.resume.then(|| self.earlier(name, &key)).flatten() {
            return Ok(Some((marks, true)));
        }
        let stop = || is_set(&self.interrupted);
        let (suites, lost) = match self.build(&sources) {
            _ if stop() => return Ok(None),
            Ok(built) => built,
            Err(Unbuilt::Errors(said)) => {
                return fresh(self.zero(name, key, Status::NotBuilt, said));
            }
            // Without a key, so that nobody takes it for a mark that is there already.
            Err(Unbuilt::Machine(why)) => {
                return fresh(self.zero(name, String::new(), Status::NotGraded, why));
            }
        };
        let tests = self.tests_in(&suites);
        let tallies = self.play(&tests)?;
        if stop() {
            return Ok(None);
        }
        if let Some(said) = lost {
            message.push_str(&format!(
                "kvraft does not build and earns nothing:\n{said}\n"
            ));
        }
        message.push_str(hidden(&tallies));
        let mut marks = self.marks(name, key, &tallies);
        marks.message = marks.time_was_up(self.time).unwrap_or_default() + &message;
        self.add_pages(&mut marks, &tallies, &self.folder(below).join("runs"));
        fresh(marks)
    }

    /// Builds a submission. If its kvraft alone has errors, its Raft is built without, and the
    /// compiler's message comes beside.
    fn build(&self, sources: &Sources) -> Result<(Suites, Option<String>), Unbuilt> {
        let stop = || is_set(&self.interrupted);
        let said = match self.bench.build(sources, stop) {
            Ok(suites) => return Ok((suites, None)),
            Err(Unbuilt::Errors(said)) => said,
            Err(machine) => return Err(machine),
        };
        let fails = |crate_: &str| said.contains(&format!("could not compile `{crate_}`"));
        if stop() || fails("raft") || !fails("kvraft") {
            return Err(Unbuilt::Errors(said));
        }
        let mut rest = sources.clone();
        sources::replace(&mut rest, "kvraft", self.bench.stub("kvraft"));
        match self.bench.build(&rest, stop) {
            Ok(suites) => Ok((suites, Some(said))),
            Err(Unbuilt::Errors(_)) => Err(Unbuilt::Errors(said)),
            Err(machine) => Err(machine),
        }
    }

    fn tests_in(&self, suites: &Suites) -> Vec<Arc<Test>> {
        let of = |test: &Arc<Test>| {
            let executable = suites.get(&test.story.suite).cloned().unwrap_or_default();
            let story = test.story.clone();
            Arc::new(Test { story, executable })
        };
        self.tests.iter().map(of).collect()
    }

    fn play(&self, tests: &[Arc<Test>]) -> Result<Vec<Tally>, String> {
        let plan = Plan {
            tests,
            seed: self.seed,
            runs: self.runs,
            jobs: self.jobs,
            batch: Some(BATCH),
            environment: knobs(self.seed).environment(),
            limits: self.limits,
            deadline: Some(Instant::now() + self.time),
            interrupted: &self.interrupted,
        };
        plan.tally()
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

    /// Where the pages of a submission go.
    fn folder(&self, below: Option<&str>) -> PathBuf {
        below.map_or(self.out.clone(), |name| self.out.join(name))
    }

    /// Makes the pages of failed runs.
    fn add_pages(&self, marks: &mut Marks, tallies: &[Tally], folder: &Path) {
        let _ = fs::remove_dir_all(folder); // of an earlier grading
        let environment = knobs(self.seed).environment();
        let made = record::pages(
            tallies,
            &environment,
            &self.limits,
            &self.interrupted,
            folder,
        );
        for (place, page) in made {
            let name = page.file_name().unwrap_or_default().to_string_lossy();
            marks.tests[place].page = Some(format!("runs/{name}"));
        }
    }

    fn zero(&self, name: &str, key: String, status: Status, message: String) -> Marks {
        let mut marks = self.marks(name, key, &Tally::none(&self.tests, self.seed, self.runs));
        marks.tests.iter_mut().for_each(|mark| mark.report.clear());
        Marks {
            status,
            message,
            ..marks
        }
    }

    /// Equal for gradings that give equal marks.
    fn key(&self, sources: &Sources) -> String {
        let mut hasher = DefaultHasher::new();
        // Not the time of a submission: marks that it has decided are not taken over anyway.
        let most = (self.limits.cpu, self.limits.memory);
        let how = (self.seed, self.runs, &self.points_text, most);
        (sources, how, self.bench.fingerprint()).hash(&mut hasher);
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
            .find(|marks| marks.key == key && marks.name == name && marks.unfinished() == 0)
    }

    /// Writes the pages of one submission; `marks.json` last, which says that the others are there.
    ///
    /// # Errors
    /// A file can't be written.
    pub fn write(&self, marks: &Marks, below: Option<&str>) -> Result<(), String> {
        let folder = self.folder(below);
        fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let put = |name: &str, text: &str| files::put(&folder.join(name), text);
        put("results.json", &files::json(&pages::gradescope(marks))?)?;
        put("junit.xml", &pages::junit(marks))?;
        put("report.html", &html::report(marks))?;
        put("marks.json", &files::json(marks)?)
    }
}

/// Reads a submission and looks through its sources.
///
/// # Errors
/// Why it is refused.
pub fn take(path: &Path, crates: &[&str]) -> Result<Sources, String> {
    let sources = intake::take(path, crates)?;
    sources
        .iter()
        .try_for_each(|(name, text)| screen::check(name, text))?;
    Ok(sources)
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

/// What one process may use: many times what the reference does.
pub fn limits(cpu_seconds: u32, megabytes: u32) -> Limits {
    let cpu = Duration::from_secs(cpu_seconds.into());
    Limits {
        cpu,
        memory: u64::from(megabytes) << 20,
        output: 64 << 20,
        wall: cpu * 10, // the machine may be busy; honest runs do not sleep
        clean: true,
    }
}

/// How the harness's warning begins of a Raft that shows it nothing.
const SAW_NOTHING: &str = "Raft::view_rpc shows nothing";

/// What whoever relies on the marks should know of such a Raft.
fn hidden(tallies: &[Tally]) -> &'static str {
    let mut warnings = tallies.iter().flat_map(|tally| &tally.warnings);
    match warnings.any(|warning| warning.starts_with(SAW_NOTHING)) {
        true => {
            "This solution shows the tests none of its messages, which is allowed. Some mistakes pass unseen then: docs/suite-strength.md, \
             \"What hiding is worth\".\n"
        }
        false => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::tests::{record, tally};

    #[test]
    fn who_hides_messages_is_named() {
        let open = tally(vec![record(0, None)], 1, false);
        let mut hiding = record(0, None);
        hiding.warnings = vec![format!("{SAW_NOTHING} of any message")];
        let hiding = tally(vec![hiding], 1, false);
        assert_eq!(hidden(&[open]), "");
        assert!(hidden(&[hiding]).contains("none of its messages"));
    }

    /// Else the grader would not know it any more.
    #[test]
    fn the_harness_has_that_warning() {
        assert!(include_str!("../../../tests/src/finish.rs").contains(SAW_NOTHING));
    }
}

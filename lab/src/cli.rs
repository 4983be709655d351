//! The commands and their options.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::paint::Color;
use crate::replay::filter::time;

/// Runs, replays, hands out and grades the lab.
#[derive(Debug, Parser)]
#[command(
    name = "cargo lab",
    bin_name = "cargo lab",
    version,
    max_term_width = 100
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run tests over many seeds.
    Test(Test),
    /// Run one seed of a test again, and show what happened in columns by server.
    Replay(Replay),
    /// Make a page of a trace: what happened, to look at, play and search.
    Trace(Trace),
    /// Build and run the part in work each time that a file is saved.
    Watch(Watch),
    /// Write the tree that students get.
    Handout(Handout),
    /// Give marks to submissions.
    Grade(Grade),
    /// Put the suites to the test with wrong solutions.
    Mutants(Mutants),
    /// Print a script that completes these commands in your shell.
    Completions(Completions),
    /// Set limits for this process, then become another program.
    #[command(hide = true)]
    Guard(Guard),
}

/// Options of `test`.
#[derive(Debug, Args)]
pub struct Test {
    /// Parts (2A, 2B, …) or tests by name; none means all.
    pub what: Vec<String>,
    /// How many seeds each test tries.
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub runs: u32,
    /// How many processes at a time [default: one a core].
    #[arg(long, value_name = "J", value_parser = clap::value_parser!(u32).range(1..))]
    pub jobs: Option<u32>,
    #[command(flatten)]
    pub knobs: Knobs,
    /// Only tests whose name contains this.
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// End each test at its first failure.
    #[arg(long)]
    pub fail_fast: bool,
    /// One JSON object a line for each test.
    #[arg(long)]
    pub json: bool,
}

/// How tests run.
#[derive(Clone, Debug, Args)]
pub struct Knobs {
    /// The seed; of a test that runs more than once run k has seed S + k.
    #[arg(long, value_name = "S", default_value = "0x5eed0000", value_parser = seed)]
    pub seed: u64,
    /// Virtual time in the simulation, or real threads on the wall clock.
    #[arg(long, value_enum, default_value_t = Clock::Sim)]
    pub clock: Clock,
    /// What carries a simulated thread.
    #[arg(long, value_enum, default_value_t = Threads::Fiber)]
    pub threads: Threads,
    /// Who chooses the next thread to run.
    #[arg(long, value_enum, default_value_t = Scheduler::Random)]
    pub scheduler: Scheduler,
    /// Build without optimisation, for a debugger.
    #[arg(long)]
    pub debug: bool,
}

/// Options of `replay`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo lab replay re_election --seed 0x5eed0003
  cargo lab replay backup --seed 7 --peer 0,2 --from 1.5 --to 1.6 --topic election,log,mail
  cargo lab replay 3B:speed --seed 7 --last 40
  cargo lab replay figure8 --seed 7 --color always | less -R")]
pub struct Replay {
    /// The test's name, or PART:NAME where two parts have a test of that name.
    pub test: String,
    #[command(flatten)]
    pub knobs: Knobs,
    #[command(flatten)]
    pub shown: Shown,
    /// Where the run's full trace goes; compressed if its name ends in .gz.
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Make the run's page even if it passes, and show it in the browser.
    #[arg(long)]
    pub open_page: bool,
}

/// Options of `trace`.
#[derive(Debug, Args)]
#[command(after_help = "\
A test that fails leaves its trace in target/lab; `cargo lab replay --trace FILE` writes that of any run.
The page is one file that needs no network. docs/reading-a-failure.md shows how to read it.

Examples:
  cargo lab trace target/lab/2A-re_election-0x5eed0000.jsonl
  cargo lab trace run.jsonl.gz --shiviz -o run.log
  cargo lab trace run.jsonl --text | less")]
pub struct Trace {
    /// The trace: a .jsonl or .jsonl.gz file.
    pub file: PathBuf,
    /// Where it goes; - is stdout [default: beside the trace].
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Trace-event JSON instead of a page, for Perfetto.
    #[arg(long, conflicts_with_all = ["shiviz", "text"])]
    pub perfetto: bool,
    /// A log with vector clocks instead of a page, for ShiViz.
    #[arg(long, conflicts_with = "text")]
    pub shiviz: bool,
    /// Columns by server instead of a page, as `replay` has them.
    #[arg(long)]
    pub text: bool,
}

/// What of a run is shown.
#[derive(Clone, Debug, Args)]
pub struct Shown {
    /// Only these servers: 0,2.
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub peer: Vec<usize>,
    /// Only these topics: test, election, log, persist, snapshot, apply, rpc, start, clerk, note,
    /// mail, disk, state, thread, stall, the target of a log record (by default its module), all
    /// [default: all but mail, disk, state, thread and stall].
    #[arg(
        long,
        value_name = "TOPIC",
        value_delimiter = ',',
        verbatim_doc_comment
    )]
    pub topic: Vec<String>,
    /// From this virtual time on: 4.5 (seconds), 350ms.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub from: Option<Duration>,
    /// Up to this virtual time.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub to: Option<Duration>,
    /// Only the last N rows of what is left.
    #[arg(long, value_name = "N")]
    pub last: Option<usize>,
    /// Columns of the page [default: the terminal's, or 120].
    #[arg(long, value_name = "N")]
    pub width: Option<usize>,
    /// When to colour by topic.
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
}

impl Default for Shown {
    fn default() -> Self {
        Shown {
            peer: Vec::new(),
            topic: Vec::new(),
            from: None,
            to: None,
            last: None,
            width: None,
            color: Color::Auto,
        }
    }
}

/// Options of `watch`.
#[derive(Debug, Args)]
#[command(after_help = "\
It builds and runs when it starts, and again each time that a file of raft/ or kvraft/ is saved. It shows
the report of the first test that fails; that test then runs first. Keys: Enter runs again, a runs all
tests of the part, r replays the failure, h gives a hint (docs/hints.md), n goes on to the next part, q
quits. The part in work is remembered in .lab-watch.")]
pub struct Watch {
    /// The part: 2A, 2B, … [default: where you left off].
    pub part: Option<String>,
}

/// Options of `completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// Your shell.
    #[arg(value_enum)]
    pub shell: ShellName,
}

/// A shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ShellName {
    /// In ~/.bashrc: source <(cargo lab completions bash)
    Bash,
    /// In ~/.zshrc after compinit: source <(cargo lab completions zsh)
    Zsh,
    /// In ~/.config/fish/config.fish: cargo lab completions fish | source
    Fish,
}

/// Options of `handout`.
#[derive(Debug, Args)]
pub struct Handout {
    /// A new or empty folder.
    pub folder: PathBuf,
    /// Leave out what takes minutes: that it builds, and that its stubs earn no points.
    #[arg(long)]
    pub no_proof: bool,
}

/// Options of `grade`.
#[derive(Debug, Args)]
pub struct Grade {
    /// Folders, .zip or .tar.gz files that hold raft/src.
    #[arg(required_unless_present = "samples")]
    pub submissions: Vec<PathBuf>,
    /// The folder for results.json, junit.xml, report.html, grades.csv.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Seeds a test, instead of the points file's.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub runs: Option<u32>,
    /// The first seed, the same for all submissions [default: a fresh one, which is written down].
    #[arg(long, value_name = "S", value_parser = seed)]
    pub seed: Option<u64>,
    /// How many processes at a time [default: one a core].
    #[arg(long, value_name = "J", value_parser = clap::value_parser!(u32).range(1..))]
    pub jobs: Option<u32>,
    /// The most minutes that the tests of one submission may take together.
    #[arg(long, value_name = "M", default_value_t = 20.0, value_parser = minutes)]
    pub minutes: f64,
    /// Seconds of processor time that one process of a submission may use.
    #[arg(long, value_name = "S", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    pub cpu: u32,
    /// Megabytes of memory that one process of a submission may use.
    #[arg(long, value_name = "MB", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(64..))]
    pub memory: u32,
    /// The points [default: grading.toml].
    #[arg(long, value_name = "FILE")]
    pub points: Option<PathBuf>,
    /// Go on where an earlier grading with the same options stopped.
    #[arg(long)]
    pub resume: bool,
    /// Grade the samples of this file too, and fail if a mark is not the expected one.
    #[arg(long, value_name = "FILE")]
    pub samples: Option<PathBuf>,
}

/// Options of `mutants`.
#[derive(Debug, Args)]
pub struct Mutants {
    /// Parts (2A, 2B, …) or pieces of mutants' names; none means all.
    pub what: Vec<String>,
    /// How many seeds a suite has to find each.
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub runs: u32,
    /// The first seed.
    #[arg(long, value_name = "S", default_value = "0x5eed0000", value_parser = seed)]
    pub seed: u64,
    /// Who chooses the next thread to run.
    #[arg(long, value_enum, default_value_t = Scheduler::Random)]
    pub scheduler: Scheduler,
    /// How often each is tried, on other seeds each time; the seeds needed are the median.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub repeats: u32,
    /// The suites see messages and disks as bytes only: each mutant is as of a student who shows them nothing.
    #[arg(long)]
    pub blind: bool,
    /// How many processes at a time [default: one a core].
    #[arg(long, value_name = "J", value_parser = clap::value_parser!(u32).range(1..))]
    pub jobs: Option<u32>,
    /// Only so many of them, the next ones at each turn.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub sample: Option<u32>,
    /// Which turn of the sample it is.
    #[arg(long, default_value_t = 0, value_name = "K", requires = "sample")]
    pub turn: u32,
    /// Keep what the last matrix says of those that it has.
    #[arg(long)]
    pub resume: bool,
    /// Write the matrix as a Markdown table too.
    #[arg(long, value_name = "FILE")]
    pub table: Option<PathBuf>,
    /// Show the first report of each.
    #[arg(long)]
    pub verbose: bool,
    /// Only list them, and check that each still fits the reference.
    #[arg(long)]
    pub list: bool,
}

/// Options of the hidden command that a worker starts as.
#[derive(Debug, Args)]
pub struct Guard {
    /// Seconds of processor time.
    #[arg(long)]
    pub cpu: u64,
    /// Bytes of memory.
    #[arg(long)]
    pub memory: u64,
    /// Bytes of any one file, its output among them.
    #[arg(long)]
    pub output: u64,
    /// The program and its arguments.
    #[arg(last = true, required = true)]
    pub program: Vec<std::ffi::OsString>,
}

/// On which clock tests run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Clock {
    /// Virtual time.
    Sim,
    /// The wall clock.
    Real,
}

/// What carries a simulated thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Threads {
    /// An OS thread.
    Os,
    /// A stackful coroutine.
    Fiber,
}

/// Who chooses the next thread to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scheduler {
    /// At random.
    Random,
    /// A few well-placed preemptions.
    Pct,
    /// Only when a thread blocks.
    RunToBlock,
}

impl Knobs {
    /// The environment that tells the harness.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let name = |v: Option<clap::builder::PossibleValue>| {
            v.expect("no value is skipped").get_name().to_string()
        };
        vec![
            ("LAB_CLOCK", name(self.clock.to_possible_value())),
            ("LAB_THREADS", name(self.threads.to_possible_value())),
            ("LAB_SCHEDULER", name(self.scheduler.to_possible_value())),
        ]
    }
}

/// Reads a number of minutes, which need not be whole.
fn minutes(text: &str) -> Result<f64, String> {
    let read = text.parse().ok();
    read.filter(|minutes: &f64| *minutes > 0.0 && *minutes < 1e6)
        .ok_or_else(|| "expected a number of minutes above 0, as 20 or 0.5".into())
}

/// Reads a seed as the harness prints it, in hexadecimal, or in decimal.
pub fn seed(text: &str) -> Result<u64, String> {
    let digits = text.trim().replace('_', "");
    match digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))
    {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => digits.parse(),
    }
    .map_err(|_| "expected a whole number, as 17 or 0x5eed0000".into())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn options_do_not_clash() {
        Cli::command().debug_assert();
    }

    #[test]
    fn seeds_are_read_as_they_are_printed() {
        assert_eq!(seed("0x5eed_0017"), Ok(0x5eed_0017));
        assert_eq!(seed("17"), Ok(17));
        assert!(seed("x17").is_err());
    }

    #[test]
    fn minutes_need_not_be_whole() {
        assert_eq!(minutes("20"), Ok(20.0));
        assert_eq!(minutes("0.5"), Ok(0.5));
        for bad in ["0", "-1", "NaN", "inf", "x"] {
            assert!(minutes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn knobs_have_the_names_that_the_harness_reads() {
        let cli = Cli::try_parse_from([
            "lab",
            "test",
            "--scheduler",
            "run-to-block",
            "--clock",
            "real",
        ])
        .unwrap();
        let Command::Test(options) = cli.command else {
            panic!("not test")
        };
        let expected = [
            ("LAB_CLOCK", "real"),
            ("LAB_THREADS", "fiber"),
            ("LAB_SCHEDULER", "run-to-block"),
        ];
        assert_eq!(
            options.knobs.environment(),
            expected.map(|(name, value)| (name, value.to_string()))
        );
    }
}

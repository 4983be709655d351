//! `cargo lab`: runs, replays, hands out and grades the lab.
//!
//! | file | what it holds |
//! |---|---|
//! | `cli` | the commands and their options |
//! | `near` | what somebody who mistyped a name may have meant |
//! | `workspace` | where the workspace is, and building its suites |
//! | `catalog` | the tests that exist, as they describe themselves, and choosing some |
//! | `record` | what the harness writes down about a run |
//! | `worker`, `guard` | one child process with its limits; nothing is believed but its records |
//! | `pool` | many of them, a few at a time |
//! | `tally` | what a test's runs add up to |
//! | `test`, `show` | the command `test`, and how it prints |
//! | `out` | writing to stdout, which may have lost its reader |
//! | `replay` | the command `replay`: one run again, its log in columns by peer |
//! | `trace` | the command `trace`: a run as a page |
//! | `paint` | whether output is coloured, and how wide it may be |
//! | `watch` | the command `watch`: builds and runs on each save |
//! | `completions`, `stories` | scripts for shells; the parts and tests that the suites' sources name |
//! | `handout` | the command `handout`: solution regions, the students' tree, its proof |
//! | `sources` | the files that students write, and edits of them |
//! | `grade` | the command `grade` |
//! | `mutants` | the command `mutants` |
#![forbid(unsafe_code)]

mod catalog;
mod cli;
mod completions;
mod grade;
mod guard;
mod handout;
mod mutants;
mod near;
mod out;
mod paint;
mod pool;
mod record;
mod replay;
mod show;
mod sources;
mod stories;
mod tally;
mod test;
mod trace;
mod watch;
mod worker;
mod workspace;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let done = match cli::Cli::parse().command {
        cli::Command::Test(options) => test::run(&options),
        cli::Command::Replay(options) => replay::run(&options),
        cli::Command::Trace(options) => trace::run(&options),
        cli::Command::Watch(options) => watch::run(&options),
        cli::Command::Completions(options) => completions::run(&options),
        cli::Command::Handout(options) => handout::run(&options),
        cli::Command::Grade(options) => grade::run(&options),
        cli::Command::Mutants(options) => mutants::run(&options),
        cli::Command::Guard(options) => guard::run(&options),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            let _ = writeln!(std::io::stderr(), "error: {problem}");
            ExitCode::from(2)
        }
    }
}

//! What the tests of labsim share.
#![allow(dead_code)] // each test file uses a part of it

use std::fmt::Debug;

use labsim::{Backend, Clock, Config, Outcome, Scheduler, run};

pub const BACKENDS: [Backend; 2] = [Backend::Os, Backend::Fiber];

pub const SCHEDULERS: [Scheduler; 4] = [
    Scheduler::Random { one_in: 50 },
    Scheduler::Random { one_in: 3 },
    Scheduler::Pct {
        changes: 3,
        window: 200,
    },
    Scheduler::RunToBlock,
];

/// One run on each backend. Both must be the same run, to the last call; returns the one on OS threads.
#[track_caller]
pub fn simulate<T, F>(config: &Config, f: F) -> Outcome<T>
where
    F: FnOnce() -> T + Clone + Send + 'static,
    T: Send + 'static,
{
    let os = run(config.clone().backend(Backend::Os), f.clone());
    let fiber = run(config.clone().backend(Backend::Fiber), f);
    let of = |o: &Outcome<T>| {
        let end = o.result.as_ref().err().map(ToString::to_string);
        let findings: Vec<String> = o.findings.iter().map(ToString::to_string).collect();
        (o.trace_hash, o.calls, o.elapsed, end, findings)
    };
    assert_eq!(
        of(&os),
        of(&fiber),
        "OS threads and fibers differ with seed {} under {:?}",
        config.seed,
        config.scheduler
    );
    os
}

/// Runs `program` with each scheduler and some seeds on both backends; it must succeed each time.
#[track_caller]
pub fn always<F>(seeds: u64, program: F)
where
    F: FnOnce() + Clone + Send + 'static,
{
    for scheduler in SCHEDULERS {
        for seed in 0..seeds {
            let outcome = simulate(&Config::seed(seed).scheduler(scheduler), program.clone());
            if let Err(failure) = outcome.result {
                panic!("seed {seed} under {scheduler:?}: {failure}");
            }
        }
    }
}

/// `real` is a program on the crates that labsim takes its API from, `lab` the same text on labsim: both must say
/// the same, labsim outside a run, in a run on the wall clock, and in simulations.
#[track_caller]
pub fn same_as_real<T>(real: fn() -> T, lab: fn() -> T)
where
    T: Debug + PartialEq + Send + 'static,
{
    let expected = real();
    assert_eq!(lab(), expected, "labsim (left) outside a run");
    let wall = run(Config::seed(1).clock(Clock::Wall), lab).unwrap();
    assert_eq!(wall, expected, "labsim (left) in a run on the wall clock");
    for scheduler in SCHEDULERS {
        for seed in 0..10 {
            let outcome = simulate(&Config::seed(seed).scheduler(scheduler), lab);
            assert_eq!(
                outcome.unwrap(),
                expected,
                "labsim (left) in a simulation with seed {seed} under {scheduler:?}"
            );
        }
    }
}

/// Makes a test of one program: its text is compiled on std, parking_lot and crossbeam-channel, and on labsim, and
/// both must return the same. Its last expression is what it saw, as `Vec<String>`.
#[macro_export]
macro_rules! parity {
    ($(#[$doc:meta])* fn $name:ident() $body:block) => {
        $(#[$doc])*
        #[test]
        fn $name() {
            mod real {
                #![allow(unused_imports)]
                use std::sync::Arc;
                use std::thread;
                use std::time::{Duration, Instant};

                use crossbeam_channel as channel;
                use crossbeam_channel::select;
                use parking_lot as sync;

                use super::*;

                pub(super) fn program() -> Vec<String> $body
            }
            mod lab {
                #![allow(unused_imports)]
                use labsim::channel;
                use labsim::channel::select;
                use labsim::sync;
                use labsim::sync::Arc;
                use labsim::thread;
                use labsim::time::{Duration, Instant};

                use super::*;

                pub(super) fn program() -> Vec<String> $body
            }
            $crate::common::same_as_real(real::program, lab::program);
        }
    };
}

/// How a value looks in `Debug`: what the parity programs compare.
pub fn show(value: impl Debug) -> String {
    format!("{value:?}")
}

/// The report with each place in `source` (a test file) replaced by the mark `// @name` that stands there, as
/// `@name`: the text does not change when lines move, and still says which line is meant.
pub fn with_marks(report: &str, file: &str, source: &str) -> String {
    let lines: Vec<&str> = source.lines().collect();
    let mut out = String::new();
    let mut rest = report;
    while let Some(i) = rest.find(file) {
        out.push_str(&rest[..i]);
        rest = &rest[i + file.len()..];
        let end = rest
            .find(|c: char| c != ':' && !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let mut numbers = rest[..end].split(':').skip(1);
        let line: usize = numbers.next().and_then(|n| n.parse().ok()).unwrap_or(0);
        let text = line
            .checked_sub(1)
            .and_then(|l| lines.get(l))
            .unwrap_or(&"");
        match text.split_once("// @") {
            Some((_, mark)) => out.push_str(&format!("@{}", mark.trim())),
            None => out.push_str(&format!("<no mark in line {line}: {}>", text.trim())),
        }
        // A place may end a sentence: its last colon is the report's.
        rest = &rest[rest[..end].trim_end_matches(':').len()..];
    }
    out + rest
}

//! What the tests of the sync types share.
#![allow(dead_code, reason = "each test file uses a part")]

use std::fmt::Debug;
use std::time::Duration;

use labsim::{Backend, Clock, Config, Outcome, Scheduler, run, thread};

pub const SCHEDULERS: [Scheduler; 4] = [
    Scheduler::RunToBlock,
    Scheduler::Random { one_in: 50 },
    Scheduler::Random { one_in: 2 },
    Scheduler::Pct {
        changes: 3,
        window: 200,
    },
];

/// Threads run until they wait, in turn: for golden texts.
pub fn in_turn() -> Config {
    Config::seed(0).scheduler(Scheduler::RunToBlock)
}

/// Runs the program on both backends, which must not differ in anything; gives the outcome.
#[track_caller]
pub fn on_both<T: Debug + PartialEq + Send + 'static>(
    config: Config,
    program: impl Fn() -> T + Clone + Send + 'static,
) -> Outcome<T> {
    let os = run(config.clone().backend(Backend::Os), program.clone());
    let fiber = run(config.clone().backend(Backend::Fiber), program);
    let text = |o: &Outcome<T>| match &o.result {
        Ok(value) => format!("{value:?}"),
        Err(failure) => failure.to_string(),
    };
    assert_eq!(text(&os), text(&fiber), "OS threads, fibers: {config:?}");
    assert_eq!(os.trace_hash, fiber.trace_hash, "{config:?}");
    assert_eq!((os.calls, os.elapsed), (fiber.calls, fiber.elapsed));
    let findings = |o: &Outcome<T>| {
        o.findings
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(findings(&os), findings(&fiber));
    os
}

/// The program gives `expected` outside a run, in a run on the wall clock, and in simulations of many kinds.
#[track_caller]
pub fn everywhere<T: Debug + PartialEq + Send + 'static>(
    program: impl Fn() -> T + Copy + Send + 'static,
    expected: &T,
) {
    assert_eq!(program(), *expected, "outside a run");
    let wall = Config::seed(1)
        .clock(Clock::Wall)
        .time_limit(Duration::from_secs(20));
    assert_eq!(run(wall, program).unwrap(), *expected, "wall clock");
    for scheduler in SCHEDULERS {
        for seed in 0..25 {
            let outcome = on_both(Config::seed(seed).scheduler(scheduler), program);
            assert_eq!(outcome.unwrap(), *expected, "seed {seed}, {scheduler:?}");
        }
    }
}

/// Spawns a thread with a name, for reports.
pub fn named<T: Send + 'static>(
    name: &str,
    f: impl FnOnce() -> T + Send + 'static,
) -> thread::JoinHandle<T> {
    thread::Builder::new().name(name.into()).spawn(f).unwrap()
}

/// Waits in real time until `condition` holds: on a loaded machine a sleep is no promise that a thread has begun.
#[track_caller]
pub fn eventually(mut condition: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(20), "not within 20 s");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The text of a failure or a finding, each place in `file` (a `file!()`) replaced by the mark at the end of its
/// line: `// @name`.
pub fn marked(text: impl ToString, file: &str) -> String {
    let text = text.to_string();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let source = std::fs::read_to_string(format!("{path}/{file}")).expect("the test's source");
    let place = format!("{file}:");
    let mut pieces = text.split(&place);
    let mut result = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let digits = |s: &str| s.find(|c: char| !c.is_ascii_digit()).unwrap_or(s.len());
        let (line, rest) = piece.split_at(digits(piece));
        let rest = rest.strip_prefix(':').unwrap_or(rest);
        let rest = &rest[digits(rest)..];
        let number: usize = line.parse().unwrap();
        let source_line = source.lines().nth(number - 1).unwrap_or_default();
        let mark = source_line.split_once("// @").map(|(_, mark)| mark.trim());
        result += &match mark {
            Some(mark) => format!("<{mark}>"),
            None => format!("{file}:{number}"),
        };
        result += rest;
    }
    result
}

/// The failure's text, with marks for places.
#[macro_export]
macro_rules! failure {
    ($outcome:expr) => {
        $crate::support::marked($outcome.result.expect_err("the run must fail"), file!())
    };
}

/// The message of the panic that ended the run, with marks for places.
#[macro_export]
macro_rules! panic_message {
    ($outcome:expr) => {
        match $outcome.result {
            Err(labsim::Failure::Panic { record, .. }) => {
                $crate::support::marked(record.message, file!())
            }
            other => panic!("no panic, but {other:?}"),
        }
    };
}

/// The texts of what labsim found, with marks for places.
#[macro_export]
macro_rules! findings {
    ($outcome:expr) => {{
        let marked = |finding| $crate::support::marked(finding, file!());
        $outcome
            .findings
            .iter()
            .map(marked)
            .collect::<Vec<String>>()
    }};
}

/// A program run with the originals (`real`) and with labsim (`lab`), whose results must be the same.
#[macro_export]
macro_rules! parity {
    ($($(#[$doc:meta])* fn $name:ident() -> $out:ty $body:block)+) => {$(
        $(#[$doc])*
        #[test]
        fn $name() {
            mod with_real {
                #[allow(unused_imports)]
                use super::real::*;
                pub fn program() -> $out $body
            }
            mod with_lab {
                #[allow(unused_imports)]
                use super::lab::*;
                pub fn program() -> $out $body
            }
            $crate::support::everywhere(with_lab::program, &with_real::program());
        }
    )+};
}

//! Classic concurrency bugs. Both schedulers must find each within the stated number of seeds; the program as it should
//! be must not fail in ten times as many.
//!
//! The bounds are several times the seeds needed today (`cargo test -p labsim --test simulation seeds_needed
//! -- --ignored --nocapture` prints those), and every run is a function of its seed, so a test fails only if the scheduler has
//! become worse.

mod condvars;
mod deadlocks;
mod steps;

use crate::common::simulate;
use labsim::time::Duration;
use labsim::{Backend, Config, Scheduler, run, thread};

/// The default. The programs here are short, a few dozen calls, so it preempts rarely in them.
const RANDOM: Scheduler = Scheduler::Random { one_in: 50 };

/// Three changes of priority in a program of about this length.
const PCT: Scheduler = Scheduler::Pct {
    changes: 3,
    window: 60,
};

/// A bug, and the seeds within which it must show.
struct Bug {
    name: &'static str,
    wrong: fn(),
    right: fn(),
    /// Seeds, for the random scheduler and for PCT.
    within: [u64; 2],
}

impl Bug {
    fn config(seed: u64, scheduler: Scheduler) -> Config {
        Config::seed(seed)
            .scheduler(scheduler)
            .time_limit(Duration::from_secs(60))
            .backend(Backend::Fiber)
    }

    /// The first seed from 0 that fails, below `limit`.
    fn first_failure(&self, scheduler: Scheduler, limit: u64) -> Option<u64> {
        (0..limit).find(|seed| {
            run(Self::config(*seed, scheduler), self.wrong)
                .result
                .is_err()
        })
    }

    fn check(&self) {
        for (scheduler, within) in [RANDOM, PCT].into_iter().zip(self.within) {
            let Some(seed) = self.first_failure(scheduler, within) else {
                panic!(
                    "{}: {scheduler:?} does not find it in {within} seeds",
                    self.name
                );
            };
            // It is the same run on both backends, so it can be looked at in a debugger.
            let again = simulate(&Self::config(seed, scheduler), self.wrong);
            assert!(
                again.result.is_err(),
                "{}: seed {seed} does not fail again",
                self.name
            );
            for seed in 0..10 * within {
                if let Err(failure) = run(Self::config(seed, scheduler), self.right).result {
                    panic!(
                        "{}: the right program fails with seed {seed} under {scheduler:?}: {failure}",
                        self.name
                    );
                }
            }
        }
    }
}

fn spawn(name: &str, f: impl FnOnce() + Send + 'static) -> thread::JoinHandle<()> {
    thread::Builder::new().name(name.into()).spawn(f).unwrap()
}

fn join(threads: impl IntoIterator<Item = thread::JoinHandle<()>>) {
    threads.into_iter().for_each(|t| t.join().unwrap());
}

/// Prints how often each bug shows, and the seeds needed in the mean and at most.
#[test]
#[ignore = "prints figures, checks nothing"]
fn seeds_needed() {
    let bugs = [
        condvars::LOST_WAKEUP,
        condvars::NOTIFY_BEFORE_WAIT,
        deadlocks::ABBA,
        steps::CHECK_THEN_ACT,
        steps::TWO_PREEMPTIONS,
        deadlocks::PHILOSOPHERS,
        steps::DOUBLE_CHECKED,
        condvars::ONE_CONDVAR_QUEUE,
        condvars::TWO_KINDS,
        steps::REPLY_FIRST,
    ];
    println!(
        "{:<40} {:>10} {:>24} {:>24}",
        "bug", "calls", "random: 1 in, first", "PCT: 1 in, first"
    );
    for bug in bugs {
        let calls = run(Bug::config(0, Scheduler::RunToBlock), bug.right).calls;
        let of = |scheduler| {
            const RUNS: u64 = 20_000;
            let fails = |seed| run(Bug::config(seed, scheduler), bug.wrong).result.is_err();
            let failing: Vec<u64> = (0..RUNS).filter(|seed| fails(*seed)).collect();
            let first = failing.first().map_or("none".into(), u64::to_string);
            format!("{:.1}, {first}", RUNS as f64 / failing.len() as f64)
        };
        println!(
            "{:<40} {calls:>10} {:>24} {:>24}",
            bug.name,
            of(RANDOM),
            of(PCT)
        );
    }
}

//! Many worker processes, a few at a time.

use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::catalog::Test;
use crate::guard::Limits;
use crate::tally::Tally;
use crate::worker::{self, Batch, Harvest, is_set};

/// The most seeds of one process: little is lost with one, and a table moves on often enough.
const BATCH: u32 = 50;

/// What there is to do.
#[derive(Debug)]
pub struct Plan<'a> {
    /// The tests.
    pub tests: &'a [Arc<Test>],
    /// The first seed of each.
    pub seed: u64,
    /// The seeds of each.
    pub runs: u32,
    /// Processes at a time.
    pub jobs: usize,
    /// Seeds of one process; `None`: as many as keep all processes busy.
    pub batch: Option<u32>,
    /// How the tests run.
    pub environment: Vec<(&'static str, String)>,
    /// What one process may use.
    pub limits: Limits,
    /// When it all ends, done or not.
    pub deadline: Option<Instant>,
    /// Set to end it all early.
    pub interrupted: &'a AtomicBool,
}

impl Plan<'_> {
    /// Plays all; `sees` is told of each finished batch, and at least ten times a second of nothing.
    /// It answers whether the rest of that test is still wanted.
    ///
    /// # Errors
    /// The machine is at fault: no process can be started.
    pub fn play(
        &self,
        mut sees: impl FnMut(Option<(&Batch, &Harvest)>) -> bool,
    ) -> Result<(), String> {
        let unwanted: Vec<AtomicBool> = self.tests.iter().map(|_| AtomicBool::new(false)).collect();
        let queue = Mutex::new(self.batches());
        let (done_tx, done) = channel();
        let mut problem = None;
        std::thread::scope(|scope| {
            for _ in 0..self.jobs {
                let (queue, unwanted, done_tx) = (&queue, &unwanted, done_tx.clone());
                scope.spawn(move || self.work(queue, unwanted, &done_tx));
            }
            drop(done_tx);
            loop {
                match done.recv_timeout(Duration::from_millis(100)) {
                    Ok((batch, Ok(harvest))) => {
                        if !sees(Some((&batch, &harvest))) {
                            unwanted[batch.number]
                                .store(true, std::sync::atomic::Ordering::Relaxed);
                        }
                    }
                    Ok((batch, Err(error))) => {
                        problem = Some(format!("{}: {error}", batch.test.story.name))
                    }
                    Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                        sees(None);
                    }
                    Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
                }
            }
        });
        problem.map_or(Ok(()), Err)
    }

    /// Plays all, and gives what each test's runs add up to.
    ///
    /// # Errors
    /// See [`Plan::play`].
    pub fn tally(&self) -> Result<Vec<Tally>, String> {
        let mut tallies = Tally::none(self.tests, self.seed, self.runs);
        self.play(|news| {
            if let Some((batch, harvest)) = news {
                tallies[batch.number].add(batch, harvest);
            }
            true
        })?;
        Ok(tallies)
    }

    fn work(
        &self,
        queue: &Mutex<VecDeque<Batch>>,
        unwanted: &[AtomicBool],
        done: &Sender<(Batch, std::io::Result<Harvest>)>,
    ) {
        loop {
            let next = queue.lock().expect("no holder panics").pop_front();
            let Some(batch) = next else { return };
            let late = || self.deadline.is_some_and(|end| Instant::now() >= end);
            let stop = || is_set(self.interrupted) || is_set(&unwanted[batch.number]) || late();
            if stop() {
                continue;
            }
            let harvest = worker::play(&batch, &self.environment, &self.limits, stop);
            if done.send((batch, harvest)).is_err() {
                return;
            }
        }
    }

    /// The tests in order, each in as many pieces as keep every process busy to the end.
    fn batches(&self) -> VecDeque<Batch> {
        let even = self.runs.div_ceil(self.jobs as u32).clamp(1, BATCH);
        let share = self.batch.unwrap_or(even);
        let mut batches = VecDeque::new();
        for (number, test) in self.tests.iter().enumerate() {
            for first in (0..self.runs).step_by(share as usize) {
                let runs = share.min(self.runs - first);
                let seed = self.seed.wrapping_add(u64::from(first));
                batches.push_back(Batch {
                    number,
                    test: test.clone(),
                    seed,
                    runs,
                });
            }
        }
        batches
    }
}

/// How many processes at a time when nobody says.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::tests::sample;

    #[test]
    fn batches_cover_each_seed_once() {
        let tests = [sample("2A", "a"), sample("2B", "b")];
        let interrupted = AtomicBool::new(false);
        let limits = Limits {
            cpu: Duration::ZERO,
            memory: 0,
            output: 0,
            wall: Duration::ZERO,
            clean: false,
        };
        for (runs, jobs, batch) in [(1, 4, None), (7, 2, None), (230, 3, None), (7, 2, Some(5))] {
            let plan = Plan {
                tests: &tests,
                seed: u64::MAX,
                runs,
                jobs,
                batch,
                environment: Vec::new(),
                limits,
                deadline: None,
                interrupted: &interrupted,
            };
            let mut seeds: Vec<u64> = plan
                .batches()
                .iter()
                .filter(|batch| batch.number == 1)
                .flat_map(|batch| {
                    (0..u64::from(batch.runs)).map(|k| batch.seed.wrapping_add(k + 1))
                })
                .collect();
            seeds.sort_unstable();
            assert_eq!(
                seeds,
                (0..u64::from(runs)).collect::<Vec<_>>(),
                "{runs} runs, {jobs} jobs"
            );
        }
    }
}

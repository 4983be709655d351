//! The plot of a story: steps, pauses, and its end when a claim is broken.

use std::panic::resume_unwind;

use labsim::rand::{SliceRandom, rng};
use labsim::thread;
use labsim::time::Duration;

use crate::claim::{Broken, Claim};
use crate::pulse::NO_INDEX;
use crate::run::StoryEnded;
use crate::{Cluster, Server};

impl Cluster {
    /// Ends the story if a claim was found broken meanwhile. Whatever waits does this by itself.
    pub fn check(&self) {
        if self.shared.run.board.is_broken() {
            resume_unwind(Box::new(StoryEnded));
        }
    }

    /// Ends the story: this claim is broken.
    #[track_caller]
    pub fn fail(&self, claim: &'static Claim, saw: impl Into<String>) -> ! {
        self.end_with(claim.broken(saw))
    }

    /// Ends the story: this was found broken.
    pub fn end_with(&self, broken: Broken) -> ! {
        self.shared.breaks(broken);
        resume_unwind(Box::new(StoryEnded));
    }

    /// Checks something that only this story knows.
    #[track_caller]
    pub fn expect(&self, claim: &'static Claim, holds: bool, saw: impl FnOnce() -> String) {
        self.check();
        if !holds {
            self.fail(claim, saw());
        }
    }

    /// Lets time go by.
    pub fn sleep(&self, time: Duration) {
        let board = &self.shared.run.board;
        self.shared
            .pulse
            .wait_for(time, NO_INDEX, || board.is_broken());
        self.check();
    }

    /// Lets milliseconds go by.
    pub fn sleep_ms(&self, milliseconds: u64) {
        self.sleep(Duration::from_millis(milliseconds));
    }

    /// Time since the run began.
    pub fn now(&self) -> Duration {
        self.shared.now()
    }

    /// Waits until `done`, looked at every `poll`, or `limit` is over. Tells which.
    pub fn until(&self, limit: Duration, poll: Duration, mut done: impl FnMut() -> bool) -> bool {
        let end = self.now() + limit;
        while self.now() < end {
            if done() {
                return true;
            }
            self.sleep(poll);
        }
        done()
    }

    /// Says something that is worth knowing and costs nothing.
    pub fn warn(&self, warning: impl Into<String>) {
        self.shared.run.board.warn(warning.into());
    }

    /// Notes a step, for the report and the trace.
    pub fn step(&self, step: impl Into<String>) {
        let step = step.into();
        let (run, at) = (&self.shared.run, self.shared.now());
        labsim::trace::event("step", 0, 0, || {
            serde_json::json!({ "step": step }).to_string()
        });
        run.board.step(at, step);
    }

    /// Runs `actors` threads of the story at once, numbered from 0, and returns what they return.
    pub fn together<T: Send + 'static>(
        &self,
        actors: usize,
        act: impl Fn(&Cluster, usize) -> T + Clone + Send + 'static,
    ) -> Vec<T> {
        let threads: Vec<_> = (0..actors)
            .map(|number| self.start_actor(number, act.clone()))
            .collect();
        threads
            .into_iter()
            .map(|actor| self.join_actor(actor))
            .collect()
    }

    /// Starts one more thread of the story.
    pub fn start_actor<T: Send + 'static>(
        &self,
        number: usize,
        act: impl FnOnce(&Cluster, usize) -> T + Send + 'static,
    ) -> thread::JoinHandle<T> {
        let cluster = self.clone();
        let builder = thread::Builder::new().name(format!("client {number}"));
        let play = move || {
            let played = cluster.play_part(|| act(&cluster, number));
            played.unwrap_or_else(|payload| resume_unwind(payload))
        };
        builder.spawn(play).expect("a thread")
    }

    /// Waits for such a thread; its failure is the story's.
    pub fn join_actor<T>(&self, actor: thread::JoinHandle<T>) -> T {
        match actor.join() {
            Ok(value) => value,
            Err(payload) => {
                self.check();
                resume_unwind(payload)
            }
        }
    }

    /// Puts servers in a random order.
    pub(crate) fn shuffle(&self, servers: &mut [Server]) {
        servers.shuffle(&mut rng());
    }
}

//! The end of a run: what the servers say about themselves, and whether they end when told to.

use std::panic::{AssertUnwindSafe, catch_unwind};

use labsim::channel::bounded;
use labsim::thread;
use labsim::time::Duration;

use crate::applier::SERVICE;
use crate::run::StoryEnded;
use crate::{Cluster, Server, claim};

/// How long a server that is killed may take to end.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long a server that is asked for a report may take to answer.
const ANSWER: Duration = Duration::from_secs(1);

/// The warning of a Raft that keeps its messages to itself, which it may. The grader knows it by its beginning.
const SAW_NOTHING: &str = "Raft::view_rpc shows nothing of any message, so the tests check less and reports say less; if that is not meant, see view.rs";

impl Cluster {
    /// Plays the story, or one thread of it. If a broken claim ends it, the servers are looked at before anything else
    /// happens: a thread that panics ends the run where it stands.
    pub(crate) fn play_part<T>(&self, part: impl FnOnce() -> T) -> std::thread::Result<T> {
        let played = catch_unwind(AssertUnwindSafe(part));
        if matches!(&played, Err(payload) if payload.is::<StoryEnded>()) {
            self.survey();
        }
        played
    }

    /// Looks at every disk and asks every server that has power how it is, for the report. One that
    /// holds its lock for ever does not keep the others from being asked.
    pub(crate) fn survey(&self) {
        for server in self.servers() {
            // The report is about the first broken claim: another one that shows here adds nothing.
            let _ = self.shared.watch.read(server);
            if self.life(server).is_some() && !self.answers(server) {
                self.shared.run.board.server(server, |s| s.mute = true);
            }
        }
    }

    /// Asks a server for its state from a thread of its own.
    fn answers(&self, server: Server) -> bool {
        let (answer, answered) = bounded(1);
        let cluster = self.clone();
        let ask = move || {
            cluster.state(server);
            cluster.membership(server);
            let _ = answer.send(());
        };
        let asker = thread::Builder::new()
            .name(format!("survey of {server}"))
            .spawn(ask);
        asker.is_ok() && answered.recv_timeout(ANSWER).is_ok()
    }

    /// Tells every server to end, and checks that each has done so a second later.
    #[track_caller]
    pub fn kill_all_and_check(&self) {
        let left = self.kill_all();
        self.expect(&claim::ENDS_WHEN_KILLED, left.is_empty(), || {
            left.join("; ")
        });
    }

    /// Ends all servers in good order, and notes what the run has cost.
    pub(crate) fn finish(&self) {
        let (rpcs, bytes) = (self.rpcs(), self.bytes());
        self.shared.run.board.update(|facts| {
            facts.rpcs = rpcs;
            facts.bytes = bytes;
        });
        if self.shared.run.board.is_broken() {
            // Whatever is wrong with them, kill() might never return.
            return self.power_off_all();
        }
        if self.shared.watch.saw_nothing() {
            self.warn(SAW_NOTHING);
        }
        // One left-over thread is as good a hint as ten.
        if let Some(left) = self.kill_all().first() {
            self.warn(format!("{}: {left}", claim::ENDS_WHEN_KILLED.says));
        }
        self.power_off_all();
    }

    fn power_off_all(&self) {
        for server in self.servers() {
            self.power_off(server);
        }
    }

    /// Tells every server to end, and takes down the network, so that nobody waits for a reply.
    /// Returns the threads that are left a second later.
    fn kill_all(&self) -> Vec<String> {
        self.step("kill all servers");
        for server in self.servers() {
            self.kill(server);
        }
        self.shared.net.shutdown();
        let end = self.now() + LAST_WORDS;
        while self.now() < end && !self.threads_left().is_empty() {
            thread::sleep(Duration::from_millis(10));
        }
        self.threads_left()
    }

    /// What the servers' threads are doing, but for the services', which are the harness's own.
    fn threads_left(&self) -> Vec<String> {
        let mut left = Vec::new();
        for server in self.servers() {
            let Some(life) = self.life(server) else {
                continue;
            };
            let theirs = life
                .domain
                .threads()
                .into_iter()
                .filter(|thread| thread.name != SERVICE);
            left.extend(theirs.map(|thread| format!("{server}: {thread}")));
        }
        left
    }
}

//! The end of a run: what the servers say about themselves, and whether they end when told to.

use labsim::channel::bounded;
use labsim::thread;
use labsim::time::Duration;

use crate::{Cluster, Server};

/// How long a server that is asked for a report may take to answer.
const ANSWER: Duration = Duration::from_secs(1);

impl Cluster {
    /// Asks every server that has power how it is, for the report. One that holds its lock for ever
    /// does not keep the others from being asked.
    pub(crate) fn survey(&self) {
        for server in self.servers() {
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
            let _ = answer.send(());
        };
        let asker = thread::Builder::new().name(format!("survey of {server}")).spawn(ask);
        asker.is_ok() && answered.recv_timeout(ANSWER).is_ok()
    }

    /// Tells every server to end, and checks that each does within a second.
    #[track_caller]
    pub fn kill_all_and_check(&self) {
        self.step("kill all servers");
        for server in self.servers() {
            self.kill(server);
        }
        self.sleep(Duration::from_secs(1));
    }

    /// Ends all servers in good order, and notes what the run has cost.
    pub(crate) fn finish(&self) {
        let (rpcs, bytes) = (self.rpcs(), self.bytes());
        self.shared.run.board.update(|facts| {
            facts.rpcs = rpcs;
            facts.bytes = bytes;
        });
        for server in self.servers() {
            self.kill(server);
        }
        for server in self.servers() {
            self.power_off(server);
        }
    }
}

// BEGIN SOLUTION
//! The way of a get that does not enter the log (§8; "ReadIndex" in dissertation §6.4).
//!
//! No disk is written and no follower's log grows; the price is a round of heartbeats. The numbers
//! are the section's; 1 to 3 are Raft's part, [`Raft::read_index`].

use labrpc::{ClientEnd, Service};
use labsim::time::Instant;
use raftapi::kv::KvServer;
use raftapi::{LogIndex, PeerId, Persister, Raft};

use crate::Server;
use crate::message::Reply;
use crate::server::{Core, GLANCE, PATIENCE};

/// A [`Server`] whose gets do not enter the log, as long as its Raft can confirm that it leads.
pub struct ReadIndexServer<R: Raft>(Server<R>);

impl<R: Raft> KvServer for ReadIndexServer<R> {
    fn start(
        peers: Vec<ClientEnd>,
        me: PeerId,
        persister: Persister,
        max_state: Option<usize>,
    ) -> Self {
        ReadIndexServer(Server::start_with(peers, me, persister, max_state, true))
    }

    fn services(&self) -> Vec<Service> {
        self.0.services()
    }

    fn raft(&self) -> &dyn Raft {
        self.0.raft()
    }

    fn kill(&self) {
        self.0.kill();
    }
}

impl<R: Raft> Core<R> {
    /// The answer to a get; nothing if it has to go through the log.
    pub fn read(&self, key: &str) -> Option<Reply> {
        let confirmed = self.raft.read_index()?;
        let deadline = Instant::now() + PATIENCE;
        // A leader that was replaced is never told, or learns that it was: its store may be old.
        let index = confirmed.recv_deadline(deadline).ok();
        let value = index.and_then(|index| self.value_at(index, key, deadline));
        Some(value.map_or(Reply::NotHere { leader: None }, Reply::Done))
    }

    /// The key's value, once the store has all entries up to `index`.
    fn value_at(&self, index: LogIndex, key: &str, deadline: Instant) -> Option<String> {
        let mut state = self.state.lock();
        // 4. "The leader waits for its state machine to advance at least as far as the readIndex."
        while state.applied < index {
            if state.killed || Instant::now() >= deadline {
                return None;
            }
            self.moved.wait_for(&mut state, GLANCE);
        }
        // 5. "Finally, the leader issues the query against its state machine."
        Some(state.store.get(key).to_string())
    }
}
// END SOLUTION

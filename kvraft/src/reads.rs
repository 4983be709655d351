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
        ReadIndexServer(Server::start_fixed(peers, me, persister, max_state, true))
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use labsim::channel::{Receiver, Sender, bounded};
    use labsim::sync::Arc;
    use labsim::thread;
    use labsim::time::Duration;
    use raftapi::{ApplyMsg, NotLeader, Term};

    use super::*;
    use crate::message::{ClerkId, Op, Request};
    use crate::store::Store;

    /// A Raft that confirms every read, with this index.
    struct Confirms(LogIndex);

    impl Raft for Confirms {
        fn make(_: Vec<ClientEnd>, _: PeerId, _: Persister, _: Sender<ApplyMsg>) -> Self {
            Confirms(LogIndex::ZERO)
        }

        fn service(&self) -> Service {
            unreachable!("nobody calls it")
        }

        fn start(&self, _: Bytes) -> Result<(LogIndex, Term), NotLeader> {
            Err(NotLeader { leader: None })
        }

        fn read_index(&self) -> Option<Receiver<LogIndex>> {
            let (tell, told) = bounded(1);
            let _ = tell.send(self.0);
            Some(told)
        }

        fn state(&self) -> (Term, bool) {
            (Term(1), true)
        }

        fn snapshot(&self, _: LogIndex, _: Bytes) {}

        fn kill(&self) {}
    }

    /// Somebody reads `x`; a tenth of a second later the entry at `applied` is there, which writes it.
    fn read_while_applying(index: LogIndex, applied: LogIndex) -> Option<Reply> {
        let core = Core::new(PeerId(0), Confirms(index), Store::default(), true);
        let core = Arc::new(core);
        let reader = {
            let core = core.clone();
            thread::spawn(move || core.read("x"))
        };
        thread::sleep(Duration::from_millis(100));
        let (key, value) = ("x".into(), "new".into());
        let put = Request {
            clerk: ClerkId(1),
            number: 1,
            op: Op::Put { key, value },
        };
        let mut state = core.state.lock();
        state.store.apply(put);
        state.applied = applied;
        core.moved.notify_all();
        drop(state);
        reader.join().expect("the reader ends")
    }

    fn simulated(index: u64, applied: u64) -> Option<Reply> {
        let read = move || read_while_applying(LogIndex(index), LogIndex(applied));
        labsim::run(labsim::Config::seed(1), read).unwrap()
    }

    #[test]
    fn a_read_waits_until_what_was_committed_is_applied() {
        assert_eq!(simulated(7, 7), Some(Reply::Done("new".into())));
        assert_eq!(simulated(7, 8), Some(Reply::Done("new".into())));
    }

    #[test]
    fn a_read_does_not_wait_for_ever() {
        assert_eq!(simulated(7, 6), Some(Reply::NotHere { leader: None }));
    }

    #[test]
    fn a_read_whose_entries_are_there_does_not_wait() {
        assert_eq!(simulated(0, 1), Some(Reply::Done(String::new())));
    }
}
// END SOLUTION

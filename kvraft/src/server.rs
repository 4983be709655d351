// BEGIN SOLUTION
//! The RPC handler: put the operation into the log, wait until it comes out.

use labsim::channel::{Receiver, RecvTimeoutError};
use labsim::log::{debug, info};
use labsim::sync::{Condvar, Mutex};
use labsim::time::{Duration, Instant};
use raftapi::{LogIndex, NotLeader, PeerId, Raft, Term};

use crate::message::{Op, Reply, Request, kv_rpc};
use crate::store::Store;
use crate::waiting::Waiting;

/// How long an operation may wait to be committed. A leader that is cut off does not know that it
/// is; but its clerk may be able to reach the majority.
pub(crate) const PATIENCE: Duration = Duration::from_millis(400);

/// A handler that waits looks so often whether its server still leads.
pub(crate) const GLANCE: Duration = Duration::from_millis(50);

/// What a server's threads have in common.
pub(crate) struct Core<R> {
    pub me: PeerId,
    pub raft: R,
    pub state: Mutex<State>,
    /// Gets do not enter the log.
    pub read_index: bool,
    /// For them: the store has moved on.
    pub moved: Condvar,
}

/// What changes.
pub(crate) struct State {
    pub store: Store,
    /// The last entry in the store since the server started; 0 if there is none yet.
    pub applied: LogIndex,
    pub waiting: Waiting,
    pub killed: bool,
}

impl<R: Raft> kv_rpc::Handler for Core<R> {
    fn execute(&self, request: Request) -> Reply {
        match &request.op {
            Op::Get { key } if self.read_index => {
                let read = self.read(key);
                read.unwrap_or_else(|| self.execute_in_log(&request))
            }
            _ => self.execute_in_log(&request),
        }
    }
}

impl<R: Raft> Core<R> {
    pub fn new(me: PeerId, raft: R, store: Store, read_index: bool) -> Core<R> {
        let state = State {
            store,
            applied: LogIndex::ZERO,
            waiting: Waiting::default(),
            killed: false,
        };
        Core {
            me,
            raft,
            state: Mutex::new(state),
            read_index,
            moved: Condvar::new(),
        }
    }

    fn execute_in_log(&self, request: &Request) -> Reply {
        let command = labgob::encode(request).into();
        let begun = {
            // One lock for both: else the entry could be applied before anybody waits for it.
            let mut state = self.state.lock();
            if state.killed {
                return Reply::NotHere { leader: None };
            }
            let begun = self.raft.start(command);
            begun.map(|(index, term)| (index, term, state.waiting.wait_for(index, term)))
        };
        match begun {
            Err(NotLeader { leader }) => Reply::NotHere { leader },
            // Without the lock: the applier needs it to bring the result.
            Ok((index, term, result)) => match self.wait(term, &result) {
                Some(value) => Reply::Done(value),
                None => self.give_up(index, term),
            },
        }
    }

    /// Waits for a result, as long as there is hope that it comes soon.
    fn wait(&self, term: Term, result: &Receiver<String>) -> Option<String> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            match result.recv_timeout(GLANCE) {
                Ok(value) => return Some(value),
                Err(RecvTimeoutError::Disconnected) => return None,
                // The entry may be committed all the same, by the next leader. But this server is
                // not the one to ask any more.
                Err(RecvTimeoutError::Timeout) if self.raft.state() != (term, true) => return None,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        None
    }

    fn give_up(&self, index: LogIndex, term: Term) -> Reply {
        debug!(target: "kv", "server {} no longer waits for the entry {index} of term {term}", self.me);
        self.state.lock().waiting.give_up(index, term);
        Reply::NotHere { leader: None }
    }

    /// Ends the server: Raft ends the applier's channel, and the applier the rest.
    pub fn kill(&self) {
        self.raft.kill();
        let mut state = self.state.lock();
        if !state.killed {
            info!(target: "kv", "server {} is killed", self.me);
        }
        state.killed = true;
        state.waiting.clear();
    }
}
// END SOLUTION

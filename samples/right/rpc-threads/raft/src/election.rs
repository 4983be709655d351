//! Elections (§5.2, §5.4.1).

use labsim::log::info;
use labsim::sync::Arc;
use labsim::thread;
use labsim::time::{Duration, Instant};

use crate::Peer;
use crate::message::{VoteArgs, VoteReply};
use crate::state::{Role, State};

impl Peer {
    /// The ticker.
    pub fn tick(self: &Arc<Peer>) {
        loop {
            thread::sleep(Duration::from_millis(10));
            let mut state = self.state.lock();
            if state.killed {
                return;
            }
            if state.role != Role::Leader && Instant::now() >= state.election {
                self.run_for_office(&mut state);
            }
        }
    }

    fn run_for_office(self: &Arc<Peer>, state: &mut State) {
        state.term = state.term.next();
        state.role = Role::Candidate;
        state.leader = None;
        state.voted_for = Some(self.me);
        state.votes = 1;
        state.persist();
        state.restart_election_timer();
        info!(target: "election", "server {} runs for term {}", self.me, state.term);
        for to in self.others() {
            let args = VoteArgs {
                term: state.term,
                candidate: self.me,
                last: state.log.last(),
            };
            let peer = self.clone();
            thread::spawn(move || peer.ask_for_vote(to, args));
        }
    }

    /// One call.
    fn ask_for_vote(&self, to: usize, args: VoteArgs) {
        let Ok(reply) = self.clients[to].request_vote(&args) else {
            return;
        };
        let mut state = self.state.lock();
        state.heed(reply.term);
        let still_runs = state.role == Role::Candidate && state.term == args.term;
        if !still_runs || !reply.granted {
            return;
        }
        state.votes += 1; // one call, one vote
        if state.votes > self.clients.len() / 2 {
            self.take_office(&mut state);
        }
    }

    fn take_office(&self, state: &mut State) {
        info!(target: "election", "server {} leads term {}", self.me, state.term);
        state.role = Role::Leader;
        state.leader = Some(self.me);
        let next = state.log.last().index.next();
        state.next.fill(next);
        state.matched.fill(raftapi::LogIndex::ZERO);
        state.news = true;
        self.to_send.notify_one();
    }

    /// RequestVote RPC, "Receiver implementation".
    pub fn vote(&self, args: VoteArgs) -> VoteReply {
        let mut state = self.state.lock();
        state.heed(args.term);
        let last = state.log.last();
        let up_to_date = (args.last.term, args.last.index) >= (last.term, last.index);
        let free = state.voted_for.is_none() || state.voted_for == Some(args.candidate);
        let granted = args.term == state.term && free && up_to_date;
        if granted {
            state.voted_for = Some(args.candidate);
            state.persist();
            state.restart_election_timer();
        }
        VoteReply {
            term: state.term,
            granted,
        }
    }
}

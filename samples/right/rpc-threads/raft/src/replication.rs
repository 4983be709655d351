//! Log replication (§5.3, §5.4.2), and handing what is committed to the service.

use labsim::channel::Sender;
use labsim::sync::Arc;
use labsim::thread;
use labsim::time::{Duration, Instant};
use raftapi::{ApplyMsg, LogIndex};

use crate::Peer;
use crate::message::*;
use crate::state::{Role, State};

const HEARTBEAT: Duration = Duration::from_millis(100);
/// Calls to a server that is cut off take seconds to fail. With so many of them under way another
/// one would not help.
const CALLS: usize = 32;

impl Peer {
    /// The sender: a round of calls when there is news, or when a heartbeat is due.
    pub fn send_rounds(self: &Arc<Peer>) {
        let mut state = self.state.lock();
        while !state.killed {
            if state.role != Role::Leader {
                self.to_send.wait(&mut state);
            } else if state.news || Instant::now() >= state.heartbeat {
                state.news = false;
                state.heartbeat = Instant::now() + HEARTBEAT;
                self.others().for_each(|to| self.send(to, &mut state));
            } else {
                let until = state.heartbeat;
                self.to_send.wait_until(&mut state, until);
            }
        }
    }

    /// Sends a follower what it lacks, as far as we know.
    fn send(self: &Arc<Peer>, to: usize, state: &mut State) {
        if state.calls[to] >= CALLS {
            return;
        }
        state.calls[to] += 1;
        let peer = self.clone();
        if state.next[to] <= state.log.base().index {
            let args = SnapshotArgs {
                term: state.term,
                leader: self.me,
                last: state.log.base(),
                snapshot: state.snapshot.clone(),
            };
            state.next[to] = args.last.index.next();
            thread::spawn(move || peer.call_install(to, args));
            return;
        }
        let prev = state.log.place(state.next[to].prev());
        let args = AppendArgs {
            term: state.term,
            leader: self.me,
            prev,
            entries: state.log.tail(prev.index).to_vec(),
            commit: state.commit,
        };
        // The next round goes on from here, while this one is under way.
        state.next[to] = state.log.last().index.next();
        thread::spawn(move || peer.call_append(to, args));
    }

    /// One call.
    fn call_append(&self, to: usize, args: AppendArgs) {
        let reply = self.clients[to].append_entries(&args);
        let mut state = self.state.lock();
        state.calls[to] -= 1;
        let Ok(reply) = reply else {
            if state.leads(args.term) {
                state.go_back(to, args.prev.index.next());
            }
            return;
        };
        state.heed(reply.term);
        if !state.leads(args.term) {
            return;
        }
        if reply.success {
            let last = LogIndex(args.prev.index.0 + args.entries.len() as u64);
            self.holds(to, last, &mut state);
        } else if args.prev.index > state.matched[to] {
            // By a whole term at once (end of §5.3).
            let ours = reply
                .conflict_term
                .and_then(|term| state.log.last_of_term(term));
            let next = ours.map_or(reply.conflict_index, LogIndex::next);
            state.go_back(to, next.min(args.prev.index));
            state.news = true;
            self.to_send.notify_one();
        }
    }

    /// The follower's log equals ours up to `last`.
    pub fn holds(&self, to: usize, last: LogIndex, state: &mut State) {
        state.matched[to] = state.matched[to].max(last);
        state.next[to] = state.next[to].max(state.matched[to].next());
        state.matched[self.me.0] = state.log.last().index;
        let mut matched = state.matched.clone();
        matched.sort();
        let by_majority = matched[(matched.len() - 1) / 2];
        // Only an entry of our own term is committed by counting (§5.4.2).
        if by_majority > state.commit && state.log.term(by_majority) == Some(state.term) {
            state.commit = by_majority;
            self.to_apply.notify_one();
        }
    }

    /// AppendEntries RPC, "Receiver implementation".
    pub fn append(&self, args: AppendArgs) -> AppendReply {
        let mut state = self.state.lock();
        state.heed(args.term);
        let reject = |term, conflict_term, conflict_index| AppendReply {
            term,
            success: false,
            conflict_term,
            conflict_index,
        };
        if args.term < state.term {
            return reject(state.term, None, LogIndex(1));
        }
        state.follow(args.leader);
        let base = state.log.base().index;
        if args.prev.index >= base {
            match state.log.term(args.prev.index) {
                None => {
                    let after = state.log.last().index.next();
                    return reject(state.term, None, after);
                }
                Some(term) if term != args.prev.term => {
                    let first = state.log.first_of_term_at(args.prev.index);
                    return reject(state.term, Some(term), first);
                }
                Some(_) => {}
            }
        }
        let last = LogIndex(args.prev.index.0 + args.entries.len() as u64);
        let mut changed = false;
        for (index, entry) in (args.prev.index.0 + 1..).map(LogIndex).zip(args.entries) {
            if index <= base {
                continue; // it is in our snapshot
            }
            match state.log.term(index) {
                Some(term) if term == entry.term => continue,
                Some(_) => state.log.cut(index),
                None => {}
            }
            state.log.push(entry.term, entry.command);
            changed = true;
        }
        if changed {
            state.persist();
        }
        let commit = args.commit.min(last);
        if commit > state.commit {
            state.commit = commit;
            self.to_apply.notify_one();
        }
        AppendReply {
            term: state.term,
            success: true,
            conflict_term: None,
            conflict_index: last,
        }
    }

    /// The applier.
    pub fn apply(&self, service: &Sender<ApplyMsg>) {
        loop {
            let messages = {
                let mut state = self.state.lock();
                while !state.killed && state.applied >= state.commit {
                    self.to_apply.wait(&mut state);
                }
                if state.killed {
                    return;
                }
                state.take_unapplied()
            };
            for message in messages {
                if service.send(message).is_err() {
                    return; // nobody wants the rest
                }
            }
        }
    }
}

impl State {
    /// A leader of our term has called.
    pub fn follow(&mut self, leader: raftapi::PeerId) {
        self.role = Role::Follower;
        self.leader = Some(leader);
        self.restart_election_timer();
    }

    /// What was sent from `next` on did not arrive, or not where it fits.
    pub fn go_back(&mut self, to: usize, next: LogIndex) {
        self.next[to] = self.next[to].min(next).max(self.matched[to].next());
    }

    fn take_unapplied(&mut self) -> Vec<ApplyMsg> {
        let mut messages = Vec::new();
        let base = self.log.base();
        if self.applied < base.index {
            messages.push(ApplyMsg::Snapshot {
                index: base.index,
                term: base.term,
                snapshot: self.snapshot.clone(),
            });
            self.applied = base.index;
        }
        for index in (self.applied.0 + 1..=self.commit.0).map(LogIndex) {
            let entry = self.log.entry(index);
            messages.push(ApplyMsg::Command {
                index,
                term: entry.term,
                command: entry.command.clone(),
            });
        }
        self.applied = self.commit;
        messages
    }
}

//! A Raft that plays a part: each server does what a script says, in messages and saves that the checks can read.

use std::marker::PhantomData;

use bytes::Bytes;
use labrpc::{ClientEnd, Service};
use labsim::channel::Sender;
use labsim::sync::{Arc, Mutex};
use labsim::thread;
use labsim::time::{Duration, Instant};
use raftapi::view::{EntryId, EntryView, RpcView, SavedView};
use raftapi::{ApplyMsg, LogIndex, NotLeader, PeerId, Persister, Raft, Term};

labrpc::service! {
    /// Figure 2's messages as the checks see them.
    pub mod script_rpc: "Script" {
        /// Any of them.
        fn tell(RpcView) -> RpcView;
    }
}

/// What the servers of a story do.
pub trait Script: Send + Sync + 'static {
    /// What this server does from its start on.
    fn play(actor: &Actor);

    /// What it answers; in most scripts as it should.
    fn answer(actor: &Actor, asked: &RpcView) -> RpcView {
        actor.right_answer(asked)
    }
}

/// A server.
pub struct Actor {
    /// Its number.
    pub me: usize,
    began: Instant,
    peers: Vec<script_rpc::Client>,
    persister: Persister,
    apply: Sender<ApplyMsg>,
    /// What it holds, and whether it says that it leads.
    pub state: Mutex<(SavedView, bool)>,
}

/// Entries of these terms, with their commands.
pub fn entries<const N: usize>(all: [(u64, &str); N]) -> Vec<EntryView> {
    let entry = |(term, command): (u64, &str)| EntryView {
        term: Term(term),
        command: Bytes::copy_from_slice(command.as_bytes()),
    };
    all.into_iter().map(entry).collect()
}

/// A place in the log.
pub fn id(index: u64, term: u64) -> EntryId {
    EntryId {
        index: LogIndex(index),
        term: Term(term),
    }
}

impl Actor {
    /// Waits for this moment.
    pub fn at_ms(&self, ms: u64) {
        let moment = Duration::from_millis(ms);
        thread::sleep(moment.saturating_sub(self.began.elapsed()));
    }

    /// Changes what it holds, and saves that.
    pub fn saves(&self, change: impl FnOnce(&mut SavedView)) {
        change(&mut self.state.lock().0);
        let state = labgob::encode(&self.state.lock().0);
        self.persister.save(state, "");
    }

    /// Sends a message and gives the answer.
    pub fn asks(&self, to: usize, what: &RpcView) -> Option<RpcView> {
        self.peers[to].tell(what).ok()
    }

    /// Runs for election: votes for itself, and asks these.
    pub fn runs(&self, term: u64, of: &[usize]) {
        self.saves(|state| (state.term, state.vote) = (Term(term), Some(PeerId(self.me))));
        let last = self.state.lock().0.last();
        let (term, candidate) = (Term(term), PeerId(self.me));
        for to in of {
            self.asks(
                *to,
                &RpcView::RequestVote {
                    term,
                    candidate,
                    last,
                },
            );
        }
    }

    /// Says that it leads, and sends all others these entries.
    pub fn leads(&self, term: u64, prev: EntryId, all: &[EntryView], commit: u64) {
        self.state.lock().1 = true;
        for to in (0..self.peers.len()).filter(|to| *to != self.me) {
            self.sends(to, term, prev, all, commit);
        }
    }

    /// Sends entries to one.
    pub fn sends(
        &self,
        to: usize,
        term: u64,
        prev: EntryId,
        all: &[EntryView],
        commit: u64,
    ) -> Option<RpcView> {
        let what = RpcView::AppendEntries {
            term: Term(term),
            leader: PeerId(self.me),
            prev,
            entries: all.to_vec(),
            commit: LogIndex(commit),
        };
        self.asks(to, &what)
    }

    /// Hands a command to the service.
    pub fn applies(&self, index: u64, term: u64, command: &str) {
        let message = ApplyMsg::Command {
            index: LogIndex(index),
            term: Term(term),
            command: Bytes::copy_from_slice(command.as_bytes()),
        };
        let _ = self.apply.send(message);
    }

    /// As Figure 2 has it, but for the log's comparison and commits, which no script needs.
    pub fn right_answer(&self, asked: &RpcView) -> RpcView {
        let before = self.state.lock().0.clone();
        let newer = asked.term() > before.term;
        let term = asked.term().max(before.term);
        match asked {
            RpcView::RequestVote { candidate, .. } => {
                let free = newer || before.vote.is_none_or(|vote| vote == *candidate);
                let granted = free && asked.term() == term;
                self.saves(|state| {
                    state.term = term;
                    state.vote = if granted {
                        Some(*candidate)
                    } else {
                        state.vote.filter(|_| !newer)
                    };
                });
                RpcView::RequestVoteReply { term, granted }
            }
            RpcView::AppendEntries { prev, entries, .. } => {
                let success = asked.term() == term;
                if success {
                    self.saves(|state| {
                        state.term = term;
                        state.vote = state.vote.filter(|_| !newer);
                        state.entries.truncate(prev.index.0 as usize);
                        state.entries.extend(entries.iter().cloned());
                    });
                    self.state.lock().1 = false;
                }
                RpcView::AppendEntriesReply { term, success }
            }
            _ => RpcView::InstallSnapshotReply { term },
        }
    }
}

/// The Raft that plays a script.
pub struct Scripted<S> {
    actor: Arc<Actor>,
    script: PhantomData<S>,
}

struct Handler<S>(Arc<Actor>, PhantomData<S>);

impl<S: Script> script_rpc::Handler for Handler<S> {
    fn tell(&self, asked: RpcView) -> RpcView {
        S::answer(&self.0, &asked)
    }
}

impl<S: Script> Raft for Scripted<S> {
    fn make(
        peers: Vec<ClientEnd>,
        me: PeerId,
        persister: Persister,
        apply: Sender<ApplyMsg>,
    ) -> Self {
        let saved = labgob::decode(&persister.state()).unwrap_or_default();
        let actor = Arc::new(Actor {
            me: me.0,
            began: Instant::now(),
            peers: peers.into_iter().map(script_rpc::Client::new).collect(),
            persister,
            apply,
            state: Mutex::new((saved, false)),
        });
        let player = actor.clone();
        thread::spawn(move || S::play(&player));
        Scripted {
            actor,
            script: PhantomData,
        }
    }

    fn service(&self) -> Service {
        script_rpc::service(Arc::new(Handler::<S>(self.actor.clone(), PhantomData)))
    }

    fn start(&self, command: Bytes) -> Result<(LogIndex, Term), NotLeader> {
        let (term, leads) = self.state();
        if !leads {
            return Err(NotLeader { leader: None });
        }
        self.actor
            .saves(|state| state.entries.push(EntryView { term, command }));
        let last = self.actor.state.lock().0.last();
        Ok((last.index, term))
    }

    fn state(&self) -> (Term, bool) {
        let state = self.actor.state.lock();
        (state.0.term, state.1)
    }

    /// No script compacts a log.
    fn snapshot(&self, index: LogIndex, _: Bytes) {
        unreachable!("a snapshot at {index} that no script asks for")
    }

    fn kill(&self) {}

    fn view_rpc(_: &str, _: bool, bytes: &[u8]) -> Option<RpcView> {
        labgob::decode(bytes).ok()
    }

    fn view_saved(state: &[u8]) -> Option<SavedView> {
        labgob::decode(state).ok()
    }
}

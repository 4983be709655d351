//! The thread that owns the state.

use std::collections::BTreeMap;
use std::mem;

use bytes::Bytes;
use labsim::channel::{Receiver, Sender};
use labsim::sync::Arc;
use raftapi::{ApplyMsg, LogIndex, Persister, Raft, Term};
use serde::{Deserialize, Serialize};

use crate::message::{Letter, NotDone, What};

/// To whoever asked.
pub(crate) type Answer = Sender<Result<String, NotDone>>;

/// What the owner is told.
pub(crate) enum Mail {
    /// A request.
    Asked(Letter, Answer),
    /// From Raft.
    Committed(ApplyMsg),
    /// Time has passed.
    Tick,
    /// Raft has ended, or the server.
    End,
}

/// What a snapshot holds.
#[derive(Default, Serialize, Deserialize)]
struct Contents {
    values: BTreeMap<String, String>,
    /// The number of the last operation of each clerk, with what a get of it found.
    last: BTreeMap<u64, (u64, Option<String>)>,
}

/// An operation that somebody waits for.
struct Open {
    term: Term,
    answers: Vec<Answer>,
}

/// The state.
pub(crate) struct Owner<R> {
    raft: Arc<R>,
    persister: Persister,
    max_state: Option<usize>,
    contents: Contents,
    open: BTreeMap<(u64, u64), Open>,
    /// The last term that this server has led and knows of.
    led: Term,
}

/// An entry of the log: an operation, or nothing, with which a new leader begins. It commits what its predecessors have left
/// (§5.4.2), for which it would have to wait otherwise until somebody wants something.
type Entry = Option<Letter>;

impl<R: Raft> Owner<R> {
    /// From what is saved.
    pub fn new(raft: Arc<R>, persister: Persister, max_state: Option<usize>, saved: &[u8]) -> Self {
        let mut owner = Owner {
            raft,
            persister,
            max_state,
            contents: Contents::default(),
            open: BTreeMap::new(),
            led: Term::ZERO,
        };
        if !saved.is_empty() {
            owner.load(saved);
        }
        owner
    }

    /// Until the end.
    pub fn run(mut self, mail: Receiver<Mail>) {
        for message in mail {
            match message {
                Mail::Asked(letter, answer) => self.asked(letter, answer),
                Mail::Committed(ApplyMsg::Command { index, command, .. }) => {
                    self.committed(index, &command);
                }
                Mail::Committed(ApplyMsg::Snapshot { snapshot, .. }) => self.load(&snapshot),
                Mail::Tick => {
                    self.begin_term();
                    self.dismiss();
                }
                Mail::End => return,
            }
        }
    }

    fn asked(&mut self, letter: Letter, answer: Answer) {
        let name = (letter.from, letter.number);
        if let Some(value) = self.contents.done(&letter) {
            let _ = answer.send(Ok(value));
            return;
        }
        let (term, leads) = self.raft.state();
        if let Some(open) = self.open.get_mut(&name)
            && open.term == term
            && leads
        {
            open.answers.push(answer);
            return;
        }
        match self.raft.start(labgob::encode(&Entry::Some(letter)).into()) {
            Err(_) => _ = answer.send(Err(NotDone)),
            Ok((_, term)) => {
                let open = self.open.entry(name).or_insert_with(|| Open {
                    term,
                    answers: Vec::new(),
                });
                open.term = term;
                open.answers.push(answer);
            }
        }
    }

    fn committed(&mut self, index: LogIndex, command: &Bytes) {
        let entry: Entry = labgob::decode(command).expect("an entry of this service");
        if let Some(letter) = entry {
            let name = (letter.from, letter.number);
            let value = self.contents.execute(letter);
            for answer in self.open.remove(&name).into_iter().flat_map(|o| o.answers) {
                let _ = answer.send(Ok(value.clone()));
            }
        }
        if let Some(limit) = self.max_state
            && self.persister.state_len() >= limit
        {
            let snapshot = labgob::encode(&self.contents);
            self.raft.snapshot(index, snapshot.into());
        }
    }

    fn begin_term(&mut self) {
        let (term, leads) = self.raft.state();
        if leads && term > self.led {
            let nothing = labgob::encode(&Entry::None);
            let begun = self.raft.start(nothing.into());
            self.led = begun.map_or(self.led, |(_, term)| term);
        }
    }

    /// Whoever waits for a term that is over had better ask another server.
    fn dismiss(&mut self) {
        let (term, leads) = self.raft.state();
        let (stay, go) = mem::take(&mut self.open)
            .into_iter()
            .partition(|(_, open)| leads && open.term == term);
        self.open = stay;
        let go: BTreeMap<_, Open> = go;
        for answer in go.into_values().flat_map(|open| open.answers) {
            let _ = answer.send(Err(NotDone));
        }
    }

    fn load(&mut self, snapshot: &[u8]) {
        self.contents = labgob::decode(snapshot).expect("a snapshot of this service");
    }
}

impl Contents {
    /// The answer, if the operation was done before.
    fn done(&self, letter: &Letter) -> Option<String> {
        let (number, found) = self.last.get(&letter.from)?;
        (*number >= letter.number).then(|| found.clone().unwrap_or_default())
    }

    fn execute(&mut self, letter: Letter) -> String {
        if let Some(value) = self.done(&letter) {
            return value;
        }
        let found = match letter.what {
            What::Read => Some(self.values.get(&letter.key).cloned().unwrap_or_default()),
            What::Be(value) => {
                self.values.insert(letter.key, value);
                None
            }
            What::Grow(value) => {
                self.values.entry(letter.key).or_default().push_str(&value);
                None
            }
        };
        self.last
            .insert(letter.from, (letter.number, found.clone()));
        found.unwrap_or_default()
    }
}

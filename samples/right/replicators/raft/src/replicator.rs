//! The thread that talks to one other peer. It never waits for an answer: answers come into its inbox.

use labrpc::RpcError;
use labsim::channel::{Receiver, Sender};
use labsim::sync::{Arc, Mutex};
use labsim::time::{Duration, Instant};
use raftapi::view::EntryId;
use raftapi::{LogIndex, Term};

use crate::message::*;
use crate::node::{Node, Role};

/// Calls that may be under way. A server that is cut off leaves each of them open for seconds.
const CALLS: u64 = 24;
/// Entries in one call.
const ENTRIES: usize = 200;

/// What comes into a replicator's inbox.
pub enum Note {
    /// The peer has something new to say.
    News,
    /// A call is over.
    Over(Sent, Answer),
}

/// What is remembered of a call.
#[derive(Clone, Copy)]
pub struct Sent {
    number: u64,
    term: Term,
    /// The entry before those that were sent, and the last of them.
    prev: LogIndex,
    last: LogIndex,
}

pub enum Answer {
    Vote(Result<Vote, RpcError>),
    Append(Result<Appended, RpcError>),
    Install(Result<Installed, RpcError>),
}

enum Request {
    Vote(RequestVote),
    Append(AppendEntries),
    Install(InstallSnapshot),
}

pub struct Replicator {
    pub node: Arc<Mutex<Node>>,
    pub to: usize,
    pub client: raft_rpc::Client,
    pub inbox_tx: Sender<Note>,
    pub inbox: Receiver<Note>,
}

/// What the replicator itself knows.
#[derive(Default)]
struct Open {
    made: u64,
    over: u64,
    /// The term in which a vote was asked for last, and when to ask again (§5.1: servers retry).
    asked: Option<(Term, Instant)>,
}

impl Replicator {
    pub fn run(self) {
        let mut open = Open::default();
        let mut due = Instant::now();
        loop {
            let mut notes: Vec<Note> = self.inbox.recv_deadline(due).into_iter().collect();
            notes.extend(self.inbox.try_iter());
            let requests = {
                let mut node = self.node.lock();
                if node.stopped() {
                    return;
                }
                for note in notes {
                    if let Note::Over(sent, answer) = note {
                        open.over += 1;
                        self.judge(&mut node, sent, answer);
                    }
                }
                let request = self.what_to_say(&mut node, &mut open);
                due = node.due(self.to);
                request
            };
            if let Some((sent, request)) = requests {
                self.call(sent, request);
            } else {
                // With too many calls open the next one waits for one of them to end.
                due = due.max(Instant::now() + Duration::from_millis(5));
            }
        }
    }

    fn judge(&self, node: &mut Node, sent: Sent, answer: Answer) {
        match answer {
            Answer::Vote(Ok(vote)) => node.count_vote(self.to, sent.term, vote),
            Answer::Vote(Err(_)) => {}
            Answer::Append(answer) => {
                let now = answer.as_ref().map_or(sent.term, |answer| answer.term);
                let Some(follower) = node.follower(self.to, sent.term, now) else {
                    return;
                };
                follower.is_over(sent.number);
                match answer {
                    Ok(answer) if answer.success => follower.said_yes(sent.last),
                    Ok(_) => follower.said_no(sent.prev),
                    Err(_) => {}
                }
                node.commit_what_a_majority_holds();
            }
            Answer::Install(answer) => {
                let now = answer.as_ref().map_or(sent.term, |answer| answer.term);
                let Some(follower) = node.follower(self.to, sent.term, now) else {
                    return;
                };
                follower.is_over(sent.number);
                if answer.is_ok() {
                    follower.said_yes(sent.last);
                    follower.snapshot_is_over();
                }
                node.commit_what_a_majority_holds();
            }
        }
    }

    fn what_to_say(&self, node: &mut Node, open: &mut Open) -> Option<(Sent, Request)> {
        if open.made - open.over >= CALLS {
            return None;
        }
        let (me, term, last) = (node.me, node.term, node.log.last());
        let number = open.made + 1;
        let (range, request) = match &mut node.role {
            Role::Follower(_) => return None,
            Role::Candidate(votes) => {
                let now = Instant::now();
                let asked = open
                    .asked
                    .is_some_and(|(t, again)| t == term && now < again);
                if asked || votes.contains(&self.to) {
                    return None;
                }
                open.asked = Some((term, now + crate::follower::HEARTBEAT));
                let request = RequestVote {
                    term,
                    candidate: me,
                    last,
                };
                ((last.index, last.index), Request::Vote(request))
            }
            Role::Leader(followers) => {
                let follower = followers.get_mut(&self.to)?;
                if !follower.may_send(node.log.snapshot.index, last.index) {
                    return None;
                }
                follower.sent(number);
                match node.log.id(follower.next.prev()) {
                    Some(prev) => append(node, prev, ENTRIES),
                    None if follower.takes_snapshot() => install(node),
                    // A heartbeat meanwhile. It says no, which is no news.
                    None => append(node, node.log.snapshot, 0),
                }
            }
        };
        open.made = number;
        let (prev, last) = range;
        let sent = Sent {
            number,
            term,
            prev,
            last,
        };
        Some((sent, request))
    }

    fn call(&self, sent: Sent, request: Request) {
        let inbox = self.inbox_tx.clone();
        let put = move |answer| drop(inbox.send(Note::Over(sent, answer)));
        let client = self.client.callback();
        match request {
            Request::Vote(args) => client.request_vote(&args, move |r| put(Answer::Vote(r))),
            Request::Append(args) => client.append_entries(&args, move |r| put(Answer::Append(r))),
            Request::Install(args) => {
                client.install_snapshot(&args, move |r| put(Answer::Install(r)));
            }
        }
    }
}

fn append(node: &Node, prev: EntryId, most: usize) -> ((LogIndex, LogIndex), Request) {
    let entries = node.log.after(prev.index, most);
    let last = LogIndex(prev.index.0 + entries.len() as u64);
    let args = AppendEntries {
        term: node.term,
        leader: node.me,
        prev,
        entries,
        commit: node.commit,
    };
    ((prev.index, last), Request::Append(args))
}

fn install(node: &Node) -> ((LogIndex, LogIndex), Request) {
    let last = node.log.snapshot;
    let args = InstallSnapshot {
        term: node.term,
        leader: node.me,
        last,
        snapshot: node.snapshot.clone(),
    };
    ((last.index, last.index), Request::Install(args))
}

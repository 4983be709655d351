//! One `RawNode`, and what it needs around it. Nothing here waits.

use bytes::Bytes;
use labsim::channel::Sender;
use labsim::rand::{RngExt, rng};
use labsim::time::Duration;
use protobuf::Message as _;
use raftapi::{ApplyMsg, LogIndex, NotLeader, PeerId, Persister, Term};
use tikv::eraftpb::{Entry, Message, MessageType};
use tikv::{Config, RawNode, SnapshotStatus, StateRole};

use crate::store::{self, Store};

/// Ticks of an election timeout. A tick of a follower is short, one of a leader is a heartbeat's.
const ELECTION_TICKS: usize = 10;
const FOLLOWERS_TICK: std::ops::Range<u64> = 30_000..60_000;
const LEADERS_TICK: Duration = Duration::from_millis(100);

/// What kind of call a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Vote,
    Append,
    Snapshot,
}

/// A call to make.
pub(crate) struct Call {
    pub to: usize,
    pub kind: Kind,
    pub message: Bytes,
}

/// What comes of a turn: all that it depends on is saved.
#[derive(Default)]
pub(crate) struct Turn {
    pub calls: Vec<Call>,
}

pub(crate) struct Core {
    node: RawNode<Store>,
    /// Where committed entries go; none when the peer was told to end.
    committed: Option<Sender<ApplyMsg>>,
    /// Length of a tick until the next election, or until an election is put off.
    tick: Duration,
}

impl Core {
    pub fn new(
        me: PeerId,
        peers: usize,
        persister: Persister,
        committed: Sender<ApplyMsg>,
    ) -> Core {
        let store = Store::new(peers, persister);
        // As TiKV itself runs it, unless told otherwise.
        let careful = !cfg!(feature = "plain");
        let config = Config {
            id: id(me.0),
            election_tick: ELECTION_TICKS,
            // One choice only, or it would be drawn from the system's randomness.
            min_election_tick: ELECTION_TICKS,
            max_election_tick: ELECTION_TICKS + 1,
            heartbeat_tick: 1,
            applied: store.base().index,
            max_size_per_msg: 64 * 1024,
            // Fewer calls: entries wait for company, and the commit index for the next message.
            batch_append: true,
            skip_bcast_commit: true,
            check_quorum: careful,
            pre_vote: careful,
            ..Config::default()
        };
        let logger = slog::Logger::root(slog::Discard, slog::o!());
        let node = RawNode::new(&config, store, &logger).expect("a valid configuration");
        Core {
            node,
            committed: Some(committed),
            tick: draw_tick(),
        }
    }

    pub fn stop(&mut self) {
        self.committed = None;
    }

    pub fn is_stopped(&self) -> bool {
        self.committed.is_none()
    }

    fn leads(&self) -> bool {
        self.node.raft.state == StateRole::Leader && !self.is_stopped()
    }

    pub fn state(&self) -> (Term, bool) {
        (Term(self.node.raft.term), self.leads())
    }

    pub fn start(&mut self, command: &[u8]) -> Result<((LogIndex, Term), Turn), NotLeader> {
        let leader = self.node.raft.leader_id.checked_sub(1);
        let refused = NotLeader {
            leader: leader.map(|peer| PeerId(peer as usize)),
        };
        if !self.leads() {
            return Err(refused);
        }
        let proposed = self.node.propose(Vec::new(), store::data(command));
        proposed.map_err(|_| refused)?;
        let messages = self.settle();
        let last = self.node.store().last();
        let started = (LogIndex(last.ours), Term(last.term));
        Ok((started, calls(messages)))
    }

    pub fn keep_snapshot(&mut self, index: LogIndex, snapshot: Bytes) {
        if index.0 > self.node.store().base().ours {
            self.node.mut_store().compact(index, snapshot);
        }
    }

    /// A message that asks. Gives the reply, and what else is to be sent.
    pub fn handle(&mut self, bytes: &[u8]) -> (Bytes, Turn) {
        let asking = Message::parse_from_bytes(bytes).expect("a peer's message");
        let from = asking.from;
        let _ = self.node.step(asking); // an error: it is none of our peers
        let mut messages = self.settle();
        let answers = |m: &Message| m.to == from && !asks(m.get_msg_type());
        let answer = messages.iter().position(answers);
        let answer = answer.map_or_else(|| self.term_only(from), |at| messages.remove(at));
        messages.retain(|m| asks(m.get_msg_type()));
        (encode(&answer), calls(messages))
    }

    /// TiKV does not answer what is of an earlier term. "Reply false if term < currentTerm" (Figure 2): an answer
    /// that says nothing but our term.
    fn term_only(&self, to: u64) -> Message {
        let mut message = Message::default();
        message.set_msg_type(MessageType::MsgHeartbeatResponse);
        message.from = self.node.raft.id;
        message.to = to;
        message.term = self.node.raft.term;
        message
    }

    /// A call is over.
    pub fn take_reply(&mut self, from: usize, kind: Kind, reply: Option<Bytes>) -> Turn {
        match (kind, &reply) {
            (Kind::Append, None) => self.node.report_unreachable(id(from)),
            (Kind::Snapshot, None) => {
                self.node.report_snapshot(id(from), SnapshotStatus::Failure);
            }
            (Kind::Snapshot, Some(_)) => {
                self.node.report_snapshot(id(from), SnapshotStatus::Finish);
            }
            _ => {}
        }
        if let Some(reply) = reply {
            let message = Message::parse_from_bytes(&reply).expect("a peer's reply");
            let _ = self.node.step(message);
        }
        let messages = self.settle();
        calls(messages)
    }

    /// A tick has gone by. Gives the length of the next one.
    pub fn tick(&mut self) -> (Turn, Duration) {
        if self.node.raft.election_elapsed == 0 {
            self.tick = draw_tick(); // the count has begun again
        }
        self.node.tick();
        let messages = self.settle();
        let wait = if self.leads() {
            LEADERS_TICK
        } else {
            self.tick
        };
        (calls(messages), wait)
    }

    /// Does what the core has ready: saves, then hands on. Gives the messages that may go out now.
    fn settle(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        while self.node.has_ready() {
            let mut ready = self.node.ready();
            if !ready.snapshot().is_empty() {
                let (last, snapshot) = self.node.mut_store().install(ready.snapshot());
                self.commit(ApplyMsg::Snapshot {
                    index: LogIndex(last.ours),
                    term: Term(last.term),
                    snapshot,
                });
            }
            self.node.mut_store().append(ready.take_entries());
            if let Some(hard) = ready.hs() {
                self.node.mut_store().set_hard_state(hard);
            }
            if ready.must_sync() {
                self.node.store().save();
            }
            self.commit_all(ready.take_committed_entries());
            messages.extend(ready.take_messages());
            messages.extend(ready.take_persisted_messages());
            let mut light = self.node.advance(ready);
            if let Some(commit) = light.commit_index() {
                self.node.mut_store().set_commit(commit);
            }
            self.commit_all(light.take_committed_entries());
            messages.extend(light.take_messages());
            self.node.advance_apply();
        }
        messages
    }

    fn commit_all(&self, entries: Vec<Entry>) {
        for entry in &entries {
            let place = self.node.store().place(entry.index);
            let (Some(place), Some(command)) = (place, store::command(entry)) else {
                continue; // an empty entry: not the service's business
            };
            self.commit(ApplyMsg::Command {
                index: LogIndex(place.ours),
                term: Term(place.term),
                command,
            });
        }
    }

    fn commit(&self, message: ApplyMsg) {
        if let Some(committed) = &self.committed {
            let _ = committed.send(message); // the service may be gone
        }
    }
}

fn draw_tick() -> Duration {
    Duration::from_micros(rng().random_range(FOLLOWERS_TICK))
}

/// TiKV's name for a peer: 0 is nobody.
fn id(peer: usize) -> u64 {
    peer as u64 + 1
}

fn asks(kind: MessageType) -> bool {
    use MessageType::*;
    matches!(
        kind,
        MsgAppend | MsgHeartbeat | MsgSnapshot | MsgRequestVote | MsgRequestPreVote
    )
}

fn calls(messages: Vec<Message>) -> Turn {
    let call = |message: Message| Call {
        to: message.to as usize - 1,
        kind: match message.get_msg_type() {
            MessageType::MsgSnapshot => Kind::Snapshot,
            MessageType::MsgRequestVote | MessageType::MsgRequestPreVote => Kind::Vote,
            _ => Kind::Append,
        },
        message: encode(&message),
    };
    let asking = messages.into_iter().filter(|m| asks(m.get_msg_type()));
    Turn {
        calls: asking.map(call).collect(),
    }
}

fn encode(message: &Message) -> Bytes {
    message
        .write_to_bytes()
        .expect("a message that can be encoded")
        .into()
}

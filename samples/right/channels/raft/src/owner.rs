//! The thread that owns a peer: it takes wishes, watches the time, talks to the others and to the
//! service, and waits for nothing but the next of these.

use bytes::Bytes;
use labrpc::{Responder, RpcError};
use labsim::channel::{Receiver, Sender, select};
use labsim::sync::Arc;
use labsim::time::Instant;
use raftapi::{ApplyMsg, LogIndex, NotLeader, PeerId, Persister, Term};

use crate::message::*;
use crate::peer::{HEARTBEAT, Peer, Role};
use crate::standing::Standing;

/// Calls under way to one peer at which no more are made.
const CALLS: usize = 24;

/// What may be wished of a peer.
pub enum Wish {
    Start(Bytes, Sender<Result<(LogIndex, Term), NotLeader>>),
    Snapshot(LogIndex, Bytes, Sender<()>),
    Kill,
    // Calls of others.
    Vote(VoteArgs, Responder<VoteReply>),
    Append(AppendArgs, Responder<AppendReply>),
    Install(InstallArgs, Responder<InstallReply>),
    // Results of our calls, with what was asked: the term, and the place of the entries.
    Voted(PeerId, Term, Result<VoteReply, RpcError>),
    Appended(
        PeerId,
        Term,
        LogIndex,
        LogIndex,
        Result<AppendReply, RpcError>,
    ),
    Installed(PeerId, Term, LogIndex, Result<InstallReply, RpcError>),
}

pub struct Owner {
    peer: Peer,
    clients: Vec<raft_rpc::Client>,
    standing: Arc<Standing>,
    wishes: Sender<Wish>,
    /// Calls under way to each peer.
    calls: Vec<usize>,
}

impl Owner {
    pub fn new(
        me: PeerId,
        clients: Vec<raft_rpc::Client>,
        persister: Persister,
        standing: Arc<Standing>,
        wishes: Sender<Wish>,
    ) -> Owner {
        let owner = Owner {
            peer: Peer::new(me, clients.len(), persister),
            calls: vec![0; clients.len()],
            clients,
            standing,
            wishes,
        };
        owner.publish();
        owner
    }

    fn publish(&self) {
        self.standing
            .write(self.peer.durable.term, self.peer.leads());
    }

    pub fn run(mut self, inbox: &Receiver<Wish>, service: &Sender<ApplyMsg>) {
        let mut service_listens = true;
        loop {
            let wait = self.peer.alarm.saturating_duration_since(Instant::now());
            let message = self.peer.next_to_apply().filter(|_| service_listens);
            let wish = match message {
                None => inbox.recv_timeout(wait).ok(),
                Some(message) => {
                    let index = message.index();
                    select! {
                        recv(inbox) -> wish => wish.ok(),
                        send(service, message) -> sent => {
                            service_listens = sent.is_ok();
                            self.peer.applied = index;
                            continue;
                        }
                        default(wait) => None,
                    }
                }
            };
            if let Some(Wish::Kill) = wish {
                self.standing.write(self.peer.durable.term, false);
                return;
            }
            if let Some(wish) = wish {
                self.fulfil(wish);
            }
            if Instant::now() >= self.peer.alarm {
                self.ring();
            }
        }
    }

    /// The alarm.
    fn ring(&mut self) {
        if self.peer.leads() {
            self.send_to_all();
        } else {
            let args = self.peer.run_for_office();
            self.publish();
            for to in self.others() {
                let (wishes, term) = (self.wishes.clone(), args.term);
                let put = move |reply| drop(wishes.send(Wish::Voted(to, term, reply)));
                self.clients[to.0].callback().request_vote(&args, put);
            }
        }
    }

    fn others(&self) -> impl Iterator<Item = PeerId> + use<> {
        let me = self.peer.me;
        (0..self.clients.len())
            .map(PeerId)
            .filter(move |p| *p != me)
    }

    /// Does what is wished. The new standing is published before anybody gets an answer.
    fn fulfil(&mut self, wish: Wish) {
        match wish {
            Wish::Start(command, answer) => {
                let started = self.peer.start(command);
                let _ = answer.send(started);
                if started.is_ok() {
                    self.send_to_all();
                }
            }
            Wish::Snapshot(index, snapshot, done) => {
                self.peer.keep_snapshot(index, snapshot);
                let _ = done.send(());
            }
            Wish::Kill => {}
            Wish::Vote(args, responder) => {
                let reply = self.peer.vote(&args);
                self.publish();
                responder.send(reply);
            }
            Wish::Append(args, responder) => {
                let reply = self.peer.append(args);
                self.publish();
                responder.send(reply);
            }
            Wish::Install(args, responder) => {
                let reply = self.peer.install(args);
                self.publish();
                responder.send(reply);
            }
            Wish::Voted(from, asked, Ok(reply)) => {
                let elected = self.peer.count_vote(from, asked, &reply);
                self.publish();
                if elected {
                    self.send_to_all();
                }
            }
            Wish::Voted(_, _, Err(_)) => {}
            Wish::Appended(from, term, prev, last, reply) => {
                self.calls[from.0] -= 1;
                self.appended(from, term, (prev, last), reply.ok());
            }
            Wish::Installed(from, term, last, reply) => {
                self.calls[from.0] -= 1;
                if let Ok(reply) = reply {
                    self.peer.hear_of(reply.term);
                    self.publish();
                    self.peer.note_match(from, term, last);
                } else {
                    self.peer.note_loss(from, term, last);
                }
            }
        }
    }

    fn appended(
        &mut self,
        from: PeerId,
        term: Term,
        (prev, last): (LogIndex, LogIndex),
        reply: Option<AppendReply>,
    ) {
        let Some(reply) = reply else {
            self.peer.note_loss(from, term, prev.next()); // the next heartbeat tries again
            return;
        };
        self.peer.hear_of(reply.term);
        self.publish();
        match reply.outcome {
            Outcome::Appended => {
                self.peer.note_match(from, term, last);
                if self.peer.lacks_entries(from) {
                    self.send(from);
                }
            }
            outcome => {
                if self.peer.go_back(from, term, prev, outcome) {
                    self.send(from);
                }
            }
        }
    }

    fn send_to_all(&mut self) {
        self.peer.alarm = Instant::now() + HEARTBEAT;
        self.others().for_each(|to| self.send(to));
    }

    /// Sends a peer what it lacks as far as we know, and takes it for received until we hear otherwise.
    fn send(&mut self, to: PeerId) {
        let Role::Leader(next, _) = &mut self.peer.role else {
            return;
        };
        if self.calls[to.0] >= CALLS {
            return;
        }
        self.calls[to.0] += 1;
        let (log, term, leader) = (&self.peer.durable.log, self.peer.durable.term, self.peer.me);
        let wishes = self.wishes.clone();
        let client = self.clients[to.0].callback();
        let prev = log.id(next[to.0].prev());
        next[to.0] = log.last().index.next();
        if let Some(prev) = prev {
            let args = AppendArgs {
                term,
                leader,
                prev,
                entries: log.after(prev.index).to_vec(),
                commit: self.peer.commit,
            };
            let (prev, last) = (prev.index, log.last().index);
            client.append_entries(&args, move |reply| {
                let _ = wishes.send(Wish::Appended(to, term, prev, last, reply));
            });
        } else {
            let last = log.base;
            next[to.0] = last.index.next();
            let args = InstallArgs {
                term,
                leader,
                last,
                snapshot: self.peer.snapshot.clone(),
            };
            client.install_snapshot(&args, move |reply| {
                let _ = wishes.send(Wish::Installed(to, term, last.index, reply));
            });
        }
    }
}

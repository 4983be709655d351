//! A pretender: server 0 leads for ever and tells the others what to apply. It passes the simplest
//! stories, and has one flaw at a time for a check to find.

use bytes::Bytes;
use labrpc::{ClientEnd, Service};
use labsim::channel::Sender;
use labsim::sync::{Arc, Condvar, Mutex};
use labsim::thread;
use labsim::time::Duration;
use raftapi::{ApplyMsg, LogIndex, NotLeader, PeerId, Persister, Raft, Term};

labrpc::service! {
    /// What the leader tells the others.
    pub mod puppet_rpc: "Puppet" {
        /// Apply this command at this index.
        fn put((u64, Bytes)) -> bool;
        /// Nothing.
        fn idle(u64) -> bool;
    }
}

/// What is wrong with a puppet. Each has its number, as a type can't be named by an enum's variant.
macro_rules! flaws {
    ($($(#[$doc:meta])* $name:ident = $number:literal;)+) => {
        $($(#[$doc])* #[allow(dead_code)] pub const $name: u8 = $number;)+
    };
}

flaws! {
    /// Nothing.
    NONE = 0;
    /// Nobody leads.
    LEADERLESS = 1;
    /// All lead.
    ALL_LEAD = 2;
    /// Each is in a term of its own.
    TERMS_DIFFER = 3;
    /// The term never starts.
    TERM_ZERO = 4;
    /// Commands are applied by the leader alone.
    KEEPS_TO_ITSELF = 5;
    /// The first command comes to stand at 2.
    COUNTS_FROM_TWO = 6;
    /// Something is applied that nobody proposed.
    APPLIES_EARLY = 7;
    /// Server 1 changes commands.
    CHANGES_COMMANDS = 8;
    /// Each command is applied twice.
    APPLIES_TWICE = 9;
    /// Messages are sent all the time.
    CHATTERS = 10;
    /// Each command is sent ten times.
    REPEATS = 11;
    /// Whatever is saved grows and grows.
    HOARDS = 12;
    /// start() waits for something that never comes.
    START_HANGS = 13;
    /// A thread goes on after kill().
    LINGERS = 14;
    /// start() panics.
    PANICS = 15;
    /// Two threads wait for each other.
    DEADLOCKS = 16;
    /// A snapshot is given to the service as that of another index.
    SHIFTS_SNAPSHOTS = 17;
    /// The service is given an old snapshot.
    GOES_BACK = 18;
    /// The leader refuses commands.
    REFUSES = 19;
    /// A lock is held while a reply is waited for.
    HOLDS_LOCK = 20;
    /// start() never returns and never waits.
    SPINS = 21;
    /// The leader calls the others without a pause.
    FLOODS = 22;
    /// make() sleeps.
    MAKE_SLEEPS = 23;
}

/// A Raft that is none.
pub struct Puppet<const FLAW: u8> {
    me: usize,
    peers: Vec<puppet_rpc::Client>,
    shared: Arc<Shared>,
}

struct Shared {
    flaw: u8,
    me: usize,
    persister: Persister,
    state: Mutex<State>,
    killed: Condvar,
    apply: Sender<ApplyMsg>,
}

#[derive(Default)]
struct State {
    last: u64,
    killed: bool,
    saved: Vec<u8>,
    snapshot: Option<(u64, Bytes)>,
}

impl Shared {
    /// Hands a command to the service, with the flaw that this puppet has.
    fn deliver(&self, index: u64, command: &Bytes) {
        let command = match (self.flaw, self.me) {
            (CHANGES_COMMANDS, 1) => Bytes::from([command, &b"!"[..]].concat()),
            _ => command.clone(),
        };
        let message = ApplyMsg::Command {
            index: LogIndex(index),
            term: Term(1),
            command,
        };
        let _ = self.apply.send(message.clone());
        if self.flaw == APPLIES_TWICE {
            let _ = self.apply.send(message);
        }
        let old = self
            .state
            .lock()
            .snapshot
            .clone()
            .filter(|_| self.flaw == SHIFTS_SNAPSHOTS || self.flaw == GOES_BACK);
        if let Some((of, snapshot)) = old {
            let index = if self.flaw == GOES_BACK { of } else { index };
            let _ = self.apply.send(ApplyMsg::Snapshot {
                index: LogIndex(index),
                term: Term(1),
                snapshot,
            });
        }
    }
}

impl puppet_rpc::Handler for Shared {
    fn put(&self, (index, command): (u64, Bytes)) -> bool {
        self.deliver(index, &command);
        true
    }

    fn idle(&self, _: u64) -> bool {
        true
    }
}

impl<const FLAW: u8> Puppet<FLAW> {
    fn leads(&self) -> bool {
        match FLAW {
            LEADERLESS => false,
            ALL_LEAD => true,
            _ => self.me == 0,
        }
    }
}

impl<const FLAW: u8> Raft for Puppet<FLAW> {
    fn make(
        peers: Vec<ClientEnd>,
        me: PeerId,
        persister: Persister,
        apply: Sender<ApplyMsg>,
    ) -> Self {
        let (me, state) = (me.0, Mutex::default());
        let shared = Arc::new(Shared {
            flaw: FLAW,
            me,
            persister,
            state,
            killed: Condvar::new(),
            apply,
        });
        let puppet = Puppet {
            me,
            peers: peers.into_iter().map(puppet_rpc::Client::new).collect(),
            shared,
        };
        match FLAW {
            LINGERS => drop(thread::spawn(|| {
                loop {
                    thread::sleep(Duration::from_millis(100));
                }
            })),
            CHATTERS => puppet.chatter(Duration::from_millis(10)),
            FLOODS => puppet.chatter(Duration::ZERO),
            MAKE_SLEEPS => thread::sleep(Duration::from_millis(400)),
            APPLIES_EARLY => {
                let shared = puppet.shared.clone();
                drop(thread::spawn(move || shared.deliver(1, &"unasked".into())));
            }
            _ => {}
        }
        puppet
    }

    fn service(&self) -> Service {
        puppet_rpc::service(self.shared.clone())
    }

    fn start(&self, command: Bytes) -> Result<(LogIndex, Term), NotLeader> {
        if !self.leads() || FLAW == REFUSES {
            return Err(NotLeader {
                leader: Some(PeerId(0)),
            });
        }
        match FLAW {
            START_HANGS => self.wait_for_the_end(),
            PANICS => panic!("the log should hold {command:?} at 1, and holds nothing"),
            DEADLOCKS => self.embrace(),
            SPINS => loop {
                std::hint::spin_loop();
            },
            _ => {}
        }
        let mut state = self.shared.state.lock();
        state.last += if FLAW == COUNTS_FROM_TWO && state.last == 0 {
            2
        } else {
            1
        };
        let index = state.last;
        if FLAW == HOARDS {
            state.saved.extend_from_slice(&command);
            self.shared.persister.save(state.saved.clone(), "");
        }
        if FLAW == HOLDS_LOCK {
            let _ = self.peers[1].idle(&0);
        }
        drop(state);
        self.tell(index, command);
        Ok((LogIndex(index), Term(1)))
    }

    fn state(&self) -> (Term, bool) {
        let term = match FLAW {
            TERMS_DIFFER => 1 + self.me as u64,
            TERM_ZERO => 0,
            _ => 1,
        };
        (Term(term), self.leads())
    }

    fn snapshot(&self, index: LogIndex, snapshot: Bytes) {
        self.shared.state.lock().snapshot = Some((index.0, snapshot));
    }

    fn kill(&self) {
        self.shared.state.lock().killed = true;
        self.shared.killed.notify_all();
    }
}

impl<const FLAW: u8> Puppet<FLAW> {
    /// Lets everyone apply a command, in the order of the indices.
    fn tell(&self, index: u64, command: Bytes) {
        let shared = self.shared.clone();
        let peers = self.peers[1..].to_vec();
        let copies = if FLAW == REPEATS { 10 } else { 1 };
        drop(thread::spawn(move || {
            shared.deliver(index, &command);
            if FLAW == KEEPS_TO_ITSELF {
                return;
            }
            for peer in peers {
                let _ = peer.put(&(index, command.clone()));
                for _ in 1..copies {
                    let _ = peer.idle(&0);
                }
            }
        }));
    }

    /// Calls the others again and again, after pauses.
    fn chatter(&self, pause: Duration) {
        let (shared, peers) = (self.shared.clone(), self.peers.clone());
        let me = self.me;
        drop(thread::spawn(move || {
            while !shared.state.lock().killed {
                thread::sleep(pause);
                for (_, peer) in peers.iter().enumerate().filter(|(peer, _)| *peer != me) {
                    let _ = peer.idle(&0);
                }
            }
        }));
    }

    fn wait_for_the_end(&self) {
        let mut state = self.shared.state.lock();
        while !state.killed {
            self.shared.killed.wait(&mut state);
        }
    }

    /// Two locks, taken by two threads in opposite order.
    fn embrace(&self) {
        let (left, right) = (Arc::new(Mutex::new("left")), Arc::new(Mutex::new("right")));
        let (l, r) = (left.clone(), right.clone());
        let other = thread::Builder::new()
            .name("other hand".into())
            .spawn(move || {
                let _right = r.lock();
                thread::sleep(Duration::from_millis(1));
                let _left = l.lock();
            });
        let _left = left.lock();
        thread::sleep(Duration::from_millis(1));
        let _right = right.lock();
        drop(other);
    }
}

//! The original lab's generic test: clients at work while servers crash and the network splits.

use labsim::rand::{RngExt, rng};
use labsim::thread::{self, JoinHandle};
use labsim::time::Duration;

use crate::kv::{Clerk, append_text, check_appends};
use crate::{Cluster, Flag, Server, claim};

/// Rounds of work, each followed by a look at the values.
const ROUNDS: usize = 3;
/// How long a round of work takes.
const ROUND: Duration = Duration::from_secs(5);
/// How long operations may take once all servers are up and connected.
const ANSWERED: Duration = Duration::from_secs(30);

/// What goes on at the same time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Load {
    /// Clients, each with a clerk of its own.
    pub clients: usize,
    /// The network loses and delays messages.
    pub unreliable: bool,
    /// After each round all servers crash and come back.
    pub crash: bool,
    /// The network splits in two, every second or so in another way.
    pub partitions: bool,
    /// All clients use all keys; else each has one to itself.
    pub random_keys: bool,
}

impl Cluster {
    /// Lets the clients work, for three rounds of five seconds, and checks what came of it.
    #[track_caller]
    pub fn bear(&self, load: Load) {
        if load.unreliable {
            self.set_reliable(false);
        }
        let mut reader = self.clerk();
        for _ in 0..ROUNDS {
            let counts = self.round(load);
            for (client, count) in counts.into_iter().enumerate().filter(|_| !load.random_keys) {
                let value = reader.get(&client.to_string());
                self.expect_appends(&value, client, count);
            }
            self.expect_bounded_state();
        }
    }

    /// One round. Returns how many appends each client made.
    fn round(&self, load: Load) -> Vec<usize> {
        let (stop, heal) = (Flag::default(), Flag::default());
        let clients: Vec<_> = (0..load.clients)
            .map(|number| self.start_client(number, load, &stop))
            .collect();
        let splitter = load.partitions.then(|| {
            self.sleep(Duration::from_secs(1));
            let heal = heal.clone();
            self.start_actor(load.clients, move |c, _| c.split_until(&heal))
        });
        self.sleep(ROUND);
        stop.raise();
        heal.raise();
        if let Some(splitter) = splitter {
            self.join_actor(splitter);
            self.heal();
            self.sleep(Duration::from_secs(1));
        }
        if load.crash {
            self.blackout();
        }
        self.join_answered(clients)
    }

    /// Power fails everywhere for a second.
    pub fn blackout(&self) {
        self.servers()
            .into_iter()
            .for_each(|server| self.crash(server));
        self.sleep(Duration::from_secs(1));
        self.servers()
            .into_iter()
            .for_each(|server| self.restart(server));
    }

    fn start_client(&self, number: usize, load: Load, stop: &Flag) -> JoinHandle<usize> {
        let (mut clerk, stop) = (self.clerk(), stop.clone());
        self.start_actor(number, move |c, number| match load.random_keys {
            true => work_on_all_keys(&mut clerk, number, load.clients, &stop),
            false => work_on_own_key(c, &mut clerk, number, &stop),
        })
    }

    fn split_until(&self, heal: &Flag) {
        while !heal.is_raised() {
            let (one, other): (Vec<Server>, Vec<Server>) = self
                .servers()
                .into_iter()
                .partition(|_| rng().random_bool(0.5));
            self.partition(&[&one, &other]);
            self.sleep_ms(rng().random_range(1000..1200));
        }
    }

    /// Waits for the clients' last answers. All servers are up and connected, so they come.
    #[track_caller]
    pub fn join_answered<T>(&self, clients: Vec<JoinHandle<T>>) -> Vec<T> {
        let over = || clients.iter().all(JoinHandle::is_finished);
        if !self.until(ANSWERED, Duration::from_millis(10), over) {
            let waiting = self.shared.run.board.kv.lock().unanswered();
            self.fail(
                &claim::CLERK_ANSWERED,
                format!("all servers are up and connected for {} s, and no answer has come to {waiting}", ANSWERED.as_secs()),
            );
        }
        clients
            .into_iter()
            .map(|client| self.join_actor(client))
            .collect()
    }

    /// Checks that `value` has each of a client's appends once and in order.
    #[track_caller]
    pub fn expect_appends(&self, value: &str, client: usize, count: usize) {
        if let Err(what) = check_appends(value, client, count) {
            self.fail(&claim::EXACTLY_ONCE, what);
        }
    }

    /// Checks that Raft's state is within bounds; and that without a limit there are no snapshots.
    #[track_caller]
    pub fn expect_bounded_state(&self) {
        let limit = self.shared.run.story.max_state;
        if limit == 0 {
            let (server, size) = self.largest_snapshot();
            self.expect(&claim::KV_NO_SNAPSHOT, size == 0, || {
                format!("{server} has a snapshot of {size} bytes on disk; there is no limit on Raft's state")
            });
            return;
        }
        let (server, size) = self.largest_state();
        self.expect(&claim::KV_STATE_SIZE, size <= 8 * limit, || {
            format!("{server} has {size} bytes of Raft state on disk; its limit is {limit}, and 8 times that is too much")
        });
    }

    /// The largest snapshot that is on a disk, in bytes.
    pub fn largest_snapshot(&self) -> (Server, usize) {
        let sizes = self
            .servers()
            .into_iter()
            .map(|server| (server, self.disk(server).snapshot_len()));
        sizes
            .max_by_key(|(_, size)| *size)
            .expect("a cluster has servers")
    }
}

/// Appends and gets, on a key that nobody else touches. Returns how many appends it made.
fn work_on_own_key(c: &Cluster, clerk: &mut Clerk, number: usize, stop: &Flag) -> usize {
    let (key, mut expected, mut appends) = (number.to_string(), String::new(), 0);
    clerk.put(&key, "");
    while !stop.is_raised() {
        if rng().random_bool(0.5) {
            let text = append_text(number, appends);
            clerk.append(&key, &text);
            expected += &text;
            appends += 1;
        } else {
            let value = clerk.get(&key);
            c.expect(&claim::READS_OWN_WRITES, value == expected, || {
                let why = check_appends(&value, number, appends)
                    .err()
                    .unwrap_or_else(|| format!("it is {value:?}"));
                format!(
                    "clerk {}, which alone uses key {key:?}, reads a wrong value: {why}",
                    clerk.number()
                )
            });
        }
        think();
    }
    appends
}

/// Everything, on everybody's keys.
fn work_on_all_keys(clerk: &mut Clerk, number: usize, keys: usize, stop: &Flag) -> usize {
    let mut writes = 0;
    while !stop.is_raised() {
        let key = rng().random_range(0..keys).to_string();
        let text = append_text(number, writes);
        match rng().random_range(0..1000) {
            0..500 => clerk.append(&key, &text),
            500..550 => clerk.put(&key, &text),
            _ => _ = clerk.get(&key),
        }
        writes += 1;
        think();
    }
    writes
}

/// Clients act in bursts: half the time at once, else after a pause. Without pauses the
/// virtual clock would let each of them do some hundred thousand operations.
fn think() {
    if rng().random_bool(0.5) {
        thread::sleep(Duration::from_millis(rng().random_range(0..160)));
    }
}

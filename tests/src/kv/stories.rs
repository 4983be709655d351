//! Stories that are told more than once: in 3A without snapshots, in 3B with them, and of services
//! that do more than a student's.

use labsim::rand::{IndexedRandom, RngExt, rng};
use labsim::time::Duration;

use crate::kv::{Clerk, append_text};
use crate::{Cluster, Flag, claim};

impl Cluster {
    /// Checks what a get returned.
    #[track_caller]
    pub fn expect_value(&self, value: &str, expected: &str) {
        self.expect(&claim::READS_OWN_WRITES, value == expected, || {
            format!("a get returned {value:?}, expected {expected:?}")
        });
    }

    /// As [`Cluster::lose_the_answer_to`], with an append, which is there once in the end.
    #[track_caller]
    pub fn lose_an_answer(&self, meanwhile: impl FnOnce(&Cluster, &mut Clerk, u32)) {
        let append = |clerk: &mut Clerk| clerk.append("x", &append_text(0, 0));
        self.expect_appends(&self.lose_the_answer_to(append, meanwhile), 0, 1);
    }

    /// `x` is written, and no answer gets through to the clerk; then `meanwhile`, told by another clerk and with the first
    /// one's number; then answers pass again, and the clerk still asks. Gives the value of `x` in the end.
    #[track_caller]
    pub fn lose_the_answer_to(
        &self,
        write: impl FnOnce(&mut Clerk) + Send + 'static,
        meanwhile: impl FnOnce(&Cluster, &mut Clerk, u32),
    ) -> String {
        let (mut other, mut clerk) = (self.clerk(), self.clerk());
        let number = clerk.number();
        clerk.put("x", "");
        self.lose_replies(number, true);
        let client = self.start_actor(0, move |_, _| write(&mut clerk));
        let done = self.until(Duration::from_secs(5), Duration::from_millis(20), || {
            !other.get("x").is_empty()
        });
        self.expect(&claim::CLERK_ANSWERED, done, || {
            "a write whose answer gets lost was not done in 5 s".into()
        });
        meanwhile(self, &mut other, number);
        self.let_reach(number, self.servers());
        self.lose_replies(number, false);
        self.join_answered(vec![client]);
        other.get("x")
    }

    /// A leader is replaced without knowing it, and the others go on; a clerk that reaches only the
    /// old one asks it for what has changed.
    #[track_caller]
    pub fn expect_no_stale_read(&self) {
        let mut writer = self.clerk();
        writer.put("x", "old");
        let deposed = self.leader();
        let others: [_; 2] = self.others([deposed]);
        let mut reader = self.clerk_to([deposed]);
        let number = reader.number();
        self.partition(&[&[deposed], &others]);
        writer.reach(others);
        writer.put("x", "new");
        let get = self.start_actor(0, move |_, _| reader.get("x"));
        self.sleep_ms(2000);
        self.expect(&claim::NOT_WITHOUT_MAJORITY, !get.is_finished(), || {
            format!("{deposed}, which has heard nobody for seconds, answered a get")
        });
        self.heal();
        self.let_reach(number, self.servers());
        let values = self.join_answered(vec![get]);
        self.expect_value(&values[0], "new");
    }

    /// A leader is replaced without knowing it, and the others write so often; then a clerk appends at the old one, and waits at an
    /// index at which they have something else, until the network heals. The append is there once in the end.
    #[track_caller]
    pub fn append_at_a_deposed_leader(&self, writes: usize) {
        let mut writer = self.clerk();
        writer.put("x", "");
        let deposed = self.leader();
        let others: [_; 2] = self.others([deposed]);
        let mut clerk = self.clerk_to([deposed]);
        let number = clerk.number();
        clerk.get("x"); // it need not look for its server any more
        self.partition(&[&[deposed], &others]);
        writer.reach(others);
        (0..writes).for_each(|round| writer.put("y", &round.to_string()));
        let client = self.start_actor(0, move |_, _| clerk.append("x", &append_text(0, 0)));
        self.sleep_ms(50);
        self.heal();
        self.sleep_ms(1000);
        self.let_reach(number, self.servers());
        self.join_answered(vec![client]);
        self.expect_appends(&writer.get("x"), 0, 1);
    }

    /// A put that a majority can do, whatever its clerk believes of the others. Gives the
    /// clerk back.
    #[track_caller]
    pub fn put_soon(&self, mut clerk: Clerk, key: &'static str, value: &'static str) -> Clerk {
        const SOON: Duration = Duration::from_secs(3);
        let put = self.start_actor(0, move |_, _| {
            clerk.put(key, value);
            clerk
        });
        let done = self.until(SOON, Duration::from_millis(10), || put.is_finished());
        self.expect(&claim::CLERK_MOVES_ON, done, || {
            format!(
                "a put has no answer after {} s, time for an election and a clerk's detour, though a majority \
                 could do it",
                SOON.as_secs()
            )
        });
        self.join_actor(put)
    }

    /// Checks that there are snapshots, and that none is larger than this.
    #[track_caller]
    pub fn expect_small_snapshot(&self, largest: usize, of: &str) {
        let (server, size) = self.largest_snapshot();
        self.expect(&claim::KV_SNAPSHOT_TAKEN, size > 0, || {
            let limit = self.shared.run.story.max_state;
            format!("no server has a snapshot on disk; the limit on Raft's state is {limit} bytes")
        });
        self.expect(&claim::KV_SNAPSHOT_SIZE, size <= largest, || {
            format!("{server} has a snapshot of {size} bytes, of {of}; expected at most {largest}")
        });
    }

    /// One clerk appends a thousand times, and each takes at most a third of a heartbeat.
    #[track_caller]
    pub fn expect_speed(&self) {
        const OPERATIONS: usize = 1000;
        const EACH: Duration = Duration::from_micros(33_300);
        let mut clerk = self.clerk();
        clerk.get("x"); // once there is a leader
        let began = self.now();
        (0..OPERATIONS).for_each(|number| clerk.append("x", &append_text(0, number)));
        let took = self.now() - began;
        self.expect_appends(&clerk.get("x"), 0, OPERATIONS);
        self.expect(&claim::KV_SPEED, took <= EACH * OPERATIONS as u32, || {
            let each = took.as_secs_f64() * 1000.0 / OPERATIONS as f64;
            format!(
                "{OPERATIONS} appends by one clerk took {each:.1} ms each; expected at most 33.3 ms, a third of a \
                 heartbeat's 100 ms"
            )
        });
    }

    /// Several clerks append on a network without a fault: nobody's answer is late, as one is that somebody forgot to give.
    #[track_caller]
    pub fn expect_no_late_answer(&self) {
        const CLERKS: usize = 5;
        const OPERATIONS: usize = 300;
        const LATE: Duration = Duration::from_millis(250);
        self.clerk().get("x"); // once there is a leader
        let clerks: Vec<_> = (0..CLERKS)
            .map(|number| {
                let mut clerk = self.clerk();
                self.start_actor(number, move |c, client| {
                    let one = |number| {
                        let began = c.now();
                        clerk.append("x", &append_text(client, number));
                        c.now() - began
                    };
                    (0..OPERATIONS).map(one).max().unwrap_or_default()
                })
            })
            .collect();
        let longest = clerks.into_iter().map(|clerk| self.join_actor(clerk)).max();
        let longest = longest.unwrap_or_default();
        self.expect(&claim::KV_SPEED, longest <= LATE, || {
            format!(
                "nothing failed, and one of {} appends took {} ms; expected at most {} ms",
                CLERKS * OPERATIONS,
                longest.as_millis(),
                LATE.as_millis()
            )
        });
    }

    /// Servers crash one at a time, any of them, and come back, while clients append to one key and read it.
    #[track_caller]
    pub fn work_while_servers_crash(&self) {
        self.work_while(4, |c| {
            for _ in 0..20 {
                let victim = *c.servers().choose(&mut rng()).expect("there are servers");
                c.crash(victim);
                c.sleep_ms(rng().random_range(0..800));
                c.restart(victim);
                c.sleep_ms(rng().random_range(0..300));
            }
        });
    }

    /// Something happens while so many clients append to one key and read it. Each append is there once, in the end.
    #[track_caller]
    pub fn work_while(&self, clients: usize, happens: impl FnOnce(&Cluster)) {
        let stop = Flag::default();
        let clients: Vec<_> = (0..clients)
            .map(|number| self.start_appending(number, &stop))
            .collect();
        happens(self);
        stop.raise();
        let counts = self.join_answered(clients);
        let value = self.clerk().get("k");
        for (client, count) in counts.into_iter().enumerate() {
            self.expect_appends(&value, client, count);
        }
        self.expect_bounded_state();
    }

    fn start_appending(&self, number: usize, stop: &Flag) -> labsim::thread::JoinHandle<usize> {
        let (mut clerk, stop) = (self.clerk(), stop.clone());
        self.start_actor(number, move |c, client| {
            let mut appends = 0;
            while !stop.is_raised() {
                clerk.append("k", &append_text(client, appends));
                appends += 1;
                clerk.get("k");
                c.sleep_ms(rng().random_range(0..100));
            }
            appends
        })
    }
}

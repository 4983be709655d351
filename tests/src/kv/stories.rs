//! Stories that both parts tell: 3A without snapshots, 3B with them.

use labsim::rand::{IndexedRandom, RngExt, rng};
use labsim::time::Duration;

use crate::kv::append_text;
use crate::{Cluster, Flag, claim};

impl Cluster {
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

    /// Servers crash one at a time, any of them, and come back, while clients append to one key and read it.
    #[track_caller]
    pub fn work_while_servers_crash(&self) {
        const CLIENTS: usize = 4;
        let stop = Flag::default();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| self.start_appending(number, &stop))
            .collect();
        for _ in 0..20 {
            let victim = *self
                .servers()
                .choose(&mut rng())
                .expect("there are servers");
            self.crash(victim);
            self.sleep_ms(rng().random_range(0..800));
            self.restart(victim);
            self.sleep_ms(rng().random_range(0..300));
        }
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

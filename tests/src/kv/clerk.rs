//! A clerk under test, whose every operation is written down.

use labrpc::{ClientEnd, Delay, Hold, Link, Path};
use labsim::trace::note;
use linear::models::{KvInput, KvOutput};
use raftapi::kv::KvClerk;
use serde_json::json;

use crate::claim;
use crate::cluster::host;
use crate::subject::Make;
use crate::{Cluster, Server};

/// A clerk. A story gives each of its threads one of its own.
pub struct Clerk {
    cluster: Cluster,
    number: u32,
    inner: Box<dyn KvClerk>,
}

impl Cluster {
    /// A new clerk that can reach all servers.
    ///
    /// # Panics
    /// If the test is not about the key/value service.
    pub fn clerk(&self) -> Clerk {
        self.clerk_to(self.servers())
    }

    /// A new clerk that can reach these servers and no others.
    ///
    /// # Panics
    /// If the test is not about the key/value service.
    pub fn clerk_to(&self, servers: impl IntoIterator<Item = Server>) -> Clerk {
        let Make::Kv { clerk, .. } = self.shared.kind.make else {
            panic!("a story without a key/value service asks for a clerk");
        };
        let number = self.shared.run.board.kv.lock().new_clerk();
        let ends = self
            .servers()
            .into_iter()
            .map(|to| self.clerk_end(number, to));
        let inner = clerk(ends.collect());
        let clerk = Clerk {
            cluster: self.clone(),
            number,
            inner,
        };
        clerk.reach(servers);
        clerk
    }

    fn clerk_end(&self, clerk: u32, to: Server) -> ClientEnd {
        let name = end_name(clerk, to);
        let end = self.shared.net.make_end(&name);
        self.shared.net.connect(&name, &host(to));
        end
    }

    /// From now on this clerk of that number, as [`Clerk::number`] has it, reaches these servers and no others.
    pub fn let_reach(&self, clerk: u32, servers: impl IntoIterator<Item = Server>) {
        let reached: Vec<Server> = servers.into_iter().collect();
        for server in self.servers() {
            self.shared
                .net
                .enable(&end_name(clerk, server), reached.contains(&server));
        }
    }

    /// How often clerks have called servers.
    pub fn clerk_calls(&self) -> u64 {
        self.shared.run.board.kv.lock().requests()
    }

    /// Everything that servers answer to this clerk gets lost, as if each call had timed out at once; or no longer.
    pub fn lose_replies(&self, clerk: u32, lost: bool) {
        self.step(format!(
            "replies to clerk {clerk} {}",
            if lost { "get lost" } else { "pass again" }
        ));
        let path = Path {
            loss: 1.0,
            ..Path::default()
        };
        self.set_clerk_links(clerk, lost.then(|| for_replies(path)));
    }

    /// From now on each request of this clerk arrives twice, and each copy may be up to 300 ms late:
    /// later than the clerk's next one.
    pub fn send_twice(&self, clerk: u32) {
        self.step(format!("requests of clerk {clerk} arrive twice"));
        let hold = Hold {
            probability: 0.5,
            delay: Delay::uniform_ms(0, 300),
        };
        let request = Path {
            duplicate: 1.0,
            hold: Some(hold),
            ..Path::default()
        };
        self.set_clerk_links(clerk, Some(for_requests(request)));
    }

    /// From now on half of the answers to this clerk come up to two seconds late: later than that to its next question.
    pub fn answer_late(&self, clerk: u32) {
        self.step(format!("answers to clerk {clerk} come late"));
        let hold = Hold {
            probability: 0.5,
            delay: Delay::uniform_ms(0, 2000),
        };
        let reply = Path {
            hold: Some(hold),
            ..Path::default()
        };
        self.set_clerk_links(clerk, Some(for_replies(reply)));
    }

    fn set_clerk_links(&self, clerk: u32, link: Option<Link>) {
        for server in self.servers() {
            let end = end_name(clerk, server);
            self.shared.net.set_link(&end, link.clone());
        }
    }

    /// `server` seems to hang, as this clerk sees it: requests take an hour.
    pub fn hang(&self, clerk: u32, server: Server) {
        self.step(format!("{server} hangs, as clerk {clerk} sees it"));
        let delay = Delay::Fixed { us: 3_600_000_000 };
        let link = for_requests(Path {
            delay,
            ..Path::default()
        });
        self.shared
            .net
            .set_link(&end_name(clerk, server), Some(link));
    }
}

/// A link on which requests travel like this, and replies as on any other.
fn for_requests(request: Path) -> Link {
    Link {
        request,
        ..Link::default()
    }
}

/// A link on which replies travel like this, and requests as on any other.
fn for_replies(reply: Path) -> Link {
    Link {
        reply,
        ..Link::default()
    }
}

fn end_name(clerk: u32, to: Server) -> String {
    format!("clerk {clerk}-{}", to.number())
}

impl Clerk {
    /// Its number, counted from 0, as reports have it.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// From now on it reaches these servers and no others.
    pub fn reach(&self, servers: impl IntoIterator<Item = Server>) {
        self.cluster.let_reach(self.number, servers);
    }

    /// The value of a key.
    #[track_caller]
    pub fn get(&mut self, key: &str) -> String {
        let asked = KvInput::get(key);
        self.noted(
            format!("get({key:?})"),
            asked,
            |clerk| clerk.get(key),
            |value| KvOutput::value(value.as_str()),
        )
    }

    /// Gives a key this value.
    #[track_caller]
    pub fn put(&mut self, key: &str, value: &str) {
        let asked = KvInput::put(key, value);
        self.noted(
            format!("put({key:?}, {})", short(value)),
            asked,
            |clerk| clerk.put(key, value),
            |()| KvOutput::Done,
        );
    }

    /// Adds this to the end of a key's value.
    #[track_caller]
    pub fn append(&mut self, key: &str, value: &str) {
        let asked = KvInput::append(key, value);
        let what = format!("append({key:?}, {})", short(value));
        self.noted(
            what,
            asked,
            |clerk| clerk.append(key, value),
            |()| KvOutput::Done,
        );
    }

    #[track_caller]
    fn noted<T>(
        &mut self,
        what: String,
        input: KvInput,
        act: impl FnOnce(&mut dyn KvClerk) -> T,
        output: impl FnOnce(&T) -> KvOutput,
    ) -> T {
        self.cluster.check();
        let shared = &self.cluster.shared;
        // The time is looked at before the lock is taken: no call of labsim is made with a plain lock.
        let called = shared.now();
        let (clerk, words) = (self.number, what.clone());
        let op = shared.run.board.kv.lock().call(clerk, called, what, input);
        note("call", || {
            json!({ "op": op.0, "clerk": clerk, "what": words }).to_string()
        });
        let got = act(&mut *self.inner);
        let answered = shared.now();
        let requests = {
            let mut book = shared.run.board.kv.lock();
            book.reply(op, answered, output(&got));
            book.requests()
        };
        note("return", || {
            json!({ "op": op.0, "clerk": clerk }).to_string()
        });
        self.cluster.expect(&claim::CLERK_ASKS, requests > 0, || {
            "an operation has come back, and no clerk has called a server yet".into()
        });
        got
    }
}

fn short(text: &str) -> String {
    match text.len() {
        0..=40 => format!("{text:?}"),
        long => format!("{long} bytes"),
    }
}

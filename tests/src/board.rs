//! What is known about a run, for its report and its record.
//!
//! It outlives the simulation, so that there is something to report whatever ended the run. Its lock
//! is a plain one: it is held for a few instructions, and never while anything of the simulation is called.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;
use raftapi::Term;

use crate::Server;
use crate::claim::Broken;
use crate::history::History;
use crate::kv::Book;
use crate::rules::Rules;

/// How many of the story's last steps a report can show.
const STEPS_KEPT: usize = 12;

/// The facts of one run.
#[derive(Debug)]
pub struct Board {
    facts: Mutex<Facts>,
    /// What was applied. It has a lock of its own, as appliers come by often.
    pub history: Mutex<History>,
    /// What was seen on the network and on disks, and the checks on it.
    pub rules: Mutex<Rules>,
    /// What clerks asked for and got.
    pub kv: Mutex<Book>,
}

/// What is known.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The first claim found broken, and when.
    pub broken: Option<(Broken, Duration)>,
    /// Each server, by number.
    pub servers: Vec<ServerFacts>,
    /// The story's last steps.
    pub steps: VecDeque<(Duration, String)>,
    /// The nemesis schedule played, as JSON.
    pub nemesis: Option<String>,
    /// Things worth saying that cost nothing.
    pub warnings: Vec<String>,
    /// RPCs sent.
    pub rpcs: u64,
    /// Their bytes and their replies'.
    pub bytes: u64,
    /// The highest index applied.
    pub agreements: u64,
}

/// What is known about a server.
#[derive(Clone, Debug, Default)]
pub struct ServerFacts {
    /// It runs.
    pub up: bool,
    /// When its power or network went, if either is gone.
    pub away_since: Option<Duration>,
    /// How often it was restarted.
    pub restarts: u32,
    /// The last answer of `state()` and when: the term, and whether it leads.
    pub said: Option<(Term, bool, Duration)>,
    /// `state()` was asked for the report and did not answer.
    pub mute: bool,
    /// The last answer of `membership()`, in words, where it can change.
    pub members: Option<String>,
}

impl Board {
    /// Nothing known yet about a run with so many servers.
    pub fn new(servers: usize) -> Self {
        let facts = Facts {
            servers: vec![ServerFacts::default(); servers],
            ..Facts::default()
        };
        Board {
            facts: Mutex::new(facts),
            history: Mutex::new(History::new(servers)),
            rules: Mutex::new(Rules::new(servers)),
            kv: Mutex::default(),
        }
    }

    /// Notes a broken claim; the first one counts.
    pub fn breaks(&self, broken: Broken, at: Duration) {
        labsim::trace::event("claim", 0, 0, || {
            serde_json::json!({ "claim": broken.claim.name, "saw": broken.saw }).to_string()
        });
        self.facts.lock().broken.get_or_insert((broken, at));
    }

    /// Notes that the run was ended: by what broke, or by the story, which has said why.
    pub fn fails(&self, broken: Option<Broken>, at: Duration) {
        match broken {
            Some(broken) => self.breaks(broken, at),
            None => debug_assert!(self.is_broken(), "a story ended without saying why"),
        }
    }

    /// Whether a claim was found broken.
    pub fn is_broken(&self) -> bool {
        self.facts.lock().broken.is_some()
    }

    /// Notes a step of the story.
    pub fn step(&self, at: Duration, step: String) {
        let mut facts = self.facts.lock();
        if facts.steps.len() == STEPS_KEPT {
            facts.steps.pop_front();
        }
        facts.steps.push_back((at, step));
    }

    /// Notes something worth a warning, once.
    pub fn warn(&self, warning: String) {
        let mut facts = self.facts.lock();
        if !facts.warnings.contains(&warning) {
            facts.warnings.push(warning);
        }
    }

    /// Changes what is known about a server.
    pub fn server(&self, server: Server, change: impl FnOnce(&mut ServerFacts)) {
        change(&mut self.facts.lock().servers[server.number()]);
    }

    /// Changes what is known.
    pub fn update(&self, change: impl FnOnce(&mut Facts)) {
        change(&mut self.facts.lock());
    }

    /// All that is known.
    pub fn facts(&self) -> Facts {
        self.facts.lock().clone()
    }
}

//! The events of a run as somebody would tell them: a message with its answer is one of them.

use std::collections::BTreeMap;

use labsim::trace::Event;
use serde_json::Value;

use crate::claim::Matter;

/// The step with which each story ends.
const LAST_STEP: &str = "kill all servers";

/// Something that happened, in a line.
#[derive(Clone, Debug)]
pub struct Moment {
    /// Virtual ns since the run began.
    pub at: u64,
    /// What it is about.
    pub matter: Matter,
    /// The server that it happened to; `None`: the story.
    pub server: Option<usize>,
    /// Whose message it was, and when it was sent. Who has no number is a clerk.
    pub heard: Option<(Option<usize>, u64)>,
    /// It was on its way from this server, and got lost.
    pub lost_to: Option<usize>,
    /// What it says.
    pub says: String,
    /// Of a message: how much of that was said when it was sent.
    pub asked: usize,
    /// The term that it is about, if it is about one.
    pub term: Option<u64>,
    /// The log's indices that it is about.
    pub indices: Option<(u64, u64)>,
}

/// What a server was last known to be.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// What it logged last, and when.
    pub words: Option<(u64, String)>,
    /// Its commit index, if it shows it.
    pub commit: Option<u64>,
    /// The latest term in which it asked for votes.
    pub runs_for: u64,
}

/// All that is told of a run.
#[derive(Debug, Default)]
pub struct Moments {
    /// In the order of their times.
    pub all: Vec<Moment>,
    /// What is known of each server at the end.
    pub servers: Vec<Known>,
    /// The story has come to its end: what loses its power now was told to end.
    pub(super) is_over: bool,
    /// When a claim was found broken, by the clock of the events.
    pub broken_at: Option<u64>,
    /// Where a message's moment stands.
    pub(super) open: BTreeMap<(u64, u64), usize>,
    /// When a reply was sent.
    pub(super) answered: BTreeMap<(u64, u64), u64>,
}

impl Moments {
    /// What these events tell.
    pub fn of(events: &[Event], servers: usize) -> Moments {
        let mut moments = Moments {
            servers: vec![Known::default(); servers],
            ..Moments::default()
        };
        for event in events {
            moments.add(event);
        }
        // A message stands where it was dealt with, which may be after what was seen later.
        moments.all.sort_by_key(|moment| moment.at);
        moments
    }

    fn add(&mut self, event: &Event) {
        let server = event.domain.map(|(server, _)| server as usize);
        let detail = || serde_json::from_str::<Value>(&event.detail).unwrap_or_default();
        let is_own = server.is_some_and(|server| server < self.servers.len());
        match event.kind {
            "step" => self.step(event.at, text(&detail(), "step")),
            "claim" => _ = self.broken_at.get_or_insert(event.at),
            "call" | "return" => self.clerk(event, &detail()),
            "crash" if !self.is_over => self.push(
                event.at,
                Matter::Life,
                Some(event.a as usize),
                "loses its power".into(),
            ),
            "boot" => self.boot(event.at, &detail()),
            "role" if is_own => self.role(event, server, &detail()),
            "log" => self.log(event, server, &detail()),
            "commit" if is_own => {
                self.servers[server.unwrap_or(0)].commit = Some(event.a);
                let indices = Some((event.a, event.a));
                self.push(
                    event.at,
                    Matter::Commit,
                    server,
                    format!("commit index {}", event.a),
                );
                self.last().indices = indices;
            }
            "apply" => {
                let word = if text(&detail(), "what") == "snapshot" {
                    "takes the snapshot to"
                } else {
                    "applies"
                };
                self.push(
                    event.at,
                    Matter::Apply,
                    server,
                    format!("{word} {}@{}", event.a, event.b),
                );
                self.last().indices = Some((event.a, event.a));
            }
            "saved" => self.saved(event.at, server, &detail()),
            "start" => self.start(event.at, &detail()),
            "view" => self.view(&detail()),
            kind if kind.starts_with("rpc.") => self.message(event, &detail()),
            _ => {}
        }
    }

    fn push(&mut self, at: u64, matter: Matter, server: Option<usize>, says: String) {
        self.all.push(Moment {
            at,
            matter,
            server: server.filter(|server| *server < self.servers.len()),
            heard: None,
            lost_to: None,
            asked: says.len(),
            says,
            term: None,
            indices: None,
        });
    }

    fn last(&mut self) -> &mut Moment {
        self.all.last_mut().expect("one was pushed")
    }

    fn step(&mut self, at: u64, step: String) {
        self.is_over |= step == LAST_STEP;
        self.push(at, Matter::Step, None, step);
    }

    fn clerk(&mut self, event: &Event, detail: &Value) {
        let clerk = number(detail, "clerk").unwrap_or_default();
        let says = match event.kind {
            "call" => format!("clerk {clerk} calls {}", text(detail, "what")),
            _ => format!("clerk {clerk} has its answer"),
        };
        self.push(event.at, Matter::Clerk, None, says);
    }

    fn boot(&mut self, at: u64, detail: &Value) {
        if number(detail, "life") != Some(0) {
            let server = number(detail, "server").map(|server| server as usize);
            self.push(at, Matter::Life, server, "starts from its disk".into());
        }
    }

    fn role(&mut self, event: &Event, server: Option<usize>, detail: &Value) {
        let (role, term) = (text(detail, "role"), event.b);
        self.push(
            event.at,
            Matter::Role,
            server,
            format!("{role} in term {term}"),
        );
        self.last().term = Some(term);
    }

    /// A record of the log macros; the reference's own `log` events have no message.
    fn log(&mut self, event: &Event, server: Option<usize>, detail: &Value) {
        let message = detail["message"].as_str();
        if let (Some(message), Some(known)) = (
            message,
            server.and_then(|server| self.servers.get_mut(server)),
        ) {
            known.words = Some((event.at, message.into()));
        }
    }

    fn saved(&mut self, at: u64, server: Option<usize>, detail: &Value) {
        let Some(term) = number(detail, "term") else {
            return; // a disk that nobody can read
        };
        let vote =
            number(detail, "vote").map_or("no vote".into(), |vote| format!("vote for {vote}"));
        let last = text(detail, "last");
        self.push(
            at,
            Matter::Save,
            server,
            format!("saves term {term}, {vote}, log to {last}"),
        );
        let moment = self.last();
        (moment.term, moment.indices) = (Some(term), index(&last).map(|last| (last, last)));
    }

    fn start(&mut self, at: u64, detail: &Value) {
        let server = number(detail, "server").map(|server| server as usize);
        let (index, term) = (number(detail, "index"), number(detail, "term"));
        let (i, t) = (index.unwrap_or_default(), term.unwrap_or_default());
        self.push(
            at,
            Matter::Start,
            server,
            format!("start({}) -> {i}@{t}", text(detail, "command")),
        );
        let moment = self.last();
        (moment.term, moment.indices) = (term, index.map(|index| (index, index)));
    }

    /// A message by its call and copy, at every stage of its way.
    fn message(&mut self, event: &Event, detail: &Value) {
        let key = (event.a, number(detail, "copy").unwrap_or_default());
        let party = |field| number(detail, field).map(|server| server as usize);
        let place = self.open.get(&key).copied();
        match (event.kind, place) {
            ("rpc.request", _) => {
                let method = text(detail, "method");
                let method = method.rsplit('.').next().unwrap_or_default().to_string();
                let matter = if party("from").is_none() {
                    Matter::Clerk
                } else {
                    Matter::Rpc
                };
                self.push(event.at, matter, party("to"), method);
                self.last().heard = Some((party("from"), event.at));
                self.open.insert(key, self.all.len() - 1);
                if text(detail, "fate") == "lost" {
                    self.lose(self.all.len() - 1, "lost", detail);
                }
            }
            ("rpc.arrive", Some(place)) => self.all[place].at = event.at,
            ("rpc.reply", Some(place)) => {
                self.answered.insert(key, event.at);
                self.all[place].at = event.at;
                if text(detail, "fate") == "lost" {
                    self.all[place].says += " (reply lost)";
                }
            }
            ("rpc.deliver" | "rpc.late", Some(place)) => self.answer(event, key, place),
            ("rpc.lost", Some(place)) => self.lose(place, "lost on its way", detail),
            _ => {}
        }
    }

    fn lose(&mut self, place: usize, word: &str, detail: &Value) {
        let moment = &mut self.all[place];
        if moment.lost_to.is_none() {
            // It happened to its sender; of a clerk's it is shown where it never came.
            moment.lost_to = moment.server;
            moment.server = moment.heard.and_then(|(from, _)| from).or(moment.server);
            moment.says += &format!(": {word}, {}", text(detail, "cause").replace('-', " "));
        }
    }

    fn answer(&mut self, event: &Event, key: (u64, u64), place: usize) {
        let (asked, matter) = (self.all[place].clone(), Matter::Reply);
        let Some(sent) = self.answered.get(&key).copied() else {
            return;
        };
        let caller = asked.heard.and_then(|(from, _)| from);
        let late = if event.kind == "rpc.late" {
            " (too late)"
        } else {
            ""
        };
        self.push(
            event.at,
            matter,
            caller,
            format!("hears of {}{late}", asked.says),
        );
        let moment = self.last();
        moment.heard = Some((asked.server, sent));
        (moment.term, moment.indices) = (asked.term, asked.indices);
    }

    /// What a message says, which comes right after the message.
    fn view(&mut self, detail: &Value) {
        let key = (
            number(detail, "call").unwrap_or_default(),
            number(detail, "copy").unwrap_or_default(),
        );
        let Some(place) = self.open.get(&key).copied() else {
            return;
        };
        let moment = &mut self.all[place];
        if text(detail, "way") == "reply" {
            moment.says += &answer(detail);
            return;
        }
        let lost = moment
            .says
            .find(": lost")
            .map(|at| moment.says.split_off(at));
        (moment.matter, moment.says) = asked(detail);
        moment.says += &lost.unwrap_or_default();
        moment.asked = moment.says.len();
        moment.term = number(detail, "term");
        moment.indices = indices(detail);
        if let (Matter::Vote, Some((Some(from), _)), Some(term)) =
            (moment.matter, moment.heard, moment.term)
            && let Some(known) = self.servers.get_mut(from)
        {
            known.runs_for = known.runs_for.max(term);
        }
    }
}

fn asked(detail: &Value) -> (Matter, String) {
    let term = number(detail, "term").unwrap_or_default();
    let entries = number(detail, "entries").unwrap_or_default();
    let (prev, commit) = (
        text(detail, "prev"),
        number(detail, "commit").unwrap_or_default(),
    );
    match text(detail, "rpc").as_str() {
        "vote" => (
            Matter::Vote,
            format!("vote in term {term}? log to {}", text(detail, "last")),
        ),
        "append" if entries == 0 => (
            Matter::Beat,
            format!("heartbeat of term {term}, log to {prev}, commit {commit}"),
        ),
        "append" => {
            let (from, to) = indices(detail).unwrap_or_default();
            let which = if from == to {
                format!("entry {to}")
            } else {
                format!("entries {from}..{to}")
            };
            (
                Matter::Append,
                format!("term {term} sends {which} after {prev}, commit {commit}"),
            )
        }
        "snapshot" => (
            Matter::Snapshot,
            format!("term {term} sends snapshot to {}", text(detail, "last")),
        ),
        _ => (Matter::Rpc, text(detail, "says")),
    }
}

fn answer(detail: &Value) -> String {
    let term = number(detail, "term").unwrap_or_default();
    let flag = |field: &str| detail[field].as_bool();
    match (flag("granted"), flag("success")) {
        (Some(true), _) => format!(": granted, term {term}"),
        (Some(false), _) => format!(": refused, term {term}"),
        (_, Some(true)) => format!(": taken, term {term}"),
        (_, Some(false)) => format!(": rejected, term {term}"),
        _ => format!(": answered, term {term}"),
    }
}

/// The log's indices that a request is about.
fn indices(detail: &Value) -> Option<(u64, u64)> {
    let entries = number(detail, "entries").unwrap_or_default();
    match index(&text(detail, "prev")) {
        Some(prev) => Some((prev + u64::from(entries > 0), prev + entries)),
        None => index(&text(detail, "last")).map(|last| (last, last)),
    }
}

/// The index in `12@3`.
fn index(id: &str) -> Option<u64> {
    id.split('@').next()?.parse().ok()
}

fn text(detail: &Value, field: &str) -> String {
    detail[field].as_str().unwrap_or_default().to_string()
}

fn number(detail: &Value, field: &str) -> Option<u64> {
    detail[field].as_u64()
}

//! A run put together from its events.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::mail::Post;
use super::ops::{Op, Ops};
use super::read::{self, Event, Head, TORN};
use super::server::Server;
use crate::replay::topic::{self, Note};

/// A time in ns that a double holds exactly, as pages count in doubles.
const LATEST: u64 = 1 << 52;
/// Letters of an event's text that a page shows.
const TEXT: usize = 2000;

/// An event as a page lists it.
#[derive(Clone, Debug)]
pub struct Line {
    /// Virtual ns since the run began.
    pub at: u64,
    /// In whose lane; `None`: the test's.
    pub server: Option<usize>,
    /// What it is about.
    pub topic: String,
    /// What it says; of a message's events the message says it.
    pub text: String,
    /// The message that it is about.
    pub mail: Option<usize>,
}

/// A direction in which no calls got through, from one event to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The caller.
    pub from: usize,
    /// The one called.
    pub to: usize,
    /// The event that began it.
    pub begin: usize,
    /// The event that ended it, or the last one.
    pub end: usize,
}

/// The claim that was found broken.
#[derive(Clone, Debug, Default)]
pub struct Broken {
    /// The event.
    pub event: usize,
    /// The claim, and what was seen.
    pub says: String,
    /// What a teaching assistant would ask.
    pub question: String,
}

/// All that happened.
#[derive(Debug, Default)]
pub struct Model {
    /// What was run.
    pub head: Head,
    /// What happened, in order.
    pub lines: Vec<Line>,
    /// The messages.
    pub post: Post,
    /// The servers.
    pub servers: Vec<Server>,
    /// Broken links.
    pub cuts: Vec<Cut>,
    /// Client operations.
    pub ops: Vec<Op>,
    /// The broken claim.
    pub broken: Option<Broken>,
    /// Whether the run passed, if the trace has its end.
    pub passed: Option<bool>,
    /// The report.
    pub report: String,
    /// The commands of log entries, by index and term.
    pub commands: BTreeMap<String, String>,
    open_cuts: BTreeMap<(usize, usize), usize>,
    /// A message that is there as soon as it is sent, and whose content comes in between.
    at_once: Option<usize>,
}

impl Model {
    /// Reads a trace.
    ///
    /// # Errors
    /// It can't be read, or is none.
    pub fn read(path: &Path) -> Result<Model, String> {
        let (head, events) = read::open(path)?;
        Ok(Model::of(head, events))
    }

    /// Puts events together.
    pub fn of(head: Head, events: impl Iterator<Item = Event>) -> Model {
        let mut model = Model {
            servers: (0..head.servers)
                .map(|number| Server::new(number, head.servers))
                .collect(),
            head,
            ..Model::default()
        };
        let mut ops = Ops::default();
        let mut last = 0;
        for mut event in events {
            // Time goes forward; what does not say when it was, was then.
            event.at = event.at.clamp(last, LATEST.max(last));
            last = event.at;
            event.server = event.server.filter(|server| *server < model.head.servers);
            ops.take(&event);
            model.add(event);
        }
        model.arrive_at_once();
        model.ops = ops.all();
        let end = model.lines.len().saturating_sub(1);
        let open = std::mem::take(&mut model.open_cuts);
        let open = open.into_iter().map(|((from, to), begin)| Cut {
            from,
            to,
            begin,
            end,
        });
        model.cuts.extend(open);
        model
    }

    /// The server that an event's detail names.
    fn named(&self, event: &Event) -> Option<usize> {
        let named = event.number("server").map(|server| server as usize);
        named.filter(|server| *server < self.servers.len())
    }

    fn add(&mut self, event: Event) {
        if event.kind == "view" {
            self.decoded(&event);
            return self.arrive_at_once();
        }
        self.arrive_at_once();
        let number = self.lines.len();
        match event.kind.as_str() {
            "history" => {}
            "end" => self.end(&event),
            "links" => self.links(&event.detail, number),
            kind if kind.starts_with("rpc.") => self.message(&event, number),
            "claim" => self.claim(&event, number),
            _ => self.other(&event, number),
        }
    }

    fn push(&mut self, event: &Event, server: Option<usize>, mail: Option<usize>) {
        let Note {
            topic, mut text, ..
        } = match event.kind.as_str() {
            TORN => Note {
                at: event.at,
                topic: TORN.into(),
                server: None,
                text: event.detail.as_str().unwrap_or_default().into(),
            },
            _ => topic::note(event),
        };
        if mail.is_some() && event.kind != "rpc.refused" {
            text.clear();
        }
        let at = event.at;
        self.lines.push(Line {
            at,
            server,
            topic,
            text: cut(text),
            mail,
        });
    }

    fn message(&mut self, event: &Event, number: usize) {
        let mail = self.post.take(event, number);
        // At whom it happens.
        let server = mail.map(|place| {
            let mail = &self.post.mails[place];
            match event.kind.as_str() {
                "rpc.arrive" | "rpc.deliver" | "rpc.late" => mail.to,
                _ => mail.from,
            }
        });
        let server = server
            .unwrap_or(event.server)
            .filter(|server| *server < self.servers.len());
        self.push(event, server, mail);
        if let (Some(place), "rpc.deliver" | "rpc.late") = (mail, event.kind.as_str()) {
            self.heard(place, number);
        }
        // The network has no event for what it hands over at once.
        let at_once = event.text("fate") == "arrives" && event.number("after_us") == Some(0);
        self.at_once = mail.filter(|_| at_once);
    }

    /// The message that was sent last is there.
    fn arrive_at_once(&mut self) {
        let Some(place) = self.at_once.take() else {
            return;
        };
        let number = self.lines.len();
        let mail = &mut self.post.mails[place];
        mail.arrived = Some(number);
        let server = mail.to.filter(|to| *to < self.servers.len());
        let (at, reply) = (self.lines[mail.sent].at, mail.reply);
        let topic = "mail".to_string();
        self.lines.push(Line {
            at,
            server,
            topic,
            text: String::new(),
            mail: Some(place),
        });
        if reply {
            self.heard(place, number);
        }
    }

    /// A reply is with its caller.
    fn heard(&mut self, place: usize, number: usize) {
        let mail = &self.post.mails[place];
        if let Some(server) = mail.to.and_then(|to| self.servers.get_mut(to)) {
            server.hears(mail, self.post.request(mail));
            server.settle(number);
        }
    }

    /// What was sent just before, in full.
    fn decoded(&mut self, event: &Event) {
        let Some(place) = self.post.decoded(event) else {
            return;
        };
        let mail = &self.post.mails[place];
        let sent = mail.sent;
        if let Some(server) = mail.from.and_then(|from| self.servers.get_mut(from)) {
            server.sends(mail, sent, self.post.request(mail));
            server.settle(sent);
        }
        self.name_commands(&event.detail["commands"]);
    }

    fn name_commands(&mut self, commands: &serde_json::Value) {
        for (id, command) in commands.as_object().into_iter().flatten() {
            if let Some(command) = command.as_str().filter(|_| !self.commands.contains_key(id)) {
                self.commands.insert(id.clone(), cut(command.into()));
            }
        }
    }

    fn other(&mut self, event: &Event, number: usize) {
        let server = match event.kind.as_str() {
            "crash" => Some(event.a as usize).filter(|server| *server < self.servers.len()),
            "step" => None,
            "boot" | "state" | "start" | "saved" => self.named(event).or(event.server),
            _ => event.server,
        };
        match event.kind.as_str() {
            "saved" => self.name_commands(&event.detail["commands"]),
            "start" => {
                let id = format!(
                    "{}@{}",
                    event.number("index").unwrap_or(0),
                    event.number("term").unwrap_or(0)
                );
                self.commands.insert(id, cut(event.text("command").into()));
            }
            _ => {}
        }
        self.push(event, server, None);
        if let Some(server) = server {
            self.servers[server].takes(event, number);
            self.servers[server].settle(number);
        }
    }

    fn claim(&mut self, event: &Event, number: usize) {
        self.push(event, None, None);
        let says = self.lines[number].text.clone();
        self.broken.get_or_insert(Broken {
            event: number,
            says,
            question: String::new(),
        });
    }

    /// How the run went, by the trace's last line.
    fn end(&mut self, event: &Event) {
        self.passed = event.detail["passed"].as_bool();
        self.report = cut(event.text("report").into());
        let broken = &event.detail["broken"];
        let text = |field: &str| broken[field].as_str().unwrap_or_default();
        if broken.is_null() {
            return;
        }
        if self.broken.is_none() {
            // Found when all was over.
            self.push(event, None, None);
            if let Some(line) = self.lines.last_mut() {
                line.topic = "test".into();
                line.text = cut(format!("BROKEN: {}", text("saw")));
            }
        }
        let event = self
            .broken
            .as_ref()
            .map_or(self.lines.len() - 1, |broken| broken.event);
        let says = format!("{} ({}). {}", text("says"), text("section"), text("saw"));
        self.broken = Some(Broken {
            event,
            says: cut(says),
            question: text("question").into(),
        });
    }

    /// From now on these calls do not get through.
    fn links(&mut self, detail: &serde_json::Value, number: usize) {
        let pairs: Vec<(usize, usize)> =
            serde_json::from_value(detail["cut"].clone()).unwrap_or_default();
        let inside =
            |(from, to): &(usize, usize)| *from < self.servers.len() && *to < self.servers.len();
        let now: BTreeSet<(usize, usize)> = pairs.into_iter().filter(inside).collect();
        let number = number.saturating_sub(1); // it has no line of its own
        self.open_cuts.retain(|(from, to), begin| {
            let stays = now.contains(&(*from, *to));
            if !stays && *begin < number {
                self.cuts.push(Cut {
                    from: *from,
                    to: *to,
                    begin: *begin,
                    end: number,
                });
            }
            stays
        });
        for pair in now {
            self.open_cuts.entry(pair).or_insert(number);
        }
    }
}

/// Not longer than anybody reads.
fn cut(text: String) -> String {
    match text.char_indices().nth(TEXT) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text,
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// The trace that the tests of this crate share.
    pub fn sample() -> Model {
        Model::read(Path::new(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/mini/trace.jsonl"
        )))
        .unwrap()
    }

    #[test]
    fn an_old_trace_is_a_run_too() {
        let model = sample();
        assert_eq!(
            (
                model.lines.len(),
                model.post.mails.len(),
                model.servers.len()
            ),
            (15, 3, 3)
        );
        let lost = model.post.mails[1]
            .lost
            .as_ref()
            .map(|(why, _)| why.as_str());
        assert_eq!(lost, Some("the link is cut"));
        assert_eq!(
            model.lines[model.broken.unwrap().event].text,
            "BROKEN, one leader: nobody leads"
        );
        let states: Vec<(usize, &str)> = model.servers[1]
            .course
            .iter()
            .map(|(at, state)| {
                (
                    *at,
                    match state.role {
                        super::super::server::Role::Leader => "leader",
                        super::super::server::Role::Candidate => "candidate",
                        _ => "follower",
                    },
                )
            })
            .collect();
        assert_eq!(
            states[..3],
            [(0, "follower"), (3, "candidate"), (9, "leader")]
        );
    }

    #[test]
    fn nothing_in_a_trace_is_too_odd() {
        let head = Head {
            servers: 2,
            ..Head::default()
        };
        let odd = [
            r#"{"at":18446744073709551615,"kind":"crash","a":99}"#,
            r#"{"at":1,"kind":"rpc.request","server":77,"detail":{"call":1,"from":55,"to":66}}"#,
            r#"{"kind":"view","detail":{"call":1,"copy":0,"way":"request","rpc":"append","term":3,"prev":"9@9","entries":18446744073709551615,"runs":[[5,1],[2,9]]}}"#,
            r#"{"kind":"links","detail":{"cut":[[0,9],[1,0]]}}"#,
            r#"{"kind":"saved","server":1,"detail":{"server":1,"term":2,"runs":"x","last":"18446744073709551615@1"}}"#,
            r#"{"kind":"end","detail":{"passed":false,"broken":{"says":7}}}"#,
            r#"{"kind":"history","detail":{"keys":{"x":1}}}"#,
            r#"{"kind":"role","server":0,"detail":"</script>"}"#,
        ];
        let events = odd.iter().map(|line| serde_json::from_str(line).unwrap());
        let model = Model::of(head, events);
        assert_eq!(model.passed, Some(false));
        assert!(
            model
                .lines
                .iter()
                .all(|line| line.server.is_none_or(|server| server < 2))
        );
        assert!(model.lines.windows(2).all(|pair| pair[0].at <= pair[1].at));
    }
}

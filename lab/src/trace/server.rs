//! What each server is, moment by moment: told by the program where it tells, else put together from its messages,
//! its disk, and what it applies.

use serde_json::Value;

use super::log::Log;
use super::mail::Mail;
use super::read::Event;
use super::says;

/// What a server takes part as. The order is the page's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Without power.
    Down,
    /// Follows, or has not been heard of.
    #[default]
    Follower,
    /// Runs for election.
    Candidate,
    /// Leads.
    Leader,
}

/// What is known of a server at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Its role.
    pub role: Role,
    /// Its term.
    pub term: u64,
    /// Its vote in that term.
    pub vote: Option<u64>,
    /// Its commit index, or the least that it can be.
    pub commit: u64,
    /// The last index that its service took.
    pub applied: u64,
    /// Its log.
    pub log: Log,
    /// The nextIndex of each server, of a leader.
    pub next: Vec<u64>,
    /// The matchIndex of each server, of a leader.
    pub matching: Vec<u64>,
}

/// A server's course.
#[derive(Clone, Debug, Default)]
pub struct Server {
    number: usize,
    peers: usize,
    now: State,
    /// Its disk was seen: its log is known from there.
    has_disk: bool,
    /// Each state with the number of the event that led to it.
    pub course: Vec<(usize, State)>,
    /// The events at which its election timer began anew; `true`: it had run down.
    pub timer: Vec<(usize, bool)>,
    /// Values that the program shows by `labsim::note!`.
    pub notes: Vec<(usize, String, String)>,
}

impl Server {
    /// A server that is yet to start, one of so many.
    pub fn new(number: usize, peers: usize) -> Server {
        Server {
            number,
            peers,
            course: vec![(0, State::default())],
            ..Server::default()
        }
    }

    /// Writes down what has changed, if anything has, at this event.
    pub fn settle(&mut self, event: usize) {
        if self.course.last().is_none_or(|(_, last)| *last != self.now) {
            self.course.push((event, self.now.clone()));
        }
    }

    fn enter(&mut self, role: Role, term: u64) {
        let now = &mut self.now;
        if term > now.term {
            now.vote = None;
        }
        (now.role, now.term) = (role, term);
        if role != Role::Leader {
            now.next.clear();
            now.matching.clear();
        }
    }

    /// A message of it leaves.
    pub fn sends(&mut self, mail: &Mail, event: usize, request: Option<&Mail>) {
        let term = mail.term;
        if term < self.now.term || mail.view.is_null() {
            return;
        }
        let view = &mail.view;
        match (view["rpc"].as_str(), mail.reply) {
            (Some("vote"), false) => {
                if (self.now.role, self.now.term) != (Role::Candidate, term) {
                    self.timer.push((event, true));
                }
                self.enter(Role::Candidate, term);
                self.now.vote = Some(self.number as u64);
            }
            (Some("append" | "snapshot"), false) => self.leads(mail),
            (_, true) => self.answers(mail, event, request),
            _ => {}
        }
    }

    fn leads(&mut self, mail: &Mail) {
        let view = &mail.view;
        if (self.now.role, self.now.term) != (Role::Leader, mail.term) {
            self.enter(Role::Leader, mail.term);
        }
        if self.now.next.len() != self.peers {
            self.now.next = vec![self.now.log.last + 1; self.peers];
            self.now.matching = vec![0; self.peers];
        }
        let Some((index, term)) = view["prev"].as_str().and_then(says::pair) else {
            return;
        };
        if let Some(next) = mail.to.and_then(|to| self.now.next.get_mut(to)) {
            *next = index + 1;
        }
        if index > 0 {
            self.now.log.merge(&[(index, term)], index);
        }
        self.takes_entries(view, index);
        self.now.commit = self
            .now
            .commit
            .max(view["commit"].as_u64().unwrap_or_default());
    }

    /// The entries of an AppendEntries are in its log.
    fn takes_entries(&mut self, view: &Value, prev: u64) {
        let runs: Vec<(u64, u64)> =
            serde_json::from_value(view["runs"].clone()).unwrap_or_default();
        let entries = view["entries"].as_u64().unwrap_or_default();
        self.now.log.merge(&runs, prev.saturating_add(entries));
    }

    fn answers(&mut self, mail: &Mail, event: usize, request: Option<&Mail>) {
        if mail.term > self.now.term {
            self.enter(Role::Follower, mail.term);
        }
        let Some(request) = request.filter(|request| request.term == mail.term) else {
            return;
        };
        let asked = &request.view;
        if mail.view["granted"] == true {
            self.enter(Role::Follower, mail.term);
            self.now.vote = asked["candidate"].as_u64();
            self.timer.push((event, false));
        }
        if asked["rpc"] == "append" || asked["rpc"] == "snapshot" {
            self.enter(Role::Follower, mail.term);
            self.timer.push((event, false));
        }
        if mail.view["success"] == true
            && let Some((prev, term)) = asked["prev"].as_str().and_then(says::pair)
        {
            if prev > 0 {
                self.now.log.merge(&[(prev, term)], prev);
            }
            self.takes_entries(asked, prev);
            let held = prev + asked["entries"].as_u64().unwrap_or_default();
            let commit = asked["commit"].as_u64().unwrap_or_default().min(held);
            self.now.commit = self.now.commit.max(commit);
        }
    }

    /// A reply to a request of its own arrives.
    pub fn hears(&mut self, mail: &Mail, request: Option<&Mail>) {
        if mail.term > self.now.term {
            return self.enter(Role::Follower, mail.term);
        }
        let (Some(request), true) = (request, self.now.role == Role::Leader) else {
            return;
        };
        let asked = &request.view;
        if request.term != self.now.term || mail.view["success"] != true {
            return;
        }
        let prev = asked["prev"]
            .as_str()
            .and_then(says::index)
            .unwrap_or_default();
        let held = prev + asked["entries"].as_u64().unwrap_or_default();
        let from = mail.from.unwrap_or(self.peers);
        if let (Some(matching), Some(next)) =
            (self.now.matching.get_mut(from), self.now.next.get_mut(from))
        {
            *matching = held.max(*matching);
            *next = (*matching + 1).max(*next);
        }
    }

    /// Something else happens to it.
    pub fn takes(&mut self, event: &Event, number: usize) {
        let of = |field: &str| event.number(field);
        match event.kind.as_str() {
            "crash" => {
                self.enter(Role::Down, self.now.term);
                (self.now.commit, self.now.applied) = (0, 0);
            }
            "boot" => self.boots(),
            "state" => self.says_of_itself(
                of("term").unwrap_or_default(),
                event.detail["leads"] == true,
            ),
            "saved" => self.saves(&event.detail),
            "apply" => {
                let index = of("index").unwrap_or(event.a);
                (self.now.applied, self.now.commit) = (index, self.now.commit.max(index));
            }
            "start" => {
                let (index, term) = (
                    of("index").unwrap_or_default(),
                    of("term").unwrap_or_default(),
                );
                self.now.log.merge(&[(index, term)], index);
            }
            "role" => self.tells_role(event.text("role"), of("term"), of("vote")),
            "commit" => self.now.commit = of("commit").unwrap_or(event.a),
            "log" => self.tells_log(event),
            "note" => self.notes(event, number),
            _ => {}
        }
    }

    fn boots(&mut self) {
        let log = std::mem::take(&mut self.now.log);
        let (term, vote) = (self.now.term, self.now.vote);
        self.now = State::default();
        if self.has_disk {
            self.now.applied = log.base.0;
            self.now.commit = log.base.0;
            (self.now.log, self.now.term, self.now.vote) = (log, term, vote);
        }
    }

    fn says_of_itself(&mut self, term: u64, leads: bool) {
        let is_leader = self.now.role == Role::Leader;
        if leads && (!is_leader || term != self.now.term) {
            self.enter(Role::Leader, term);
        } else if term > self.now.term || is_leader && !leads {
            self.enter(Role::Follower, term);
        }
    }

    fn saves(&mut self, disk: &Value) {
        let Some(term) = disk["term"].as_u64() else {
            return;
        };
        self.has_disk = true;
        let vote = disk["vote"].as_u64();
        if term > self.now.term {
            let role = if vote == Some(self.number as u64) {
                Role::Candidate
            } else {
                Role::Follower
            };
            self.enter(role, term);
        }
        if term == self.now.term {
            self.now.vote = vote;
        }
        let pair = |field: &str| {
            disk[field]
                .as_str()
                .and_then(says::pair)
                .unwrap_or_default()
        };
        let runs = serde_json::from_value(disk["runs"].clone()).unwrap_or_default();
        self.now.log = Log::whole(pair("base"), runs, pair("last").0);
    }

    fn tells_role(&mut self, role: &str, term: Option<u64>, vote: Option<u64>) {
        let role = match role.to_lowercase() {
            r if r.contains("lead") => Role::Leader,
            r if r.contains("cand") => Role::Candidate,
            r if r.contains("foll") => Role::Follower,
            _ => return,
        };
        let term = term.unwrap_or(self.now.term);
        self.enter(role, term);
        self.now.vote = vote.or(self.now.vote);
    }

    /// The reference shows where its log begins and ends.
    fn tells_log(&mut self, event: &Event) {
        let (Some(base), Some(last)) = (
            says::pair(event.text("base")),
            says::pair(event.text("last")),
        ) else {
            return;
        };
        self.now.log.compact(base);
        self.now.log.cut_after(last.0);
        if last.0 > self.now.log.last || self.now.log.term(last.0) != last.1 {
            let from = self.now.log.last + 1;
            self.now.log.merge(&[(from.min(last.0), last.1)], last.0);
        }
    }

    fn notes(&mut self, event: &Event, number: usize) {
        let Some(values) = event.detail.as_object() else {
            return;
        };
        for (name, value) in values {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_string);
            let numbers: Vec<u64> = value
                .split(|c: char| !c.is_ascii_digit())
                .filter_map(|digits| digits.parse().ok())
                .collect();
            match (name.as_str(), numbers.first()) {
                ("role", _) => self.tells_role(&value, None, None),
                ("term", Some(term)) => self.now.term = *term,
                ("commit" | "commit_index", Some(commit)) => self.now.commit = *commit,
                ("next_index", Some(_)) => self.now.next = numbers,
                ("match_index", Some(_)) => self.now.matching = numbers,
                _ => {}
            }
            self.notes.push((number, name.clone(), value));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mail(reply: bool, view: Value) -> Mail {
        let term = view["term"].as_u64().unwrap();
        Mail {
            reply,
            term,
            view,
            from: Some(1),
            to: Some(2),
            ..Mail::default()
        }
    }

    #[test]
    fn a_server_is_known_by_its_messages_alone() {
        let mut it = Server::new(1, 3);
        it.sends(&mail(false, json!({"rpc": "vote", "term": 2})), 1, None);
        assert_eq!(
            (it.now.role, it.now.term, it.now.vote),
            (Role::Candidate, 2, Some(1))
        );
        let append = mail(
            false,
            json!({"rpc": "append", "term": 2, "prev": "0@0", "entries": 2, "runs": [[1, 2]], "commit": 0}),
        );
        it.sends(&append, 2, None);
        assert_eq!((it.now.role, it.now.log.last), (Role::Leader, 2));
        let mut taken = mail(true, json!({"rpc": "append", "term": 2, "success": true}));
        taken.from = Some(2);
        it.hears(&taken, Some(&append));
        assert_eq!((it.now.matching[2], it.now.next[2]), (2, 3));
        it.hears(
            &mail(true, json!({"rpc": "append", "term": 5, "success": false})),
            None,
        );
        assert_eq!(
            (it.now.role, it.now.term, it.now.vote),
            (Role::Follower, 5, None)
        );
    }

    #[test]
    fn a_follower_takes_entries_and_a_crash_leaves_its_disk() {
        let mut it = Server::new(0, 3);
        let asked = mail(
            false,
            json!({"rpc": "append", "term": 1, "prev": "0@0", "entries": 1, "runs": [[1, 1]], "commit": 7}),
        );
        it.sends(
            &mail(true, json!({"rpc": "append", "term": 1, "success": true})),
            1,
            Some(&asked),
        );
        assert_eq!(
            (it.now.log.term(1), it.now.commit),
            (1, 1),
            "no more than it holds"
        );
        let event = |kind: &str, detail| Event {
            kind: kind.into(),
            detail,
            ..Event::default()
        };
        it.takes(
            &event(
                "saved",
                json!({"term": 3, "vote": 2, "base": "4@2", "last": "6@3", "runs": [[5, 3]]}),
            ),
            2,
        );
        it.takes(&event("crash", Value::Null), 3);
        assert_eq!(it.now.role, Role::Down);
        it.takes(&event("boot", Value::Null), 4);
        let now = &it.now;
        assert_eq!(
            (now.role, now.term, now.vote, now.applied),
            (Role::Follower, 3, Some(2), 4)
        );
        assert_eq!((now.log.base, now.log.last), ((4, 2), 6));
    }

    #[test]
    fn what_the_program_shows_comes_first() {
        let mut it = Server::new(0, 3);
        let detail =
            json!({"role": "Leader", "next_index": "[LogIndex(3), LogIndex(5)]", "mine": "7"});
        it.takes(
            &Event {
                kind: "note".into(),
                detail,
                ..Event::default()
            },
            9,
        );
        assert_eq!(
            (it.now.role, it.now.next.as_slice()),
            (Role::Leader, [3, 5].as_slice())
        );
        assert!(it.notes.contains(&(9, "mine".into(), "7".into())));
    }
}

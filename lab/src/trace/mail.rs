//! Messages, put together from what happened to them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::read::Event;
use super::says::{self, Sort};

/// One copy of a request or of a reply.
#[derive(Clone, Debug, Default)]
pub struct Mail {
    /// The call it belongs to.
    pub call: u64,
    /// Which copy.
    pub copy: u64,
    /// It is a reply.
    pub reply: bool,
    /// The server that sent it; `None`: a clerk.
    pub from: Option<usize>,
    /// The server that it was sent to.
    pub to: Option<usize>,
    /// What it is for.
    pub sort: Sort,
    /// The event of its sending.
    pub sent: usize,
    /// The event of its arrival.
    pub arrived: Option<usize>,
    /// Why it never arrived, and the event at which that was so.
    pub lost: Option<(String, usize)>,
    /// It came when nobody waited for it any more.
    pub late: bool,
    /// It was held by the test.
    pub held: bool,
    /// Its term, if it could be decoded.
    pub term: u64,
    /// What it says.
    pub says: String,
    /// What it says, all of it.
    pub view: Value,
}

/// All messages of a run.
#[derive(Debug, Default)]
pub struct Post {
    /// In the order of their sending.
    pub mails: Vec<Mail>,
    known: BTreeMap<(u64, u64, bool), usize>,
}

impl Post {
    /// Takes an event of a message; `number` is the event's. Returns the message's place.
    pub fn take(&mut self, event: &Event, number: usize) -> Option<usize> {
        let copy = event.number("copy").unwrap_or_default();
        let key = |reply| (event.number("call").unwrap_or(event.a), copy, reply);
        let place = |post: &Post, reply| post.known.get(&key(reply)).copied();
        match event.kind.as_str() {
            "rpc.request" => Some(self.send(event, number, false)),
            "rpc.reply" => Some(self.send(event, number, true)),
            "rpc.arrive" => self.arrive(place(self, false)?, number, false),
            "rpc.deliver" => self.arrive(place(self, true)?, number, false),
            "rpc.late" => self.arrive(place(self, true)?, number, true),
            "rpc.lost" => {
                // The reply if there is one: a request that arrived can't be lost any more.
                let place = place(self, true).or_else(|| place(self, false))?;
                let mail = &mut self.mails[place];
                if mail.arrived.is_none() && mail.lost.is_none() {
                    mail.lost = Some((event.text("cause").into(), number));
                }
                Some(place)
            }
            _ => place(self, true).or_else(|| place(self, false)),
        }
    }

    fn send(&mut self, event: &Event, number: usize, reply: bool) -> usize {
        let (call, copy) = (
            event.number("call").unwrap_or(event.a),
            event.number("copy").unwrap_or_default(),
        );
        let party = |field| event.number(field).map(|server| server as usize);
        let (caller, callee) = (party("from"), party("to"));
        let method = event.text("method");
        // Copies say what the first one says, and a reply is of the request's sort.
        let like = self
            .known
            .get(&(call, if reply { copy } else { 0 }, false))
            .map(|place| &self.mails[*place]);
        let short = method.rsplit('.').next().unwrap_or(method);
        let mut mail = Mail {
            call,
            copy,
            reply,
            from: if reply { callee } else { caller },
            to: if reply { caller } else { callee },
            sort: like.map_or_else(
                || Sort::of_method(method, caller.is_none()),
                |like| like.sort,
            ),
            sent: number,
            held: event.text("fate") == "held",
            says: if reply {
                format!("reply to {short}")
            } else {
                short.to_string()
            },
            ..Mail::default()
        };
        if let Some(like) = like {
            mail.term = like.term;
            if !reply {
                mail.says.clone_from(&like.says);
                mail.view = like.view.clone();
            }
        }
        if event.text("fate") == "lost" {
            mail.lost = Some((event.text("cause").into(), number));
        }
        self.mails.push(mail);
        self.known.insert((call, copy, reply), self.mails.len() - 1);
        self.mails.len() - 1
    }

    fn arrive(&mut self, place: usize, number: usize, late: bool) -> Option<usize> {
        let mail = &mut self.mails[place];
        mail.arrived.get_or_insert(number);
        mail.late |= late;
        Some(place)
    }

    /// Takes what a message says, which was decoded when it was sent. Returns the message's place.
    pub fn decoded(&mut self, event: &Event) -> Option<usize> {
        let (call, copy) = (event.number("call")?, event.number("copy")?);
        let reply = event.text("way") == "reply";
        let place = *self.known.get(&(call, copy, reply))?;
        let mail = &mut self.mails[place];
        if !reply {
            mail.sort = Sort::of_view(&event.detail);
        }
        let says = says::view(&event.detail);
        if !says.is_empty() {
            mail.says = says;
        }
        mail.term = event.number("term").unwrap_or_default();
        mail.view = event.detail.clone();
        Some(place)
    }

    /// The request that a reply answers.
    pub fn request(&self, reply: &Mail) -> Option<&Mail> {
        let place = self.known.get(&(reply.call, reply.copy, false))?;
        Some(&self.mails[*place])
    }

    /// The other message of the same call and copy.
    pub fn other(&self, mail: &Mail) -> Option<usize> {
        self.known
            .get(&(mail.call, mail.copy, !mail.reply))
            .copied()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(kind: &str, detail: Value) -> Event {
        Event {
            kind: kind.into(),
            detail,
            ..Event::default()
        }
    }

    #[test]
    fn a_call_is_two_messages_and_a_copy_says_what_the_first_says() {
        let mut post = Post::default();
        let rpc = |copy: u64| json!({"call": 7, "copy": copy, "from": 0, "to": 2, "method": "Raft.request_vote"});
        post.take(&event("rpc.request", rpc(0)), 1);
        let asked = json!({"call": 7, "copy": 0, "way": "request", "rpc": "vote", "term": 3, "last": "4@2"});
        post.decoded(&event("view", asked));
        post.take(&event("rpc.request", rpc(1)), 3);
        post.take(&event("rpc.arrive", rpc(0)), 4);
        post.take(&event("rpc.reply", rpc(0)), 5);
        post.take(&event("rpc.late", rpc(0)), 6);
        let mut lost = rpc(1);
        lost["cause"] = "server-gone".into();
        post.take(&event("rpc.lost", lost), 7);
        let told: Vec<String> = post
            .mails
            .iter()
            .map(|mail| {
                format!(
                    "{:?}->{:?} {} {:?} {:?} late {}",
                    mail.from, mail.to, mail.says, mail.arrived, mail.lost, mail.late
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                "Some(0)->Some(2) vote in term 3? log to 4@2 Some(4) None late false",
                "Some(0)->Some(2) vote in term 3? log to 4@2 None Some((\"server-gone\", 7)) late false",
                "Some(2)->Some(0) reply to request_vote Some(6) None late true",
            ]
        );
        assert_eq!(post.mails[2].sort, Sort::Vote);
    }

    #[test]
    fn what_nobody_sent_is_no_message() {
        let mut post = Post::default();
        assert_eq!(
            post.take(&event("rpc.deliver", json!({"call": 7})), 1),
            None
        );
        assert_eq!(post.take(&event("rpc.lost", json!("text")), 1), None);
    }
}

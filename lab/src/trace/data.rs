//! The model in columns, as the page's scripts take it: lists of numbers, and each text once. `page/data.js` reads it.

use std::collections::BTreeMap;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::log::Log;
use super::model::Model;
use super::says::SORTS;
use super::server::Server;

/// Texts, each once.
#[derive(Default)]
struct Texts {
    all: Vec<String>,
    known: BTreeMap<String, usize>,
}

impl Texts {
    fn number(&mut self, text: &str) -> usize {
        if let Some(number) = self.known.get(text) {
            return *number;
        }
        self.all.push(text.into());
        self.known.insert(text.into(), self.all.len() - 1);
        self.all.len() - 1
    }
}

/// The model, compressed, in base64.
pub fn packed(model: &Model) -> String {
    let mut packed = GzEncoder::new(Vec::new(), Compression::new(6));
    let text = columns(model).to_string();
    packed.write_all(text.as_bytes()).expect("a Vec takes all");
    base64(&packed.finish().expect("a Vec takes all"))
}

/// The model in columns. -1 stands for nothing.
pub fn columns(model: &Model) -> Value {
    let mut texts = Texts::default();
    let (events, mails) = (events(model, &mut texts), mails(model, &mut texts));
    let mut logs = Logs::default();
    let servers: Vec<Value> = model
        .servers
        .iter()
        .map(|server| course(server, &mut logs, &mut texts))
        .collect();
    let ops: Vec<Value> = model
        .ops
        .iter()
        .map(|op| {
            json!([
                op.client,
                op.call,
                place(op.reply),
                place(op.point),
                u8::from(op.wrong),
                texts.number(&op.says)
            ])
        })
        .collect();
    let cuts: Vec<[usize; 4]> = model
        .cuts
        .iter()
        .map(|cut| [cut.from, cut.to, cut.begin, cut.end])
        .collect();
    let broken = model.broken.as_ref().map(
        |broken| json!({ "event": broken.event, "says": broken.says, "question": broken.question }),
    );
    let head = &model.head;
    json!({
        "head": {
            "test": head.test, "part": head.part, "title": head.title, "servers": head.servers,
            "seed": head.seed.as_str().map_or_else(|| head.seed.to_string(), str::to_string), "replay": head.replay,
        },
        "passed": model.passed, "broken": broken, "report": model.report, "sorts": SORTS,
        "events": events, "mails": mails, "servers": servers, "logs": logs.all, "cuts": cuts, "ops": ops,
        "commands": model.commands, "texts": texts.all,
    })
}

fn place<N: TryInto<i64>>(number: Option<N>) -> i64 {
    number
        .and_then(|number| number.try_into().ok())
        .unwrap_or(-1)
}

fn events(model: &Model, texts: &mut Texts) -> Value {
    let mut before = 0;
    let at: Vec<u64> = model
        .lines
        .iter()
        .map(|line| line.at - std::mem::replace(&mut before, line.at))
        .collect();
    let server: Vec<i64> = model.lines.iter().map(|line| place(line.server)).collect();
    let topic: Vec<usize> = model
        .lines
        .iter()
        .map(|line| texts.number(&line.topic))
        .collect();
    let text: Vec<usize> = model
        .lines
        .iter()
        .map(|line| texts.number(&line.text))
        .collect();
    let mail: Vec<i64> = model.lines.iter().map(|line| place(line.mail)).collect();
    json!({ "at": at, "server": server, "topic": topic, "text": text, "mail": mail })
}

fn mails(model: &Model, texts: &mut Texts) -> Value {
    let mails = &model.post.mails;
    let column = |of: fn(&super::mail::Mail) -> i64| mails.iter().map(of).collect::<Vec<i64>>();
    let says: Vec<usize> = mails.iter().map(|mail| texts.number(&mail.says)).collect();
    let view: Vec<i64> = mails
        .iter()
        .map(|mail| match mail.view.is_null() {
            true => -1,
            false => {
                texts.number(&mail.view.to_string().chars().take(4000).collect::<String>()) as i64
            }
        })
        .collect();
    let why: Vec<i64> = mails
        .iter()
        .map(|mail| {
            mail.lost
                .as_ref()
                .map_or(-1, |(why, _)| texts.number(&why.replace('-', " ")) as i64)
        })
        .collect();
    let other: Vec<i64> = mails
        .iter()
        .map(|mail| place(model.post.other(mail)))
        .collect();
    json!({
        "from": column(|m| place(m.from)), "to": column(|m| place(m.to)), "call": column(|m| place(Some(m.call))),
        "copy": column(|m| place(Some(m.copy))), "reply": column(|m| i64::from(m.reply)), "sort": column(|m| m.sort as i64),
        "sent": column(|m| place(Some(m.sent))), "arrived": column(|m| place(m.arrived)),
        "lostAt": column(|m| place(m.lost.as_ref().map(|(_, at)| *at))), "late": column(|m| i64::from(m.late)),
        "held": column(|m| i64::from(m.held)), "term": column(|m| place(Some(m.term))),
        "says": says, "view": view, "why": why, "other": other,
    })
}

/// Logs, each once: base, base's term, last, then where runs begin and their terms.
#[derive(Default)]
struct Logs {
    all: Vec<Vec<u64>>,
    known: std::collections::HashMap<Log, usize>,
}

impl Logs {
    fn number(&mut self, log: &Log) -> usize {
        if let Some(number) = self.known.get(log) {
            return *number;
        }
        let mut flat = vec![log.base.0, log.base.1, log.last];
        flat.extend(log.runs.iter().flat_map(|(from, term)| [*from, *term]));
        self.all.push(flat);
        self.known.insert(log.clone(), self.all.len() - 1);
        self.all.len() - 1
    }
}

fn course(server: &Server, logs: &mut Logs, texts: &mut Texts) -> Value {
    let states: Vec<Value> = server
        .course
        .iter()
        .map(|(event, state)| {
            let log = logs.number(&state.log);
            let vote = place(state.vote);
            let mut row = json!([
                event,
                state.role as u8,
                state.term,
                vote,
                state.commit,
                state.applied,
                log
            ]);
            if let (Some(row), false) = (
                row.as_array_mut(),
                state.next.is_empty() && state.matching.is_empty(),
            ) {
                row.push(json!(state.next));
                row.push(json!(state.matching));
            }
            row
        })
        .collect();
    let timer: Vec<(usize, u8)> = server
        .timer
        .iter()
        .map(|(event, ran_down)| (*event, u8::from(*ran_down)))
        .collect();
    let notes: Vec<(usize, usize, usize)> = server
        .notes
        .iter()
        .map(|(event, name, value)| (*event, texts.number(name), texts.number(value)))
        .collect();
    json!({ "states": states, "timer": timer, "notes": notes })
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |place: usize| u32::from(group.get(place).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place)) as usize & 63];
            out.push(if place <= group.len() {
                letter as char
            } else {
                '='
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::model::tests::sample;

    #[test]
    fn base64_is_that_of_the_rfc() {
        let made: Vec<String> = ["", "f", "fo", "foo", "foob"]
            .iter()
            .map(|text| base64(text.as_bytes()))
            .collect();
        assert_eq!(made, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]);
    }

    #[test]
    fn columns_have_a_place_for_each_event_and_message() {
        let columns = columns(&sample());
        for (table, length) in [("events", 15), ("mails", 3)] {
            for (name, column) in columns[table].as_object().unwrap() {
                assert_eq!(column.as_array().unwrap().len(), length, "{table}.{name}");
            }
        }
        assert_eq!(columns["broken"]["event"], 13);
        let at: u64 = columns["events"]["at"]
            .as_array()
            .unwrap()
            .iter()
            .map(|step| step.as_u64().unwrap())
            .sum();
        assert_eq!(at, 1_250_000_000, "steps add up to the last event's time");
    }
}

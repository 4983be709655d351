//! Trace-event JSON, which Perfetto and chrome's tracing show: roles and operations as slices, messages as flows.

use serde_json::{Value, json};

use super::model::Model;
use super::server::Role;

/// The process that holds the clients' tracks; servers are processes of their numbers plus one.
const CLIENTS: usize = 1000;

/// The run as trace events. Times are in µs, as the format wants them.
pub fn write(model: &Model) -> String {
    let us = |event: usize| {
        model
            .lines
            .get(event)
            .map_or(0.0, |line| line.at as f64 / 1e3)
    };
    let process = |server: Option<usize>| server.map_or(CLIENTS, |server| server + 1);
    let mut events = Vec::new();
    let mut name = |process: usize, name: String| {
        events.push(
            json!({ "ph": "M", "name": "process_name", "pid": process, "args": { "name": name } }),
        );
    };
    (0..model.servers.len()).for_each(|server| name(server + 1, format!("server {server}")));
    name(CLIENTS, "test and clients".into());
    for (number, server) in model.servers.iter().enumerate() {
        let ends = server
            .course
            .iter()
            .skip(1)
            .map(|(event, _)| us(*event))
            .chain([us(model.lines.len().saturating_sub(1))]);
        for ((event, state), end) in server.course.iter().zip(ends) {
            let role = match state.role {
                Role::Down => "down",
                Role::Follower => "follower",
                Role::Candidate => "candidate",
                Role::Leader => "leader",
            };
            events.push(json!({
                "ph": "X", "name": format!("{role}, term {}", state.term), "cat": "role", "pid": number + 1, "tid": 0,
                "ts": us(*event), "dur": end - us(*event),
                "args": { "commit": state.commit, "applied": state.applied, "last": state.log.last },
            }));
        }
    }
    for (id, mail) in model.post.mails.iter().enumerate() {
        let (sent, end) = (us(mail.sent), mail.arrived.map(us));
        let slice = |server: Option<usize>, at: f64| -> Value {
            json!({ "ph": "X", "name": mail.says, "cat": "message", "pid": process(server), "tid": 1, "ts": at, "dur": 1,
                "args": { "call": mail.call, "lost": mail.lost.as_ref().map(|(why, _)| why) } })
        };
        events.push(slice(mail.from, sent));
        if let Some(end) = end {
            events.push(slice(mail.to, end));
            let flow = |ph: &str, server: Option<usize>, at: f64| {
                json!({
                "ph": ph, "bp": "e", "id": id, "name": "message", "cat": "message", "pid": process(server), "tid": 1, "ts": at })
            };
            events.push(flow("s", mail.from, sent));
            events.push(flow("f", mail.to, end));
        }
    }
    for line in model.lines.iter().filter(|line| line.mail.is_none()) {
        events.push(json!({ "ph": "i", "s": "t", "name": line.text, "cat": line.topic, "pid": process(line.server), "tid": 2,
            "ts": line.at as f64 / 1e3 }));
    }
    for op in &model.ops {
        let end = op.reply.unwrap_or(op.call);
        events.push(json!({ "ph": "X", "name": op.says, "cat": "operation", "pid": CLIENTS, "tid": 10 + op.client,
            "ts": op.call as f64 / 1e3, "dur": end.saturating_sub(op.call) as f64 / 1e3, "args": { "wrong": op.wrong } }));
    }
    json!({ "displayTimeUnit": "ms", "traceEvents": events }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::model::tests::sample;

    #[test]
    fn every_event_has_what_the_format_asks_for() {
        let made: Value = serde_json::from_str(&write(&sample())).unwrap();
        let events = made["traceEvents"].as_array().unwrap();
        for event in events {
            assert!(event["ph"].is_string() && event["pid"].is_u64(), "{event}");
            assert!(event["ph"] == "M" || event["ts"].is_f64(), "{event}");
        }
        let of = |ph: &str| events.iter().filter(|event| event["ph"] == ph).count();
        assert_eq!(
            (of("M"), of("s"), of("f")),
            (4, 1, 1),
            "one message arrived"
        );
    }
}

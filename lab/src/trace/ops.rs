//! What clients asked for: a clerk's operations with the moments at which they can have taken effect, or a test's
//! commands from the leader that took them to the first server that applied them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::read::Event;

/// One operation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Op {
    /// Whose it is.
    pub client: u64,
    /// When it was called.
    pub call: u64,
    /// When it was answered, if it was.
    pub reply: Option<u64>,
    /// When it may have taken effect, in the order that explains all answers.
    pub point: Option<u64>,
    /// Its answer cannot be right.
    pub wrong: bool,
    /// The call and the answer.
    pub says: String,
}

/// The operations of a run, as they come in.
#[derive(Debug, Default)]
pub struct Ops {
    calls: BTreeMap<u64, Op>,
    starts: Vec<Op>,
    started: BTreeMap<(u64, u64), usize>,
    checked: Vec<Op>,
}

impl Ops {
    /// Takes an event.
    pub fn take(&mut self, event: &Event) {
        let number = |field| event.number(field).unwrap_or_default();
        match event.kind.as_str() {
            "call" => {
                let op = Op {
                    client: number("clerk"),
                    call: event.at,
                    says: event.text("what").into(),
                    ..Op::default()
                };
                self.calls.insert(number("op"), op);
            }
            "return" => {
                if let Some(op) = self.calls.get_mut(&number("op")) {
                    op.reply = Some(event.at);
                }
            }
            "start" => {
                let (index, term) = (number("index"), number("term"));
                self.started.insert((index, term), self.starts.len());
                self.starts.push(Op {
                    call: event.at,
                    says: format!(
                        "start({}) -> {index}@{term} at server {}",
                        event.text("command"),
                        number("server")
                    ),
                    ..Op::default()
                });
            }
            "apply" => {
                let id = (
                    event.number("index").unwrap_or(event.a),
                    event.number("term").unwrap_or(event.b),
                );
                if let Some(place) = self.started.get(&id) {
                    self.starts[*place].reply.get_or_insert(event.at);
                }
            }
            "history" => self.history(&event.detail),
            _ => {}
        }
    }

    fn history(&mut self, report: &Value) {
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        for key in list(&report["keys"]) {
            let result = &key["result"];
            let failed = &result["Illegal"];
            let order = match result.get("Linearizable") {
                Some(found) => list(&found["order"]),
                None => list(&failed["possible"][0]["order"]),
            };
            let points: BTreeMap<u64, u64> = order
                .iter()
                .filter_map(|placed| Some((placed["op"].as_u64()?, placed["at"].as_u64()?)))
                .collect();
            for op in list(&key["operations"]) {
                let (Some(id), Some(call)) = (op["op"].as_u64(), op["call"].as_u64()) else {
                    continue;
                };
                let answer = op["output"].as_str().filter(|answer| !answer.is_empty());
                let asked = op["input"].as_str().unwrap_or_default();
                self.checked.push(Op {
                    client: op["client"].as_u64().unwrap_or_default(),
                    call,
                    reply: op["reply"].as_u64(),
                    point: points.get(&id).copied(),
                    wrong: failed["op"].as_u64() == Some(id),
                    says: answer.map_or(asked.to_string(), |answer| format!("{asked} -> {answer}")),
                });
            }
        }
    }

    /// All operations, by the time of their call.
    pub fn all(self) -> Vec<Op> {
        let mut all = self.checked;
        if all.is_empty() {
            all.extend(self.calls.into_values());
        }
        if all.is_empty() {
            all = self.starts;
        }
        all.sort_by_key(|op| op.call);
        all
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(kind: &str, at: u64, detail: Value) -> Event {
        Event {
            kind: kind.into(),
            at,
            detail,
            ..Event::default()
        }
    }

    #[test]
    fn the_checker_knows_more_than_the_clerks() {
        let mut ops = Ops::default();
        ops.take(&event(
            "call",
            5,
            json!({"op": 0, "clerk": 2, "what": "get(x)"}),
        ));
        ops.take(&event("return", 9, json!({"op": 0})));
        let history = json!({"keys": [{
            "operations": [{"op": 0, "client": 2, "call": 5, "reply": 9, "input": "get(x)", "output": "1"}],
            "result": {"Illegal": {"op": 0, "possible": [{"order": [{"op": 0, "at": 7}]}]}},
        }]});
        ops.take(&event("history", 10, history));
        let says = "get(x) -> 1".to_string();
        assert_eq!(
            ops.all(),
            [Op {
                client: 2,
                call: 5,
                reply: Some(9),
                point: Some(7),
                wrong: true,
                says
            }]
        );
    }

    #[test]
    fn a_command_ends_when_it_is_first_applied() {
        let mut ops = Ops::default();
        ops.take(&event(
            "start",
            5,
            json!({"server": 1, "index": 3, "term": 2, "command": "x"}),
        ));
        ops.take(&event("apply", 8, json!({"index": 3, "term": 1})));
        ops.take(&event("apply", 9, json!({"index": 3, "term": 2})));
        ops.take(&event("apply", 12, json!({"index": 3, "term": 2})));
        let all = ops.all();
        assert_eq!(
            (all[0].reply, all[0].says.as_str()),
            (Some(9), "start(x) -> 3@2 at server 1")
        );
    }
}

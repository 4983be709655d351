//! What a student reads, word for word, and what the trace page gets.

mod common;

use common::kv::{KvHistory, append, decide, get, history, lost, put, text};
use common::queue::{Queue, QueueInput};
use linear::models::{Kv, KvInput, KvOutput};
use linear::{
    Exceeded, History, KeyResult, OpId, Operation, Outcome, Recorder, Report, Settings, TimeUnit,
    Verdict, check,
};

fn stale_read() -> KvHistory {
    history([
        append(0, (1, 10), "x", "a"),
        append(1, (5, 12), "x", "b"),
        append(0, (20, 30), "x", "c"),
        get(2, (31, 40), "x", "ab"),
        get(2, (50, 60), "x", "abc"),
    ])
}

#[track_caller]
fn assert_text(history: &KvHistory, expected: &str) {
    assert_same(&text(history), expected);
}

#[track_caller]
fn assert_same(found: &str, expected: &str) {
    let expected = expected.trim_start_matches('\n');
    assert!(
        found == expected,
        "\nfound:\n{found}\nexpected:\n{expected}"
    );
}

#[test]
fn a_stale_read() {
    assert_text(
        &stale_read(),
        r#"
Not linearizable: no order of the 5 operations on key "x" explains the answers.
The first answer that cannot be right:
    client 2: get("x") -> "ab", called at 31, reply at 40
All that was answered before 40 can be explained. Then the right answers here were
    "abc"
    "bac"
The answer given was right until client 0's append("x", "c") took effect,
which had its reply at 30, before this call at 31.
An order with the first of these answers:
    at 1, client 0: append("x", "a") (1 .. 10)
    at 5, client 1: append("x", "b") (5 .. 12)
    at 20, client 0: append("x", "c") (20 .. 30)
  > at 31, client 2: get("x") -> "abc" (31 .. 40)
No other operation that changes the value was under way then."#,
    );
}

/// One client has seen a write that another then does not see.
#[test]
fn a_new_value_then_the_old_one() {
    assert_text(
        &history([
            lost(0, 1, KvInput::put("x", "1")),
            get(1, (5, 10), "x", "1"),
            get(2, (12, 14), "x", ""),
        ]),
        r#"
Not linearizable: no order of the 3 operations on key "x" explains the answers.
The first answer that cannot be right:
    client 2: get("x") -> "", called at 12, reply at 14
All that was answered before 14 can be explained. Then the only right answer here was
    "1"
The answer given was right until client 0's put("x", "1") took effect,
and client 1's get("x") -> "1", placed after it, had its reply at 10,
before this call at 12.
An order with that answer:
    at 1, client 0: put("x", "1") (1 .. no reply)
    at 5, client 1: get("x") -> "1" (5 .. 10)
  > at 12, client 2: get("x") -> "1" (12 .. 14)
No other operation that changes the value was under way then."#,
    );
}

/// No table of duplicates: a retried append is done twice. The value is long, the times are real.
#[test]
fn an_append_done_twice_in_a_long_value() {
    let mut recorder = Recorder::new(TimeUnit::Nanoseconds);
    let ms = |n: u64| n * 1_000_000;
    let mut value = String::new();
    for n in 0..20 {
        let input = KvInput::append("x", format!("x 0 {n} y"));
        let op = recorder.call(0, ms(10 * n), input);
        recorder.reply(op, ms(10 * n + 7) + 12_345, KvOutput::Done);
        value.push_str(&format!("x 0 {n} y"));
    }
    let op = recorder.call(1, ms(1204), KvInput::get("x"));
    recorder.reply(op, ms(1210), KvOutput::value(format!("{value}x 0 19 y")));
    assert_text(
        &recorder.finish().unwrap(),
        r#"
Not linearizable: no order of the 21 operations on key "x" explains the answers.
The first answer that cannot be right:
    client 1: get("x") -> "x 0 0 yx 0 1 yx 0 2 "..."18 yx 0 19 yx 0 19 y" (158 bytes), called at 1.204000 s, reply at 1.210000 s
All that was answered before 1.210000 s can be explained. Then the only right answer here was
    "x 0 0 yx 0 1 yx 0 2 "..."17 yx 0 18 yx 0 19 y" (150 bytes)
It is right for 150 bytes, all that there should be, and goes on with "x 0 19 y".
An order with that answer (after 13 earlier operations):
    at 0.130000 s, client 0: append("x", "x 0 13 y") (0.130000 s .. 0.137012 s)
    at 0.140000 s, client 0: append("x", "x 0 14 y") (0.140000 s .. 0.147012 s)
    at 0.150000 s, client 0: append("x", "x 0 15 y") (0.150000 s .. 0.157012 s)
    at 0.160000 s, client 0: append("x", "x 0 16 y") (0.160000 s .. 0.167012 s)
    at 0.170000 s, client 0: append("x", "x 0 17 y") (0.170000 s .. 0.177012 s)
    at 0.180000 s, client 0: append("x", "x 0 18 y") (0.180000 s .. 0.187012 s)
    at 0.190000 s, client 0: append("x", "x 0 19 y") (0.190000 s .. 0.197012 s)
  > at 1.204000 s, client 1: get("x") -> "x 0 0 yx 0 1 yx 0 2 "..."17 yx 0 18 yx 0 19 y" (150 bytes) (1.204000 s .. 1.210000 s)
No other operation that changes the value was under way then."#,
    );
}

/// The answers that were possible are many, and so are the operations under way.
#[test]
fn a_value_that_nobody_wrote() {
    assert_text(
        &history([
            append(0, (1, 9), "x", "a"),
            append(1, (1, 9), "x", "b"),
            append(4, (1, 9), "x", "e"),
            get(2, (3, 8), "x", "d"),
            lost(3, 2, KvInput::append("x", "c")),
        ]),
        r#"
Not linearizable: no order of the 5 operations on key "x" explains the answers.
The first answer that cannot be right:
    client 2: get("x") -> "d", called at 3, reply at 8
All that was answered before 8 can be explained. Then right answers here were, among others,
    ""
    "a"
    "ab"
    "abe"
An order with the first of these answers:
  > at 3, client 2: get("x") -> "" (3 .. 8)
Under way then, so done or not yet done:
    client 0: append("x", "a"), called at 1, reply at 9
    client 1: append("x", "b"), called at 1, reply at 9
    client 4: append("x", "e"), called at 1, reply at 9
    and 1 more"#,
    );
}

#[test]
fn two_keys_are_wrong() {
    assert_text(
        &history([
            put(0, (1, 9), "x", "a"),
            put(0, (11, 19), "y", "a"),
            get(2, (20, 28), "y", "e"),
            get(2, (29, 38), "x", "d"),
        ]),
        r#"
Not linearizable: no order of the 2 operations on key "y" explains the answers.
The first answer that cannot be right:
    client 2: get("y") -> "e", called at 20, reply at 28
All that was answered before 28 can be explained. Then the only right answer here was
    "a"
An order with that answer:
    at 11, client 0: put("y", "a") (11 .. 19)
  > at 20, client 2: get("y") -> "a" (20 .. 28)
No other operation that changes the value was under way then.
Also wrong, later, on key "x": client 2: get("x") -> "d", called at 29, reply at 38"#,
    );
}

/// A model without keys, and an operation that cannot be a read.
#[test]
fn a_queue_out_of_order() {
    let mut recorder = Recorder::new(TimeUnit::Ticks);
    for (n, item) in ['p', 'q', 'r'].into_iter().enumerate() {
        let op = recorder.call(0, 10 * n as u64, QueueInput::Enq(item));
        recorder.reply(op, 10 * n as u64 + 5, None);
    }
    let op = recorder.call(1, 12, QueueInput::Deq);
    recorder.reply(op, 14, Some('q'));
    let history = recorder.finish().unwrap();
    let found = check(&Queue, &history, &Settings::default());
    assert_same(
        &found.report(&Queue, &history).to_string(),
        r#"
Not linearizable: no order of the 4 operations on the object explains the answers.
The first answer that cannot be right:
    client 1: deq() -> q, called at 12, reply at 14
All that was answered before 14 can be explained. Then the only right answer here was
    p
An order with that answer:
    at 0, client 0: enq(p) -> nothing (0 .. 5)
  > at 12, client 1: deq() -> p (12 .. 14)
Under way then, so done or not yet done:
    client 0: enq(q) -> nothing, called at 10, reply at 15"#,
    );
}

/// Two clients saw two appends in different orders.
#[test]
fn two_orders_of_the_same_appends() {
    assert_text(
        &history([
            append(0, (1, 20), "x", "a"),
            append(1, (2, 21), "x", "b"),
            get(2, (22, 30), "x", "ab"),
            get(3, (23, 31), "x", "ba"),
        ]),
        r#"
Not linearizable: no order of the 4 operations on key "x" explains the answers.
The first answer that cannot be right:
    client 3: get("x") -> "ba", called at 23, reply at 31
All that was answered before 31 can be explained. Then the only right answer here was
    "ab"
An order with that answer:
    at 1, client 0: append("x", "a") (1 .. 20)
    at 2, client 1: append("x", "b") (2 .. 21)
    at 22, client 2: get("x") -> "ab" (22 .. 30)
  > at 23, client 3: get("x") -> "ab" (23 .. 31)
No other operation that changes the value was under way then."#,
    );
}

#[test]
fn a_lost_append() {
    assert_text(
        &history([
            append(0, (1, 2), "x", "a"),
            append(0, (3, 4), "x", "b"),
            append(0, (5, 6), "x", "c"),
            get(1, (7, 8), "x", "ac"),
        ]),
        r#"
Not linearizable: no order of the 4 operations on key "x" explains the answers.
The first answer that cannot be right:
    client 1: get("x") -> "ac", called at 7, reply at 8
All that was answered before 8 can be explained. Then the only right answer here was
    "abc"
An order with that answer:
    at 1, client 0: append("x", "a") (1 .. 2)
    at 3, client 0: append("x", "b") (3 .. 4)
    at 5, client 0: append("x", "c") (5 .. 6)
  > at 7, client 1: get("x") -> "abc" (7 .. 8)
No other operation that changes the value was under way then."#,
    );
}

#[test]
fn undecided_is_no_pass() {
    let history = stale_read();
    let settings = Settings {
        steps: 2,
        ..Settings::default()
    };
    let found = check(&Kv, &history, &settings);
    assert_eq!(found.verdict(), Verdict::Unknown);
    assert_eq!(found.parts()[0].outcome, Outcome::Unknown(Exceeded::Steps));
    assert_same(
        &found.report(&Kv, &history).to_string(),
        r#"
Undecided: the search on key "x" (5 operations, 0 without a reply) gave up after 2 steps.
It met its limit of steps, so the history may be right or wrong: this is not a pass. Let fewer
operations on one key overlap between two reads, or raise Settings::steps."#,
    );
}

#[test]
fn a_right_history_in_a_line() {
    let history = history([
        append(0, (1, 2), "x", "a"),
        get(1, (3, 4), "x", "a"),
        put(1, (5, 6), "y", ""),
    ]);
    assert_text(
        &history,
        r#"
Linearizable: 3 operations, 2 keys, found in 2 steps."#,
    );
}

/// The data holds what the page draws, and comes back from JSON as it was.
#[test]
fn a_report_is_data() {
    let history = stale_read();
    let report = decide(&history).report(&Kv, &history);
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);

    let KeyResult::Illegal(failure) = &report.keys[0].result else {
        panic!("a stale read is {:?}", report.keys[0].result)
    };
    assert_eq!(failure.op, OpId(3));
    assert_eq!(
        report.keys[0].find(OpId(3)).output.as_deref(),
        Some(r#""ab""#)
    );
    let first = &failure.possible[0];
    assert_eq!(first.answer, r#""abc""#);
    let points: Vec<(u32, u64)> = first
        .order
        .iter()
        .map(|placed| (placed.op.0, placed.at))
        .collect();
    assert_eq!(points, [(0, 1), (1, 5), (2, 20), (3, 31)]);
    let overtaken = first
        .overtaken
        .expect("the answer was right before the append of c");
    assert_eq!((overtaken.by, overtaken.witness), (OpId(2), OpId(2)));
}

/// Each operation of a right history gets a moment between its call and its reply.
#[test]
fn linearization_points() {
    let history = history([
        append(0, (1, 10), "x", "a"),
        get(1, (2, 9), "x", "ba"),
        append(2, (5, 6), "x", "b"),
    ]);
    let report = decide(&history).report(&Kv, &history);
    let KeyResult::Linearizable { order } = &report.keys[0].result else {
        panic!("right, but {:?}", report.keys[0].result)
    };
    let points: Vec<(u32, u64)> = order
        .iter()
        .map(|placed| (placed.op.0, placed.at))
        .collect();
    assert_eq!(points, [(2, 5), (0, 5), (1, 5)]);
}

/// A history is data too; one that no run can have produced is refused.
#[test]
fn a_history_is_data() {
    let history = stale_read();
    let json = serde_json::to_string(&history).unwrap();
    assert_eq!(serde_json::from_str::<KvHistory>(&json).unwrap(), history);
    let mangled = json.replacen(r#""at":10"#, r#""at":0"#, 1);
    let error = serde_json::from_str::<KvHistory>(&mangled)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("operation 0 has its reply at 0, before its call at 1"),
        "{error}"
    );
}

#[test]
fn a_client_does_one_thing_at_a_time() {
    let bad = |operations: Vec<Operation<KvInput, KvOutput>>| {
        History::new(TimeUnit::Ticks, operations)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        bad(vec![get(7, (4, 9), "x", ""), get(7, (1, 5), "x", "")]),
        "client 7 calls operation 0 at 4 while it waits for operation 1, whose reply comes at 5; \
         give each thread a client number of its own"
    );
    // It may go on at once, or after giving up.
    history([get(7, (1, 5), "x", ""), get(7, (5, 6), "x", "")]);
    history([lost(7, 1, KvInput::get("x")), get(7, (2, 3), "x", "")]);
}

//! Hand-made histories: after those in the literature, and of the subtle points.

mod common;

use common::kv::{append, decide, get, history, lost, put};
use common::queue::{Queue, QueueInput};
use linear::models::{KvInput, Register, RegisterInput, RegisterOutput};
use linear::{History, Operation, Outcome, Reply, Settings, TimeUnit, Verdict, check};

const RIGHT: Verdict = Verdict::Linearizable;
const WRONG: Verdict = Verdict::Illegal;

type QueueOperation = Operation<QueueInput, Option<char>>;

fn operation<I, O>(client: char, times: (u64, u64), input: I, output: O) -> Operation<I, O> {
    Operation {
        client: client as u32,
        input,
        call: times.0,
        reply: Some(Reply {
            at: times.1,
            output,
        }),
    }
}

fn enq(client: char, times: (u64, u64), item: char) -> QueueOperation {
    operation(client, times, QueueInput::Enq(item), None)
}

fn deq(client: char, times: (u64, u64), item: char) -> QueueOperation {
    operation(client, times, QueueInput::Deq, Some(item))
}

fn nothing(client: char, times: (u64, u64)) -> QueueOperation {
    operation(client, times, QueueInput::Deq, None)
}

#[track_caller]
fn queue(verdict: Verdict, operations: impl Into<Vec<QueueOperation>>) {
    let history = History::new(TimeUnit::Ticks, operations.into()).unwrap();
    let found = check(&Queue, &history, &Settings::default());
    assert_eq!(
        found.verdict(),
        verdict,
        "{}",
        found.report(&Queue, &history)
    );
}

/// In the manner of Figure 1 of Herlihy & Wing (1990): a FIFO queue.
#[test]
fn herlihy_and_wing_queue() {
    // Two enqs overlap, so that the items may come out in either order.
    let overlap = [enq('A', (1, 4), 'x'), enq('B', (2, 3), 'y')];
    queue(
        RIGHT,
        [
            &overlap[..],
            &[deq('B', (5, 6), 'x'), deq('A', (7, 8), 'y')],
        ]
        .concat(),
    );
    queue(
        RIGHT,
        [
            &overlap[..],
            &[deq('B', (5, 6), 'y'), deq('A', (7, 8), 'x')],
        ]
        .concat(),
    );
    // An item comes out while its enq is still under way.
    queue(RIGHT, [enq('A', (1, 6), 'x'), deq('B', (2, 5), 'x')]);
    // One enq was over before the other began, but the second item comes out first.
    queue(
        WRONG,
        [
            enq('A', (1, 2), 'x'),
            enq('B', (3, 4), 'y'),
            deq('A', (5, 6), 'y'),
        ],
    );
    // An item comes out twice.
    queue(
        WRONG,
        [
            &overlap[..],
            &[deq('A', (5, 8), 'y'), deq('B', (6, 9), 'y')],
        ]
        .concat(),
    );
    // An item comes out before anybody put it in.
    queue(WRONG, [deq('B', (1, 2), 'x'), enq('A', (3, 4), 'x')]);
    // A queue that must hold an item is found empty.
    queue(WRONG, [enq('A', (1, 2), 'x'), nothing('B', (3, 4))]);
}

type RegisterOperation = Operation<RegisterInput, RegisterOutput>;

fn write(client: char, times: (u64, u64), value: u64) -> RegisterOperation {
    operation(
        client,
        times,
        RegisterInput::Write(value),
        RegisterOutput::Written,
    )
}

fn read(client: char, times: (u64, u64), value: u64) -> RegisterOperation {
    operation(
        client,
        times,
        RegisterInput::Read,
        RegisterOutput::Value(value),
    )
}

fn cas(client: char, times: (u64, u64), expected: u64, new: u64, swaps: bool) -> RegisterOperation {
    let input = RegisterInput::CompareAndSwap { expected, new };
    operation(client, times, input, RegisterOutput::Swapped(swaps))
}

#[track_caller]
fn register(verdict: Verdict, operations: impl Into<Vec<RegisterOperation>>) {
    let history = History::new(TimeUnit::Ticks, operations.into()).unwrap();
    let found = check(&Register, &history, &Settings::default());
    assert_eq!(
        found.verdict(),
        verdict,
        "{}",
        found.report(&Register, &history)
    );
}

/// In the manner of Figure 2 of Herlihy & Wing (1990): a register.
#[test]
fn herlihy_and_wing_register() {
    // A read beside a write gives the old value or the new one.
    for value in [0, 1] {
        register(RIGHT, [write('A', (1, 9), 1), read('B', (2, 8), value)]);
    }
    register(WRONG, [write('A', (1, 9), 1), read('B', (2, 8), 2)]);
    // Once the new value was read, the old one must not be, even while the write goes on.
    register(
        WRONG,
        [
            write('A', (1, 9), 1),
            read('B', (2, 3), 1),
            read('C', (4, 5), 0),
        ],
    );
    register(
        RIGHT,
        [
            write('A', (1, 9), 1),
            read('B', (2, 3), 0),
            read('C', (4, 5), 1),
        ],
    );
    // Unless the reads overlap.
    register(
        RIGHT,
        [
            write('A', (1, 9), 1),
            read('B', (2, 4), 1),
            read('C', (4, 5), 0),
        ],
    );
}

/// Sequentially consistent but not linearizable: each client's own order can be kept, but not
/// real time. Each register alone would be fine under sequential consistency, which is why that
/// is not a local property (Herlihy & Wing, section 3.1); linearizability is.
#[test]
fn sequential_consistency_is_not_enough() {
    let stale = history([put(0, (1, 2), "x", "1"), get(1, (3, 4), "x", "")]);
    assert_eq!(decide(&stale).verdict(), WRONG);
    // Store buffering: neither client sees the other's write.
    let buffered = [
        put(0, (1, 2), "x", "1"),
        put(1, (1, 2), "y", "1"),
        get(0, (3, 4), "y", ""),
        get(1, (3, 4), "x", ""),
    ];
    assert_eq!(decide(&history(buffered)).verdict(), WRONG);
}

/// Two readers agree with each other but not on the order of two writes.
#[test]
fn readers_must_agree_on_the_order_of_writes() {
    let writes = [write('A', (1, 20), 1), write('B', (1, 20), 2)];
    let c = [read('C', (2, 3), 1), read('C', (4, 5), 2)];
    let d = [read('D', (2, 3), 2), read('D', (4, 5), 1)];
    register(WRONG, [&writes[..], &c, &d].concat());
    register(
        RIGHT,
        [
            &writes[..],
            &c,
            &[read('D', (2, 3), 1), read('D', (4, 5), 2)],
        ]
        .concat(),
    );
}

#[test]
fn compare_and_swap() {
    // Of two that expect the same value one must fail.
    let both = |second| [cas('A', (1, 9), 0, 1, true), cas('B', (1, 9), 0, 2, second)];
    register(RIGHT, both(false));
    register(WRONG, both(true));
    // Failing tells that the value was another: the write must come first.
    register(
        RIGHT,
        [
            write('A', (1, 9), 1),
            cas('B', (2, 8), 0, 5, false),
            read('C', (10, 11), 1),
        ],
    );
    register(
        WRONG,
        [cas('B', (2, 8), 0, 5, false), write('A', (9, 10), 1)],
    );
    // A failed one changes nothing.
    register(WRONG, [cas('B', (1, 2), 7, 5, false), read('C', (3, 4), 5)]);
}

/// Intervals are closed: what shares a moment is concurrent. See `History`.
#[test]
fn equal_times_order_nothing() {
    let shared = |end| history([put(0, (0, end), "x", "1"), get(1, (5, 9), "x", "")]);
    assert_eq!(
        decide(&shared(4)).verdict(),
        WRONG,
        "over before the get began"
    );
    assert_eq!(
        decide(&shared(5)).verdict(),
        RIGHT,
        "the clock does not say which was first"
    );
    // The same at the other end: a value read at the moment at which its put begins.
    let early = |call| history([get(1, (0, 5), "x", "1"), put(0, (call, 9), "x", "1")]);
    assert_eq!(decide(&early(5)).verdict(), RIGHT);
    assert_eq!(
        decide(&early(6)).verdict(),
        WRONG,
        "read before it was written"
    );
    // Operations that take no time at all are concurrent at one moment, and ordered by two.
    let instant = |at| history([put(0, (5, 5), "x", "1"), get(1, (at, at), "x", "")]);
    assert_eq!(decide(&instant(5)).verdict(), RIGHT);
    assert_eq!(decide(&instant(6)).verdict(), WRONG);
}

#[test]
fn without_a_reply_an_operation_takes_effect_whenever_or_never() {
    let append_lost = lost(0, 10, KvInput::append("x", "a"));
    let with = |rest: &[_]| {
        let mut operations = vec![append_lost.clone()];
        operations.extend_from_slice(rest);
        decide(&history(operations)).verdict()
    };
    assert_eq!(with(&[get(1, (20, 21), "x", "")]), RIGHT, "never");
    assert_eq!(with(&[get(1, (20, 21), "x", "a")]), RIGHT, "at once");
    assert_eq!(
        with(&[get(1, (20, 21), "x", ""), get(1, (9000, 9001), "x", "a")]),
        RIGHT,
        "late"
    );
    assert_eq!(
        with(&[get(1, (5, 9), "x", "a")]),
        WRONG,
        "before it was called"
    );
    assert_eq!(with(&[get(1, (20, 21), "x", "aa")]), WRONG, "twice");
    let undone = [get(1, (20, 21), "x", "a"), get(1, (30, 31), "x", "")];
    assert_eq!(with(&undone), WRONG, "and then not");
    // Late, between two others: the client that gave up may have gone on.
    let between = [append(0, (20, 21), "x", "b"), append(0, (30, 31), "x", "c")];
    for (value, verdict) in [
        ("abc", RIGHT),
        ("bac", RIGHT),
        ("bca", RIGHT),
        ("cab", WRONG),
    ] {
        let seen = [&between[..], &[get(1, (40, 41), "x", value)]].concat();
        assert_eq!(with(&seen), verdict, "{value}");
    }
}

/// Neither a get without a reply nor a failure that follows may hide behind it.
#[test]
fn reads_without_a_reply_say_nothing() {
    let lost_get = lost(0, 1, KvInput::get("x"));
    let right = history([lost_get.clone(), append(1, (2, 3), "x", "a")]);
    let found = decide(&right);
    assert_eq!(
        found.parts()[0].outcome,
        Outcome::Linearizable(vec![linear::OpId(1)])
    );
    let wrong = history([
        lost_get,
        append(1, (2, 3), "x", "a"),
        get(1, (4, 5), "x", ""),
    ]);
    assert_eq!(decide(&wrong).verdict(), WRONG);
}

/// Different strings of appends may leave the same value.
#[test]
fn the_same_value_in_two_ways() {
    let appends = [
        append(0, (1, 9), "x", "ab"),
        append(1, (1, 9), "x", "a"),
        append(2, (1, 9), "x", "b"),
    ];
    for (value, verdict) in [
        ("abab", RIGHT),
        ("aabb", RIGHT),
        ("baab", RIGHT),
        ("bbaa", WRONG),
    ] {
        let seen = [&appends[..], &[get(3, (10, 11), "x", value)]].concat();
        assert_eq!(decide(&history(seen)).verdict(), verdict, "{value}");
    }
}

/// A value may look like two others in a row: who wrote `x1x2` is not for the text to say.
#[test]
fn values_that_look_like_two_others() {
    let operations = [
        put(0, (1, 2), "x", "x1"),
        put(0, (10, 12), "x", "x1x2"),
        append(0, (13, 14), "x", "x3"),
        get(1, (20, 21), "x", "x1x2x3"),
        append(0, (30, 31), "x", "x2"),
    ];
    assert_eq!(decide(&history(operations)).verdict(), RIGHT);
}

/// An answer that no writes can make up needs no search.
#[test]
fn impossible_answers() {
    for answer in ["x1 x1 ", "x1 x2 ", "x3 ", "x1 x3 ", "1 "] {
        let operations = [
            append(0, (1, 9), "x", "x1 "),
            put(1, (1, 9), "x", "x2 "),
            get(2, (2, 3), "x", answer),
        ];
        let found = decide(&history(operations));
        assert_eq!((found.verdict(), found.steps()), (WRONG, 0), "{answer:?}");
    }
}

#[test]
fn an_empty_history_is_right() {
    assert_eq!(decide(&history([])).verdict(), RIGHT);
    assert_eq!(
        decide(&history([lost(0, 1, KvInput::put("x", "a"))])).verdict(),
        RIGHT
    );
}

//! What would have been right instead.

use crate::history::OpId;
use crate::model::Model;
use crate::problem::Problem;
use crate::report::{Alternative, Failure, Overtaken, Placed};
use crate::search::{Budget, End, Search};

/// How many possible answers are looked for.
const ANSWERS: usize = 4;

/// Steps spent on each search.
pub(crate) const STEPS: u64 = 1 << 18;

const BUDGET: Budget = Budget {
    steps: STEPS,
    deadline: None,
};

/// Finds the first operation that cannot be placed, what it could have answered, and in which
/// orders of all that was called before its reply. The problem has no solution.
pub(crate) fn explain<M: Model>(
    model: &M,
    problem: &Problem<'_, M>,
    call_time: impl Fn(OpId) -> u64,
    seed: u64,
) -> Failure {
    let entries = problem.entries();
    let number = first_bad(model, problem, seed);
    let (orders, complete) = possible_orders(model, problem, number, seed);
    let given = entries[number]
        .output
        .expect("only an operation with a reply must be placed");
    let alternative = |order: &Order<M::Output>| {
        let ids: Vec<OpId> = order.ops.iter().map(|&op| entries[op].id).collect();
        Alternative {
            answer: model.show_output(&order.answer),
            difference: model.show_difference(given, &order.answer),
            order: points(&ids, &call_time),
            overtaken: overtaken(model, problem, &order.ops, number),
        }
    };
    let mut possible: Vec<Alternative> = orders.iter().map(alternative).collect();
    // An order that shows how the answer came to be wrong says the most.
    possible.sort_by_key(|alternative| alternative.overtaken.is_none());
    let end = entries[number].reply;
    let open = entries
        .iter()
        .enumerate()
        .filter(|&(op, e)| op != number && e.call < end && e.reply > end && !e.read)
        .map(|(_, entry)| entry.id)
        .collect();
    Failure {
        op: entries[number].id,
        possible,
        complete,
        open,
    }
}

/// The operation whose reply is the first that cannot be explained. If a history can be explained
/// then so can each beginning of it, so that halving finds the place.
fn first_bad<M: Model>(model: &M, problem: &Problem<'_, M>, seed: u64) -> usize {
    let replies = problem.by_reply();
    let explained = |&last: &usize| {
        let part = problem.at_reply_of(last);
        Search::new(model, &part, None, seed, BUDGET).run() != End::Exhausted
    };
    let first = replies.partition_point(explained);
    // With the last reply the part is the whole, which cannot be explained.
    replies[first.min(replies.len() - 1)]
}

/// An order of operations, and what the probed one answers in it.
struct Order<O> {
    ops: Vec<usize>,
    answer: O,
}

/// Orders that differ in what `bad` answers, and whether there are no further answers.
fn possible_orders<M: Model>(
    model: &M,
    problem: &Problem<'_, M>,
    bad: usize,
    seed: u64,
) -> (Vec<Order<M::Output>>, bool) {
    let numbers = |part: &Problem<'_, M>, order: &[usize]| -> Vec<usize> {
        let number = |&op: &usize| {
            let id = part.entries()[op].id;
            problem
                .entries()
                .iter()
                .position(|entry| entry.id == id)
                .expect("a part of the whole")
        };
        order.iter().map(number).collect()
    };
    let mut orders: Vec<Order<M::Output>> = Vec::new();
    let mut add = |ops: Vec<usize>| {
        let answer = answer_of(model, problem, &ops, bad);
        if orders.iter().all(|order| order.answer != answer) {
            orders.push(Order { ops, answer });
        }
        orders.len() == ANSWERS
    };
    // After all else there is always room for one more operation.
    let before = problem.before_reply_of(bad);
    let mut search = Search::new(model, &before, None, seed, BUDGET);
    if search.run() == End::Found {
        let mut ops = numbers(&before, search.order());
        ops.push(bad);
        add(ops);
    }
    let (at, probe) = problem.with_unknown(bad);
    let mut search = Search::new(model, &at, Some(probe), seed, BUDGET);
    let complete = loop {
        match search.run() {
            End::Found if add(numbers(&at, search.order())) => break false,
            End::Found => search.leave_probe(),
            End::Exhausted => break true,
            End::OutOfSteps | End::OutOfTime => break false,
        }
    };
    (orders, complete)
}

fn answer_of<M: Model>(
    model: &M,
    problem: &Problem<'_, M>,
    order: &[usize],
    probe: usize,
) -> M::Output {
    let mut state = model.initial();
    for &op in order {
        let answer = model.apply(&mut state, problem.entries()[op].input);
        if op == probe {
            return answer;
        }
    }
    unreachable!("the order holds the operation that was asked about")
}

/// The moments at which the operations of an order may have taken effect: each as early as its
/// call and those before it allow. None is after its reply, or an operation before it would have
/// been called after that reply, and so could not stand before it.
pub(crate) fn points(order: &[OpId], call_time: impl Fn(OpId) -> u64) -> Vec<Placed> {
    let mut now = 0;
    let place = |&op: &OpId| {
        now = now.max(call_time(op));
        Placed { op, at: now }
    };
    order.iter().map(place).collect()
}

/// If the answer of `bad` would have been right earlier in the order: what came in between.
fn overtaken<M: Model>(
    model: &M,
    problem: &Problem<'_, M>,
    order: &[usize],
    bad: usize,
) -> Option<Overtaken> {
    let entries = problem.entries();
    let place = order.iter().position(|&op| op == bad)?;
    let output = entries[bad].output?;
    let mut state = model.initial();
    let mut last_right = None;
    for (index, &op) in order[..place].iter().enumerate() {
        if model.accept(&mut state.clone(), entries[bad].input, output) {
            last_right = Some(index);
        }
        model.apply(&mut state, entries[op].input);
    }
    let between = &order[last_right?..place];
    let is_over = |&&op: &&usize| entries[op].reply < entries[bad].call;
    let witness = between.iter().find(is_over)?;
    Some(Overtaken {
        by: entries[between[0]].id,
        witness: entries[*witness].id,
    })
}

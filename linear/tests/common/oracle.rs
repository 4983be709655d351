//! Checkers without a single idea: every order that real time allows, tried in turn.

use std::collections::{BTreeMap, HashSet};
use std::hash::Hash;

use linear::{History, Model, OpId, Operation, Overtaken};

/// An operation as the definition sees it.
pub struct Op<'h, M: Model> {
    pub id: OpId,
    input: &'h M::Input,
    /// `None`: any answer will do.
    output: Option<&'h M::Output>,
    call: u64,
    /// `None`: it may be left out.
    reply: Option<u64>,
}

impl<M: Model> Clone for Op<'_, M> {
    fn clone(&self) -> Self {
        Op { ..*self }
    }
}

pub fn ops<'h, M: Model>(
    history: &'h History<M::Input, M::Output>,
    ids: impl IntoIterator<Item = OpId>,
) -> Vec<Op<'h, M>> {
    let op = |id: OpId| {
        let Operation {
            input, call, reply, ..
        } = history.operation(id);
        let output = reply.as_ref().map(|reply| &reply.output);
        let reply = reply.as_ref().map(|reply| reply.at);
        Op {
            id,
            input,
            output,
            call: *call,
            reply,
        }
    };
    ids.into_iter().map(op).collect()
}

pub fn all_ids<I, O>(history: &History<I, O>) -> impl Iterator<Item = OpId> {
    (0..history.operations().len() as u32).map(OpId)
}

/// Whether `a` comes before `b`, by the rule in the documentation of `History`.
fn precedes<M: Model>(a: &Op<'_, M>, b: &Op<'_, M>) -> bool {
    a.reply.is_some_and(|reply| reply < b.call)
}

/// The value of each key.
type States<M> = BTreeMap<<M as Model>::Key, <M as Model>::State>;

fn apply<M: Model>(model: &M, states: &mut States<M>, input: &M::Input) -> M::Output {
    let state = states
        .entry(model.key(input))
        .or_insert_with(|| model.initial());
    model.apply(state, input)
}

/// Brute force: is there an order?
pub fn linearizable<M: Model>(model: &M, ops: &[Op<'_, M>]) -> bool {
    let mut left: Vec<&Op<'_, M>> = ops.iter().collect();
    place_rest(
        model,
        &mut left,
        &States::<M>::new(),
        &mut |_, _| {},
        &mut || true,
    )
}

/// Brute force: all answers that `probe` can give.
pub fn answers<M: Model>(model: &M, ops: &[Op<'_, M>], probe: OpId) -> Vec<M::Output>
where
    M::Output: Clone,
{
    let mut left: Vec<&Op<'_, M>> = ops.iter().collect();
    let current = std::cell::RefCell::new(None);
    let mut found: Vec<M::Output> = Vec::new();
    let mut note = |id: OpId, answer: &M::Output| {
        if id == probe {
            *current.borrow_mut() = Some(answer.clone());
        }
    };
    place_rest(
        model,
        &mut left,
        &States::<M>::new(),
        &mut note,
        &mut || {
            let answer = current
                .borrow()
                .clone()
                .expect("the probe has to be placed");
            if !found.contains(&answer) {
                found.push(answer);
            }
            false
        },
    );
    found
}

fn place_rest<M: Model>(
    model: &M,
    left: &mut Vec<&Op<'_, M>>,
    states: &States<M>,
    note: &mut dyn FnMut(OpId, &M::Output),
    done: &mut dyn FnMut() -> bool,
) -> bool {
    if left.iter().all(|op| op.reply.is_none()) && done() {
        return true;
    }
    for index in 0..left.len() {
        let op = left[index];
        if left.iter().any(|other| precedes(other, op)) {
            continue;
        }
        let mut next = states.clone();
        let answer = apply(model, &mut next, op.input);
        if op.output.is_some_and(|output| *output != answer) {
            continue;
        }
        note(op.id, &answer);
        left.remove(index);
        let found = place_rest(model, left, &next, note, done);
        left.insert(index, op);
        if found {
            return true;
        }
    }
    false
}

/// As [`linearizable`], for longer histories: Wing & Gong's search with Lowe's memory of sets and
/// plain states, at most 64 operations on one key.
pub fn linearizable_with_memory<M: Model>(model: &M, ops: &[Op<'_, M>]) -> bool
where
    M::State: Eq + Hash,
{
    assert!(ops.len() <= 64, "{} operations in 64 bits", ops.len());
    let mut seen = HashSet::new();
    let mut stack = vec![(0_u64, model.initial())];
    while let Some((taken, state)) = stack.pop() {
        let left: Vec<usize> = (0..ops.len()).filter(|i| taken >> i & 1 == 0).collect();
        if left.iter().all(|&i| ops[i].reply.is_none()) {
            return true;
        }
        for &i in &left {
            if left.iter().any(|&j| precedes(&ops[j], &ops[i])) {
                continue;
            }
            let mut next = state.clone();
            let answer = model.apply(&mut next, ops[i].input);
            if ops[i].output.is_some_and(|output| *output != answer) {
                continue;
            }
            let situation = (taken | 1 << i, next);
            if seen.insert(situation.clone()) {
                stack.push(situation);
            }
        }
    }
    false
}

/// The history up to and including the reply of `last`: what comes later is not yet known.
pub fn until_reply<'h, M: Model>(ops: &[Op<'h, M>], last: OpId) -> Vec<Op<'h, M>> {
    let end = moment(ops, last);
    let mut seen: Vec<Op<'h, M>> = ops.iter().filter(|op| op.call <= end.0).cloned().collect();
    for op in &mut seen {
        if op.reply.is_some_and(|reply| (reply, op.id) > end) {
            op.reply = None;
        }
    }
    seen
}

fn moment<M: Model>(ops: &[Op<'_, M>], id: OpId) -> (u64, OpId) {
    let op = ops.iter().find(|op| op.id == id).expect("one of them");
    (op.reply.expect("it has a reply"), id)
}

/// The operation whose reply is the first that cannot be explained.
pub fn first_bad<M: Model>(
    model: &M,
    ops: &[Op<'_, M>],
    decide: impl Fn(&M, &[Op<'_, M>]) -> bool,
) -> Option<OpId> {
    let mut replies: Vec<(u64, OpId)> = ops
        .iter()
        .filter_map(|op| Some((op.reply?, op.id)))
        .collect();
    replies.sort_unstable();
    replies
        .into_iter()
        .map(|(_, id)| id)
        .find(|&id| !decide(model, &until_reply(ops, id)))
}

/// Forgets what `id` answered.
pub fn forget_answer<M: Model>(ops: &mut [Op<'_, M>], id: OpId) {
    for op in ops.iter_mut().filter(|op| op.id == id) {
        op.output = None;
    }
}

/// Panics unless `order` is one that explains all answers of `ops`.
pub fn assert_explains<M: Model>(model: &M, ops: &[Op<'_, M>], order: &[OpId]) {
    let find = |id: OpId| {
        ops.iter()
            .find(|op| op.id == id)
            .expect("an operation of the history")
    };
    let placed: Vec<&Op<'_, M>> = order.iter().map(|&id| find(id)).collect();
    let mut state = model.initial();
    for (place, op) in placed.iter().enumerate() {
        assert!(
            !order[..place].contains(&op.id),
            "{:?} stands twice in {order:?}",
            op.id
        );
        for later in &placed[place + 1..] {
            assert!(
                !precedes(later, op),
                "{:?} after {:?}: {order:?}",
                later.id,
                op.id
            );
        }
        let answer = model.apply(&mut state, op.input);
        assert!(
            op.output.is_none_or(|o| *o == answer),
            "{:?} is wrong in {order:?}",
            op.id
        );
    }
    for op in ops {
        assert!(
            op.reply.is_none() || order.contains(&op.id),
            "{:?} not in {order:?}",
            op.id
        );
    }
}

/// Panics unless what `bad` answered was right before `overtaken.by` and not from there on, and
/// the witness was over before `bad` was called.
pub fn assert_overtaken<M: Model>(
    model: &M,
    ops: &[Op<'_, M>],
    order: &[OpId],
    bad: OpId,
    overtaken: Overtaken,
) {
    let find = |id: OpId| {
        ops.iter()
            .find(|op| op.id == id)
            .expect("an operation of the history")
    };
    assert!(
        precedes(find(overtaken.witness), find(bad)),
        "{overtaken:?} of {bad:?}"
    );
    let output = find(bad).output.expect("it had a reply");
    let mut state = model.initial();
    let (mut right, mut passed) = (false, false);
    for &id in order.iter().take_while(|&&id| id != bad) {
        let answer = model.apply(&mut state.clone(), find(bad).input);
        passed |= id == overtaken.by;
        if id == overtaken.by {
            right = answer == *output;
        } else {
            assert!(
                !passed || answer != *output,
                "right again before {id:?} of {order:?}"
            );
        }
        model.apply(&mut state, find(id).input);
    }
    assert!(right, "{bad:?} was not right just before {overtaken:?}");
}

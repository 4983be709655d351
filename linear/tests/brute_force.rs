//! The checker against brute force, on small random histories: verdict, order, first bad answer,
//! and what would have been possible.
//!
//! `LINEAR_HISTORIES` sets how many histories each test tries.

mod common;

use std::fmt::Debug;
use std::hash::Hash;

use common::oracle::{self, Op};
use common::queue::{Queue, QueueInput};
use common::random::{Mix, Rng, Shape, history, kv_input, kv_other, run, spoil};
use linear::models::{Kv, Register, RegisterInput, RegisterOutput};
use linear::{History, KeyResult, Model, OpId, Outcome, Settings, Verdict, check};

fn histories(default: u64) -> u64 {
    match std::env::var("LINEAR_HISTORIES") {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("LINEAR_HISTORIES={text}: a number?")),
        Err(_) => default,
    }
}

/// What a test saw, so that none passes for lack of cases.
#[derive(Debug, Default)]
struct Tally {
    right: u64,
    wrong: u64,
    /// Wrong ones whose possible answers were all found, and more than one.
    choices: u64,
    /// Right ones in which an operation without a reply had to be placed.
    late: u64,
}

impl Tally {
    fn assert_varied(&self, histories: u64) {
        let share = |n: u64| n * 100 / histories.max(1);
        assert!(share(self.right) >= 15, "too few right ones: {self:?}");
        assert!(share(self.wrong) >= 15, "too few wrong ones: {self:?}");
        assert!(
            share(self.choices) >= 1,
            "too few with a choice of answers: {self:?}"
        );
        assert!(
            share(self.late) >= 1,
            "too few that need a lost operation: {self:?}"
        );
    }
}

type Decide<M> = for<'a, 'b, 'h> fn(&'a M, &'b [Op<'h, M>]) -> bool;

/// Compares all that the checker says with what the definition says.
fn compare<M: Model>(
    model: &M,
    history: &History<M::Input, M::Output>,
    decide: Decide<M>,
    tally: &mut Tally,
) where
    M::Output: Clone + Debug,
    M::Input: Debug,
{
    let found = check(model, history, &Settings::default());
    let report = found.report(model, history);
    let mut verdict = Verdict::Linearizable;
    for (part, key) in found.parts().iter().zip(&report.keys) {
        let ops: Vec<Op<'_, M>> = oracle::ops(history, part.operations.iter().copied());
        let bad = oracle::first_bad(model, &ops, decide);
        match (&part.outcome, bad) {
            (Outcome::Linearizable(order), None) => {
                oracle::assert_explains(model, &ops, order);
                let lost = |id: &OpId| history.operation(*id).reply.is_none();
                tally.late += u64::from(order.iter().any(lost));
            }
            (Outcome::Illegal, Some(bad)) => {
                verdict = Verdict::Illegal;
                let KeyResult::Illegal(failure) = &key.result else {
                    panic!("{:?} is reported as {:?}", part.outcome, key.result)
                };
                assert_eq!(failure.op, bad, "the first bad answer of {history:#?}");
                compare_answers(model, &ops, bad, failure, tally);
            }
            (outcome, bad) => panic!("{outcome:?}, but first bad {bad:?}: {history:#?}"),
        }
    }
    assert_eq!(found.verdict(), verdict);
    let whole: Vec<Op<'_, M>> = oracle::ops(history, oracle::all_ids(history));
    // The definition knows nothing of keys.
    assert_eq!(
        decide(model, &whole),
        verdict == Verdict::Linearizable,
        "{history:#?}"
    );
    match verdict {
        Verdict::Linearizable => tally.right += 1,
        _ => tally.wrong += 1,
    }
}

fn compare_answers<M: Model>(
    model: &M,
    ops: &[Op<'_, M>],
    bad: OpId,
    failure: &linear::Failure,
    tally: &mut Tally,
) where
    M::Output: Clone + Debug,
{
    let mut until = oracle::until_reply(ops, bad);
    oracle::forget_answer(&mut until, bad);
    let mut all: Vec<String> = oracle::answers(model, &until, bad)
        .iter()
        .map(|o| model.show_output(o))
        .collect();
    let mut found: Vec<String> = failure.possible.iter().map(|a| a.answer.clone()).collect();
    for alternative in &failure.possible {
        let order: Vec<OpId> = alternative.order.iter().map(|placed| placed.op).collect();
        oracle::assert_explains(model, &until, &order);
        let times: Vec<u64> = alternative.order.iter().map(|placed| placed.at).collect();
        assert!(times.is_sorted(), "{times:?}");
        if let Some(overtaken) = alternative.overtaken {
            let place = |id: OpId| order.iter().position(|&op| op == id).expect("placed");
            assert!(
                place(overtaken.by) <= place(overtaken.witness),
                "{overtaken:?} in {order:?}"
            );
            assert!(
                place(overtaken.witness) < place(bad),
                "{overtaken:?} in {order:?}"
            );
            oracle::assert_overtaken(model, ops, &order, bad, overtaken);
        }
    }
    all.sort();
    found.sort();
    if failure.complete {
        assert_eq!(found, all, "the possible answers of {bad:?}");
        tally.choices += u64::from(found.len() > 1);
    } else {
        assert_eq!(found.len(), 4, "gave up with {found:?} of {all:?}");
        assert!(
            found.iter().all(|answer| all.contains(answer)),
            "{found:?} of {all:?}"
        );
    }
}

fn small(rng: &mut Rng, most: usize) -> Shape {
    Shape {
        clients: 2 + rng.below(3),
        operations: 1 + most / 2 + rng.below(most / 2),
        still: *rng.pick(&[0, 30, 70]),
        give_up: *rng.pick(&[0, 0, 10, 25]),
    }
}

fn kv_mix(rng: &mut Rng) -> Mix {
    Mix {
        gets: *rng.pick(&[30, 50, 60]),
        puts: *rng.pick(&[0, 10, 25, 50]),
        keys: 1 + rng.below(2),
        values: *rng.pick(&[0, 0, 2, 3, 4]),
    }
}

#[test]
fn kv_agrees_with_brute_force() {
    let count = histories(50_000);
    let mut tally = Tally::default();
    for seed in 0..count {
        let rng = &mut Rng(seed);
        let (shape, mix) = (small(rng, 7), kv_mix(rng));
        let mut operations = run(&Kv, rng, shape, |rng, _| kv_input(rng, mix));
        for _ in 0..seed % 6 {
            spoil(rng, &mut operations, kv_other);
        }
        compare(&Kv, &history(operations), oracle::linearizable, &mut tally);
    }
    tally.assert_varied(count);
}

/// Longer ones, where the look ahead has more to get wrong.
#[test]
fn kv_agrees_with_a_plain_search() {
    let count = histories(4_000);
    let mut tally = Tally::default();
    for seed in 0..count {
        let rng = &mut Rng(seed ^ 0xb16);
        let mut mix = Mix {
            keys: 1,
            ..kv_mix(rng)
        };
        // Where all values differ so do all states, and the plain search drowns in them.
        let (most, clients) = if mix.values == 0 { (12, 3) } else { (16, 5) };
        if mix.values > 0 {
            mix.gets = *rng.pick(&[15, 40]);
        }
        let shape = Shape {
            clients: 2 + rng.below(clients - 1),
            give_up: *rng.pick(&[0, 4]),
            ..small(rng, most)
        };
        let mut operations = run(&Kv, rng, shape, |rng, _| kv_input(rng, mix));
        for _ in 0..seed % 6 {
            spoil(rng, &mut operations, kv_other);
        }
        let history = history(operations);
        let found = check(&Kv, &history, &Settings::default());
        let ops: Vec<Op<'_, Kv>> = oracle::ops(&history, oracle::all_ids(&history));
        let bad = oracle::first_bad(&Kv, &ops, oracle::linearizable_with_memory);
        let report = found.report(&Kv, &history);
        match (&report.keys[0].result, bad) {
            (KeyResult::Linearizable { .. }, None) => tally.right += 1,
            (KeyResult::Illegal(failure), Some(bad)) if failure.op == bad => tally.wrong += 1,
            (result, bad) => panic!("{result:?}, but first bad {bad:?}: {history:#?}"),
        }
    }
    assert!(
        tally.right > count / 5 && tally.wrong > count / 5,
        "{tally:?}"
    );
}

fn compare_many<M>(
    model: &M,
    count: u64,
    input: impl Fn(&mut Rng) -> M::Input,
    other: impl Fn(&mut Rng, &M::Input, &M::Output) -> M::Output,
) where
    M: Model,
    M::State: Eq + Hash,
    M::Input: Clone + Debug,
    M::Output: Clone + Debug,
{
    let mut tally = Tally::default();
    for seed in 0..count {
        let rng = &mut Rng(!seed);
        let shape = small(rng, 6);
        let mut operations = run(model, rng, shape, |rng, _| input(rng));
        for _ in 0..seed % 6 {
            spoil(rng, &mut operations, &other);
        }
        compare(
            model,
            &history(operations),
            oracle::linearizable,
            &mut tally,
        );
    }
    tally.assert_varied(count);
}

#[test]
fn register_agrees_with_brute_force() {
    let number = |rng: &mut Rng| rng.below(3) as u64;
    let input = |rng: &mut Rng| match rng.below(3) {
        0 => RegisterInput::Read,
        1 => RegisterInput::Write(number(rng)),
        _ => RegisterInput::CompareAndSwap {
            expected: number(rng),
            new: number(rng),
        },
    };
    let other = |rng: &mut Rng, _: &RegisterInput, output: &RegisterOutput| match *output {
        RegisterOutput::Value(_) => RegisterOutput::Value(number(rng)),
        RegisterOutput::Swapped(swapped) => RegisterOutput::Swapped(!swapped),
        RegisterOutput::Written => RegisterOutput::Written,
    };
    compare_many(&Register, histories(20_000), input, other);
}

#[test]
fn queue_agrees_with_brute_force() {
    let input = |rng: &mut Rng| match rng.below(2) {
        0 => QueueInput::Enq(*rng.pick(&['p', 'q'])),
        _ => QueueInput::Deq,
    };
    let other = |rng: &mut Rng, input: &QueueInput, _: &Option<char>| match input {
        QueueInput::Enq(_) => None,
        QueueInput::Deq => *rng.pick(&[None, Some('p'), Some('q')]),
    };
    compare_many(&Queue, histories(20_000), input, other);
}

//! A search form for any model.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash};

use crate::form::SearchForm;
use crate::model::Model;
use crate::problem::Problem;
use crate::seen::scatter;

/// The search form of a model with no needs of its own: states are numbered as they are met,
/// and steps are the model's own, each made once for each state.
///
/// States that differ get different numbers, so that there is nothing to be said about the
/// probability of errors; but a state is cloned for each step, so states should be small.
pub struct Interned<'h, M: Model> {
    model: &'h M,
    operations: Vec<(&'h M::Input, Option<&'h M::Output>)>,
    reads: Vec<bool>,
    states: Vec<M::State>,
    numbers: HashMap<M::State, u32, BuildHasherDefault<DefaultHasher>>,
    steps: HashMap<(u32, u32), Option<u32>, BuildHasherDefault<DefaultHasher>>,
    seed: u64,
}

impl<'h, M: Model> Interned<'h, M>
where
    M::State: Eq + Hash,
{
    fn number(&mut self, state: M::State) -> u32 {
        if let Some(&number) = self.numbers.get(&state) {
            return number;
        }
        let number = self.states.len() as u32;
        self.states.push(state.clone());
        self.numbers.insert(state, number);
        number
    }

    fn work_out(&mut self, state: u32, op: usize) -> Option<u32> {
        let (input, output) = self.operations[op];
        let mut next = self.states[state as usize].clone();
        match output {
            Some(output) if !self.model.accept(&mut next, input, output) => return None,
            Some(_) => {}
            None => drop(self.model.apply(&mut next, input)),
        }
        let next = self.number(next);
        let call = || self.model.show_input(input);
        assert!(
            !self.reads[op] || next == state,
            "the model calls {} a read (Model::is_read), but it changes the state",
            call()
        );
        Some(next)
    }
}

impl<'h, M: Model> SearchForm<'h, M> for Interned<'h, M>
where
    M: 'h,
    M::State: Eq + Hash,
{
    type State = u32;

    fn new(model: &'h M, problem: &Problem<'h, M>, seed: u64) -> Self {
        let entries = problem.entries();
        let mut form = Interned {
            model,
            operations: entries
                .iter()
                .map(|entry| (entry.input, entry.output))
                .collect(),
            reads: entries.iter().map(|entry| entry.read).collect(),
            states: Vec::new(),
            numbers: HashMap::default(),
            steps: HashMap::default(),
            seed,
        };
        let initial = form.number(model.initial());
        assert_eq!(initial, 0, "the initial state is the first");
        form
    }

    fn initial(&self) -> u32 {
        0
    }

    fn step(&mut self, state: u32, op: usize) -> Option<u32> {
        if let Some(&next) = self.steps.get(&(state, op as u32)) {
            return next;
        }
        let next = self.work_out(state, op);
        self.steps.insert((state, op as u32), next);
        next
    }

    fn fingerprint(&self, state: u32) -> u128 {
        scatter(u128::from(state), self.seed)
    }
}

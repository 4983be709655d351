//! What the search asks of a model: small states, and a look ahead.

use crate::bits::Bits;
use crate::model::Model;
use crate::problem::Problem;

/// A model's rules in a form made for the search, over one part of one history: states are a few
/// words, operations are prepared once and named by their number in the [`Problem`].
pub trait SearchForm<'h, M: Model + 'h> {
    /// A state of the search. Two that are equal must allow the same futures.
    type State: Copy + PartialEq;

    /// Prepares the operations of `problem`. `seed` is for hashing.
    fn new(model: &'h M, problem: &Problem<'h, M>, seed: u64) -> Self;

    /// The state at the start.
    fn initial(&self) -> Self::State;

    /// The state after operation `op`, or `None` if it cannot answer what it answered. An
    /// operation whose answer is unknown always can.
    fn step(&mut self, state: Self::State, op: usize) -> Option<Self::State>;

    /// A number for the state: equal for equal states, and for unequal ones equal only with a
    /// probability that can be neglected (about 2^-80), since the search takes states with equal
    /// numbers for the same.
    fn fingerprint(&self, state: Self::State) -> u128;

    /// What is to be expected of `state`, given what is still to be placed. The default expects
    /// nothing; a model whose answers tell much of the past can save the search long detours.
    fn look_ahead(
        &self,
        state: Self::State,
        view: View<'_, Self::State>,
    ) -> Foresight<Self::State> {
        let _ = view;
        Foresight::Live(state)
    }

    /// Whether `op`, which has a reply and can come next in the dead `state`, may as well be
    /// placed at once: whether in no order of what is left anybody sees what it does. See
    /// [`Foresight::Dead`].
    fn is_unseen(&self, state: Self::State, op: usize) -> bool {
        let _ = (state, op);
        false
    }
}

/// Where the search stands, for [`SearchForm::look_ahead`].
#[derive(Debug, Clone, Copy)]
pub struct View<'a, S> {
    /// The state from which the last step led here; at the start the start.
    pub before: S,
    /// The operations placed so far.
    pub taken: &'a Bits,
    /// Of the reads that have an answer and are still to be placed, the one whose reply came
    /// first.
    pub next_read: Option<usize>,
    /// The earliest reply, as a position in the problem, of the operations still to be placed:
    /// those that replied before it are all placed.
    pub frontier: u32,
}

/// An opinion on a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foresight<S> {
    /// It may come to a good end.
    Live(S),
    /// No read that is still to be placed can see this state or what is made of it, until a
    /// write replaces it; but one will. All such states should be made the same here: the search
    /// then tries one order of the unseen operations instead of all.
    Dead(S),
    /// What is left cannot all be placed.
    Hopeless,
}

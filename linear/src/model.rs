//! What an object does when its operations come one at a time.

use std::fmt;

use crate::form::SearchForm;

/// The sequential specification of an object, in plain values: what a linearizable
/// implementation must look like to its clients.
///
/// This form is the one to trust: short, without tricks, used to confirm every right verdict and
/// to word every failure. The search itself runs on [`Model::Search`], a form of the same rules
/// with small states; [`Interned`](crate::Interned) makes one for any model.
///
/// ```
/// use linear::{Interned, Model, Whole};
///
/// /// A counter whose only operation adds to it and returns the sum.
/// struct Counter;
///
/// impl Model for Counter {
///     type Key = Whole;
///     type Input = u64;
///     type Output = u64;
///     type State = u64;
///     type Search<'h> = Interned<'h, Counter>;
///
///     fn key(&self, _: &u64) -> Whole { Whole }
///     fn initial(&self) -> u64 { 0 }
///     fn apply(&self, state: &mut u64, add: &u64) -> u64 { *state += add; *state }
///     fn show_input(&self, add: &u64) -> String { format!("add({add})") }
///     fn show_output(&self, sum: &u64) -> String { sum.to_string() }
/// }
/// ```
pub trait Model: Sized {
    /// What divides the object into parts that know nothing of each other. A history is
    /// linearizable if and only if each part's is (Herlihy & Wing 1990, Theorem 1), and many
    /// small searches are far cheaper than one large. [`Whole`] for an object with no such parts.
    type Key: Ord + Clone + fmt::Display;
    /// An operation and its arguments.
    type Input;
    /// What an operation returns.
    type Output: PartialEq;
    /// The value of one part.
    type State: Clone;
    /// The form on which the search runs: [`Interned`](crate::Interned), unless the states are
    /// large or the search needs to look ahead.
    type Search<'h>: SearchForm<'h, Self>
    where
        Self: 'h;

    /// The part that the operation works on.
    fn key(&self, input: &Self::Input) -> Self::Key;

    /// The value that each part starts with.
    fn initial(&self) -> Self::State;

    /// Carries out the operation on `state` and returns what it must answer. Every operation is
    /// possible in every state; one that cannot do its work answers so.
    fn apply(&self, state: &mut Self::State, input: &Self::Input) -> Self::Output;

    /// Carries out the operation and says whether `output` is what it must answer. Worth writing
    /// out where an answer is large. `state` may be left as it likes after an answer of `false`.
    fn accept(&self, state: &mut Self::State, input: &Self::Input, output: &Self::Output) -> bool {
        self.apply(state, input) == *output
    }

    /// Whether an operation that answers `output` leaves the state as it is, in *every* state in
    /// which it may answer so; with `None`, whatever it answers. Reads do, and so does a
    /// compare-and-swap that failed. The search takes such operations without branching, so a
    /// wrong `true` makes it wrong, and a wrong `false` slow.
    fn is_read(&self, input: &Self::Input, output: Option<&Self::Output>) -> bool {
        let _ = (input, output);
        false
    }

    /// The call in words, e.g. `append("x", "b")`. Keep it under some 80 characters.
    fn show_input(&self, input: &Self::Input) -> String;

    /// The answer in words, empty if it says nothing but that the operation was carried out. Keep
    /// it under some 80 characters.
    fn show_output(&self, output: &Self::Output) -> String;

    /// How an answer differs from one that was possible, as one sentence, for answers too long to
    /// be compared by eye; `None` if there is nothing to add to [`Model::show_output`].
    fn show_difference(&self, given: &Self::Output, possible: &Self::Output) -> Option<String> {
        let _ = (given, possible);
        None
    }
}

/// The key of an object that has no parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Whole;

impl fmt::Display for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the object")
    }
}

//! Randomness: rand's traits over a generator that a simulation seeds.
pub use rand::seq::{IndexedRandom, IteratorRandom, SliceRandom};
pub use rand::{Rng, RngExt, rng};

//! Randomness: rand's traits over a generator that the run's seed sets.

use std::convert::Infallible;
use std::panic::Location;

pub use rand::distr;
pub use rand::seq::{IndexedMutRandom, IndexedRandom, IteratorRandom, SliceRandom};
pub use rand::{Rng, RngExt, SeedableRng};

use rand::TryRng;

use crate::sim;
use crate::sim::objects::ObjId;
use crate::trace::What;
use crate::wall;

/// The calling thread's generator: the run's, seeded by it, or outside a run the thread's own, seeded by the system.
#[derive(Clone, Copy, Debug, Default)]
pub struct LabRng(());

/// The calling thread's generator.
///
/// ```
/// use labsim::rand::{RngExt, rng};
///
/// let draw = || labsim::run(labsim::Config::seed(3), || rng().random_range(0..100)).unwrap();
/// assert_eq!(draw(), draw());
/// ```
pub fn rng() -> LabRng {
    LabRng(())
}

/// A draw from the generator that is in charge here.
#[track_caller]
fn draw<T>(from: impl Fn(&mut dyn Rng) -> T) -> T {
    if let Some(sim) = sim::current() {
        sim.point(What::Draw, ObjId::NONE, Location::caller());
        return sim.kernel.with(|k| from(&mut k.rng));
    }
    wall::heed();
    match wall::current_run() {
        Some(run) => from(&mut *run.rng.lock()),
        None => from(&mut rand::rng()),
    }
}

impl TryRng for LabRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(draw(|r| r.next_u32()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(draw(|r| r.next_u64()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        if let Some(sim) = sim::current() {
            sim.point(What::Draw, ObjId::NONE, Location::caller());
            sim.kernel.with(|k| k.rng.fill_bytes(bytes));
            return Ok(());
        }
        match wall::current_run() {
            Some(run) => run.rng.lock().fill_bytes(bytes),
            None => rand::rng().fill_bytes(bytes),
        }
        Ok(())
    }
}

//! Time: std's `Instant` and `Duration`. In a simulation time is virtual and starts at a fixed instant.

use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::panic::Location;
use std::sync::OnceLock;

pub use std::time::Duration;

use crate::sim::objects::ObjId;
use crate::sim::{self, kernel};
use crate::trace::What;
use crate::wall;

/// A moment of the calling thread's clock, virtual or real; std's API. Moments of two runs have nothing to do with each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

/// The real moment that stands for `kernel::START`.
fn epoch() -> std::time::Instant {
    static EPOCH: OnceLock<std::time::Instant> = OnceLock::new();
    *EPOCH.get_or_init(std::time::Instant::now)
}

impl Instant {
    /// Now.
    #[track_caller]
    pub fn now() -> Instant {
        if let Some(sim) = sim::current() {
            sim.point(What::Now, ObjId::NONE, Location::caller());
            return Instant(sim.now());
        }
        wall::heed();
        Instant(kernel::START + kernel::nanos(epoch().elapsed()))
    }

    /// Time since `earlier`; zero if that is later.
    pub fn duration_since(&self, earlier: Instant) -> Duration {
        self.saturating_duration_since(earlier)
    }

    /// Time since `earlier`; `None` if that is later.
    pub fn checked_duration_since(&self, earlier: Instant) -> Option<Duration> {
        self.0.checked_sub(earlier.0).map(Duration::from_nanos)
    }

    /// Time since `earlier`; zero if that is later.
    pub fn saturating_duration_since(&self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Time since this moment.
    #[track_caller]
    pub fn elapsed(&self) -> Duration {
        Instant::now().saturating_duration_since(*self)
    }

    /// This moment and `duration`; `None` if that cannot be represented.
    pub fn checked_add(&self, duration: Duration) -> Option<Instant> {
        self.0
            .checked_add(u64::try_from(duration.as_nanos()).ok()?)
            .map(Instant)
    }

    /// This moment less `duration`; `None` if that cannot be represented.
    pub fn checked_sub(&self, duration: Duration) -> Option<Instant> {
        self.0
            .checked_sub(u64::try_from(duration.as_nanos()).ok()?)
            .map(Instant)
    }

    pub(crate) fn as_nanos(self) -> u64 {
        self.0
    }

    pub(crate) fn from_nanos(nanos: u64) -> Instant {
        Instant(nanos)
    }

    /// The same moment of std's clock (outside a simulation).
    pub(crate) fn to_std(self) -> std::time::Instant {
        let after = Duration::from_nanos(self.0.saturating_sub(kernel::START));
        epoch()
            .checked_add(after)
            .unwrap_or_else(|| epoch() + Duration::from_secs(1 << 32))
    }

    pub(crate) fn from_std(at: std::time::Instant) -> Instant {
        Instant(kernel::START + kernel::nanos(at.saturating_duration_since(epoch())))
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    /// # Panics
    /// When the result cannot be represented.
    fn add(self, duration: Duration) -> Instant {
        self.checked_add(duration)
            .expect("overflow when adding duration to instant")
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;

    /// # Panics
    /// When the result cannot be represented.
    fn sub(self, duration: Duration) -> Instant {
        self.checked_sub(duration)
            .expect("overflow when subtracting duration from instant")
    }
}

impl SubAssign<Duration> for Instant {
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Instant) -> Duration {
        self.duration_since(earlier)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Instant({:?})",
            Duration::from_nanos(self.0.saturating_sub(kernel::START))
        )
    }
}

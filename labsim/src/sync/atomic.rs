//! Atomics: std's API. In a simulation each operation is a point where another thread may come in between.
//!
//! A simulation shows every **interleaving** of the operations, as if all were `SeqCst`: one thread runs at a time
//! and sees what the others wrote before. It does not show the **reorderings** that a weaker [`Ordering`] permits
//! on real hardware, so a program that needs `Release` and says `Relaxed` passes here. (The orderings are checked
//! as std checks them: a load with `Release` panics.) What it does show of weak hardware is that
//! `compare_exchange_weak` fails now and then for no reason.
//!
//! ```
//! use labsim::sync::atomic::{AtomicU32, Ordering};
//!
//! static CALLS: AtomicU32 = AtomicU32::new(0);
//! assert_eq!(CALLS.fetch_add(2, Ordering::Relaxed), 0);
//! assert_eq!(CALLS.load(Ordering::Relaxed), 2);
//! ```

use std::fmt;
use std::panic::Location;
use std::sync::atomic as real;

pub use std::sync::atomic::{Ordering, compiler_fence};

use crate::sim::objects::ObjId;
use crate::trace::What;
use crate::{sim, wall};

/// One in so many `compare_exchange_weak` that could succeed fail.
const SPURIOUS: usize = 8;

#[inline]
fn point(at: &'static Location<'static>) {
    match sim::current() {
        Some(sim) => sim.point(What::Atomic, ObjId::NONE, at),
        None => wall::heed(),
    }
}

/// Whether a weak exchange fails though nobody has changed the value.
#[inline]
fn fails_spuriously() -> bool {
    sim::current().is_some_and(|sim| sim.kernel.with(|k| k.sched.draw(SPURIOUS) == 0))
}

/// As std's: orders what stands before it and behind it.
///
/// # Panics
/// With `Relaxed`.
#[track_caller]
pub fn fence(order: Ordering) {
    point(Location::caller());
    real::fence(order);
}

/// What all atomic types have: the type itself, and the operations that need no arithmetic.
macro_rules! atomic {
    ($doc:literal, $name:ident, $value:ty $(, $generic:ident)?) => {
        #[doc = $doc]
        #[derive(Default)]
        #[repr(transparent)]
        pub struct $name$(<$generic>)?(real::$name$(<$generic>)?);

        impl$(<$generic>)? $name$(<$generic>)? {
            /// With this value.
            pub const fn new(value: $value) -> Self {
                Self(real::$name::new(value))
            }

            /// The value, not atomically: `&mut self` proves that nobody else is at it.
            pub fn get_mut(&mut self) -> &mut $value {
                self.0.get_mut()
            }

            /// The value.
            pub const fn into_inner(self) -> $value {
                self.0.into_inner()
            }

            /// Where the value stands.
            pub const fn as_ptr(&self) -> *mut $value {
                self.0.as_ptr()
            }

            /// Reads the value.
            ///
            /// # Panics
            /// With `Release` or `AcqRel`.
            #[track_caller]
            #[inline]
            pub fn load(&self, order: Ordering) -> $value {
                point(Location::caller());
                self.0.load(order)
            }

            /// Writes the value.
            ///
            /// # Panics
            /// With `Acquire` or `AcqRel`.
            #[track_caller]
            #[inline]
            pub fn store(&self, value: $value, order: Ordering) {
                point(Location::caller());
                self.0.store(value, order);
            }

            /// Writes the value and returns the one before.
            #[track_caller]
            #[inline]
            pub fn swap(&self, value: $value, order: Ordering) -> $value {
                point(Location::caller());
                self.0.swap(value, order)
            }

            /// Writes `new` if the value is `current`.
            ///
            /// # Errors
            /// The value, if it is another.
            ///
            /// # Panics
            /// With `Release` or `AcqRel` for `failure`.
            #[track_caller]
            #[inline]
            pub fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                point(Location::caller());
                self.0.compare_exchange(current, new, success, failure)
            }

            /// As `compare_exchange`, but may fail though the value is `current`. In a simulation it sometimes does.
            ///
            /// # Errors
            /// The value.
            ///
            /// # Panics
            /// With `Release` or `AcqRel` for `failure`.
            #[track_caller]
            #[inline]
            pub fn compare_exchange_weak(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                point(Location::caller());
                if fails_spuriously() {
                    return Err(self.0.load(failure));
                }
                self.0.compare_exchange_weak(current, new, success, failure)
            }

            /// Replaces the value by `f` of it, until no other thread comes in between; returns the one before.
            ///
            /// # Errors
            /// The value, once `f` gives `None` for it.
            ///
            /// # Panics
            /// With `Release` or `AcqRel` for `fetch`.
            #[track_caller]
            pub fn fetch_update(
                &self,
                set: Ordering,
                fetch: Ordering,
                mut f: impl FnMut($value) -> Option<$value>,
            ) -> Result<$value, $value> {
                let mut before = self.load(fetch);
                while let Some(new) = f(before) {
                    match self.compare_exchange_weak(before, new, set, fetch) {
                        Ok(_) => return Ok(before),
                        Err(other) => before = other,
                    }
                }
                Err(before)
            }
        }

        impl$(<$generic>)? From<$value> for $name$(<$generic>)? {
            fn from(value: $value) -> Self {
                Self::new(value)
            }
        }

        impl$(<$generic>)? fmt::Debug for $name$(<$generic>)? {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

/// Operations that change the value in one step.
macro_rules! fetch {
    ($name:ident, $value:ty: $($(#[doc = $doc:literal])+ $op:ident;)+) => {
        impl $name {$(
            $(#[doc = $doc])+
            /// Returns the value before.
            #[track_caller]
            #[inline]
            pub fn $op(&self, value: $value, order: Ordering) -> $value {
                point(Location::caller());
                self.0.$op(value, order)
            }
        )+}
    };
}

macro_rules! atomic_int {
    ($($name:ident $value:ty),+ $(,)?) => {$(
        atomic!("An integer that threads share; std's API.", $name, $value);
        fetch! { $name, $value:
            /// Adds, wrapping around.
            fetch_add;
            /// Subtracts, wrapping around.
            fetch_sub;
            /// Bitwise and.
            fetch_and;
            /// Not of the bitwise and.
            fetch_nand;
            /// Bitwise or.
            fetch_or;
            /// Bitwise exclusive or.
            fetch_xor;
            /// The greater of the two.
            fetch_max;
            /// The lesser of the two.
            fetch_min;
        }
    )+};
}

atomic_int! {
    AtomicU8 u8, AtomicU16 u16, AtomicU32 u32, AtomicU64 u64, AtomicUsize usize,
    AtomicI8 i8, AtomicI16 i16, AtomicI32 i32, AtomicI64 i64, AtomicIsize isize,
}

atomic!("A `bool` that threads share; std's API.", AtomicBool, bool);
fetch! { AtomicBool, bool:
    /// Logical and.
    fetch_and;
    /// Not of the logical and.
    fetch_nand;
    /// Logical or.
    fetch_or;
    /// Logical exclusive or.
    fetch_xor;
}

impl AtomicBool {
    /// Logical not. Returns the value before.
    #[track_caller]
    #[inline]
    pub fn fetch_not(&self, order: Ordering) -> bool {
        point(Location::caller());
        self.0.fetch_xor(true, order)
    }
}

atomic!(
    "A raw pointer that threads share; std's API.",
    AtomicPtr,
    *mut T,
    T
);

impl<T> fmt::Pointer for AtomicPtr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Pointer::fmt(&self.0, f)
    }
}

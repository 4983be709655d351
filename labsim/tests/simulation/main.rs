//! Programs in a simulation, from outside. One executable, which is quicker to build than nine.

#[macro_use]
mod common;

mod channels;
mod classic_bugs;
mod crash;
mod determinism;
mod diagnoses;
mod enter;
mod locks;
mod select;
mod stalls;
mod threads;
mod unwinding;

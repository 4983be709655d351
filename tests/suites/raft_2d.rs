//! Part 2D: snapshots.

//! Part 2C: persistence.

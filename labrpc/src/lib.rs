//! Begun: placeholders for the names that raftapi needs.

/// One peer's way to call another.
#[derive(Clone, Debug)]
pub struct ClientEnd;

/// The methods a server answers.
#[derive(Clone, Debug)]
pub struct Service;

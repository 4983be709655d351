//! Of runs that did not come to their end.

use super::claims;

claims! {
    /// A panic in the student's code.
    NO_PANIC:
        "no thread of a server panics",
        "raftapi::Raft",
        "Which invariant did the line named above expect, and which event broke it first?",
        [Start Vote Append Snapshot Rpc Apply Life];
    /// Some wait for each other, or nobody can run.
    NO_DEADLOCK:
        "the servers' threads never wait for each other for ever",
        "the lab's page on locking",
        "Which of these threads holds what another one waits for?",
        [Start Append Snapshot Rpc Apply Step];
    /// A thread that never calls labsim.
    NO_SPIN:
        "no thread runs for seconds without a call of labsim",
        "the lab's page on labsim",
        "Is there a loop that waits for something to change, a std::thread::sleep, or a lock of std?",
        [Start Append Rpc Apply Step];
    /// Virtual time is over.
    IN_TIME:
        "the test comes to its end within its limit",
        "lab 2",
        "What is every thread waiting for?",
        [Rpc Append Beat Vote Step];
    /// The story needs a certain situation.
    SITUATION:
        "the servers come into the situation that this test is about",
        "§5.2",
        "Do elections keep going when messages are lost, each with a new random timeout?",
        [Vote Role Life Step];
}

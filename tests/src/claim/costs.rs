//! Of costs: RPCs, bytes, time.

use super::claims;

claims! {
    /// RPCs counted.
    FEW_RPCS:
        "agreement takes few RPCs",
        "lab 2B",
        "Is an AppendEntries sent again before the last one was answered, or one for each entry?",
        [Start Append Beat Rpc];
    /// A storm would go on until the test's virtual time is up, which can take minutes of the processor's.
    NO_STORM:
        "no server floods the network",
        "§5.3; lab 2B",
        "Does a reply that brings nothing new lead to the next request at once?",
        [Beat Append Vote Clerk Rpc];
    /// Rejected AppendEntries.
    QUICK_BACKUP:
        "a follower's wrong log is repaired in a few round trips",
        "§5.3; lab 2B",
        "Does a rejected AppendEntries move nextIndex back by one entry, or past a whole term's?",
        [Append Vote Life];
    /// RPCs with nothing to do.
    QUIET_WHEN_IDLE:
        "an idle leader sends each follower at most 10 heartbeats a second",
        "lab 2A",
        "How long does the heartbeat loop sleep, and does each reply start another round?",
        [Beat Append Rpc];
    /// The first election.
    ELECTION_RPCS:
        "the first election takes between 1 and 30 RPCs",
        "lab 2B",
        "Does a candidate ask again while it waits for answers?",
        [Vote Rpc];
    /// Bytes counted.
    FEW_BYTES:
        "each command is sent to each server about once",
        "lab 2B",
        "Does every AppendEntries carry the whole log, or entries that are on their way already?",
        [Append Start Rpc];
    /// raftapi::Persister::state_len.
    STATE_SIZE:
        "a snapshot lets Raft discard the log before it",
        "§7, lab 2D",
        "Is the log cut when the service takes a snapshot, and is what is left saved?",
        [Save Snapshot Apply];
    /// start(), state() come back.
    ANSWERS_AT_ONCE:
        "make(), start() and state() return at once, whatever the network does",
        "lab 2A",
        "Which lock is held while an RPC, the apply channel or a sleep is waited for?",
        [Start Append Beat Rpc Step];
    /// kill().
    ENDS_WHEN_KILLED:
        "kill() ends all threads of a server, which takes no more commands",
        "raftapi::Raft::kill",
        "Which loop, or start(), does not look whether the server was killed?",
        [Step Life];
}

//! Of the key/value service.

use super::claims;

claims! {
    /// The whole history of a test, after its end.
    LINEARIZABLE:
        "the service behaves like one store that does each operation once, between its call and its return",
        "§8; lab 3A",
        "Is a get answered from the log like the rest, is a write that comes twice skipped, and does each waiting handler get the answer to its own entry, named by index and term?",
        [Clerk Apply Role Life];
    /// The checker's budget.
    DECIDED:
        "the checker can tell whether the history is linearizable",
        "lab 3A",
        "Are many operations on one key left without an answer? If not: the test is too large for the checker, and at fault itself.",
        [Clerk];
    /// A client that has a key to itself.
    READS_OWN_WRITES:
        "a get returns what was written before",
        "§8; lab 3A",
        "Was the write acknowledged before it was committed and applied, or the get answered from a server that lags behind?",
        [Clerk Apply Role];
    /// Each value that was appended can be told from all others.
    EXACTLY_ONCE:
        "each append takes effect exactly once, and those of a client in their order",
        "§8; lab 3A",
        "Where is it noticed that an operation was done before: at the proposal, or when it comes out of the log? Is what notices it in the snapshot? Does a clerk use a number twice?",
        [Clerk Apply Life];
    /// A stub's clerk does nothing, which takes no time.
    CLERK_ASKS:
        "a clerk's operation is executed by the servers",
        "§8; lab 3A",
        "What is yet to be written? First the clerk's call of a server, then the server's handler, which proposes the operation with Raft::start and waits, and the thread that applies what comes out of Raft.",
        [Clerk Step];
    /// Clerks come to an end.
    CLERK_ANSWERED:
        "an operation is answered while a majority of the servers is up, connected, and in the clerk's reach",
        "lab 3A",
        "Does the handler learn that its entry will never be committed, and does the clerk then try another server?",
        [Clerk Role Apply Life Step];
    /// Clerks that can do nothing.
    NOT_WITHOUT_MAJORITY:
        "nothing is answered by servers that cannot reach a majority",
        "§8; lab 3A",
        "Does a leader answer a get from its own store, or a put before the entry is committed?",
        [Clerk Role Beat Step];
    /// How soon a clerk gets on.
    CLERK_MOVES_ON:
        "a clerk is not held up by a server that cannot serve it",
        "lab 3A",
        "How long does a handler wait on a server that has lost its leadership without knowing it, and a clerk for a reply that does not come? Whom does it ask first next time?",
        [Clerk Role Step];
    /// A call that is declined takes microseconds of virtual time, and a loop of them, seconds of the processor's.
    CLERK_PAUSES:
        "a clerk whom no server can serve pauses before it asks again",
        "raftapi::kv::KvClerk; lab 3A",
        "When all servers have declined, is there a sleep before the clerk asks the first of them again?",
        [Clerk Rpc Role Life];
    /// One heartbeat for each operation would be too slow.
    KV_SPEED:
        "an operation takes much less than a heartbeat",
        "lab 3A",
        "Does start() have the entry sent at once, and is the handler woken when it is applied, instead of looking now and then?",
        [Clerk Append Apply];
    /// Raft's state.
    KV_STATE_SIZE:
        "snapshots keep Raft's state below eight times its limit",
        "§7, lab 3B",
        "After which event is the size of the saved state looked at, and is the log cut at the last index applied?",
        [Save Snapshot Apply];
    /// With a limit there are snapshots.
    KV_SNAPSHOT_TAKEN:
        "a snapshot is taken when Raft's state nears its limit",
        "§7, lab 3B",
        "Does anything look at Persister::state_len after an entry is applied, and does Raft save the snapshot that it is given?",
        [Save Apply Snapshot];
    /// What must be in a snapshot is small.
    KV_SNAPSHOT_SIZE:
        "a snapshot holds the store and one number for each clerk, and nothing that grows with operations",
        "§7, lab 3B",
        "Is the answer to every operation there ever was kept?",
        [Save Snapshot Clerk];
    /// Nobody asked for one.
    KV_NO_SNAPSHOT:
        "without a limit no snapshots are taken",
        "lab 3A",
        "What does max_state = None mean?",
        [Save Snapshot Apply];
}

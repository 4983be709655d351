//! Of what is seen in RPCs and in what is saved.

use super::claims;

claims! {
    /// Figure 3.
    LEADER_APPEND_ONLY:
        "a leader never overwrites or deletes entries of its log",
        "Figure 3, Leader Append-Only",
        "Does a leader, or a reply handler, cut its own log?",
        [Save Role Append Snapshot];
    /// Figure 3.
    LOG_MATCHING:
        "entries with the same index and term are the same, and so is all that comes before them",
        "Figure 3, Log Matching; §5.3",
        "Does a follower check prevLogTerm, and cut off what conflicts, before it appends?",
        [Append Save Start Life];
    /// A leader appends entries of its own term, and terms only grow.
    TERMS_IN_ORDER:
        "terms never decrease along a log",
        "§5.3; Figure 13, steps 6 and 7",
        "When a snapshot from the leader ends where your log has an entry of another term, does anything of that log stay?",
        [Snapshot Append Save];
    /// Figure 3.
    LEADER_COMPLETENESS:
        "a leader's log holds every entry that was committed in earlier terms",
        "Figure 3, Leader Completeness; §5.4",
        "Who voted for this leader, and with which log?",
        [Vote Append Apply Life];
    /// Figure 2's first box: "Updated on stable storage before responding to RPCs".
    SAVED_BEFORE_REPLY:
        "term, vote and log are saved before the reply that promises them",
        "Figure 2, Persistent state",
        "Is persist() called after every change of term, vote or log, and before the reply goes out?",
        [Save Vote Append Snapshot Life];

    /// votedFor is set once a term.
    ONE_VOTE:
        "a server votes for one candidate in a term",
        "§5.2",
        "Is the vote cleared only when the term grows, and never by a heartbeat or a lost election?",
        [Vote Save Life];
    /// currentTerm "increases monotonically".
    TERM_ONLY_GROWS:
        "a server's term never goes back",
        "Figure 2, currentTerm; §5.1",
        "Is a term taken from a message without asking whether it is higher than ours? Does a reply carry the request's term in place of its server's?",
        [Save Vote Beat Append Life];
}

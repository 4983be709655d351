//! Of logs: what is taken, committed and applied.

use super::claims;

claims! {
    /// Several start() at once.
    CONCURRENT_COMMANDS:
        "commands given to the leader at the same time all get into the log",
        "§5.3",
        "Is the index of a new entry chosen and the entry appended under one lock?",
        [Start Append Save];
    /// §5.4.2.
    COMMIT_OWN_TERM:
        "an entry of an older term is committed only together with one of the leader's own term",
        "§5.4.2, Figure 8",
        "Does the leader look at the term of the entry before it counts replicas?",
        [Append Vote Commit Apply Life];
    /// matchIndex.
    REPLY_COUNTS_WHAT_WAS_SENT:
        "a reply confirms what its request carried, and no later entry",
        "Figure 2, matchIndex",
        "Is matchIndex computed from the request (prevLogIndex and the number of entries), or from the log as it is when the reply comes?",
        [Append Reply Commit Start];

    /// What agree() asks for.
    AGREEMENT:
        "a command given to the leader of a connected majority is applied by all servers that it reaches",
        "§5.3",
        "Does the leader retry AppendEntries until the followers' logs match, and do followers hear of a new commit index?",
        [Start Append Rpc Apply Role Step];
    /// The index that start() returned.
    INDEX:
        "start() returns the index at which the command will appear, counted from 1",
        "§5.3; raftapi::Raft::start",
        "Is a no-op or a dummy entry counted, or does a command get its index before an older one is in the log?",
        [Start Append Rpc Apply];
    /// start() at the leader.
    LEADER_ACCEPTS:
        "a leader that knows of no newer term accepts commands",
        "§5.3",
        "Does start() ask whether this server leads, and return index and term if so? Or did the leader step down although nobody with a higher term spoke to it?",
        [Start Role Vote Beat];
    /// start() at somebody who does not lead, or no more.
    TAKES_AS_LEADER:
        "start() takes a command only in a term that this server leads",
        "§5.3; raftapi::Raft::start",
        "Does start() look at the role, let go of the lock, and append later, when another may lead? Look and append in one step.",
        [Start Role Vote Append];
    /// Nothing is committed that a majority does not hold.
    COMMIT_NEEDS_MAJORITY:
        "nothing is applied that a majority of the whole cluster does not hold",
        "§5.3",
        "Does the leader count only servers that confirmed the entry, against the size of the whole cluster?",
        [Append Rpc Commit Apply Start Step];
    /// Nothing shows up that nobody proposed yet.
    APPLIED_TOO_EARLY:
        "no server applies a command before it was given to a leader",
        "§5.3",
        "Where does this command come from: an entry of the leader's own or one that changes the membership, bytes that were changed on the way, an index that is off by one?",
        [Apply Start Commit];
    /// The whole log, as applied.
    APPLIED_LOG:
        "every server applies the same commands, and only those that were committed",
        "Figure 3, State Machine Safety",
        "Was an entry that only a deposed leader had applied, or one that a majority had lost?",
        [Start Apply Append Life];
    /// Two servers, one index.
    STATE_MACHINE_SAFETY:
        "no two servers apply different commands at the same index",
        "Figure 3, State Machine Safety; §5.4.3",
        "Was an entry of an older term committed by counting replicas (§5.4.2), or was a conflicting entry kept (§5.3)?",
        [Apply Append Rpc Vote Commit Life];
    /// One by one, from the beginning or the snapshot.
    APPLY_ORDER:
        "a server applies its log in order: each index once, none left out",
        "§5.3; Figure 2, lastApplied",
        "Do two threads send to the apply channel, is lastApplied moved before (or not with) what was sent, or does it begin elsewhere than at the saved snapshot?",
        [Apply Commit Snapshot Rpc Life];
    /// A snapshot's content belongs to its index.
    SNAPSHOT_CONTENT:
        "a snapshot holds what the commands up to its index made",
        "§7",
        "Are index, term and bytes of a snapshot always stored, sent and applied together?",
        [Apply Snapshot Save];
    /// Snapshots never take the service back.
    SNAPSHOT_NOT_BACKWARDS:
        "a snapshot never takes the service back to an older index",
        "§7, Figure 13",
        "Is a snapshot that arrives late compared with what was applied meanwhile?",
        [Snapshot Apply Life];
    /// A client saw it applied.
    COMMITTED_STAYS:
        "a command once seen applied is in the log for ever",
        "Figure 3, Leader Completeness",
        "Which step let a server without this entry win an election: a vote forgotten in a crash, a log not saved, the up-to-date test?",
        [Vote Life Save Apply];
}

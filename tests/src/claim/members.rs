//! Of membership changes (part 2E).

use super::claims;

claims! {
    /// Without it there is nothing to test.
    MEMBERS_WRITTEN:
        "the membership of the cluster can change",
        "§6; raftapi::Raft::make_member",
        "Part 2E is optional. If you want to do it: has docs/lab2.md its order of steps for you, beginning with make_member and membership()?",
        [Start Step];
    /// change_membership at the leader.
    CHANGE_TAKEN:
        "the leader takes a change of the membership when none is under way",
        "§6; raftapi::Raft::change_membership",
        "When does a change count as ended? Does a new leader commit what it finds in its log (§5.4.2), even if no command comes?",
        [Start Append Commit Role];
    /// … and one at a time.
    ONE_CHANGE:
        "a change of the membership is refused while another is under way",
        "§6; raftapi::ChangeError",
        "Is the latest configuration in the log compared with the commit index, and is a C_old,new never taken for the end of a change?",
        [Start Append Commit Step];
    /// What else it refuses.
    CHANGE_REFUSED:
        "a change that must not begin is refused, and the log stays as it is",
        "raftapi::ChangeError",
        "Are the role, the sets and the new voters' matchIndex looked at before anything is appended?",
        [Start Append Step];
    /// membership().
    IN_FORCE_AT_ONCE:
        "a configuration is in force at a server as soon as it is in its log",
        "§6",
        "Where does the configuration in force come from: from the log as it is now, or from what is committed or applied?",
        [Start Append Save];
    /// The log is cut.
    FALLS_BACK:
        "a configuration that is cut off the log is in force no longer",
        "§6; dissertation §4.1",
        "Is the configuration looked for in the log again when a conflicting suffix was cut off?",
        [Append Save Role Life];
    /// Crashes and snapshots.
    MEMBERS_KEPT:
        "the configuration survives crashes, and goes with snapshots",
        "§6; §7; Figure 13",
        "When a snapshot takes the place of the entry that was the configuration, where is the configuration then: in what is saved, and in what InstallSnapshot sends?",
        [Life Save Snapshot Apply];
    /// Both of them, C_old,new and C_new.
    CHANGE_ENDS:
        "a change of the membership comes to its end while majorities of C_old and C_new are up",
        "§6",
        "Who appends C_new when C_old,new is committed, and does a new leader do the same with what it finds in its log?",
        [Start Append Commit Role];
    /// Votes and entries are for the caller's configuration.
    ANY_CALLER:
        "a server answers whoever calls, whatever its own configuration says of the caller",
        "§6; dissertation §4.2.2",
        "Is the candidate looked for in the voter's configuration, which may be older than the candidate's? And may a server run that only an uncommitted configuration leaves out?",
        [Vote Append Role];
    /// As seen in logs.
    NEW_AFTER_JOINT:
        "C_new enters a log only when C_old,new is committed",
        "§6, Figure 11",
        "What lets the leader append C_new: that C_old,new is committed by a majority of both sets, or only that it was appended or sent?",
        [Start Append Reply Commit];
    /// As seen in logs.
    THROUGH_JOINT:
        "the way from C_old to C_new leads through C_old,new",
        "§6, Figure 10",
        "Is there a moment at which a majority of C_old and a majority of C_new, with no server in common, can each decide alone?",
        [Start Append Role];
    /// With a half of the two majorities.
    BOTH_MAJORITIES:
        "while C_old,new is in force nobody is elected without a majority of C_old and one of C_new",
        "§6",
        "Are the votes of each set counted for themselves, or is there one count for all?",
        [Vote Append Role Commit];
    /// Learners and those to join.
    LEARNERS_DO_NOT_COUNT:
        "a server without a vote neither leads nor counts towards a majority",
        "§6, the first issue",
        "Who is asked when votes and matchIndexes are counted: all that are sent the log, or the voters? And who lets his election timer run?",
        [Vote Append Role Commit];
    /// The leader that is not in C_new.
    LEADER_LEAVES:
        "a leader that is not in C_new steps down once it is committed",
        "§6, the second issue",
        "What happens when the commit index passes a configuration that does not name this leader?",
        [Append Commit Role];
    /// Removed servers.
    REMOVED_DISTURBS_NOBODY:
        "a server that was removed does not disturb the others, however long it runs for office",
        "§6, the third issue; dissertation §4.2.3, §9.6",
        "What does a server do with a RequestVote of a later term while it hears its leader?",
        [Vote Role Life Step];
    /// Candidates that are no better than the leader.
    HEARD_LEADER_STAYS:
        "a server that hears a leader neither votes for a candidate nor takes over its term",
        "§6, the third issue; dissertation §4.2.3",
        "When did this server last hear from the leader, and is that looked at before the candidate's term is?",
        [Vote Role Life Step];
    /// TimeoutNow.
    TRANSFER:
        "an office is handed over within an election timeout, or else stays where it is",
        "dissertation §3.10",
        "Does the successor run at once, do the others vote although they hear a leader, and does the old leader take commands again if nothing comes of it?",
        [Start Vote Role Rpc Step];
}

//! What the suites claim of a Raft: each check has its own sentence, section and question.

use std::fmt;

/// A property that a right Raft keeps. A check that fails names the one it found broken.
#[derive(Debug, PartialEq, Eq)]
pub struct Claim {
    /// A short name, by which failures are grouped.
    pub name: &'static str,
    /// The property, in a sentence.
    pub says: &'static str,
    /// Where the paper (or the lab text) asks for it.
    pub section: &'static str,
    /// What a teaching assistant would ask whose Raft breaks it.
    pub question: &'static str,
    /// What a report shows of what led to it.
    pub events: &'static [Matter],
}

/// What an event is about, for the choice of those that a report shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Matter {
    /// A RequestVote and its answer.
    Vote,
    /// An AppendEntries without entries.
    Beat,
    /// An AppendEntries with entries.
    Append,
    /// An InstallSnapshot.
    Snapshot,
    /// A call of a clerk.
    Clerk,
    /// A message that the harness cannot read.
    Rpc,
    /// A reply that reaches its caller.
    Reply,
    /// A server changes its role.
    Role,
    /// A server saves its state.
    Save,
    /// The service on a server takes a command or a snapshot.
    Apply,
    /// A commit index moves.
    Commit,
    /// A command is given to a leader.
    Start,
    /// A server loses its power, or is back.
    Life,
    /// The story does something.
    Step,
}

/// A claim that was seen broken.
#[derive(Clone, Debug)]
pub struct Broken {
    /// Which claim.
    pub claim: &'static Claim,
    /// What was seen, with its values.
    pub saw: String,
    /// The line of the story that was being played, or where the check stands.
    pub at: String,
}

impl Claim {
    /// Says that this claim was seen broken.
    #[track_caller]
    pub fn broken(&'static self, saw: impl Into<String>) -> Broken {
        let at = std::panic::Location::caller();
        Broken {
            claim: self,
            saw: saw.into(),
            at: format!("{}:{}", at.file(), at.line()),
        }
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.says, self.section)
    }
}

macro_rules! claims {
    ($($(#[$doc:meta])* $id:ident: $says:literal, $section:literal, $question:literal, [$($matter:ident)+];)+) => {
        $($(#[$doc])* pub static $id: Claim = Claim {
            name: stringify!($id), says: $says, section: $section, question: $question,
            events: &[$(Matter::$matter),+],
        };)+
        /// Every claim.
        pub static ALL: &[&Claim] = &[$(&$id),+];
    };
}

claims! {
    // --- Elections ---

    /// Seen by asking every connected server whether it leads.
    ONE_LEADER:
        "servers that can reach a majority elect one leader within 5 s",
        "§5.2",
        "Do candidates time out together again and again? Does a candidate start over when its time is up, and does each draw a new random timeout?",
        [Vote Role Life Step];
    /// Seen by asking servers, and in the requests that only a leader sends.
    ELECTION_SAFETY:
        "at most one leader is elected in a term",
        "Figure 3, Election Safety; §5.2",
        "Can a server vote twice in a term: after a restart, or because its vote outlives or is lost with a change of term? Does a candidate count a reply of an older term?",
        [Vote Role Save Life];
    /// Nobody may lead without a majority.
    NO_LEADER_WITHOUT_MAJORITY:
        "nobody becomes leader without the votes of a majority of the whole cluster",
        "§5.2",
        "What does a candidate compare its number of votes with? Servers that don't answer still count.",
        [Vote Role Beat Step];
    /// Connected servers hear of the highest term.
    SAME_TERM:
        "servers that hear from a leader are in its term",
        "§5.1",
        "Does a server take over a higher term from every request and every reply, whatever its role?",
        [Beat Append Vote Role];
    /// Terms start at 1 with the first election.
    TERM_STARTED:
        "after an election the term is at least 1",
        "Figure 2, State",
        "Does a candidate increment its term before it asks for votes?",
        [Vote Role];
    /// With a healthy leader nobody runs for election.
    STABLE_LEADER:
        "while nothing fails the leader stays the same",
        "§5.2",
        "Do heartbeats come well before the shortest election timeout, and does each reset the timer?",
        [Beat Vote Role];
    /// The old leader learns of the new term when it is back.
    STALE_LEADER_STEPS_DOWN:
        "a leader that learns of a higher term becomes a follower",
        "§5.1",
        "Does a leader look at the term in each reply, and in requests of candidates and other leaders?",
        [Beat Append Vote Role Step];
    /// Only a log at least as up-to-date gets votes.
    ELECTION_RESTRICTION:
        "only a server whose log is at least as up-to-date as a majority's becomes leader",
        "§5.4.1",
        "Are logs compared by the term of their last entry first, and by length only if those are equal?",
        [Vote Append Life];
    /// Timers and who may reset them.
    ELECTION_TIMER:
        "only a current leader's request or a vote given resets the election timer",
        "Figure 2, Rules for Servers: Followers",
        "Does a request of a candidate that gets no vote, or of a leader of an older term, keep a follower from running?",
        [Vote Beat Role Step];

    /// A candidate and a leader of the same term.
    CANDIDATE_FOLLOWS:
        "a candidate that hears from the leader of its own term follows it",
        "§5.2; Figure 2, Candidates",
        "Does a candidate ignore an AppendEntries whose term is not higher than its own?",
        [Vote Beat Append Role];
    /// Replies out of their time.
    STALE_REPLIES:
        "a reply to a request of an older term has no effect",
        "§5.2",
        "Is the term in which a request was sent compared with the current one, and the role looked at, before its reply is used?",
        [Reply Vote Append Role];

    // --- Logs ---

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
        "What is applied at this index?",
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
        "Do two threads send to the apply channel, or is lastApplied moved before (or not with) what was sent?",
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

    // --- As seen in RPCs and in what is saved ---

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
        "Is a term taken from a message without asking whether it is higher than ours?",
        [Save Vote Beat Append Life];

    // --- Membership changes ---

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
    /// TimeoutNow.
    TRANSFER:
        "an office is handed over within an election timeout, or else stays where it is",
        "dissertation §3.10",
        "Does the successor run at once, do the others vote although they hear a leader, and does the old leader take commands again if nothing comes of it?",
        [Start Vote Role Rpc Step];

    // --- Costs ---

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
        "start() and state() answer at once, whatever the network does",
        "lab 2A",
        "Which lock is held while an RPC, the apply channel or a sleep is waited for?",
        [Start Append Beat Rpc Step];
    /// kill().
    ENDS_WHEN_KILLED:
        "kill() ends all threads of a server",
        "raftapi::Raft::kill",
        "Which loop does not look whether the server was killed?",
        [Step Life];

    // --- The key/value service ---

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
        "How long does a handler wait on a server that has lost its leadership without knowing it, and a clerk for a reply that does not come?",
        [Clerk Role Step];
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

    // --- Runs that did not come to their end ---

    /// A panic in the student's code.
    NO_PANIC:
        "no thread of a server panics",
        "raftapi::Raft",
        "Which invariant did the line named above expect, and which event broke it first?",
        [Start Vote Append Snapshot Rpc Apply Life];
    /// Nobody can run.
    NO_DEADLOCK:
        "the servers' threads never all wait for each other",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_claim_asks_a_question_and_names_its_source() {
        for claim in ALL {
            assert!(claim.question.contains('?'), "{} asks nothing", claim.name);
            assert!(!claim.section.is_empty(), "{} has no section", claim.name);
            assert!(
                !claim.says.ends_with('.'),
                "{}: a report adds the full stop",
                claim.name
            );
        }
    }

    #[test]
    fn a_broken_claim_knows_its_line() {
        let broken = ONE_LEADER.broken("none");
        assert!(broken.at.contains("claim.rs:"), "{}", broken.at);
    }
}

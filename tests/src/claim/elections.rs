//! Of elections, leaders and terms.

use super::claims;

claims! {
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
        "What does a candidate compare its number of votes with? Servers that don't answer still count; a refusal, a second reply of the same server and a vote of another term do not.",
        [Vote Role Beat Step];
    /// Seen in the elections of one server that is alone.
    TIMEOUT_DRAWN_ANEW:
        "each election timeout is drawn anew at random",
        "§5.2",
        "When is the random number drawn: once, or each time the timer starts? Two servers that drew nearly the same one would split the votes for ever.",
        [Role Life];
    /// Connected servers hear of the highest term.
    SAME_TERM:
        "servers that hear from a leader are in its term",
        "§5.1",
        "Does a server take over a higher term from every request and every reply, whatever its role?",
        [Beat Append Vote Role];
    /// The term rule of Figure 2.
    HIGHER_TERM:
        "a server that finds a higher term in a request or a reply moves on to it",
        "§5.1; Figure 2, Rules for Servers",
        "Is the term in each reply looked at, also in the reply of a server that refuses its vote?",
        [Vote Reply Role];
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

    /// A server that was started anew, and can reach nobody.
    WAITS_BEFORE_RUNNING:
        "a server that has just started waits for an election timeout before it runs",
        "§5.2; Figure 2, Rules for Servers: Followers",
        "Is the election timer set when a server starts, also when there is something on its disk? There may well be a leader, whose next heartbeat is on its way.",
        [Vote Role Life];
    /// The first heartbeat.
    SPEAKS_AT_ONCE:
        "a new leader sends each of the others an AppendEntries at once",
        "§5.2; Figure 2, Rules for Servers: Leaders",
        "Are heartbeats sent when the election is won, or only when the next ones are due? Until they arrive the others do not know, and may run.",
        [Vote Beat Append Role];
    /// A request that does not fit the log.
    REFUSAL_RESTARTS_TIMER:
        "every request of the current leader restarts the election timer, also one that is refused",
        "Figure 2, Rules for Servers: Followers",
        "Is the timer restarted only if the log holds prevLogIndex? The leader is there either way, and is about to find out what the log lacks.",
        [Append Beat Vote Role];
    /// What a server was in the term before does not count.
    NEW_TERM_NEW_VOTE:
        "in a new term a server has not voted yet, and votes for whoever asks first with a log that is good enough",
        "§5.2; Figure 2, votedFor",
        "Is votedFor emptied wherever currentTerm grows, also in a candidate, whose vote is its own? It was for another term.",
        [Vote Role];
    /// Refusals do not count.
    MAJORITY_ELECTS:
        "a candidate for which a majority votes leads, whoever has refused before",
        "§5.2; Figure 2, Rules for Servers: Candidates",
        "Does a candidate give up at a refusal? It ends with a majority's votes, with a leader's call or with the next timeout, and with nothing else.",
        [Vote Reply Role];
    /// A request that comes twice.
    VOTE_REPEATED:
        "who has voted for a candidate says so again when the same candidate asks again",
        "Figure 2, RequestVote 2",
        "Is a vote refused because votedFor is set, though it is set to this very candidate? Its first answer may have got lost.",
        [Vote Role Reply];
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
    /// Requests out of their time.
    STALE_REQUESTS:
        "a request of an older term is refused, and changes nothing",
        "§5.1; Figures 2 and 13, Receiver implementation 1",
        "Does each handler compare the request's term with its own before it does anything else?",
        [Vote Append Snapshot Role];
}

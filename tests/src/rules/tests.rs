//! Hand-made histories, each wrong in one way: every rule must be able to fail.

use raftapi::PeerId;

use super::*;
use crate::claim::Claim;

const A: Server = Server::numbered(0);
const B: Server = Server::numbered(1);
const C: Server = Server::numbered(2);
const D: Server = Server::numbered(3);

fn id(index: u64, term: u64) -> EntryId {
    EntryId {
        index: LogIndex(index),
        term: Term(term),
    }
}

fn entries(terms: &[u64]) -> Vec<EntryView> {
    terms
        .iter()
        .map(|t| EntryView {
            term: Term(*t),
            command: Bytes::from(format!("of {t}")),
        })
        .collect()
}

fn disk(term: u64, vote: Option<usize>, terms: &[u64]) -> SavedView {
    SavedView {
        term: Term(term),
        vote: vote.map(PeerId),
        entries: entries(terms),
        ..SavedView::default()
    }
}

#[track_caller]
fn broken(result: Result<(), Broken>, claim: &Claim, saw: &str) {
    let broken = result.expect_err("the rule holds");
    assert_eq!((broken.claim, broken.saw.as_str()), (claim, saw));
}

#[test]
fn two_leaders_in_a_term() {
    let mut rules = Rules::new(3);
    assert!(rules.leads(A, Term(3)).unwrap(), "news");
    assert!(!rules.leads(A, Term(3)).unwrap(), "no news");
    let result = rules.leads(B, Term(3)).map(drop);
    broken(
        result,
        &claim::ELECTION_SAFETY,
        "server 0 and server 1 both lead term 3",
    );
    assert!(
        rules.leads(B, Term(4)).unwrap(),
        "another term is another matter"
    );
}

#[test]
fn one_entry_with_two_commands() {
    let mut rules = Rules::new(3);
    rules.sends(A, id(0, 0), &entries(&[1, 1])).unwrap();
    let other = EntryView {
        term: Term(1),
        command: "x".into(),
    };
    let result = rules.sends(B, id(1, 1), &[other]);
    broken(
        result,
        &claim::LOG_MATCHING,
        "server 1 sends x as the entry 2@1 (index@term), which elsewhere is of 1",
    );
}

#[test]
fn one_entry_after_two_others() {
    let mut rules = Rules::new(3);
    rules.sends(A, id(0, 0), &entries(&[1, 3])).unwrap();
    let result = rules.saved(B, disk(3, None, &[2, 3]));
    broken(
        result,
        &claim::LOG_MATCHING,
        "server 1 saved the entry 2@3 (index@term) after 1@2; elsewhere it follows 1@1",
    );
}

#[test]
fn a_term_that_goes_back() {
    let mut rules = Rules::new(3);
    rules.saved(A, disk(5, None, &[])).unwrap();
    let result = rules.saved(A, disk(4, None, &[]));
    broken(
        result,
        &claim::TERM_ONLY_GROWS,
        "server 0 saved term 4 after it had saved term 5",
    );
}

#[test]
fn a_reply_of_an_earlier_term() {
    let mut rules = Rules::new(3);
    rules.shows(A, 0, Term(5));
    rules.shows(A, 0, Term(4)); // sent late, by another thread
    let before = rules.shown(A);
    rules.answers(A, 0, before, Term(5)).unwrap();
    let result = rules.answers(A, 0, before, Term(4));
    broken(
        result,
        &claim::TERM_ONLY_GROWS,
        "server 0 answered in term 4, though it was in term 5 before it was asked",
    );
    rules.answers(A, 0, None, Term(4)).unwrap(); // it got to term 5 after it was asked
    rules.answers(A, 1, before, Term(0)).unwrap(); // another life
    rules.killed(A);
    rules.answers(A, 0, before, Term(0)).unwrap();
}

#[test]
fn a_second_vote() {
    let mut rules = Rules::new(3);
    rules.saved(A, disk(5, Some(1), &[])).unwrap();
    let result = rules.saved(A, disk(5, Some(2), &[]));
    broken(
        result,
        &claim::ONE_VOTE,
        "in term 5 server 0 saved a vote for server 1, later one for server 2",
    );
    rules.saved(A, disk(6, Some(2), &[])).unwrap();
}

#[test]
fn a_vote_taken_back() {
    let mut rules = Rules::new(3);
    rules.saved(A, disk(5, Some(1), &[])).unwrap();
    let result = rules.saved(A, disk(5, None, &[]));
    broken(
        result,
        &claim::ONE_VOTE,
        "in term 5 server 0 saved a vote for server 1, later one for nobody",
    );
}

#[test]
fn terms_that_decrease_along_a_log() {
    let mut rules = Rules::new(3);
    rules.saved(A, disk(3, None, &[1, 1, 3, 3])).unwrap();
    broken(
        rules.saved(B, disk(3, None, &[1, 3, 2])),
        &claim::TERMS_IN_ORDER,
        "server 1 saved the entry 3@2 (index@term) after 2@3",
    );
    // The same entries as before, after a snapshot that they do not belong to.
    rules.saved(C, disk(3, None, &[1, 1, 1])).unwrap();
    let kept = SavedView {
        snapshot: id(2, 3),
        entries: entries(&[1]),
        ..disk(3, None, &[])
    };
    broken(
        rules.saved(C, kept),
        &claim::TERMS_IN_ORDER,
        "server 2 saved the entry 3@1 (index@term) after its snapshot, which ends at 2@3",
    );
}

#[test]
fn a_leader_that_cuts_its_log() {
    let mut rules = Rules::new(3);
    rules.leads(A, Term(2)).unwrap();
    rules.saved(A, disk(2, Some(0), &[1, 2, 2])).unwrap();
    rules.saved(A, disk(2, Some(0), &[1, 2, 2, 2])).unwrap();
    let result = rules.saved(A, disk(2, Some(0), &[1, 2]));
    broken(
        result,
        &claim::LEADER_APPEND_ONLY,
        "server 0 leads term 2 and its saved log ended at 4@2 (index@term); now it ends at 2@2",
    );
}

#[test]
fn a_leader_may_put_its_log_into_a_snapshot() {
    let mut rules = Rules::new(3);
    rules.leads(A, Term(2)).unwrap();
    rules.saved(A, disk(2, Some(0), &[1, 2, 2])).unwrap();
    rules
        .saved(
            A,
            SavedView {
                snapshot: id(3, 2),
                ..disk(2, Some(0), &[])
            },
        )
        .unwrap();
}

#[test]
fn a_reply_before_its_term_is_saved() {
    let mut rules = Rules::new(3);
    rules.saved(B, disk(4, None, &[1])).unwrap();
    let request = RpcView::RequestVote {
        term: Term(5),
        candidate: PeerId(0),
        last: id(1, 1),
    };
    let refusal = RpcView::RequestVoteReply {
        term: Term(5),
        granted: false,
    };
    broken(
        rules.replies(B, &request, &refusal),
        &claim::SAVED_BEFORE_REPLY,
        "server 1 replies in term 5, but what it has saved is term 4, no vote, a log that ends at 1@1",
    );
}

#[test]
fn a_reply_before_its_vote_is_saved() {
    let mut rules = Rules::new(3);
    rules.saved(B, disk(5, None, &[1])).unwrap();
    let request = RpcView::RequestVote {
        term: Term(5),
        candidate: PeerId(0),
        last: id(1, 1),
    };
    let vote = RpcView::RequestVoteReply {
        term: Term(5),
        granted: true,
    };
    broken(
        rules.replies(B, &request, &vote),
        &claim::SAVED_BEFORE_REPLY,
        "server 1 replies with its vote of term 5 to server 0, but what it has saved is term 5, no vote, a log that ends at 1@1",
    );
    rules.saved(B, disk(5, Some(0), &[1])).unwrap();
    rules.replies(B, &request, &vote).unwrap();
}

#[test]
fn a_reply_before_its_entries_are_saved() {
    let mut rules = Rules::new(3);
    rules.saved(B, disk(5, Some(2), &[1])).unwrap();
    let request = RpcView::AppendEntries {
        term: Term(5),
        leader: PeerId(0),
        prev: id(1, 1),
        entries: entries(&[5, 5]),
        commit: LogIndex(1),
    };
    let done = RpcView::AppendEntriesReply {
        term: Term(5),
        success: true,
    };
    broken(
        rules.replies(B, &request, &done),
        &claim::SAVED_BEFORE_REPLY,
        "server 1 replies that it holds the entry 3@5 (index@term), but what it has saved is term 5, a vote for server 2, a log that ends at 1@1",
    );
    let refused = RpcView::AppendEntriesReply {
        term: Term(5),
        success: false,
    };
    rules.replies(B, &request, &refused).unwrap();
    rules.saved(B, disk(5, Some(2), &[1, 5, 5])).unwrap();
    rules.replies(B, &request, &done).unwrap();
    rules.saved(B, disk(6, None, &[1])).unwrap();
    rules.replies(B, &request, &done).unwrap(); // a later leader may have cut them off again
}

#[test]
fn a_leader_without_a_committed_entry() {
    let mut rules = Rules::new(3);
    let mut history = History::new(3);
    rules.leads(A, Term(1)).unwrap();
    for server in [A, B] {
        rules.saved(server, disk(1, Some(0), &[1])).unwrap();
    }
    history.give("of 1".into());
    history
        .apply(A, LogIndex(1), Term(1), "of 1".into())
        .unwrap();
    rules.applied(A, id(1, 1), true).unwrap();
    rules.leads(C, Term(2)).unwrap();
    broken(
        rules.complete(C, Term(2), &history),
        &claim::LEADER_COMPLETENESS,
        "server 2 leads term 2, but has not the entry 1@1 (index@term), of 1, which was applied before; its log ends at 0@0",
    );
    rules.complete(B, Term(2), &history).unwrap();
}

#[test]
fn an_entry_committed_later_may_be_missing_in_a_leader_of_before() {
    let mut rules = Rules::new(3);
    let mut history = History::new(3);
    rules.leads(A, Term(3)).unwrap();
    rules.saved(A, disk(3, Some(0), &[1])).unwrap();
    rules.saved(B, disk(3, Some(0), &[1])).unwrap();
    history.give("of 1".into());
    history
        .apply(A, LogIndex(1), Term(1), "of 1".into())
        .unwrap();
    rules.applied(A, id(1, 1), true).unwrap();
    // Figure 8: the leader of term 2 was elected before the one of term 3 committed this.
    rules.leads(C, Term(2)).unwrap();
    rules.complete(C, Term(2), &history).unwrap();
}

#[test]
fn an_applied_entry_that_a_minority_holds() {
    let mut rules = Rules::new(3);
    rules.saved(A, disk(1, Some(0), &[1])).unwrap();
    broken(
        rules.applied(A, id(1, 1), true),
        &claim::COMMIT_NEEDS_MAJORITY,
        "server 0 applied the entry 1@1 (index@term), which only 1 of 3 servers have on disk",
    );
    // A Raft that does not show its disks is not judged by them.
    rules.applied(A, id(2, 1), false).unwrap();
}

fn a_vote(voter: Server, candidate: usize, term: u64, granted: bool, rules: &mut Rules) {
    a_vote_in_life(0, voter, candidate, term, granted, rules).unwrap();
}

fn a_vote_in_life(
    life: u32,
    voter: Server,
    candidate: usize,
    term: u64,
    granted: bool,
    rules: &mut Rules,
) -> Result<(), Broken> {
    let vote = a_vote_on_its_way(life, voter, candidate, term, granted, rules)?;
    vote.into_iter().for_each(|vote| rules.hears(vote));
    Ok(())
}

fn a_vote_on_its_way(
    life: u32,
    voter: Server,
    candidate: usize,
    term: u64,
    granted: bool,
    rules: &mut Rules,
) -> Result<Option<Vote>, Broken> {
    let request = RpcView::RequestVote {
        term: Term(term),
        candidate: PeerId(candidate),
        last: id(0, 0),
    };
    let reply = RpcView::RequestVoteReply {
        term: Term(term),
        granted,
    };
    rules.votes(voter, life, &request, &reply)
}

#[test]
fn a_second_vote_in_a_reply() {
    let mut rules = Rules::new(3);
    a_vote(C, 0, 1, true, &mut rules);
    a_vote(C, 0, 1, true, &mut rules); // asked again
    a_vote(C, 1, 1, false, &mut rules);
    a_vote(C, 1, 2, true, &mut rules);
    broken(
        a_vote_in_life(0, C, 1, 1, true, &mut rules),
        &claim::ONE_VOTE,
        "in term 1 server 2 gave its vote to server 0, later to server 1",
    );
    // Before part 2C a server that comes back knows of nothing.
    assert!(a_vote_in_life(1, C, 1, 1, true, &mut rules).is_ok());
}

#[test]
fn a_candidate_that_has_voted_for_another() {
    let mut rules = Rules::new(3);
    let ask = |candidate: usize, term| RpcView::RequestVote {
        term: Term(term),
        candidate: PeerId(candidate),
        last: id(0, 0),
    };
    a_vote(C, 0, 1, true, &mut rules);
    rules.asks(C, 0, &ask(2, 2)).unwrap();
    rules.asks(C, 0, &ask(2, 2)).unwrap(); // of the other one
    broken(
        rules.asks(C, 0, &ask(2, 1)),
        &claim::ONE_VOTE,
        "in term 1 server 2 gave its vote to server 0, and later asks for votes itself",
    );
    broken(
        a_vote_in_life(0, C, 0, 2, true, &mut rules),
        &claim::ONE_VOTE,
        "in term 2 server 2 gave its vote to server 2, later to server 0",
    );
    rules.asks(C, 1, &ask(2, 1)).unwrap(); // another life, before part 2C
}

#[test]
fn a_leader_without_a_majority_of_votes() {
    let mut rules = Rules::new(5);
    assert!(rules.elected(A, Term(1)).is_ok(), "no vote is ever shown");
    a_vote(B, 0, 1, true, &mut rules);
    a_vote(B, 0, 1, true, &mut rules);
    a_vote(C, 0, 1, false, &mut rules);
    a_vote(C, 0, 2, true, &mut rules);
    a_vote(D, 1, 1, true, &mut rules);
    broken(
        rules.elected(A, Term(1)),
        &claim::NO_LEADER_WITHOUT_MAJORITY,
        "server 0 leads term 1, for which it knows of the votes of {0, 1} only, of 5 servers, its own among them",
    );
    a_vote(C, 0, 1, true, &mut rules);
    assert!(rules.elected(A, Term(1)).is_ok(), "three of five");
}

#[test]
fn a_vote_that_its_candidate_has_not_heard_of() {
    let mut rules = Rules::new(3);
    let vote = a_vote_on_its_way(0, B, 0, 1, true, &mut rules).unwrap();
    assert!(rules.elected(A, Term(1)).is_err(), "it is on its way");
    rules.hears(vote.expect("a vote"));
    assert!(rules.elected(A, Term(1)).is_ok());
}

#[test]
fn a_command_taken_by_one_who_does_not_lead() {
    let mut rules = Rules::new(3);
    assert!(rules.takes(A, Term(1)).is_ok(), "no vote is ever shown");
    a_vote(B, 0, 1, true, &mut rules);
    assert!(rules.takes(A, Term(1)).is_ok());
    broken(
        rules.takes(C, Term(2)),
        &claim::TAKES_AS_LEADER,
        "server 2 took a command in term 2, for which it knows of the votes of {2} only, of 3 servers, its own among them",
    );
    rules.leads(B, Term(2)).unwrap();
    assert!(rules.takes(B, Term(2)).is_ok());
    broken(
        rules.takes(A, Term(2)),
        &claim::TAKES_AS_LEADER,
        "server 0 took a command in term 2, which server 1 leads",
    );
}

#[test]
fn votes_that_may_have_been_missed() {
    let mut rules = Rules::new(3);
    a_vote(B, 2, 1, true, &mut rules);
    rules.gives_up(&RpcView::RequestVote {
        term: Term(2),
        candidate: PeerId(0),
        last: id(0, 0),
    });
    assert!(
        rules.elected(A, Term(2)).is_ok(),
        "a reply was not looked at"
    );
    assert!(rules.elected(A, Term(3)).is_err());
}

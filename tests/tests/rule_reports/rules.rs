//! What messages and disks show: Figure 3's properties, and what is saved before it is promised.

use super::play::*;

#[test]
fn a_leader_that_drops_an_entry() {
    script!(Drops, |a| {
        first_leader(a);
        if a.me == 0 {
            a.at_ms(200);
            a.saves(|state| state.entries.clear());
        } else if a.me == 1 {
            a.at_ms(300);
            asks_for_a_vote(a, 0, 0); // who answers has his disk looked at; term 0 is nobody's
        }
    });
    golden::<Drops>("leader_append_only", &claim::LEADER_APPEND_ONLY, wait);
}

#[test]
fn one_entry_with_two_commands() {
    script!(Differs, |a| {
        if a.me == 0 {
            a.at_ms(100);
            a.runs(1, &[1, 2]);
            a.sends(1, 1, id(0, 0), &entries([(1, "x")]), 0);
            a.sends(2, 1, id(0, 0), &entries([(1, "y")]), 0);
        }
    });
    golden::<Differs>("log_matching", &claim::LOG_MATCHING, wait);
}

#[test]
fn terms_that_decrease() {
    script!(Decreases, |a| {
        if a.me == 0 {
            a.at_ms(100);
            a.runs(3, &[1, 2]);
            a.sends(1, 3, id(0, 0), &entries([(3, "x"), (2, "y")]), 0);
        }
    });
    golden::<Decreases>("terms_in_order", &claim::TERMS_IN_ORDER, wait);
}

#[test]
fn a_leader_without_what_was_committed() {
    script!(Lacks, |a| {
        first_leader(a);
        if a.me < 2 {
            a.at_ms(300);
            a.applies(1, 1, "x");
        } else {
            a.at_ms(400);
            a.saves(|state| state.entries.clear()); // forgotten
            a.runs(2, &[0, 1]);
            a.leads(2, id(0, 0), &[], 0);
        }
    });
    golden::<Lacks>("leader_completeness", &claim::LEADER_COMPLETENESS, |c| {
        give(c);
        wait(c);
    });
}

#[test]
fn a_vote_that_is_not_saved() {
    script!(Forgets, first_leader, |a, asked| match asked {
        RpcView::RequestVote { term, .. } if a.me == 2 => RpcView::RequestVoteReply {
            term: *term,
            granted: true,
        },
        _ => a.right_answer(asked),
    });
    golden::<Forgets>("saved_before_reply", &claim::SAVED_BEFORE_REPLY, wait);
}

#[test]
fn two_votes_in_a_term() {
    script!(
        Twice,
        |a| {
            a.at_ms(100 + a.me as u64);
            if a.me != 1 {
                a.runs(1, &[1]);
            }
        },
        |a, asked| match asked {
            RpcView::RequestVote {
                term, candidate, ..
            } => {
                a.saves(|state| (state.term, state.vote) = (*term, Some(*candidate)));
                let (term, granted) = (*term, true);
                RpcView::RequestVoteReply { term, granted }
            }
            _ => a.right_answer(asked),
        }
    );
    golden::<Twice>("one_vote", &claim::ONE_VOTE, wait);
}

#[test]
fn a_term_that_goes_back() {
    script!(Back, |a| match a.me {
        0 => {
            a.at_ms(100);
            a.runs(3, &[2]);
            a.at_ms(200);
            a.saves(|state| (state.term, state.vote) = (Term(2), None));
        }
        1 => [150, 300].into_iter().for_each(|ms| {
            a.at_ms(ms);
            asks_for_a_vote(a, 0, 2);
        }),
        _ => {}
    });
    golden::<Back>("term_only_grows", &claim::TERM_ONLY_GROWS, wait);
}

#[test]
fn a_reply_in_the_term_of_its_request() {
    script!(
        Behind,
        |a| match a.me {
            0 => {
                a.at_ms(100);
                a.runs(3, &[2]);
            }
            1 => {
                a.at_ms(150);
                asks_for_a_vote(a, 0, 2);
            }
            _ => {}
        },
        |a, asked| match asked {
            RpcView::RequestVote { term, .. } if a.me == 0 => RpcView::RequestVoteReply {
                term: *term,
                granted: false,
            },
            _ => a.right_answer(asked),
        }
    );
    golden::<Behind>("answers_in_earlier_term", &claim::TERM_ONLY_GROWS, wait);
}

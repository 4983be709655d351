//! Checks of single stories about terms, votes and leaders.

use super::play::*;

#[test]
fn a_term_that_never_starts() {
    script!(Zero, |_| {});
    golden::<Zero>("term_started", &claim::TERM_STARTED, |c| {
        let term = c.terms();
        c.expect(&claim::TERM_STARTED, term >= Term(1), || {
            format!("saw term {term}")
        });
    });
}

#[test]
fn a_leader_that_is_replaced_for_no_reason() {
    script!(Changes, two_leaders);
    golden::<Changes>("stable_leader", &claim::STABLE_LEADER, |c| {
        c.sleep_ms(150);
        let first = c.leader_quickly();
        c.sleep_ms(1000);
        c.expect(&claim::STABLE_LEADER, c.leads(first), || {
            format!("{first} led, and after a second in which nothing failed it does not any more")
        });
    });
}

#[test]
fn a_leader_that_stays() {
    script!(Stays, two_leaders, |a, asked| {
        let term = Term(1);
        match asked {
            RpcView::RequestVote { .. } if a.me == 0 => {
                let granted = false;
                RpcView::RequestVoteReply { term, granted }
            }
            RpcView::AppendEntries { .. } if a.me == 0 => {
                let success = false;
                RpcView::AppendEntriesReply { term, success }
            }
            _ => a.right_answer(asked),
        }
    });
    golden::<Stays>(
        "stale_leader_steps_down",
        &claim::STALE_LEADER_STEPS_DOWN,
        |c| {
            c.sleep_ms(150);
            let first = c.leader_quickly();
            c.sleep_ms(1000);
            c.expect(&claim::STALE_LEADER_STEPS_DOWN, !c.leads(first), || {
                format!("{first} has heard of term 2, and still says that it leads term 1")
            });
        },
    );
}

#[test]
fn a_candidate_with_a_short_log() {
    script!(Short, |a| {
        first_leader(a);
        if a.me == 2 {
            a.at_ms(500);
            a.saves(|state| state.entries.clear());
            a.runs(2, &[1]);
            a.state.lock().1 = true;
        }
    });
    golden::<Short>("election_restriction", &claim::ELECTION_RESTRICTION, |c| {
        c.sleep_ms(1000);
        let short = Server::numbered(2);
        c.expect(&claim::ELECTION_RESTRICTION, !c.leads(short), || {
            format!("{short}, whose log is empty, leads term 2 with the vote of server 1, which holds index 1")
        });
    });
}

#[test]
fn a_timer_that_refused_votes_restart() {
    script!(
        Restarts,
        |a| {
            if a.me == 2 {
                (1..6).for_each(|term| {
                    a.at_ms(200 * term);
                    a.runs(term, &[1]);
                });
            }
        },
        |a, asked| {
            a.saves(|state| (state.term, state.vote) = (asked.term(), None));
            RpcView::RequestVoteReply {
                term: asked.term(),
                granted: false,
            }
        }
    );
    golden::<Restarts>("election_timer", &claim::ELECTION_TIMER, |c| {
        c.sleep_ms(1500);
        let waits = Server::numbered(1);
        c.expect(&claim::ELECTION_TIMER, c.leads(waits), || {
            format!("{waits} has heard no leader for 1.5 s, only candidates that it refused, and has not run")
        });
    });
}

#[test]
fn a_candidate_that_runs_on() {
    script!(RunsOn, |a| {
        first_leader(a);
        if a.me == 1 {
            a.at_ms(110);
            a.runs(2, &[2]);
        }
    });
    golden::<RunsOn>("candidate_follows", &claim::CANDIDATE_FOLLOWS, |c| {
        c.sleep_ms(500);
        let candidate = Server::numbered(1);
        let term = c.term_of(candidate);
        c.expect(&claim::CANDIDATE_FOLLOWS, term == Term(1), || {
            format!(
                "{candidate} heard from the leader of term 1 and ran for term {term} all the same"
            )
        });
    });
}

#[test]
fn a_reply_of_an_older_term() {
    script!(Counts, |a| {
        if a.me == 0 {
            a.at_ms(100);
            a.runs(1, &[1]);
            a.runs(2, &[1]);
            a.state.lock().1 = true;
        }
    });
    golden::<Counts>("stale_replies", &claim::STALE_REPLIES, |c| {
        c.sleep_ms(500);
        let leader = Server::numbered(0);
        c.expect(&claim::STALE_REPLIES, !c.leads(leader), || {
            format!("{leader} leads term 2, and counts server 1 for what it confirmed in term 1 and has lost since")
        });
    });
}

#[test]
fn a_request_of_an_older_term() {
    script!(Takes, |a| {
        a.at_ms(100 + 100 * a.me as u64);
        match a.me {
            0 => a.runs(1, &[1]),
            2 => a.runs(4, &[]),
            _ => {}
        }
    });
    golden::<Takes>("stale_requests", &claim::STALE_REQUESTS, |c| {
        c.sleep_ms(500);
        let ahead = Server::numbered(2);
        let term = c.term_of(ahead);
        c.expect(&claim::STALE_REQUESTS, term < Term(4), || {
            format!("{ahead} was in term {term}, with entries up to 5; server 0 of term 1 sent it a snapshot, which it took: \
                     now it has them up to 19")
        });
    });
}

#[test]
fn a_candidate_that_stays_behind() {
    script!(Stays, |a| {
        a.at_ms(100 + 100 * a.me as u64);
        match a.me {
            0 => a.runs(7, &[]),
            1 => a.runs(1, &[0]),
            _ => {}
        }
    });
    golden::<Stays>("higher_term", &claim::HIGHER_TERM, |c| {
        c.sleep_ms(500);
        let behind = Server::numbered(1);
        let term = c.term_of(behind);
        c.expect(&claim::HIGHER_TERM, term >= Term(7), || {
            format!("{behind} is in term {term}, though server 0 has told it of term 7")
        });
    });
}

#[test]
fn a_timeout_that_is_always_the_same() {
    script!(Same, |a| {
        if a.me == 0 {
            (1..10).for_each(|term| {
                a.at_ms(300 * term);
                a.runs(term, &[]);
            });
        }
    });
    golden::<Same>("timeout_drawn_anew", &claim::TIMEOUT_DRAWN_ANEW, |c| {
        c.sleep_ms(2800);
        c.fail(
            &claim::TIMEOUT_DRAWN_ANEW,
            "server 0, which was alone, ran for office 9 times, after [300, 300, 300, 300, 300, 300, 300, 300] ms",
        );
    });
}

#[test]
fn a_server_that_runs_when_it_starts() {
    script!(Runs, |a| {
        if a.me == 1 {
            a.runs(5, &[]);
        }
    });
    golden::<Runs>("waits_before_running", &claim::WAITS_BEFORE_RUNNING, |c| {
        c.sleep_ms(50);
        let server = Server::numbered(1);
        let term = c.term_of(server);
        c.expect(&claim::WAITS_BEFORE_RUNNING, term <= Term(4), || {
            format!("{server} was in term 4 when its power failed; 50ms after its restart it runs for term {term}")
        });
    });
}

#[test]
fn a_vote_that_is_given_once() {
    script!(Refuses, |a| {
        a.at_ms(100);
        if a.me == 0 {
            a.runs(1, &[]);
        }
    });
    golden::<Refuses>("vote_repeated", &claim::VOTE_REPEATED, |c| {
        c.sleep_ms(500);
        let (candidate, voter) = (Server::numbered(0), Server::numbered(1));
        c.expect(&claim::VOTE_REPEATED, c.leads(candidate), || {
            format!(
                "{voter} was asked by {candidate} for its vote in term 1, and its answer got lost; then it was asked once \
                 more, the answer arrived, and {candidate} does not lead"
            )
        });
    });
}

#[test]
fn a_leader_that_is_silent_at_first() {
    script!(Silent, |a| {
        if a.me == 0 {
            a.at_ms(100);
            a.runs(1, &[1]);
            a.state.lock().1 = true;
        }
    });
    golden::<Silent>("speaks_at_once", &claim::SPEAKS_AT_ONCE, |c| {
        c.sleep_ms(170);
        c.fail(
            &claim::SPEAKS_AT_ONCE,
            "server 0 won term 1 with the vote of server 1, and has sent it nothing 50 ms later",
        );
    });
}

#[test]
fn a_follower_that_runs_though_it_hears_the_leader() {
    script!(Runs, |a| {
        first_leader(a);
        if a.me == 2 {
            a.at_ms(500);
            a.runs(2, &[]);
        }
    });
    golden::<Runs>(
        "refusal_restarts_timer",
        &claim::REFUSAL_RESTARTS_TIMER,
        |c| {
            c.sleep_ms(600);
            let behind = Server::numbered(2);
            c.expect(&claim::REFUSAL_RESTARTS_TIMER, c.term_of(behind) == Term(1), || {
            format!(
                "{behind}, whose log lacks an entry, ran for a later term than 1 although server 0, which leads it, had sent it a \
                 request 60ms before"
            )
        });
        },
    );
}

#[test]
fn a_candidate_that_keeps_its_vote() {
    script!(
        Keeps,
        |a| {
            a.at_ms(100 + 50 * a.me as u64);
            match a.me {
                0 => a.runs(1, &[]),
                1 => {
                    a.runs(1, &[]);
                    a.at_ms(400);
                    a.runs(2, &[0]);
                }
                _ => {}
            }
        },
        |a, asked| {
            a.saves(|state| state.term = asked.term());
            RpcView::RequestVoteReply {
                term: asked.term(),
                granted: false,
            }
        }
    );
    golden::<Keeps>("new_term_new_vote", &claim::NEW_TERM_NEW_VOTE, |c| {
        c.sleep_ms(600);
        let (candidate, beaten) = (Server::numbered(1), Server::numbered(0));
        c.expect(&claim::NEW_TERM_NEW_VOTE, c.leads(candidate), || {
            format!(
                "{candidate} and {beaten} ran in term 1; then {candidate} asked {beaten} for its vote in term 2, and does not lead"
            )
        });
    });
}

#[test]
fn a_candidate_that_gives_up() {
    script!(
        GivesUp,
        |a| {
            if a.me == 0 {
                a.at_ms(100);
                a.runs(1, &[2, 1]);
            }
        },
        |a, asked| {
            let granted = a.me == 1;
            a.saves(|state| state.term = asked.term());
            if granted {
                a.right_answer(asked)
            } else {
                RpcView::RequestVoteReply {
                    term: asked.term(),
                    granted,
                }
            }
        }
    );
    golden::<GivesUp>("majority_elects", &claim::MAJORITY_ELECTS, |c| {
        c.sleep_ms(200);
        let (candidate, rival) = (Server::numbered(0), Server::numbered(2));
        c.expect(&claim::MAJORITY_ELECTS, c.leads(candidate), || {
            format!(
                "{candidate} asked for votes in term 1; {rival}, which ran as well, answered first, then server 1, and {candidate} \
                 does not lead"
            )
        });
    });
}

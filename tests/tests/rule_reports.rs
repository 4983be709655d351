//! What a student reads when messages and disks break a rule, or a story's own check fails: a script plays a Raft that is
//! wrong in one way. The reports are kept in `golden/`; `UPDATE_GOLDEN=1 cargo test -p tests --test rule_reports` writes them anew.

mod kept;
mod script;

use kept::compare;
use raftapi::PeerId;
use raftapi::view::RpcView;
use script::{Actor, Script, Scripted, entries, id};
use tests::claim::{self, Claim};
use tests::prelude::*;
use tests::{Kind, Story, rehearse};

/// Of a part in which servers save.
static STORY: Story = Story {
    part: "2C",
    module: "raft_2c",
    ..kept::STORY
};

#[track_caller]
fn golden<S: Script>(name: &str, claim: &Claim, tell: fn(&Cluster)) {
    compare(
        name,
        claim,
        &rehearse(&STORY, Kind::of::<Scripted<S>>(), tell, 1),
    );
}

fn wait(c: &Cluster) {
    c.sleep_ms(3000);
}

/// The command that the scripts' logs hold is given to somebody before it is applied.
fn give(c: &Cluster) {
    let refuses = Server::numbered(2);
    assert!(c.try_propose(refuses, "x").is_err());
}

/// A script: what each server does, and in some what it answers.
macro_rules! script {
    ($name:ident, $play:expr) => {
        script!($name, $play, Actor::right_answer);
    };
    ($name:ident, $play:expr, $answer:expr) => {
        struct $name;
        impl Script for $name {
            fn play(actor: &Actor) {
                let play: fn(&Actor) = $play;
                play(actor)
            }
            fn answer(actor: &Actor, asked: &RpcView) -> RpcView {
                let answer: fn(&Actor, &RpcView) -> RpcView = $answer;
                answer(actor, asked)
            }
        }
    };
}

/// Server 0 is elected in term 1 at 100 ms and brings its first entry to all.
fn first_leader(a: &Actor) {
    if a.me == 0 {
        a.at_ms(100);
        a.runs(1, &[1, 2]);
        a.saves(|state| state.entries = entries([(1, "x")]));
        a.leads(1, id(0, 0), &entries([(1, "x")]), 0);
    }
}

/// Asks for a vote in this term, whatever its own is.
fn asks_for_a_vote(a: &Actor, of: usize, term: u64) {
    let (term, candidate, last) = (Term(term), PeerId(a.me), id(0, 0));
    let ask = RpcView::RequestVote {
        term,
        candidate,
        last,
    };
    a.asks(of, &ask);
}

#[test]
fn a_script_without_a_flaw_passes() {
    script!(Right, first_leader);
    let seen = rehearse(&STORY, Kind::of::<Scripted<Right>>(), wait, 1);
    assert!(seen.broken.is_none(), "{}", seen.report);
}

#[test]
fn a_leader_that_drops_an_entry() {
    script!(Drops, |a| {
        first_leader(a);
        if a.me == 0 {
            a.at_ms(200);
            a.saves(|state| state.entries.clear());
        } else if a.me == 1 {
            a.at_ms(300);
            asks_for_a_vote(a, 0, 1); // who answers has his disk looked at
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

// --- Checks of single stories ---

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

/// Server 0 leads term 1, and server 1 term 2 from 500 ms on.
fn two_leaders(a: &Actor) {
    first_leader(a);
    if a.me == 1 {
        a.at_ms(500);
        a.runs(2, &[0, 2]);
        a.leads(2, id(1, 1), &[], 0);
    }
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
            a.runs(2, &[]);
            a.state.lock().1 = true; // by the vote of term 1
        }
    });
    golden::<Counts>("stale_replies", &claim::STALE_REPLIES, |c| {
        c.sleep_ms(500);
        let leader = Server::numbered(0);
        c.expect(&claim::STALE_REPLIES, !c.leads(leader), || {
            format!("{leader} leads term 2, with a vote that server 1 gave it in term 1")
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
fn commands_that_are_lost_among_others() {
    script!(Loses, |a| {
        first_leader(a);
        if a.me == 0 {
            a.at_ms(600);
            a.applies(1, 1, "x");
        }
    });
    golden::<Loses>("concurrent_commands", &claim::CONCURRENT_COMMANDS, |c| {
        give(c);
        let leader = c.leader_quickly();
        let (index, _) = c.propose_at(leader, ["a", "b"]);
        c.sleep_ms(800);
        c.expect(
            &claim::CONCURRENT_COMMANDS,
            c.log().len() as u64 >= index.0,
            || {
                format!(
                    "start() returned index {index} for b; {:?} was applied",
                    c.log()
                )
            },
        );
    });
}

/// An entry of term 1 that the leader of term 2 commits by counting.
fn old_entry(a: &Actor) {
    first_leader(a);
    if a.me == 1 {
        a.at_ms(500);
        a.runs(2, &[2]);
        a.sends(2, 2, id(0, 0), &entries([(1, "x")]), 0);
        a.state.lock().1 = true;
        a.sends(2, 2, id(1, 1), &[], 1);
        a.applies(1, 1, "x");
    }
}

#[test]
fn an_old_entry_that_is_counted() {
    script!(Old, old_entry);
    golden::<Old>("commit_own_term", &claim::COMMIT_OWN_TERM, |c| {
        give(c);
        c.sleep_ms(1000);
        let index = LogIndex(1);
        c.expect(&claim::COMMIT_OWN_TERM, c.committed(index).0 == 0, || {
            format!("server 1, leader of term 2, committed index {index}, whose entry is of term 1, before any of its own")
        });
    });
}

#[test]
fn a_reply_that_confirms_too_much() {
    script!(TooMuch, |a| {
        first_leader(a);
        if a.me == 0 {
            a.at_ms(300);
            a.saves(|state| state.entries.extend(entries([(1, "y")])));
            a.leads(1, id(1, 1), &[], 2);
        }
    });
    golden::<TooMuch>("reply_counts", &claim::REPLY_COUNTS_WHAT_WAS_SENT, |c| {
        c.sleep_ms(500);
        c.fail(
            &claim::REPLY_COUNTS_WHAT_WAS_SENT,
            "server 0 committed index 2, which it has sent to nobody",
        );
    });
}

#[test]
fn a_command_that_is_gone() {
    script!(Gone, |a| {
        first_leader(a);
        if a.me == 2 {
            a.at_ms(700);
            a.saves(|state| (state.term, state.entries) = (Term(1), Vec::new()));
            a.runs(2, &[1]);
        }
    });
    golden::<Gone>("committed_stays", &claim::COMMITTED_STAYS, |c| {
        c.sleep_ms(400);
        c.restart(Server::numbered(2));
        c.sleep_ms(800);
        c.fail(
            &claim::COMMITTED_STAYS,
            "x was applied at index 1; after server 2 came back it is nowhere",
        );
    });
}

/// A golden file, a claim, and a story that finds it broken.
type Cost = (&'static str, &'static Claim, fn(&Cluster));

#[test]
fn costs() {
    script!(Talks, |a| {
        first_leader(a);
        if a.me == 0 {
            (2..60).for_each(|k| {
                a.at_ms(100 + 10 * k);
                a.leads(1, id(1, 1), &[], 0);
            });
        }
    });
    let costs: [Cost; 6] = [
        ("few_rpcs", &claim::FEW_RPCS, |c| {
            c.fail(
                &claim::FEW_RPCS,
                format!("{} RPCs for one command, expected 20", c.rpcs()),
            )
        }),
        ("quick_backup", &claim::QUICK_BACKUP, |c| {
            c.fail(
                &claim::QUICK_BACKUP,
                "server 1 was sent 40 requests before its log matched",
            )
        }),
        ("quiet_when_idle", &claim::QUIET_WHEN_IDLE, |c| {
            c.fail(
                &claim::QUIET_WHEN_IDLE,
                format!("server 0 sent {} RPCs in a second", c.rpcs()),
            )
        }),
        ("election_rpcs", &claim::ELECTION_RPCS, |c| {
            c.fail(&claim::ELECTION_RPCS, format!("{} RPCs", c.rpcs()))
        }),
        ("few_bytes", &claim::FEW_BYTES, |c| {
            c.fail(
                &claim::FEW_BYTES,
                format!("{} bytes for one command", c.bytes()),
            )
        }),
        ("state_size", &claim::STATE_SIZE, |c| {
            let (server, size) = c.largest_state();
            c.fail(
                &claim::STATE_SIZE,
                format!("{server} has {size} bytes of state on disk"),
            );
        }),
    ];
    for (name, claim, tell) in costs {
        static TELL: std::sync::Mutex<Option<fn(&Cluster)>> = std::sync::Mutex::new(None);
        *TELL.lock().unwrap() = Some(tell);
        golden::<Talks>(name, claim, |c| {
            c.sleep_ms(500);
            let tell = TELL.lock().unwrap().expect("it was set");
            tell(c)
        });
    }
}

#[test]
fn a_situation_that_does_not_come() {
    script!(Quiet, |a| {
        if a.me == 0 {
            a.at_ms(100);
            a.runs(1, &[1, 2]);
        }
    });
    golden::<Quiet>("situation", &claim::SITUATION, |c| {
        c.sleep_ms(1000);
        c.fail(
            &claim::SITUATION,
            "expected two candidates in one term within a second; only server 0 ran, for term 1",
        );
    });
}

/// Of changes of the membership the stories of part 2E and `rules/members.rs` check what scripts here do not play: these are
/// the reports that their sentences lead to.
#[test]
fn changes_of_the_membership() {
    script!(Changes, two_leaders);
    let seen: [(&str, &'static Claim, &str); 16] = [
        (
            "members_written",
            &claim::MEMBERS_WRITTEN,
            "change_membership is not written",
        ),
        (
            "change_taken",
            &claim::CHANGE_TAKEN,
            "server 1 leads, all learners have caught up, and it refuses the change",
        ),
        (
            "one_change",
            &claim::ONE_CHANGE,
            "server 1 was asked for a second change while the first was not committed, and took it",
        ),
        (
            "change_refused",
            &claim::CHANGE_REFUSED,
            "server 0 took a change, though it does not lead",
        ),
        (
            "in_force_at_once",
            &claim::IN_FORCE_AT_ONCE,
            "server 0 has the entry 1@1 in its log, and says that {0, 1, 2} is in force",
        ),
        (
            "falls_back",
            &claim::FALLS_BACK,
            "the change to {0} was cut off the log of server 0; after that it has {0}",
        ),
        (
            "members_kept",
            &claim::MEMBERS_KEPT,
            "server 2 has {} after a crash; expected {0, 1, 2}",
        ),
        (
            "change_ends",
            &claim::CHANGE_ENDS,
            "server 0 has heard that all have the C_old,new, and 100 ms later C_new is not in its log",
        ),
        (
            "new_after_joint",
            &claim::NEW_AFTER_JOINT,
            "server 0 has put {3} into its log at 1@1 (index@term), which only {0} has on disk",
        ),
        (
            "through_joint",
            &claim::THROUGH_JOINT,
            "server 0 has put {3} into its log at 1@1 (index@term), right after {0, 1, 2}",
        ),
        (
            "both_majorities",
            &claim::BOTH_MAJORITIES,
            "server 1 leads term 2 with the votes of {0, 2}; of C_new nobody voted",
        ),
        (
            "learners_do_not_count",
            &claim::LEARNERS_DO_NOT_COUNT,
            "server 1, a learner, leads term 2",
        ),
        (
            "any_caller",
            &claim::ANY_CALLER,
            "server 1 runs for term 2 with the longest log, and server 2, in whose configuration it is not, has not voted for it",
        ),
        (
            "leader_leaves",
            &claim::LEADER_LEAVES,
            "server 0 is not in C_new, which is committed at index 1, and still leads term 1",
        ),
        (
            "removed_disturbs_nobody",
            &claim::REMOVED_DISTURBS_NOBODY,
            "server 1 was removed, and brought the others to term 2",
        ),
        (
            "transfer",
            &claim::TRANSFER,
            "server 0 was to hand over to server 2; 500 ms later server 1 leads term 2",
        ),
    ];
    for (name, claim, saw) in seen {
        static SEEN: std::sync::Mutex<Option<(&Claim, &str)>> = std::sync::Mutex::new(None);
        *SEEN.lock().unwrap() = Some((claim, saw));
        golden::<Changes>(name, claim, |c| {
            c.sleep_ms(800);
            let seen = *SEEN.lock().unwrap();
            let (claim, saw) = seen.expect("it was set");
            c.fail(claim, saw)
        });
    }
}

#[test]
fn every_claim_has_a_report_that_is_kept() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");
    let kept: Vec<String> = std::fs::read_dir(folder)
        .expect("it is there")
        .map(|file| std::fs::read_to_string(file.expect("a file").path()).expect("text"))
        .collect();
    for claim in claim::all() {
        let first = format!(": {claim}.\n");
        assert!(
            kept.iter().any(|report| report.contains(&first)),
            "no report of {}",
            claim.name
        );
    }
    for report in kept {
        let lines = report.lines().count();
        assert!(lines <= 40, "a screen has no {lines} lines:\n{report}");
    }
}

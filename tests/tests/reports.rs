//! What a student reads: the report of each check, by a Raft that is wrong in one way. The reports
//! are kept in `golden/`; `UPDATE_GOLDEN=1 cargo test -p tests --test reports` writes them anew.

mod kept;
mod puppet;

use kept::{compare, without_figures};
use puppet::*;
use tests::claim::{self, Claim};
use tests::prelude::*;
use tests::{Kind, Rehearsal, Story, rehearse};

static STORY: Story = kept::STORY;

static WITH_SNAPSHOTS: Story = Story {
    snapshots: true,
    ..STORY
};

fn perform<const FLAW: u8>(tell: fn(&Cluster)) -> Rehearsal {
    rehearse(&STORY, Kind::of::<Puppet<FLAW>>(), tell, 1)
}

/// Checks that the story breaks this claim, and that its report is the one that is kept.
#[track_caller]
fn golden<const FLAW: u8>(name: &str, claim: &Claim, tell: fn(&Cluster)) {
    compare(name, claim, &perform::<FLAW>(tell));
}

#[test]
fn a_flawless_puppet_passes() {
    let seen = perform::<NONE>(|c| {
        c.leader();
        c.agree("x");
        c.agree("y");
        c.all_apply(["x", "y"]);
    });
    assert!(seen.broken.is_none(), "{}", seen.report);
    assert!(
        seen.report
            .starts_with("pass 2A a_story: seed 0x1, 3 servers, "),
        "{}",
        seen.report
    );
    // Puppets keep their messages to themselves.
    let [hides] = &seen.warnings[..] else {
        panic!("one warning: {:?}", seen.warnings);
    };
    assert!(hides.starts_with("Raft::view_rpc shows nothing"), "{hides}");
}

#[test]
fn nobody_leads() {
    golden::<LEADERLESS>("one_leader", &claim::ONE_LEADER, |c| {
        let [gone, ..]: [Server; 3] = c.all();
        c.cut_off(gone);
        c.leader();
    });
}

#[test]
fn all_lead() {
    golden::<ALL_LEAD>("election_safety", &claim::ELECTION_SAFETY, |c| {
        _ = c.leader()
    });
}

#[test]
fn a_minority_leads() {
    golden::<NONE>(
        "no_leader_without_majority",
        &claim::NO_LEADER_WITHOUT_MAJORITY,
        |c| {
            let leader = c.leader();
            c.others::<2>([leader])
                .into_iter()
                .for_each(|s| c.cut_off(s));
            c.no_leader();
        },
    );
}

#[test]
fn terms_differ() {
    golden::<TERMS_DIFFER>("same_term", &claim::SAME_TERM, |c| _ = c.terms());
}

#[test]
fn a_command_that_only_the_leader_applies() {
    golden::<KEEPS_TO_ITSELF>("agreement", &claim::AGREEMENT, |c| _ = c.agree("x"));
}

#[test]
fn a_command_for_which_there_is_no_leader() {
    golden::<LEADERLESS>("one_leader_no_taker", &claim::ONE_LEADER, |c| {
        _ = c.agree("x")
    });
}

#[test]
fn a_command_that_the_leader_does_not_take() {
    golden::<REFUSES>("leader_accepts_none", &claim::LEADER_ACCEPTS, |c| {
        _ = c.agree("x")
    });
}

#[test]
fn a_leader_that_refuses() {
    golden::<REFUSES>("leader_accepts", &claim::LEADER_ACCEPTS, |c| {
        _ = c.propose_at(c.leader(), ["x"])
    });
}

#[test]
fn a_flood_of_requests() {
    golden::<FLOODS>("no_storm", &claim::NO_STORM, |c| c.sleep_ms(10_000));
}

#[test]
fn a_thread_that_spins() {
    golden::<SPINS>("no_spin", &claim::NO_SPIN, |c| {
        _ = c.propose_at(c.leader(), ["x"])
    });
}

#[test]
fn indices_from_two() {
    golden::<COUNTS_FROM_TWO>("index", &claim::INDEX, |c| {
        let (index, _) = c.propose_at(c.leader(), ["x"]);
        c.expect_index(index, 1);
    });
}

#[test]
fn a_commit_without_majority() {
    golden::<NONE>(
        "commit_needs_majority",
        &claim::COMMIT_NEEDS_MAJORITY,
        |c| {
            let leader = c.leader();
            c.others::<2>([leader])
                .into_iter()
                .for_each(|s| c.cut_off(s));
            let (index, _) = c.propose_at(leader, ["x"]);
            c.sleep_ms(1000);
            c.none_applied(index);
        },
    );
}

#[test]
fn a_command_out_of_nowhere() {
    golden::<APPLIES_EARLY>("applied_too_early", &claim::APPLIED_TOO_EARLY, |c| {
        c.leader();
        c.not_yet_applied(LogIndex(1));
    });
}

#[test]
fn other_commands_than_expected() {
    golden::<NONE>("applied_log", &claim::APPLIED_LOG, |c| {
        c.agree("x");
        c.agree("y");
        c.all_apply(["y", "x"]);
    });
}

#[test]
fn two_commands_at_an_index() {
    golden::<CHANGES_COMMANDS>("state_machine_safety", &claim::STATE_MACHINE_SAFETY, |c| {
        _ = c.agree("x")
    });
}

#[test]
fn a_command_applied_twice() {
    golden::<APPLIES_TWICE>("apply_order", &claim::APPLY_ORDER, |c| _ = c.agree("x"));
}

fn fill(c: &Cluster) {
    (0..25u64).for_each(|command| _ = c.agree(command));
}

#[test]
fn a_snapshot_of_another_index() {
    let seen = rehearse(
        &WITH_SNAPSHOTS,
        Kind::of::<Puppet<SHIFTS_SNAPSHOTS>>(),
        fill,
        1,
    );
    compare("snapshot_content", &claim::SNAPSHOT_CONTENT, &seen);
}

#[test]
fn a_snapshot_of_the_past() {
    let seen = rehearse(&WITH_SNAPSHOTS, Kind::of::<Puppet<GOES_BACK>>(), fill, 1);
    compare(
        "snapshot_not_backwards",
        &claim::SNAPSHOT_NOT_BACKWARDS,
        &seen,
    );
}

#[test]
fn a_start_that_hangs() {
    golden::<START_HANGS>("answers_at_once", &claim::ANSWERS_AT_ONCE, |c| {
        c.takes_at_once(c.leader(), "x")
    });
}

#[test]
fn a_make_that_sleeps() {
    golden::<MAKE_SLEEPS>("made_at_once", &claim::ANSWERS_AT_ONCE, |_| {});
}

#[test]
fn a_thread_that_lingers() {
    golden::<LINGERS>("ends_when_killed", &claim::ENDS_WHEN_KILLED, |c| {
        c.kill_all_and_check()
    });
}

#[test]
fn a_thread_that_lingers_is_worth_a_warning_anywhere() {
    let seen = perform::<LINGERS>(|c| _ = c.leader());
    assert!(seen.broken.is_none(), "{}", seen.report);
    assert!(
        seen.warnings[0].starts_with(
            "kill() ends all threads of a server, which takes no more commands: server 0: thread"
        ),
        "{:?}",
        seen.warnings
    );
}

#[test]
fn a_panic() {
    golden::<PANICS>("no_panic", &claim::NO_PANIC, |c| _ = c.agree("x"));
}

#[test]
fn a_deadlock() {
    // The leader's start() never comes back.
    golden::<DEADLOCKS>("no_deadlock", &claim::NO_DEADLOCK, |c| _ = c.agree("x"));
}

#[test]
fn a_story_without_end() {
    golden::<CHATTERS>("in_time", &claim::IN_TIME, |c| {
        loop {
            c.sleep_ms(1000);
        }
    });
}

#[test]
fn a_lock_held_across_an_rpc_is_worth_a_warning() {
    let seen = perform::<HOLDS_LOCK>(|c| _ = c.agree("x"));
    assert!(seen.broken.is_none(), "{}", seen.report);
    assert!(
        seen.warnings
            .iter()
            .any(|w| w.contains("Puppet.idle") && w.contains("puppet/mod.rs")),
        "{:?}",
        seen.warnings
    );
}

#[test]
fn reports_keep_their_words_when_figures_are_blotted_out() {
    assert_eq!(
        without_figures("At 1.234 s by a/b.rs:12, after: cut (0.5 s), x 0.7. Seed 0x5"),
        "At _ s by a/b.rs:_, after: cut (_ s), x _. Seed 0x5\n"
    );
}

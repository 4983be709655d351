//! What a student reads in parts 3A and 3B: the report of each check, by a service that is wrong in
//! one way. The reports are kept in `golden/`; `UPDATE_GOLDEN=1 cargo test -p tests --test kv_reports`
//! writes them anew.

mod kept;
mod kv_puppet;
mod puppet;

use kept::compare;
use kv_puppet::{Client, Pretender, flaw};
use puppet::Puppet;
use tests::claim::{self, Claim};
use tests::prelude::*;
use tests::{Kind, Rehearsal, Story, rehearse};

static STORY: Story = Story {
    part: "3A",
    module: "kvraft_3a",
    ..kept::STORY
};

static LIMITED: Story = Story {
    part: "3B",
    max_state: 1000,
    ..STORY
};

fn perform<const FLAW: u8>(story: &'static Story, tell: fn(&Cluster)) -> Rehearsal {
    let kind = Kind::kv::<Puppet<{ puppet::NONE }>, Pretender<FLAW>, Client<FLAW>>();
    rehearse(story, kind, tell, 1)
}

/// Checks that the story breaks this claim, and that its report is the one that is kept.
#[track_caller]
fn golden<const FLAW: u8>(name: &str, claim: &Claim, tell: fn(&Cluster)) {
    compare(name, claim, &perform::<FLAW>(&STORY, tell));
}

#[test]
fn a_flawless_pretender_passes() {
    let seen = perform::<{ flaw::NONE }>(&STORY, |c| {
        let mut clerk = c.clerk();
        clerk.put("x", "1");
        clerk.append("x", "2");
        c.expect_value(&clerk.get("x"), "12");
        c.expect_bounded_state();
        c.expect_speed();
    });
    assert!(seen.broken.is_none(), "{}", seen.report);
    assert!(
        seen.report.ends_with(", 1005 operations"),
        "{}",
        seen.report
    );
    let limited = perform::<{ flaw::NONE }>(&LIMITED, |c| {
        c.clerk().put("x", "1");
        c.expect_bounded_state();
        c.expect_small_snapshot(500, "one key");
    });
    assert!(limited.broken.is_none(), "{}", limited.report);
}

#[test]
fn a_clerk_that_asks_nobody() {
    golden::<{ flaw::IDLE }>("clerk_asks", &claim::CLERK_ASKS, |c| _ = c.clerk().get("x"));
}

#[test]
fn a_value_from_the_past() {
    golden::<{ flaw::STALE }>("linearizable", &claim::LINEARIZABLE, |c| {
        let (mut ann, mut bob) = (c.clerk(), c.clerk());
        ann.put("x", "old");
        ann.put("x", "new");
        bob.get("x");
    });
}

/// The check of the whole history says which operations contradict each other.
#[test]
fn a_client_that_reads_what_it_did_not_write() {
    golden::<{ flaw::STALE }>("reads_own_writes", &claim::READS_OWN_WRITES, |c| {
        let mut clerk = c.clerk();
        clerk.put("x", "1");
        clerk.put("x", "2");
        c.expect_value(&clerk.get("x"), "2");
    });
}

/// Whoever notices it, the servers are asked how they are.
#[test]
fn one_of_several_clients_that_reads_what_it_did_not_write() {
    let told = perform::<{ flaw::STALE }>(&STORY, |c| {
        c.together(2, |c, client| {
            let mut clerk = c.clerk();
            let key = client.to_string();
            clerk.put(&key, "1");
            clerk.put(&key, "2");
            c.expect_value(&clerk.get(&key), "2");
        });
    });
    assert!(
        told.report.contains("\n  server 0: leads term 1\n"),
        "{}",
        told.report
    );
}

#[test]
fn an_append_that_is_lost() {
    golden::<{ flaw::FORGETS }>("exactly_once_lost", &claim::EXACTLY_ONCE, |c| {
        let mut clerk = c.clerk();
        clerk.append("x", &append_text(0, 0));
        c.expect_appends(&clerk.get("x"), 0, 1);
    });
}

#[test]
fn an_append_that_is_done_twice() {
    golden::<{ flaw::TWICE }>("exactly_once_twice", &claim::EXACTLY_ONCE, |c| {
        let mut clerk = c.clerk();
        clerk.append("x", &append_text(0, 0));
        c.expect_appends(&clerk.get("x"), 0, 1);
    });
}

#[test]
fn operations_that_nobody_answers() {
    golden::<{ flaw::SILENT }>("clerk_answered", &claim::CLERK_ANSWERED, |c| {
        let clients = (0..5).map(|number| {
            let mut clerk = c.clerk();
            c.start_actor(number, move |_, client| {
                clerk.append("x", &append_text(client, 0))
            })
        });
        c.join_answered(clients.collect());
    });
}

#[test]
fn an_answer_without_a_majority() {
    golden::<{ flaw::LOCAL }>("not_without_majority", &claim::NOT_WITHOUT_MAJORITY, |c| {
        c.expect_no_stale_read();
    });
}

#[test]
fn a_clerk_that_is_held_up() {
    golden::<{ flaw::SILENT }>("clerk_moves_on", &claim::CLERK_MOVES_ON, |c| {
        c.put_soon(c.clerk(), "x", "1");
    });
}

#[test]
fn a_clerk_that_asks_without_a_pause() {
    golden::<{ flaw::RESTLESS }>("clerk_pauses", &claim::CLERK_PAUSES, |c| {
        let mut clerk = c.clerk();
        c.start_actor(0, move |_, _| clerk.put("x", "1"));
        c.sleep_ms(10_000);
    });
}

#[test]
fn operations_that_take_long() {
    golden::<{ flaw::SLOW }>("kv_speed", &claim::KV_SPEED, |c| c.expect_speed());
}

#[test]
fn a_snapshot_that_nobody_asked_for() {
    golden::<{ flaw::HOARDS }>("kv_no_snapshot", &claim::KV_NO_SNAPSHOT, |c| {
        c.clerk().put("x", "1");
        c.expect_bounded_state();
    });
}

#[test]
fn a_state_that_grows() {
    let seen = perform::<{ flaw::HOARDS }>(&LIMITED, |c| {
        let mut clerk = c.clerk();
        (0..9).for_each(|_| clerk.put("x", "1"));
        c.expect_bounded_state();
    });
    compare("kv_state_size", &claim::KV_STATE_SIZE, &seen);
}

#[test]
fn a_snapshot_that_grows() {
    let seen = perform::<{ flaw::HOARDS }>(&LIMITED, |c| {
        c.clerk().put("x", "1");
        c.expect_small_snapshot(500, "one key with one letter");
    });
    compare("kv_snapshot_size", &claim::KV_SNAPSHOT_SIZE, &seen);
}

#[test]
fn no_snapshot_where_there_should_be_one() {
    let seen = perform::<{ flaw::NO_SNAPSHOT }>(&LIMITED, |c| {
        c.clerk().put("x", "1");
        c.expect_small_snapshot(500, "one key with one letter");
    });
    compare("kv_snapshot_taken", &claim::KV_SNAPSHOT_TAKEN, &seen);
}

/// So many appends without an answer that it can't be told in which order they were done, if at all.
#[test]
fn a_history_that_is_too_large_to_check() {
    golden::<{ flaw::RIDDLE }>("decided", &claim::DECIDED, |c| {
        for number in 1..=24 {
            let mut clerk = c.clerk();
            c.start_actor(number, move |_, _| clerk.append("x", &"a".repeat(number)));
        }
        c.sleep_ms(100);
        c.clerk().get("x");
    });
}

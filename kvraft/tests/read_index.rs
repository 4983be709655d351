// BEGIN SOLUTION
//! Gets that do not enter the log (§8; "ReadIndex" in §6.4 of Ongaro's dissertation).

use kvraft::{Clerk, ReadIndexServer};
use raft::Raft;
use tests::prelude::*;
use tests::{Kind, Story, UNGRADED, rehearse};

/// Seeds tried for each story.
const SEEDS: std::ops::Range<u64> = 0..20;

static STORY: Story = Story {
    part: "3A",
    name: "read_index",
    title: "Gets that do not enter the log.",
    module: "read_index",
    file: file!(),
    line: line!(),
    ..UNGRADED
};

static FIVE_SERVERS: Story = Story {
    servers: 5,
    ..STORY
};

static WITH_SNAPSHOTS: Story = Story {
    part: "3B",
    max_state: 1000,
    ..FIVE_SERVERS
};

/// Plays a story with servers whose reads do not enter the log.
#[track_caller]
fn play(story: &'static Story, tell: fn(&Cluster)) {
    for seed in SEEDS {
        let kind = Kind::kv::<Raft, ReadIndexServer<Raft>, Clerk>();
        let seen = rehearse(story, kind, tell, seed);
        assert!(seen.broken.is_none(), "{}", seen.report);
    }
}

#[test]
fn a_deposed_leader_answers_no_get() {
    play(&STORY, |c| c.expect_no_stale_read());
}

/// Most others are gone, and nobody leads instead: the leader cannot know that, and answers no get.
#[test]
fn a_leader_without_a_majority_answers_no_get() {
    play(&STORY, |c| {
        let mut clerk = c.clerk();
        clerk.put("x", "1");
        let leader = c.leader();
        c.others::<2>([leader]).into_iter().for_each(|s| c.crash(s));
        let get = c.start_actor(0, move |_, _| clerk.get("x"));
        c.sleep_ms(2000);
        c.expect(&claim::NOT_WITHOUT_MAJORITY, !get.is_finished(), || {
            format!("{leader}, alone, answered a get")
        });
        c.servers()
            .into_iter()
            .filter(|s| !c.is_up(*s))
            .for_each(|s| c.restart(s));
        let values = c.join_answered(vec![get]);
        c.expect_value(&values[0], "1");
    });
}

/// A thousand gets leave the log on disk as it was; a put does not.
#[test]
fn gets_do_not_enter_the_log() {
    play(&STORY, |c| {
        let mut clerk = c.clerk();
        clerk.put("x", "1"); // the leader has an entry of its own term now
        c.sleep_ms(200);
        let before = c.largest_state();
        (0..1000).for_each(|_| c.expect_value(&clerk.get("x"), "1"));
        let after = c.largest_state();
        c.expect(&claim::FEW_BYTES, before.1 == after.1, || {
            format!("a thousand gets changed the log on disk from {before:?} to {after:?} bytes")
        });
        clerk.put("x", "2");
        c.expect(&claim::FEW_BYTES, c.largest_state().1 > after.1, || {
            "a put left the log as it was".into()
        });
    });
}

/// A get that comes after a put sees it, whichever server leads by then, and however new it is.
#[test]
fn a_new_leader_knows_what_earlier_ones_committed() {
    play(&FIVE_SERVERS, |c| {
        let mut clerk = c.clerk();
        for round in 0..8 {
            let value = round.to_string();
            clerk.put("x", &value);
            let leader = c.leader_quickly();
            c.crash(leader);
            c.expect_value(&clerk.get("x"), &value);
            c.restart(leader);
        }
    });
}

#[test]
fn linearizable_whatever_fails() {
    play(&WITH_SNAPSHOTS, |c| {
        c.bear(Load {
            clients: 5,
            unreliable: true,
            crash: true,
            partitions: true,
            random_keys: true,
        });
    });
}

#[test]
fn linearizable_while_servers_crash_one_by_one() {
    play(&WITH_SNAPSHOTS, |c| c.work_while_servers_crash());
}
// END SOLUTION

// BEGIN SOLUTION
//! The service while its servers are replaced, one after the other (§6).

use kvraft::{Clerk, ReadIndexServer, Server};
use raft::Raft;
use tests::prelude::*;
use tests::{Kind, Story, UNGRADED, rehearse};

static STORY: Story = Story {
    part: "3A",
    name: "membership",
    title: "All servers are replaced while clerks are at work.",
    servers: 6,
    voters: 3,
    module: "membership",
    file: file!(),
    line: line!(),
    ..UNGRADED
};

static WITH_SNAPSHOTS: Story = Story {
    part: "3B",
    max_state: 1000,
    ..STORY
};

/// Plays a story on ten seeds, or on as many as `MEMBERSHIP_RUNS` says.
#[track_caller]
fn play(story: &'static Story, kind: Kind, tell: fn(&Cluster)) {
    let runs = std::env::var("MEMBERSHIP_RUNS").ok();
    for seed in 0..runs.and_then(|runs| runs.parse().ok()).unwrap_or(10) {
        let seen = rehearse(story, kind, tell, seed);
        assert!(seen.broken.is_none(), "{}", seen.report);
    }
}

fn kind() -> Kind {
    Kind::kv::<Raft, Server<Raft>, Clerk>()
}

/// A newcomer for each founder, whose power goes as soon as it is out. What the clerks got is judged at the end.
fn replace_everyone(c: &Cluster) {
    c.work_while(4, |c| {
        c.replace_three(|c| c.sleep_ms(rng().random_range(0..500)));
    });
}

#[test]
fn clerks_at_work_while_everyone_is_replaced() {
    play(&STORY, kind(), replace_everyone);
}

/// Newcomers get the store in a snapshot.
#[test]
fn the_same_with_snapshots() {
    play(&WITH_SNAPSHOTS, kind(), replace_everyone);
}

/// A leader that was elected by others than those who confirm its reads.
#[test]
fn clerks_cut_off_while_members_change() {
    play(&STORY, kind(), |c| {
        let [a, b, old] = c.founding();
        let [new, _, _] = c.newcomers();
        let mut clerk = c.clerk();
        clerk.put("x", "1");
        c.change(&[a, b, new]);
        let leader = c.leader();
        c.cut_off(leader);
        clerk.put("x", "2");
        c.rejoin(leader);
        clerk.append("x", "3");
        let mut late = c.clerk_to([old]); // it was removed: it answers nothing
        let number = late.number();
        let get = c.start_actor(0, move |_, _| late.get("x"));
        c.sleep_ms(2000);
        c.expect(&claim::NOT_WITHOUT_MAJORITY, !get.is_finished(), || {
            format!("{old}, which is no member any more, answered a get")
        });
        c.let_reach(number, c.servers());
        let values = c.join_answered(vec![get]);
        c.expect_value(&values[0], "23");
    });
}

/// A service that was not made for it says so.
#[test]
fn a_service_without_it_says_so() {
    let kind = Kind::kv::<Raft, ReadIndexServer<Raft>, Clerk>();
    let seen = rehearse(&STORY, kind, |_| {}, 1);
    assert_eq!(
        seen.broken,
        Some(&claim::MEMBERS_WRITTEN),
        "{}",
        seen.report
    );
}
// END SOLUTION

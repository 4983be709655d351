//! Changes in the middle of which a server fails or is cut off (§6, Figures 10 and 11; dissertation §4.2.2).

use raft::Raft;
use tests::prelude::*;

use crate::{expect_joint, hold_replies, ms, seconds};

/// The membership changes while two of five servers are cut off; one of them is to stay, one was removed (§6).
#[story(part = "2E", servers = 6, voters = 5, points = 3)]
fn change_while_a_minority_is_cut_off(c: &Cluster) {
    let all: [Server; 5] = c.founding();
    c.agree_among(&all, "five");
    let leader = c.leader();
    let [x, y, a, b] = c.others::<5>([leader])[..]
        .iter()
        .copied()
        .filter(|server| all.contains(server))
        .collect::<Vec<_>>()[..]
    else {
        unreachable!("four of five are left");
    };
    let [new] = c.newcomers();
    c.cut_off(x);
    c.cut_off(y);
    c.change(&[leader, a, b, x, new]);
    c.agree_among(&[leader, a, b, new], "without both");
    c.rejoin(x);
    c.rejoin(y);
    c.expect_members(&[leader, a, b, x, new], &[]);
    c.agree_among(&[leader, a, b, x, new], "with one");
    c.cut_off(a);
    c.cut_off(b);
    c.agree_among(&[leader, x, new], "three of five");
}

/// The leader's power fails at any moment of a change. What the others find in their logs they bring to an end (§6).
#[story(part = "2E", servers = 5, voters = 3, points = 4)]
fn leader_crashes_during_changes(c: &Cluster) {
    let [a, b, d] = c.founding();
    let [e, f] = c.newcomers();
    c.change_to(&[a, b, d], &[e, f]);
    let all = [a, b, d, e, f];
    for round in 0..8u64 {
        let (voters, learners) = match round % 2 {
            0 => ([a, e, f], [b, d]),
            _ => ([a, b, d], [e, f]),
        };
        let leader = c.begin_change(&voters, &learners);
        c.sleep(Duration::from_micros(rng().random_range(0..3000)));
        c.crash(leader);
        let others: Vec<Server> = all.into_iter().filter(|s| *s != leader).collect();
        c.agree_among(&others, 2 * round);
        c.restart(leader);
        c.begin_change(&voters, &learners);
        c.expect_members(&voters, &learners);
        c.agree_among(&all, 2 * round + 1);
    }
}

/// How far a change has come when the leader crashes.
#[derive(Clone, Copy, PartialEq)]
enum Step {
    JointInItsLogOnly,
    JointInAllLogs,
    NewInItsLogOnly,
}

/// Nobody but the leader has C_old,new: the change is as if it had never been (§6, Figure 11).
#[story(part = "2E", servers = 5, voters = 3, points = 3, exact)]
fn leader_crashes_before_joint_is_sent(c: &Cluster) {
    let scene = crash_at(c, Step::JointInItsLogOnly);
    let learners = c.others::<2>(scene.old);
    c.agree_among(&others_of(&scene.old, scene.leader), "without it"); // or the longest log would be its own
    c.restart(scene.leader);
    c.agree_among(&scene.old, "with it");
    c.expect_members(&scene.old, &learners);
    c.change(&scene.new);
    c.agree_among(&scene.new, "last");
}

/// All have C_old,new, and nobody knows: the next leader brings the change to its end (§6, Figure 11).
#[story(part = "2E", servers = 5, voters = 3, points = 3, exact)]
fn leader_crashes_before_joint_is_committed(c: &Cluster) {
    ends_without_a_command(c, crash_at(c, Step::JointInAllLogs));
}

/// Nobody but the leader has C_new: the next one puts it into its log again (§6, Figure 11).
#[story(part = "2E", servers = 5, voters = 3, points = 3, exact)]
fn leader_crashes_before_new_is_sent(c: &Cluster) {
    ends_without_a_command(c, crash_at(c, Step::NewInItsLogOnly));
}

fn ends_without_a_command(c: &Cluster, Scene { new, leader, .. }: Scene) {
    c.expect_members(&new, &[]);
    c.restart(leader);
    c.agree_among(&new, "after");
}

/// Who is who when the leader has just crashed.
struct Scene {
    old: [Server; 3],
    new: [Server; 3],
    leader: Server,
    /// Of `old`, and not in `new`.
    other: Server,
}

/// Two of three voters are to be replaced by learners, and the leader crashes on the way.
fn crash_at(c: &Cluster, step: Step) -> Scene {
    let old: [Server; 3] = c.founding();
    let [e, f] = c.newcomers();
    c.change_to(&old, &[e, f]);
    let leader = c.leader();
    let [stays, other] = others_of(&old, leader);
    let others: [Server; 4] = c.others([leader]);
    let new = [stays, e, f];
    match step {
        Step::JointInItsLogOnly => others.iter().for_each(|to| c.hold(leader, *to)),
        _ => hold_replies(c, leader, &others),
    }
    c.begin_change(&new, &[]);
    if step != Step::JointInItsLogOnly {
        expect_joint(c, &others);
    }
    if step == Step::NewInItsLogOnly {
        others.iter().for_each(|to| c.hold(leader, *to));
        for from in others {
            c.release_held(Mail::Replies, from, leader);
        }
        let has_new = c.until(ms(100), ms(1), || {
            c.membership(leader).is_some_and(|m| !m.is_joint())
        });
        c.expect(&claim::CHANGE_ENDS, has_new, || {
            format!("{leader} has heard that all have the C_old,new, and 100 ms later C_new is not in its log")
        });
    }
    c.sleep_ms(1);
    c.crash(leader);
    c.let_all_pass();
    Scene {
        old,
        new,
        leader,
        other,
    }
}

/// The two of three servers that are not this one.
fn others_of(three: &[Server; 3], but: Server) -> [Server; 2] {
    let left: Vec<Server> = three.iter().copied().filter(|s| *s != but).collect();
    left.try_into().expect("two of three are left")
}

/// Nobody but the leader, which is not in C_new, has C_new; and the others need its vote, which it cannot give to a
/// shorter log. So it has to lead once more (dissertation §4.2.2).
#[story(part = "2E", servers = 5, voters = 3, points = 2, exact)]
fn a_removed_leader_is_needed_once_more(c: &Cluster) {
    let Scene {
        old,
        new,
        leader,
        other,
    } = crash_at(c, Step::NewInItsLogOnly);
    c.crash(other); // no majority of C_old without the leader
    c.restart(leader);
    let done = || {
        new.iter()
            .all(|s| c.membership(*s) == Some(Membership::of(new.map(Into::into))))
    };
    let ends = c.until(seconds(10), ms(20), done);
    c.expect(&claim::ANY_CALLER, ends, || {
        let old = set(old);
        format!(
            "of the old voters, {old}, {other} is gone, and {leader} has the longest log, with C_new, which does not \
             name it and is not committed; 10 s later the change has not come to its end"
        )
    });
    c.agree_among(&new, "last");
}

/// A voter has not heard of the candidate's becoming one, and its vote is needed (dissertation §4.2.2).
#[story(part = "2E", servers = 4, voters = 3, points = 2, exact)]
fn an_older_configuration_votes(c: &Cluster) {
    let old: [Server; 3] = c.founding();
    let [e] = c.newcomers();
    c.change_to(&old, &[e]);
    let leader = c.leader();
    let [a, b] = others_of(&old, leader);
    c.hold(leader, b);
    c.begin_change(&[leader, a, b, e], &[]);
    let four = Membership::of([leader, a, b, e].map(Into::into));
    let is_new = |s: &Server| c.membership(*s).as_ref() == Some(&four);
    let ends = c.until(seconds(1), ms(1), || [leader, a, e].iter().all(is_new));
    c.expect(&claim::CHANGE_ENDS, ends, || {
        format!("the change to {four} has not come to its end in 1 s, though only {b} does not hear of it")
    });
    // From now on the longest log is that of `e`.
    c.hold(leader, a);
    c.propose_at(leader, ["x"]);
    c.sleep_ms(5);
    c.crash(leader);
    c.let_all_pass();
    let elected = c.until(seconds(10), ms(20), || {
        [a, b, e].iter().any(|s| c.leads(*s))
    });
    c.expect(&claim::ANY_CALLER, elected, || {
        format!(
            "three of the four voters {four} are there, and nobody was elected in 10 s; {e} has the longest log, and to {b}, \
             which has not heard of the change, it is a learner"
        )
    });
    c.agree_among(&[a, b, e], "last");
}

/// A leader without a majority begins a change; another one is elected, and it is as if it had never been (§6).
#[story(part = "2E", servers = 3, voters = 3, points = 4)]
fn a_change_is_rolled_back(c: &Cluster) {
    c.agree("three");
    let old = c.leader();
    let [a, b] = c.others([old]);
    c.cut_off(old);
    // Alone it would be a majority of the new configuration; of the old one it is none.
    if c.try_change(old, &[old], &[]).is_err() {
        return; // it knows already that it leads no more
    }
    c.no_agreement_among(
        &[old],
        seconds(1),
        &format!("{old} reaches none of the other voters of C_old"),
    );
    c.agree_among(&[a, b], "kept");
    c.rejoin(old);
    c.agree_among(&[old, a, b], "all three");
    let falls_back = |when: &str| {
        let expected = Membership::of([old, a, b].map(Into::into));
        let now = c.membership(old).unwrap_or_default();
        c.expect(&claim::FALLS_BACK, now == expected, || {
            format!(
                "the change to {{{}}} was cut off the log of {old}; {when} it has {now}",
                old.number()
            )
        });
    };
    falls_back("now");
    c.restart(old);
    falls_back("after a restart");
    c.cut_off(a);
    c.agree_among(&[old, b], "two of three");
    c.cut_off(b);
    c.no_agreement_among(&[old], seconds(2), "one of three voters is no majority");
}

/// Six servers have a C_old,new to these voters in their logs, and the leader, which is returned, hears of none of it.
fn joint_everywhere(c: &Cluster, new: &[Server]) -> Server {
    let leader = c.leader();
    let others: [Server; 5] = c.others([leader]);
    hold_replies(c, leader, &others);
    c.begin_change(new, &[]);
    expect_joint(c, &others);
    leader
}

/// While C_old,new is in force a majority of C_old elects nobody, without one of C_new (§6).
#[story(part = "2E", servers = 6, voters = 3, points = 3, exact)]
fn the_old_majority_elects_nobody_alone(c: &Cluster) {
    let old: [Server; 3] = c.founding();
    let new: [Server; 3] = c.newcomers();
    c.change_to(&old, &new);
    c.agree_among(&old, "old");
    let leader = joint_everywhere(c, &new);
    let left: Vec<Server> = old.into_iter().filter(|s| *s != leader).collect();
    c.partition(&[&left, &new]);
    c.let_all_pass();
    c.nobody_leads(
        &left,
        seconds(3),
        &claim::BOTH_MAJORITIES,
        &format!(
            "none of the new voters, {}, can have voted for it",
            set(new)
        ),
    );
    c.heal();
    c.expect_members(&new, &[]);
    c.agree_among(&new, "new");
}

/// Majorities of C_old and of C_new on different sides of a cut: at most one of them goes on (§6, Figure 10).
#[story(part = "2E", servers = 6, voters = 3, points = 4, exact)]
fn old_and_new_majorities_apart(c: &Cluster) {
    let old: [Server; 3] = c.founding();
    let new: [Server; 3] = c.newcomers();
    c.change_to(&old, &new);
    c.agree_among(&old, "old");
    let leader = c.leader();
    let left: Vec<Server> = old.into_iter().filter(|s| *s != leader).collect();
    let with_new = [&[leader][..], &new].concat();

    // The leader is on the side of C_new. It cannot commit, and the majority of C_old may.
    c.partition(&[&with_new, &left]);
    let begun = c.try_change(leader, &new, &[]);
    c.expect(&claim::CHANGE_TAKEN, begun.is_ok(), || {
        let why = begun.map_or_else(|error| error.to_string(), |_| String::new());
        format!("{leader} leads, all learners have caught up, and it refuses the change: {why}")
    });
    c.no_agreement_among(
        &with_new,
        seconds(3),
        &format!(
            "of the old voters, {}, only {leader} is on this side of the cut",
            set(old)
        ),
    );
    c.agree_among(&left, "the old majority");
    c.heal();
    c.agree_among(&old, "healed");
    c.expect_members(&old, &new);

    // All have the C_old,new, and none of C_new reaches one of C_old.
    joint_everywhere(c, &new);
    c.partition(&[&old, &new]);
    c.let_all_pass();
    c.nobody_leads(
        &new,
        seconds(3),
        &claim::BOTH_MAJORITIES,
        &format!(
            "none of the old voters, {}, can have voted for it",
            set(old)
        ),
    );
    c.no_agreement_among(
        &old,
        seconds(2),
        &format!(
            "none of the new voters, {}, is on this side of the cut",
            set(new)
        ),
    );
    c.heal();
    c.expect_members(&new, &[]);
    c.agree_among(&new, "new");
}

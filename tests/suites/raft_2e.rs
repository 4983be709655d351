//! Part 2E, which is optional: membership changes (§6).

use raft::Raft;
use tests::prelude::*;

/// A cluster of one grows to three servers, then to five, and so can do without more of them (§6).
#[story(part = "2E", servers = 5, voters = 1, points = 3)]
fn grow(c: &Cluster) {
    let [a] = c.founding();
    let [b, d, e, f] = c.newcomers();
    c.agree_among(&[a], "one");
    c.change(&[a, b, d]);
    c.agree_among(&[a, b, d], "three");
    c.change(&[a, b, d, e, f]);
    c.agree_among(&[a, b, d, e, f], "five");
    c.cut_off(b);
    c.cut_off(e);
    c.agree_among(&[a, d, f], "three of five");
    c.cut_off(d);
    c.no_agreement_among(&[a, f], seconds(2), "two of five voters are no majority");
    for back in [b, d, e] {
        c.rejoin(back);
    }
    c.agree_among(&[a, b, d, e, f], "last");
}

/// Five servers become three, then one, and those that left are needed no more (§6).
#[story(part = "2E", servers = 5, voters = 5, points = 3)]
fn shrink(c: &Cluster) {
    let [a, b, d, e, f] = c.founding();
    c.agree_among(&[a, b, d, e, f], "five");
    c.change(&[a, b, d]);
    c.crash(e);
    c.crash(f);
    c.agree_among(&[a, b, d], "three");
    c.crash(d);
    c.agree_among(&[a, b], "two of three");
    c.restart(d);
    c.agree_among(&[a, b, d], "three again");
    c.change(&[a]);
    c.crash(b);
    c.crash(d);
    c.agree_among(&[a], "one");
}

/// Every server is replaced, one after the other, while a client is at work (§6).
#[story(part = "2E", servers = 6, voters = 3, points = 4)]
fn replace_everyone_under_load(c: &Cluster) {
    let stop = Flag::default();
    let load = c.start_load(&stop);
    let members = c.replace_three(|_| {});
    stop.raise();
    c.join_actor(load);
    c.agree_among(&members, "last");
}

/// Two of three servers are swapped in one change, and the two that left are gone at once (§6, Figure 10).
#[story(part = "2E", servers = 5, voters = 3, points = 3)]
fn swap_two_at_once(c: &Cluster) {
    let [a, b, d] = c.founding();
    let [e, f] = c.newcomers();
    c.agree_among(&[a, b, d], "old");
    c.change(&[a, e, f]);
    c.crash(b);
    c.crash(d);
    c.agree_among(&[a, e, f], "new");
    c.cut_off(e);
    c.agree_among(&[a, f], "two of three");
}

/// Clusters of four and of two: half of the servers are no majority, before and after (§6).
#[story(part = "2E", servers = 4, voters = 4, points = 3)]
fn even_sizes(c: &Cluster) {
    let [a, b, d, e] = c.founding();
    c.agree_among(&[a, b, d, e], "four");
    c.change(&[a, b]);
    c.crash(d);
    c.crash(e);
    c.agree_among(&[a, b], "two");
    c.cut_off(b);
    c.no_agreement_among(&[a], seconds(2), "one of two voters is no majority");
    c.rejoin(b);
    c.agree_among(&[a, b], "two again");
    c.change(&[a, b, d, e]);
    c.cut_off(d);
    c.agree_among(&[a, b, e], "three of four");
    c.cut_off(e);
    c.no_agreement_among(&[a, b], seconds(2), "two of four voters are no majority");
}

/// A leader that is not in C_new steps down once it is committed, and another takes its place (§6).
#[story(part = "2E", servers = 3, voters = 3, points = 3)]
fn remove_the_leader(c: &Cluster) {
    c.agree("three");
    let leader = c.leader();
    let [a, b] = c.others([leader]);
    c.change(&[a, b]);
    let gone = c.until(seconds(5), ms(10), || !c.leads(leader));
    c.expect(&claim::LEADER_LEAVES, gone, || {
        format!("{leader} still leads, 5 s after {a} and {b} went on without it")
    });
    c.agree_among(&[a, b], "two");
    c.nobody_leads(
        &[leader],
        seconds(2),
        &claim::LEADER_LEAVES,
        "it was removed",
    );
    c.agree_among(&[a, b], "last");
}

/// A leader that is not in C_new does not count itself towards a majority of it (§6).
#[story(part = "2E", servers = 3, voters = 3, points = 3)]
fn a_leaving_leader_does_not_count(c: &Cluster) {
    c.agree("three");
    let leader = c.leader();
    let [a, b] = c.others([leader]);
    c.cut_off(b);
    c.begin_change(&[a, b], &[]);
    c.no_agreement_among(
        &[leader, a],
        seconds(2),
        &format!("of the new voters, {a} and {b}, one is cut off, and the leader is none"),
    );
    c.rejoin(b);
    c.expect_members(&[a, b], &[]);
    c.agree_among(&[a, b], "two");
}

/// A server that was removed is taken in again, with the log that it had; once more after its power failed (§6).
#[story(part = "2E", servers = 3, voters = 3, points = 3)]
fn removed_server_returns(c: &Cluster) {
    let [a, b, x] = c.founding();
    c.agree_among(&[a, b, x], "with it");
    for round in 0..3u64 {
        c.change(&[a, b]);
        for number in 0..5 {
            c.agree_among(&[a, b], 100 * round + number);
        }
        if round == 1 {
            c.crash(x);
        }
        c.change(&[a, b, x]);
        c.agree_among(&[a, b, x], 100 * round + 50);
    }
    c.cut_off(a);
    c.agree_among(&[b, x], "it counts again");
}

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

fn hold_replies(c: &Cluster, leader: Server, from: &[Server]) {
    for from in from {
        c.handle(Mail::Replies, *from, leader, Handling::Hold);
    }
}

/// All these have a C_old,new, which nobody has committed.
fn expect_joint(c: &Cluster, servers: &[Server]) {
    let is_joint = |s: &Server| c.membership(*s).is_some_and(|m| m.is_joint());
    let all = c.until(ms(250), ms(1), || servers.iter().all(is_joint));
    c.expect(&claim::IN_FORCE_AT_ONCE, all, || {
        let said = servers.iter().map(|s| {
            let membership = c.membership(*s).unwrap_or_default();
            format!("{s} has {membership}")
        });
        let said: Vec<String> = said.collect();
        format!(
            "the leader has put a C_old,new into its log and sent it, and hears no answer; 250 ms later {}",
            said.join(", ")
        )
    });
}

/// A configuration is in force as soon as it is in the log, at the leader and at a follower, committed or not (§6).
#[story(part = "2E", servers = 3, voters = 3, points = 3, exact)]
fn in_force_at_once(c: &Cluster) {
    c.agree("three");
    let leader = c.leader();
    let [a, b] = c.others([leader]);
    for to in [a, b] {
        c.hold(leader, to);
    }
    c.begin_change(&[leader, a], &[]);
    let now = c.membership(leader).unwrap_or_default();
    c.expect(&claim::IN_FORCE_AT_ONCE, now.is_joint(), || {
        format!("{leader} has just taken a change, and says that {now} is in force")
    });
    hold_replies(c, leader, &[a, b]);
    for to in [a, b] {
        c.handle(Mail::Requests, leader, to, Handling::Pass);
        c.release_held(Mail::Requests, leader, to);
    }
    expect_joint(c, &[a, b]);
    c.let_all_pass();
    c.expect_members(&[leader, a], &[]);
    c.agree_among(&[leader, a], "two");
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
    let leader = c.leader();
    let others: [Server; 5] = c.others([leader]);
    hold_replies(c, leader, &others);
    c.begin_change(&new, &[]);
    expect_joint(c, &others);
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

/// Servers without a vote are sent the log, and neither lead nor count (§6).
#[story(part = "2E", servers = 5, voters = 3, points = 4)]
fn learners_do_not_count(c: &Cluster) {
    let voters: [Server; 3] = c.founding();
    let learners: [Server; 2] = c.newcomers();
    c.change_to(&voters, &learners);
    c.agree_among(&[&voters[..], &learners].concat(), "all five");
    let leader = c.leader();
    let [a, b] = voters
        .into_iter()
        .filter(|s| *s != leader)
        .collect::<Vec<_>>()[..]
    else {
        unreachable!("two of three are left");
    };
    c.cut_off(a);
    c.cut_off(b);
    let why = "only one of three voters is there, with two learners";
    c.no_agreement_among(&[leader], seconds(2), why);
    c.cut_off(leader);
    c.rejoin(a);
    let rest = [&[a][..], &learners].concat();
    c.nobody_leads(&rest, seconds(3), &claim::LEARNERS_DO_NOT_COUNT, why);
    c.crash(a);
    let why = "no voter is there";
    c.nobody_leads(&learners, seconds(3), &claim::LEARNERS_DO_NOT_COUNT, why);
    c.restart(a);
    c.rejoin(b);
    c.rejoin(leader);
    c.agree_among(&[&voters[..], &learners].concat(), "last");
}

/// One change at a time; and what must not begin is refused (§6; raftapi::ChangeError).
#[story(part = "2E", servers = 5, voters = 3, points = 3, exact)]
fn one_change_at_a_time(c: &Cluster) {
    let old: [Server; 3] = c.founding();
    let [e, late] = c.newcomers();
    c.change_to(&old, &[e]);
    let leader = c.leader();
    let now = c.membership(leader);
    let [a, b] = old.into_iter().filter(|s| *s != leader).collect::<Vec<_>>()[..] else {
        unreachable!("two of three are left");
    };
    let refused = |at: Server, voters: &[Server], learners: &[Server], why: &str| {
        let answer = c.try_change(at, voters, learners);
        c.expect(&claim::CHANGE_REFUSED, answer.is_err(), || {
            format!("{at} took a change, though {why}")
        });
        c.expect(&claim::CHANGE_REFUSED, c.membership(leader) == now, || {
            let membership = c.membership(leader).unwrap_or_default();
            format!("{at} refused a change, because {why}; now {leader} has {membership}")
        });
    };
    refused(leader, &[], &[a], "there would be no voters");
    refused(a, &[a, b], &[], "it does not lead");
    let stranger = Server::numbered(5);
    let why = "there is no server 5, the last is server 4";
    refused(leader, &[a, stranger], &[], why);
    refused(leader, &old, &[stranger], why);
    refused(
        leader,
        &[leader, a, b, late],
        &[e],
        "a new voter has an empty log",
    );

    let second_is_refused = |uncommitted: &str| {
        let answer = c.try_change(leader, &[leader, a], &[]);
        c.expect(&claim::ONE_CHANGE, answer == Err(ChangeError::UnderWay), || {
            let answer = answer.map_or_else(|e| format!("answered: {e}"), |(i, t)| format!("took it at {i}@{t}"));
            format!("{leader} was asked for a second change while {uncommitted} of the first was not committed, and {answer}")
        });
    };
    let others: [Server; 4] = c.others([leader]);
    hold_replies(c, leader, &others);
    c.begin_change(&[leader, a, e], &[]);
    for _ in 0..2 {
        second_is_refused("the C_old,new");
        c.sleep_ms(50);
    }
    // Now the C_old,new is committed, and nobody but the leader sees the C_new.
    others.into_iter().for_each(|other| c.hold(leader, other));
    for other in others {
        c.release_held(Mail::Replies, other, leader);
    }
    c.sleep_ms(20);
    second_is_refused("the C_new");
    c.let_all_pass();
    c.expect_members(&[leader, a, e], &[]);
    c.change(&[leader, a, b]);
    c.agree_among(&[leader, a, b], "another");
}

/// Snapshots take the place of the entries that were configurations: nobody forgets who is a member (§6, §7).
#[story(part = "2E", servers = 5, voters = 3, points = 4, snapshots)]
fn change_across_a_snapshot(c: &Cluster) {
    let [a, b, x] = c.founding();
    let [d, last] = c.newcomers();
    c.agree_among(&[a, b, x], "three");
    c.cut_off(x);
    c.change(&[a, b, x, d]);
    for number in 0..45u64 {
        c.agree_among(&[a, b, d], number);
    }
    c.rejoin(x); // needs what is in the snapshot
    c.agree_among(&[a, b, x, d], "four");
    let four = [a, b, x, d];
    expect_kept(
        c,
        &four,
        &four,
        "it was brought up to date, by a snapshot if it was away",
    );
    c.restart_all(four);
    expect_kept(c, &four, &four, "its power failed");
    c.agree_among(&four, "four again");
    c.change_to(&four, &[last]); // knows of the cluster what its leader tells it
    c.agree_among(&[a, b, x, d, last], "five");
    c.restart_all([last]);
    c.cut_off(a);
    c.cut_off(b);
    c.no_agreement_among(
        &[x, d],
        seconds(2),
        "two of four voters and a learner are no majority",
    );
}

/// A snapshot that ends inside a follower's log leaves the configurations after it in force (§6; Figure 13, InstallSnapshot 6).
#[story(part = "2E", servers = 3, voters = 3, points = 3, snapshots, exact)]
fn a_change_after_a_snapshot(c: &Cluster) {
    c.agree("first");
    let leader = c.leader();
    let [keeper, third] = c.others([leader]);
    // Both are sent entries up to 19, `keeper` the change as well, and the leader hears of none of it.
    hold_replies(c, leader, &[keeper, third]);
    c.propose_at(leader, (2..=19u64).map(Command::from));
    c.sleep_ms(2);
    c.handle(Mail::Requests, leader, third, Handling::Swallow);
    c.cut_calls(third, keeper);
    c.begin_change(&[leader, third], &[]);
    c.sleep_ms(2);
    expect_joint(c, &[keeper]);
    c.hold(leader, keeper);
    // `third` has confirmed 19, where a snapshot is taken. For all the leader knows, `keeper` needs it.
    c.release_held(Mail::Replies, third, leader);
    c.sleep_ms(120); // long enough for the next heartbeats, and no election timeout
    c.release_last(Mail::Requests, leader, keeper);
    c.sleep_ms(2);
    let now = c.membership(keeper).unwrap_or_default();
    c.expect(&claim::MEMBERS_KEPT, now.is_joint(), || {
        format!(
            "{keeper} had a C_old,new at 20 when a snapshot came that ends at 19; now it has {now}"
        )
    });
    c.let_all_pass();
    c.heal();
    c.expect_members(&[leader, third], &[]);
    c.agree_among(&[leader, third], "two");
}

fn expect_kept(c: &Cluster, servers: &[Server], voters: &[Server], when: &str) {
    let expected = Membership::of(voters.iter().copied().map(Into::into));
    for server in servers {
        let now = c.membership(*server).unwrap_or_default();
        c.expect(&claim::MEMBERS_KEPT, now == expected, || {
            format!("{server} has {now} after {when}; expected {expected}")
        });
    }
}

/// All servers lose their power after a change, and again: the configuration is on their disks (§6).
#[story(part = "2E", servers = 4, voters = 3, points = 3)]
fn everyone_restarts(c: &Cluster) {
    let [a, b, d] = c.founding();
    let [new] = c.newcomers();
    c.change(&[a, b, new]);
    for round in 0..2u64 {
        c.restart_all([a, b, d, new]);
        expect_kept(c, &[a, b, new], &[a, b, new], "its power failed");
        c.agree_among(&[a, b, new], round);
    }
    c.crash(a);
    c.agree_among(&[b, new], "two of three");
    c.crash(b);
    c.no_agreement_among(&[new], seconds(2), "one of three voters is no majority");
}

/// A fresh server catches up on a network that loses and delays messages, and then counts (§6).
#[story(part = "2E", servers = 4, voters = 3, points = 3, snapshots)]
fn newcomer_on_a_bad_network(c: &Cluster) {
    let [a, b, d] = c.founding();
    let [new] = c.newcomers();
    for number in 0..60u64 {
        c.agree_among(&[a, b, d], number);
    }
    c.set_reliable(false);
    c.start_server(new);
    c.change(&[a, b, d, new]);
    c.agree_among(&[a, b, d, new], "four");
    c.cut_off(a);
    c.agree_among(&[b, d, new], "three of four");
    c.cut_off(b);
    c.no_agreement_among(&[d, new], seconds(2), "two of four voters are no majority");
}

/// A server that was removed while it was away runs for office for an hour, and disturbs nobody (§6; dissertation §4.2.3).
#[story(
    part = "2E",
    servers = 4,
    voters = 4,
    points = 4,
    limit = 4000,
    runs = 1,
    exact
)]
fn removed_server_runs_for_an_hour(c: &Cluster) {
    let [a, b, d, x] = c.founding();
    c.agree_among(&[a, b, d, x], "four");
    c.cut_off(x);
    let three = [a, b, d];
    c.change(&three);
    c.agree_among(&three, "three");
    c.rejoin(x);
    let (leader, before) = (c.leader_among(&three), highest(c, &three));
    for ten_minutes in 1..=6u64 {
        c.sleep(seconds(600));
        let terms = highest(c, &three).0 - before.0;
        // Now and then a Raft may elect another leader; this one would be deposed each second.
        c.expect(&claim::REMOVED_DISTURBS_NOBODY, terms <= 2 * ten_minutes, || {
            format!(
                "{terms} terms have begun in {ten_minutes}0 minutes since {x}, which was removed, is back; \
                 {leader} led term {before} then"
            )
        });
        c.agree_among(&three, ten_minutes);
    }
}

/// One voter hears the leader no more, and its log is as good as any; who hears the leader does not help it (§6; dissertation §4.2.3).
#[story(part = "2E", servers = 3, voters = 3, points = 3, exact)]
fn a_heard_leader_stays(c: &Cluster) {
    c.agree("three");
    let leader = c.leader();
    let term = c.term_of(leader);
    let [deaf, hears] = c.others([leader]);
    c.sleep_ms(200); // both know what is committed
    c.cut_calls(leader, deaf);
    c.cut_calls(deaf, leader);
    let stays = !c.until(seconds(3), ms(20), || {
        !c.leads(leader) || c.term_of(hears) > term
    });
    c.expect(&claim::HEARD_LEADER_STAYS, stays, || {
        format!(
            "{leader} led term {term}, and {hears} heard it all the time; {deaf}, which did not, ran for office, and now {hears} \
             is in term {}",
            c.term_of(hears)
        )
    });
    c.heal();
    c.agree("last");
}

fn highest(c: &Cluster, servers: &[Server]) -> Term {
    let terms = servers.iter().map(|s| c.term_of(*s));
    terms.max().unwrap_or_default()
}

/// The leader hands over its office while a client is at work; if its successor is away it goes on (dissertation §3.10).
// Five, so that the votes of those who have just heard the leader are needed: its own may be given in any case.
#[story(part = "2E", servers = 5, voters = 5, points = 4)]
fn transfer_under_load(c: &Cluster) {
    let stop = Flag::default();
    let load = c.start_load(&stop);
    for _ in 0..6 {
        let leader = c.leader();
        let [to, ..]: [Server; 4] = c.others([leader]);
        if c.try_transfer(leader, to).is_err() {
            continue; // it does not lead any more
        }
        let done = c.until(seconds(1), ms(5), || c.leads(to));
        c.expect(&claim::TRANSFER, done, || {
            format!("{leader} was to hand over to {to}, which does not lead 1 s later")
        });
    }
    stop.raise();
    c.join_actor(load);
    let leader = c.leader();
    let [away, others @ ..]: [Server; 4] = c.others([leader]);
    c.cut_off(away);
    if c.try_transfer(leader, away).is_ok() {
        let goes_on = c.until(seconds(2), ms(10), || c.try_propose(leader, "on").is_ok());
        c.expect(&claim::TRANSFER, goes_on || !c.leads(leader), || {
            format!("{leader} was to hand over to {away}, which is cut off; it leads 2 s later, and takes no commands")
        });
    }
    let [a, b, d] = others;
    c.agree_among(&[leader, a, b, d], "last");
}

/// The successor lacks entries: it is told to run only when it has them, and until then there are no new ones (dissertation §3.10, 1 to 3).
#[story(part = "2E", servers = 3, voters = 3, points = 3, exact)]
fn transfer_waits_for_the_log(c: &Cluster) {
    c.agree("first");
    let leader = c.leader();
    let term = c.term_of(leader);
    let [to, _] = c.others([leader]);
    c.hold(leader, to);
    c.propose_at(leader, (2..=9u64).map(Command::from));
    c.sleep_ms(20);
    begin_transfer(c, leader, to);
    c.expect(&claim::TRANSFER, c.try_propose(leader, "late").is_err(), || {
        format!("{leader} is to hand over to {to}, which lacks entries 2 to 9, and goes on taking commands")
    });
    c.sleep_ms(20);
    c.release_last(Mail::Requests, leader, to); // were it told already, it would run
    c.sleep_ms(5);
    c.let_all_pass();
    let done = c.until(seconds(1), ms(5), || c.leads(to));
    let stays = c.leads(leader) && c.term_of(leader) == term;
    c.expect(&claim::TRANSFER, done || stays, || {
        format!("{leader} was to hand over to {to}, which lacked entries 2 to 9; 1 s later neither has the office")
    });
    c.agree("last");
}

/// TimeoutNow arrives when another has been elected already, in a later term (dissertation §3.10; §5.1).
#[story(part = "2E", servers = 3, voters = 3, points = 2, exact)]
fn a_late_timeout_now(c: &Cluster) {
    c.agree("first");
    let leader = c.leader();
    let [to, other] = c.others([leader]);
    c.sleep_ms(200); // all that is committed is known everywhere
    c.hold(leader, to);
    begin_transfer(c, leader, to);
    c.sleep_ms(5);
    for (from, to) in [(leader, other), (to, other), (to, leader)] {
        c.cut_calls(from, to);
    }
    let elected = c.until(seconds(10), ms(10), || c.leads(other));
    c.expect(&claim::ONE_LEADER, elected, || {
        format!(
            "{other} can call everybody and {to} hears nobody else; {other} was not elected in 10 s"
        )
    });
    c.heal();
    c.sleep_ms(300);
    let term = c.term_of(other);
    let late = c.release_held(Mail::Requests, leader, to);
    c.sleep_ms(1000);
    c.expect(&claim::TRANSFER, c.leads(other) && c.term_of(other) == term, || {
        format!(
            "{other} led term {term} when {late} requests of {leader} from an earlier term reached {to}, a TimeoutNow among \
             them; 1 s later {other} is in term {}",
            c.term_of(other)
        )
    });
    c.let_all_pass();
    c.agree("last");
}

fn begin_transfer(c: &Cluster, leader: Server, to: Server) {
    let answer = c.try_transfer(leader, to);
    c.expect(&claim::TRANSFER, answer.is_ok(), || {
        format!("{leader} leads, {to} is a voter, and the transfer is refused")
    });
}

/// An office goes to a voter only, and only its holder hands it over (dissertation §3.10).
#[story(part = "2E", servers = 4, voters = 3, points = 2)]
fn transfer_to_a_voter_only(c: &Cluster) {
    let voters: [Server; 3] = c.founding();
    let [learner] = c.newcomers();
    c.change_to(&voters, &[learner]);
    let leader = c.leader();
    let term = c.term_of(leader);
    let follower = *voters.iter().find(|s| **s != leader).expect("two follow");
    for (at, to, why) in [
        (leader, learner, "it does not vote"),
        (follower, follower, "the one asked does not lead"),
    ] {
        let answer = c.try_transfer(at, to);
        let moved_on = c.term_of(leader) > term; // then all this is about another leader
        c.expect(&claim::CHANGE_REFUSED, answer.is_err() || moved_on, || {
            format!("{at} agreed to hand over to {to}, though {why}")
        });
    }
    c.nobody_leads(
        &[learner],
        seconds(1),
        &claim::LEARNERS_DO_NOT_COUNT,
        "it is a learner",
    );
    c.agree_among(&voters, "last");
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

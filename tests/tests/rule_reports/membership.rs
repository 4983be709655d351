//! Changes of the membership.

use super::play::*;

/// Of changes of the membership the stories of part 2E and `rules/members.rs` check what scripts here do not play: these are
/// the reports that their sentences lead to.
#[test]
fn changes_of_the_membership() {
    script!(Changes, two_leaders);
    let seen: [(&str, &'static Claim, &str); 17] = [
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
            "heard_leader_stays",
            &claim::HEARD_LEADER_STAYS,
            "server 0 led term 1, and server 2 heard it all the time; server 1, which did not, ran for office, and now server 2 is in term 2",
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

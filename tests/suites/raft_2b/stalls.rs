//! Servers whose threads stand still between any two of their steps, as on a machine that has other work to do.

use raft::Raft;
use tests::prelude::*;

/// Threads stand still for some milliseconds at any time; each command is committed once, in order, everywhere (§5.3).
#[story(part = "2B", servers = 3, points = 3, limit = 240, stalls = 100)]
fn threads_stand_still(c: &Cluster) {
    for round in 0..4u64 {
        for pair in 0..25u64 {
            // The second may be committed while a thread that has seen to the first is about to wait. And no third comes,
            // which would make up for a wake-up that got lost.
            let leader = c.leader();
            c.propose_at(leader, [round * 100 + pair * 2]);
            c.sleep(Duration::from_micros(rng().random_range(0..8_000)));
            c.agree_at_once(round * 100 + pair * 2 + 1);
        }
        let leader = c.leader();
        c.cut_off(leader);
        c.agree_at_once(round * 100 + 60);
        c.rejoin(leader);
        c.agree(round * 100 + 61);
    }
}

/// A leader gets a reply, and just then its time is over: the next one's entry takes the place of what the reply confirms. With
/// threads that stand still between any two of their steps (§5.3).
#[story(part = "2B", servers = 5, points = 3, exact, limit = 300, stalls = 20)]
fn a_reply_comes_as_a_leader_is_deposed(c: &Cluster) {
    for round in 0..8u64 {
        c.agree(round);
        let again = reply_and_depose(c);
        c.let_all_pass();
        c.heal();
        if !again {
            break;
        }
    }
    c.agree("last");
}

/// One round. False: there are no leaders here of whom the story could be told.
fn reply_and_depose(c: &Cluster) -> bool {
    // As in Figure 8: old entries that only `old` has, and one of a later term that only `later` has.
    let old = c.leader();
    let [later, x, one, two] = c.others([old]);
    c.keep_links(|_, _| false);
    c.propose_at(old, (0..5).map(|number| format!("old {number}")));
    c.elect(later, &[x, one]);
    c.propose_at(later, ["later"]);
    // `old` brings its entries to a majority, which commits none of them, as they are of an earlier term.
    if c.try_to_elect(old, &[one, two], 5).is_none() {
        return true;
    }
    for to in [one, two] {
        c.handle(Mail::Requests, old, to, Handling::Pass);
        c.release_held(Mail::Requests, old, to);
    }
    c.sleep_ms(400);
    c.handle(Mail::Replies, two, old, Handling::Hold);
    c.sleep_ms(150); // a heartbeat, and its reply waits
    // `later` is elected once more. Its log takes the place of the other, and has one entry more, of its own term.
    c.handle(Mail::Requests, old, two, Handling::Swallow);
    c.hold(later, old);
    if c.try_to_elect(later, &[x, two], 5).is_none() {
        return false; // what begins a term with an entry of its own is followed by nobody without it
    }
    c.keep_links(|from, to| (from, to) == (later, old) || (from, to) == (old, two));
    let (index, _) = c.propose_at(later, ["of its term"]);
    c.sleep_ms(150);
    c.release_held(Mail::Replies, two, old);
    c.sleep(Duration::from_micros(rng().random_range(0..2000)));
    c.handle(Mail::Requests, later, old, Handling::Pass);
    c.release_held(Mail::Requests, later, old);
    c.sleep_ms(60);
    c.expect(&claim::STALE_REPLIES, c.committed(index).0 == 0, || {
        format!(
            "{old} led until {later} brought it index {index}, and got a reply of {two} to an earlier entry at that very moment; \
             no other server has index {index}, and it was applied"
        )
    });
    true
}

//! Checks of single stories about commands in the log.

use super::play::*;

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

#[test]
fn a_command_taken_in_a_term_of_another() {
    script!(Late, |a| {
        two_leaders(a);
        if a.me == 0 {
            a.at_ms(700);
            a.state.lock().1 = true; // server 1 has told it of term 2, and it still takes commands
        }
    });
    golden::<Late>("takes_as_leader", &claim::TAKES_AS_LEADER, |c| {
        c.sleep_ms(1000);
        let _ = c.try_propose(Server::numbered(0), "y");
        c.sleep_ms(1);
    });
}

//! What a student reads when messages and disks break a rule, or a story's own check fails: a script plays a Raft that is
//! wrong in one way. The reports are kept in `golden/`; `UPDATE_GOLDEN=1 cargo test -p tests --test rule_reports` writes them anew.

#[macro_use]
mod play;
#[path = "../kept/mod.rs"]
mod kept;
#[path = "../script/mod.rs"]
mod script;

mod costs;
mod elections;
mod log;
mod membership;
mod rules;

use play::*;

#[test]
fn a_script_without_a_flaw_passes() {
    script!(Right, first_leader);
    let seen = rehearse(&STORY, Kind::of::<Scripted<Right>>(), wait, 1);
    assert!(seen.broken.is_none(), "{}", seen.report);
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

/// Told at once that its call was lost, a right Raft that tries again at once would do so without end.
#[test]
fn nobody_is_told_that_a_server_has_lost_its_power() {
    script!(Asks, |a| {
        if a.me == 0 {
            a.at_ms(100);
            (1..20).for_each(|term| a.runs(term, &[1]));
        }
    });
    fn tell(c: &Cluster) {
        let (one, out) = (Server::numbered(0), Server::numbered(1));
        c.arm_power_failure(out, one);
        c.sleep_ms(1000);
        let asked = c.rpcs();
        c.lose_power(out);
        c.sleep_ms(5000);
        c.expect(&claim::NO_STORM, asked == 2 && c.rpcs() > 2, || {
            format!(
                "{one} asked {asked} times, of which one was answered; in the end {} times",
                c.rpcs()
            )
        });
    }
    let seen = rehearse(&STORY, Kind::of::<Scripted<Asks>>(), tell, 1);
    assert!(seen.broken.is_none(), "{}", seen.report);
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

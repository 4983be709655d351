//! Large histories, and the limits: all counted in steps, which are the same everywhere.

mod common;

use std::time::Duration;

use common::kv::{KvHistory, decide, get, lost, put};
use common::load::{Fault, Load, right, unread, wrong};
use common::random::history;
use linear::models::{Kv, KvInput, KvOutput, Register, RegisterInput, RegisterOutput};
use linear::{
    Exceeded, KeyResult, Operation, Outcome, Recorder, Reply, Settings, TimeUnit, Verdict, check,
};

const LOAD: Load = Load {
    clients: 5,
    operations: 3000,
    gets: 50,
    puts: 0,
    lost: 0,
};

#[track_caller]
fn decided(history: &KvHistory, verdict: Verdict, most: u64) {
    let found = decide(history);
    assert_eq!(found.verdict(), verdict, "after {} steps", found.steps());
    assert!(
        found.steps() <= most,
        "{} steps, more than {most}",
        found.steps()
    );
}

/// The steps are linear in the operations: some two for each.
#[test]
fn appends_and_gets_by_busy_clients() {
    decided(&right(1, LOAD), Verdict::Linearizable, 6_000);
    for fault in [Fault::Stale, Fault::Twice, Fault::LostUpdate] {
        decided(&wrong(1, LOAD, fault), Verdict::Illegal, 9_000);
    }
}

#[test]
fn many_clients_puts_and_lost_replies() {
    for (clients, puts, lost, most) in [(20, 5, 0, 60_000), (20, 5, 1, 90_000), (50, 5, 1, 200_000)]
    {
        let load = Load {
            clients,
            puts,
            lost,
            gets: 45,
            ..LOAD
        };
        decided(&right(2, load), Verdict::Linearizable, most);
        decided(&wrong(2, load, Fault::Stale), Verdict::Illegal, most);
    }
}

/// Nobody reads what a thousand appends did until the end, or ever.
#[test]
fn appends_that_are_read_late() {
    decided(&history(unread(1, 200, None)), Verdict::Linearizable, 6_000);
    decided(
        &history(unread(1, 200, Some("x new y"))),
        Verdict::Linearizable,
        3_000,
    );
    let mut bad = unread(1, 200, None);
    change_last_get(&mut bad, |value| value.replacen("x 3", "x 4", 1));
    decided(&history(bad), Verdict::Illegal, 10_000);
}

/// The same with values that cannot be told apart in the answers.
#[test]
fn values_that_run_into_each_other() {
    let renamed = |text: &str| text.replace("x ", "").replace(" y", "");
    for gap in [None, Some("x 5 y")] {
        let mut operations = unread(3, 40, gap);
        for op in &mut operations {
            match &mut op.input {
                KvInput::Append { value, .. } | KvInput::Put { value, .. } => {
                    *value = renamed(value)
                }
                KvInput::Get { .. } => {}
            }
        }
        change_last_get(&mut operations, renamed);
        decided(&history(operations.clone()), Verdict::Linearizable, 20_000);
        change_last_get(&mut operations, |value| format!("{value}!"));
        decided(&history(operations), Verdict::Illegal, 20_000);
    }
}

/// Whether lost appends took effect does not matter where nobody can see it.
#[test]
fn lost_appends_that_nobody_can_see() {
    let mut operations = vec![put(0, (1, 2), "k", "old")];
    for client in 1..=20 {
        operations.push(lost(client, 3, KvInput::append("k", client.to_string())));
    }
    operations.push(put(0, (4, 5), "k", "new"));
    operations.push(get(0, (6, 7), "k", "new!"));
    decided(&history(operations), Verdict::Illegal, 500);
}

/// Nor whether lost writes did that wrote what was there.
#[test]
fn lost_writes_that_change_nothing() {
    let mut recorder = Recorder::new(TimeUnit::Ticks);
    for client in 0..20 {
        recorder.call(client, 0, RegisterInput::Write(0));
    }
    let read = recorder.call(20, 1, RegisterInput::Read);
    recorder.reply(read, 2, RegisterOutput::Value(1));
    let found = check(&Register, &recorder.finish().unwrap(), &Settings::default());
    assert_eq!((found.verdict(), found.steps()), (Verdict::Illegal, 21));
}

fn change_last_get(
    operations: &mut [Operation<KvInput, KvOutput>],
    change: impl Fn(&str) -> String,
) {
    let reply: &mut Reply<KvOutput> = operations.last_mut().unwrap().reply.as_mut().unwrap();
    let KvOutput::Value(value) = &reply.output else {
        panic!("the last operation is a get")
    };
    reply.output = KvOutput::value(change(value));
}

/// Neither the verdict nor a word of the report depends on the hashes.
#[test]
fn the_seed_does_not_matter() {
    let load = Load {
        operations: 300,
        puts: 5,
        lost: 2,
        ..LOAD
    };
    for history in [right(4, load), wrong(4, load, Fault::LostUpdate)] {
        let reports = [1, 2, 3].map(|seed| {
            let settings = Settings {
                seed,
                ..Settings::default()
            };
            check(&Kv, &history, &settings).report(&Kv, &history)
        });
        assert_eq!(reports[0], reports[1]);
        assert_eq!(reports[0], reports[2]);
    }
}

/// The report finds the answer that was spoilt, not one that merely follows from it.
#[test]
fn the_report_names_the_spoilt_answer() {
    let (good, bad) = (right(1, LOAD), wrong(1, LOAD, Fault::Twice));
    let spoilt: Vec<u32> = (0..LOAD.operations as u32)
        .filter(|&i| good.operations()[i as usize] != bad.operations()[i as usize])
        .collect();
    let report = decide(&bad).report(&Kv, &bad);
    let KeyResult::Illegal(failure) = &report.keys[0].result else {
        panic!("{:?}", report.verdict)
    };
    assert_eq!(vec![failure.op.0], spoilt);
    let lines = report.to_string().lines().count();
    assert!(
        lines <= 24,
        "{lines} lines are more than a screen:\n{report}"
    );
}

#[test]
fn a_budget_of_steps_is_kept() {
    let history = right(1, LOAD);
    let steps = decide(&history).steps();
    let with = |steps| {
        check(
            &Kv,
            &history,
            &Settings {
                steps,
                ..Settings::default()
            },
        )
    };
    assert_eq!(with(steps).verdict(), Verdict::Linearizable, "just enough");
    let short = with(steps - 1);
    assert_eq!(short.verdict(), Verdict::Unknown, "one less");
    assert_eq!(short.steps(), steps - 1);
}

#[test]
fn a_budget_of_time_is_kept() {
    let history = right(1, LOAD);
    let settings = Settings {
        wall_time: Some(Duration::ZERO),
        ..Settings::default()
    };
    let found = check(&Kv, &history, &settings);
    assert_eq!(
        found.parts()[0].outcome,
        Outcome::Unknown(Exceeded::WallTime)
    );
    let text = found.report(&Kv, &history).to_string();
    assert!(text.contains("raise Settings::wall_time"), "{text}");
    let settings = Settings {
        wall_time: Some(Duration::from_secs(3600)),
        ..settings
    };
    assert_eq!(
        check(&Kv, &history, &settings).verdict(),
        Verdict::Linearizable
    );
}

/// What is wrong on one key is found though another could not be decided.
#[test]
fn illegal_on_one_key_outweighs_unknown_on_another() {
    let mut operations = right(1, LOAD).operations().to_vec();
    operations.push(get(77, (0, 1), "other", "never written"));
    let settings = Settings {
        steps: 100,
        ..Settings::default()
    };
    let history = history(operations);
    let found = check(&Kv, &history, &settings);
    assert_eq!(found.parts()[0].outcome, Outcome::Unknown(Exceeded::Steps));
    assert_eq!(found.verdict(), Verdict::Illegal);
    let text = found.report(&Kv, &history).to_string();
    assert!(
        text.contains(r#"get("other") -> "never written""#),
        "{text}"
    );
}

//! `cargo lab replay` as a user sees it. What the golden files hold is kept by
//! `UPDATE_GOLDEN=1 cargo test -p lab --test replay`.

mod small;

use small::{Mini, golden, stderr, stdout};

#[test]
fn replay() {
    let mini = Mini::new(41);
    let failed = mini
        .lab(&["replay", "2A:answer", "--seed", "7"])
        .output()
        .unwrap();
    assert_eq!(failed.status.code(), Some(1), "{}", stderr(&failed));
    golden("replay.txt", &stdout(&failed));

    let run = |arguments: &[&str]| {
        let all = [&["replay", "2A:answer", "--seed", "7"], arguments].concat();
        mini.lab(&all).output().unwrap()
    };
    golden(
        "replay_colours.txt",
        &stdout(&run(&["--color", "always", "--width", "100"])),
    );
    let filtered = run(&[
        "--peer",
        "1",
        "--topic",
        "rpc,mail,test",
        "--from",
        "479ms",
        "--to",
        "1.1",
    ]);
    golden("replay_filtered.txt", &stdout(&filtered));
    golden(
        "replay_last.txt",
        &stdout(&run(&["--last", "2", "--topic", "all"])),
    );

    let refused = |arguments: &[&str], message: &str| {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).ends_with(message), "{}", stderr(&output));
    };
    refused(
        &["--peer", "3"],
        "error: there is no server 3: this test has 3, from 0\n",
    );
    refused(
        &["--topic", "elektion"],
        "error: there is no topic `elektion`; did you mean election?\n",
    );
    refused(
        &["--from", "9"],
        "error: the run's last event is at 1.250000 s, before --from\n",
    );
    refused(
        &["--clock", "real"],
        "error: a run on the wall clock cannot be replayed; leave out --clock real\n",
    );
    let ambiguous = mini
        .lab(&["replay", "answer", "--seed", "7"])
        .output()
        .unwrap();
    assert!(
        stderr(&ambiguous).ends_with(
            "error: there are several tests `answer`; say which: 2A:answer or 2B:answer\n"
        ),
        "{}",
        stderr(&ambiguous)
    );

    // The trace is kept where it was asked for.
    let kept = mini.path().join("kept.jsonl");
    let output = run(&["--trace", kept.to_str().unwrap()]);
    assert!(stdout(&output).contains(&format!("\ntrace: {}\n", kept.display())));
    assert_eq!(
        std::fs::read_to_string(kept).unwrap(),
        include_str!("mini/trace.jsonl")
    );

    mini.answer(42);
    let passed = run(&[]);
    assert_eq!(passed.status.code(), Some(0), "{}", stderr(&passed));
    let text = stdout(&passed);
    assert!(
        text.ends_with("\npass answer\nseed 0x7, 1.250 s virtual, trace hash 00000000000000ab\n"),
        "{text}"
    );
}

#[test]
fn a_clock_that_stands_still_is_named_beside_the_failure() {
    let mini = Mini::new(41);
    let source = "//! A Raft.\npub const ANSWER: u32 = 41;\npub fn now() -> std::time::Instant { std::time::Instant::now() }\n";
    mini.write("raft/src/lib.rs", source);
    for command in ["replay", "test"] {
        let failed = mini.lab(&[command, "2A:answer"]).output().unwrap();
        assert_eq!(failed.status.code(), Some(1), "{}", stderr(&failed));
        let said = stderr(&failed);
        let warning = "warning: raft/src/lib.rs:3 uses std::time::Instant. A simulated run takes no time on that \
                       clock, so nothing is ever due; labsim::time::Instant goes by the run's.";
        assert!(
            said.lines().any(|line| line == warning),
            "{command}: {said}"
        );
    }
}

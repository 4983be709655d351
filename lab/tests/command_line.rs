//! Where the output of `cargo lab test` goes, and names that nobody knows. On the project's own
//! suites, in debug: the builds that the run of all tests has made anyway.

mod small;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use small::{lab, root, stderr, stdout};

fn test(arguments: &[&str]) -> Command {
    let mut test = lab(&["test", "--debug"]);
    test.args(arguments).current_dir(root());
    test
}

#[test]
fn unknown_names_list_the_near_ones() {
    let error = |arguments: &[&str]| {
        let said = test(arguments).output().unwrap();
        assert_eq!((said.status.code(), stdout(&said).as_str()), (Some(2), ""));
        stderr(&said)
    };
    let of_parts = error(&["2F"]);
    assert!(
        of_parts.ends_with("error: there is no part `2F`; did you mean 2A, 2B, 2C, 2D?\n"),
        "{of_parts}"
    );
    let of_tests = error(&["re_elektion"]);
    assert!(
        of_tests.ends_with("error: there is no test `re_elektion`; did you mean re_election?\n"),
        "{of_tests}"
    );
    assert!(error(&["--runns", "3"]).contains("a similar argument exists: '--runs'"));
}

#[test]
fn a_reader_that_leaves_is_no_panic() {
    let mut command = test(&["2A", "--runs", "3", "--json"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let first: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&first["part"], &first["passed"]),
        (&"2A".into(), &3.into())
    );
    let said = child.wait_with_output().unwrap();
    assert!(!stderr(&said).contains("panicked"), "{}", stderr(&said));
}

#[test]
fn both_carriers_of_threads_give_the_same_runs() {
    let hash = |threads: &str| {
        let said = test(&["re_election", "--runs", "2", "--json", "--threads", threads])
            .output()
            .unwrap();
        let line: serde_json::Value =
            serde_json::from_str(&stdout(&said)).unwrap_or_else(|_| panic!("{}", stderr(&said)));
        line["trace_hash"].as_str().unwrap().to_string()
    };
    assert_eq!(hash("os"), hash("fiber"));
}

#[test]
fn in_a_pipe_each_test_has_a_line() {
    let said = test(&["initial_election", "--runs", "1"]).output().unwrap();
    let text = stdout(&said);
    assert!(text.starts_with("     part test "), "{text}");
    assert!(text.contains("\npass 2A   initial_election "), "{text}");
    assert!(!text.contains('\x1b'), "{text}");
}

#[test]
fn tests_run_on_the_wall_clock_too() {
    let said = test(&[
        "initial_election",
        "--runs",
        "1",
        "--clock",
        "real",
        "--json",
    ])
    .output()
    .unwrap();
    let line: serde_json::Value =
        serde_json::from_str(&stdout(&said)).unwrap_or_else(|_| panic!("{}", stderr(&said)));
    assert_eq!(line["passed"], 1, "{line}");
}

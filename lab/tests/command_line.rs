//! What the command says: help, names that nobody knows, and where its output goes.

mod common;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use common::{lab, run};

#[test]
fn unknown_names_list_the_near_ones() {
    let error = |arguments: &[&str]| {
        let said = run(lab(["test"].iter().chain(arguments)));
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{}", said.err);
        said.err
    };
    assert_eq!(
        error(&["2E"]),
        "error: there is no part `2E`; did you mean 2A, 2B, 2C, 2D?\n"
    );
    assert_eq!(
        error(&["re_elektion"]),
        "error: there is no test `re_elektion`; did you mean re_election?\n"
    );
    assert!(error(&["--runns", "3"]).contains("a similar argument exists: '--runs'"));
}

#[test]
fn a_reader_that_leaves_is_no_panic() {
    let mut command = lab(["test", "2A", "--runs", "3", "--json"]);
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
    let said = common::said(child.wait_with_output().unwrap());
    assert!(!said.err.contains("panicked"), "{}", said.err);
}

#[test]
fn lines_in_a_pipe_and_both_kinds_of_threads() {
    let mut hashes = Vec::new();
    for threads in ["os", "fiber"] {
        let arguments = [
            "test",
            "initial_election",
            "--runs",
            "2",
            "--json",
            "--threads",
            threads,
        ];
        let said = run(lab(arguments));
        let line: serde_json::Value = serde_json::from_str(&said.out).expect(&said.err);
        hashes.push(line["trace_hash"].to_string());
    }
    assert_eq!(hashes[0], hashes[1]);

    let said = run(lab(["test", "initial_election", "--runs", "1"]));
    assert!(said.out.starts_with("     part test "), "{}", said.out);
    assert!(
        said.out.contains("\npass 2A   initial_election "),
        "{}",
        said.out
    );
    assert!(!said.out.contains('\x1b'), "{}", said.out);
}

#[test]
fn tests_run_on_the_wall_clock_too() {
    let arguments = [
        "test",
        "initial_election",
        "--runs",
        "1",
        "--clock",
        "real",
        "--json",
    ];
    let said = run(lab(arguments));
    let line: serde_json::Value = serde_json::from_str(&said.out).expect(&said.err);
    assert_eq!(line["passed"], 1, "{}", said.out);
}

//! Grading as a whole: what submissions may not do while they run, the same marks again, going on
//! after Ctrl-C, marks that are not the expected ones.

mod course;
mod small;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use course::{Course, RIGHT, files};
use small::{golden, stderr, stdout, succeeded};

#[test]
fn what_breaks_the_limits_or_cheats_earns_nothing() {
    let course = Course::new();
    let submissions = [
        ("wrong", r#""wrong".into()"#),
        (
            "wrong-once",
            r#"if seed == 3 { "wrong".into() } else { "right".into() }"#,
        ),
        (
            "says-ok",
            r#"println!("test result: ok. 1 passed; 0 failed"); "wrong".into()"#,
        ),
        ("guesses-the-word", r#""guess".into()"#),
        ("writes-twice", r#""repeat".into()"#),
        ("panics", r#"panic!("no answer for {seed}")"#),
        (
            "overflows",
            "fn f(n: u64) -> u64 { if n == 0 { 0 } else { 1 + f(std::hint::black_box(n) + 1) } }\n    f(seed).to_string()",
        ),
        (
            "spins",
            r#"while std::hint::black_box(seed) > 0 {} "right".into()"#,
        ),
        (
            "sleeps",
            r#"std::thread::sleep(std::time::Duration::from_secs(1 << 20)); "right".into()"#,
        ),
        (
            "prints-for-ever",
            r#"while seed > 0 { println!("{}", "test result: ok. ".repeat(10_000)) } "right".into()"#,
        ),
        (
            "fills-memory",
            r#"let mut hoard = Vec::new(); while seed > 0 { hoard.push(vec![1_u8; 1 << 22]); } "right".into()"#,
        ),
        (
            "spawns-for-ever",
            r#"while seed > 0 { std::thread::spawn(|| loop { std::thread::park() }); } "right".into()"#,
        ),
        ("sees-nothing", r#""environment".into()"#),
        ("right", r#""right".into()"#),
    ];
    let names: Vec<&str> = submissions.iter().map(|(name, _)| *name).collect();
    for (name, body) in submissions {
        course.submission(name, body);
    }
    let more = ["--runs", "6", "--cpu", "2", "--memory", "256"];
    let mut command = course.grade(&names, "out", &more);
    let graded = command.env("GRADERS_OWN", "x").output().unwrap();
    succeeded(&graded);
    let mut text = course.plain(&stdout(&graded));
    for name in names {
        let said = course.said("out", name);
        // A machine that is very busy has no two seconds for it in twenty.
        let said = match name {
            "spins" => said.replace("ended after 20 s", "ended: it used 2 s of the processor"),
            _ => said,
        };
        text += &format!("\n# {name}\n{said}\n");
    }
    // Where std itself panics is another line in each of its versions.
    let of_std = |line: &str| match line.split_once(" panicked at /rustc/") {
        Some((thread, _)) => format!("{thread} panicked in std\n"),
        None => format!("{line}\n"),
    };
    let text: String = text.lines().map(of_std).collect();
    golden("grade/limits.txt", &text);
}

#[test]
fn equal_gradings_write_equal_marks_and_go_on_where_they_stopped() {
    const MARKS: [&str; 3] = ["marks.json", "results.json", "grades.csv"];
    let course = Course::new();
    course.submission("quick", r#"if seed == 5 { panic!("five") } "right".into()"#);
    course.submission(
        "slow",
        r#"std::thread::sleep(std::time::Duration::from_millis(300)); "right".into()"#,
    );
    course.submission("refused", "std::process::exit(0)");
    let names = ["quick", "slow", "refused"];
    let first = course
        .grade(&names, "first", &["--jobs", "1"])
        .output()
        .unwrap();
    assert_eq!(
        first.status.code(),
        Some(0),
        "{}{}",
        stdout(&first),
        stderr(&first)
    );

    // Ctrl-C after the first submission; then the rest, and the first is not graded again.
    let mut command = course.grade(&names, "second", &["--jobs", "3"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    assert!(lines.any(|line| line.starts_with("quick ")));
    let interrupt = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(interrupt.unwrap().success());
    let last = lines.last().unwrap();
    assert_eq!(
        last,
        "broken off after 1 of 3; the same command with --resume goes on"
    );
    assert_eq!(child.wait().unwrap().code(), Some(1));

    let page = course.at("second/quick/report.html");
    let written = fs::metadata(&page).unwrap().modified().unwrap();
    let second = course
        .grade(&names, "second", &["--jobs", "3", "--resume"])
        .output()
        .unwrap();
    assert_eq!(stdout(&second).replace("second", "first"), stdout(&first));
    assert_eq!(
        fs::metadata(&page).unwrap().modified().unwrap(),
        written,
        "not graded again"
    );
    let (one, two) = (
        files(&course.at("first"), &MARKS),
        files(&course.at("second"), &MARKS),
    );
    assert_eq!(one.len(), 7);
    assert_eq!(one, two, "however many jobs, broken off or not");
}

#[test]
fn a_run_that_the_system_kills_is_played_once_more() {
    let course = Course::new();
    course.submission(
        "once",
        r#"if seed == 3 { "killed once".into() } else { "right".into() }"#,
    );
    course.submission(
        "again",
        r#"if seed == 3 { "killed".into() } else { "right".into() }"#,
    );
    let graded = course
        .grade(&["once", "again"], "out", &["--runs", "5"])
        .output()
        .unwrap();
    succeeded(&graded);
    let said = course.plain(&stdout(&graded));
    let score = |name: &str| {
        said.lines()
            .find(|line| line.starts_with(name))
            .unwrap()
            .to_string()
    };
    assert!(score("once").contains("10/10"), "{said}");
    assert!(!score("again").contains("10/10"), "{said}");
    let why = course.said("out", "again");
    assert!(
        why.contains("killed: by the system, if it ran out of memory"),
        "{why}"
    );
}

#[test]
fn a_compiler_that_is_killed_costs_no_mark() {
    let course = Course::new();
    course.submission("right", r#""right".into()"#);
    course.submission("wrong", r#""wrong".into()"#);
    let (script, deaths) = (course.write("cargo", DYING_CARGO), course.at("deaths"));
    let executable = PermissionsExt::from_mode(0o755);
    fs::set_permissions(&script, executable).unwrap();
    let grade = |times: &str, more: &[&str]| {
        fs::write(&deaths, times).unwrap();
        let mut grade = course.grade(&["right", "wrong"], "out", more);
        let graded = grade.env("CARGO", &script).env("DEATHS", &deaths).output();
        graded.unwrap()
    };
    let csv = || fs::read_to_string(course.at("out/grades.csv")).unwrap();
    succeeded(&grade("", &["--runs", "1"])); // from now on it is known what tests there are
    let marks = csv();

    let once = grade("x", &["--runs", "1"]);
    succeeded(&once);
    assert_eq!(csv(), marks, "it was built the second time");

    let twice = grade("xx", &["--runs", "1"]);
    assert_eq!(twice.status.code(), Some(1));
    let said = format!(
        "{}\n# right\n{}\n\n{}",
        course.plain(&stdout(&twice)),
        course.said("out", "right"),
        csv()
    );
    golden("grade/not_graded.txt", &said);

    let rest = grade("", &["--runs", "1", "--resume"]);
    succeeded(&rest);
    assert_eq!(csv(), marks, "it is graded now");
}

/// Dies when it is to build, as often as the file `$DEATHS` has letters.
const DYING_CARGO: &str = r#"#!/bin/sh
left=$(cat "$DEATHS")
case "$left$*" in
x*--no-run*)
    printf %s "${left#x}" > "$DEATHS"
    kill -KILL $$
    ;;
esac
exec cargo "$@"
"#;

#[test]
fn the_time_of_a_submission_is_limited() {
    let course = Course::new();
    course.submission(
        "slow",
        r#"std::thread::sleep(std::time::Duration::from_secs(4)); "right".into()"#,
    );
    let more = ["--minutes", "0.1", "--runs", "2", "--cpu", "60"];
    let graded = course.grade(&["slow"], "out", &more).output().unwrap();
    assert_eq!(graded.status.code(), Some(0), "{}", stderr(&graded));
    let said = course.said("out", "").replace('\n', " ");
    assert!(
        said.contains("The time for this submission was up after 1 of 2 runs."),
        "{said}"
    );
    let row = stdout(&graded);
    assert!(
        row.contains("graded: The 0.1 minutes for this submission were up before 1 of 1 tests"),
        "the machine may have been busy, so whoever reads the marks is told: {row}"
    );

    let more = ["--minutes", "10", "--runs", "2", "--cpu", "60", "--resume"];
    let again = course.grade(&["slow"], "out", &more).output().unwrap();
    assert!(stdout(&again).contains("10/10"), "{}", stdout(&again));
}

#[test]
fn a_mark_that_is_not_the_expected_one_is_an_error() {
    let course = Course::new();
    let sample = |name: &str, status: &str, part: &str, to: &str| {
        format!(
            "[[sample]]\nname = \"{name}\"\nabout = \"\"\nbase = \"reference\"\nstatus = \"{status}\"\n\
             parts = {{ 2A = \"{part}\" }}\n[[sample.edits]]\nfile = \"raft/src/lib.rs\"\n\
             from = \"\\\"right\\\"\"\nto = '{to}'\n"
        )
    };
    let right = [
        sample("right", "graded", "full", "\"right\""),
        sample("wrong", "graded", "zero", "\"wrong\""),
        sample("exits", "refused", "zero", "std::process::exit(0)"),
    ];
    let run = |text: &str| {
        let list = course.write("samples.toml", text).display().to_string();
        course
            .grade(&[], "out", &["--samples", &list])
            .output()
            .unwrap()
    };
    let good = run(&right.concat());
    assert!(
        stdout(&good).ends_with("every sample has the marks that it must have\n"),
        "{}",
        stderr(&good)
    );
    assert_eq!(good.status.code(), Some(0));

    let wrong = right
        .concat()
        .replace("\"zero\"", "\"full\"")
        .replace("\"refused\"", "\"graded\"");
    let bad = run(&wrong);
    assert_eq!(bad.status.code(), Some(2));
    golden("grade/unexpected.txt", &stderr(&bad));
    let gone = run(&right.concat().replace("\\\"right\\\"", "\\\"left\\\""));
    assert!(
        stderr(&gone).contains("right: raft/src/lib.rs does not hold once: \"left\""),
        "{}",
        stderr(&gone)
    );
    assert!(RIGHT.contains("right"));
}

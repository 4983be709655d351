//! Each command in the README works as it is written there.
//!
//! A command is a code span, or a line of an `sh` block, that begins with `cargo`, `make` or a setting `LAB_…=`.

use std::path::Path;
use std::process::{Command, Output};

/// Commands that are not run here, each with the reason.
const NOT_RUN: [(&str, &str); 7] = [
    ("make readme", "it is this test"),
    ("make test", "it runs this test"),
    ("make check", "it runs this test"),
    ("make grade", "minutes of its own; tests/grading.rs grades"),
    ("cargo test", "the name of a command, not a command"),
    (
        "cargo lab watch",
        "needs a keyboard: tests/watch.rs has one",
    ),
    (
        "cargo lab grade target/handout --runs 2 --out target/marks",
        "minutes; tests/grading.rs grades",
    ),
];

/// What ends with another exit code than 0.
const EXITS: [(&str, i32); 1] = [("--example racy", 1)]; // it finds a seed that fails

/// What is left out when a command is run here, with the reason why that is no other command.
const WITHOUT_PROOF: &str = "cargo lab handout target/handout"; // the proof builds everything anew

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn is_command(text: &str) -> bool {
    let setting = text.starts_with("LAB_") && text.contains("=") && text.contains(" cargo ");
    text.starts_with("cargo ") || text.starts_with("make ") || setting
}

/// All commands but those under "Figures": they say how something was measured, for minutes or hours.
fn commands(readme: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let (mut block, mut measured) = (None, false);
    for line in readme.lines() {
        if line.starts_with("## ") {
            measured = line == "## Figures";
        }
        if measured {
            continue;
        }
        match (line.strip_prefix("```"), block) {
            (Some(kind), None) => block = Some(kind),
            (Some(_), Some(_)) => block = None,
            (None, Some("sh")) => commands.push(line.into()),
            (None, Some(_)) => {}
            (None, None) => {
                let spans = line.split('`').skip(1).step_by(2);
                commands.extend(spans.filter(|span| is_command(span)).map(String::from));
            }
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    commands.retain(|command| seen.insert(command.clone()));
    commands
}

/// Runs it in a shell, free of what the cargo that runs this test has set.
fn run(command: &str) -> Output {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(root());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let kept = ["CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_INCREMENTAL"];
        let of_cargo = text == "CARGO" || text.starts_with("CARGO_");
        if (of_cargo && !kept.contains(&&*text)) || text.starts_with("LAB_") {
            shell.env_remove(&name);
        }
    }
    shell.output().expect("a shell")
}

/// Whoever runs the README builds the workspace in all its profiles.
#[test]
#[ignore = "minutes of building: `make readme` runs it"]
fn every_command_works() {
    let commands = commands(&readme());
    assert!(commands.len() > 12, "{commands:?}");
    for (command, reason) in NOT_RUN {
        let listed = commands.iter().any(|c| c == command);
        assert!(listed, "{command} ({reason}) is not in the README any more");
    }
    let handout = root().join("target/handout");
    let _ = std::fs::remove_dir_all(handout); // of an earlier run, or there is none
    for command in &commands {
        if NOT_RUN.iter().any(|(not, _)| not == command) {
            continue;
        }
        let written = match command == WITHOUT_PROOF {
            true => format!("{command} --no-proof"),
            false => command.clone(),
        };
        let output = run(&written);
        let expected = EXITS.iter().find(|(part, _)| command.contains(part));
        let expected = expected.map_or(0, |(_, code)| *code);
        assert!(
            output.status.code() == Some(expected),
            "`{written}` of the README ends with {}, expected {expected}:\n{}{}",
            output.status,
            text(&output.stdout),
            text(&output.stderr)
        );
    }
}

#[test]
fn what_the_example_prints_is_what_the_readme_shows() {
    let readme = readme();
    let (_, rest) = readme.split_once("shows that run:\n\n```text\n").unwrap();
    let (shown, _) = rest.split_once("```").unwrap();
    let (_, rest) = readme.split_once("```rust\n").unwrap();
    let (code, _) = rest.split_once("```").unwrap();
    let source = std::fs::read_to_string(root().join("labsim/examples/racy.rs")).unwrap();
    assert!(source.contains(code), "no part of the example:\n{code}");
    let output = text(&run("cargo run --quiet --example racy").stdout);
    // "..." stands for lines that are left out.
    for (number, part) in shown.split("  ...\n").enumerate() {
        assert!(
            output.contains(part),
            "part {number} is not printed:\n{part}\nbut:\n{output}"
        );
    }
    assert!(
        output.starts_with(shown.lines().next().unwrap()),
        "{output}"
    );
}

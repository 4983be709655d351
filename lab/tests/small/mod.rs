//! What the tests of the tool have in common: a workspace that is built in a moment, and golden files.
#![allow(dead_code, reason = "no test uses all of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The workspace that this is a part of.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .into()
}

/// A workspace with two suites of one test each, 2A and 2B, which pass if `raft::ANSWER` is 42.
pub struct Mini(pub tempfile::TempDir);

impl Mini {
    pub fn new(answer: u32) -> Mini {
        let mini = Mini(tempfile::tempdir().unwrap());
        mini.write(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"raft\", \"tests\"]\n",
        );
        mini.write(
            "raft/Cargo.toml",
            "[package]\nname = \"raft\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
        );
        mini.answer(answer);
        let suites: String = ["raft_2a", "raft_2b"]
            .map(|name| {
                format!(
                    "[[test]]\nname = \"{name}\"\npath = \"suites/{name}.rs\"\nharness = false\n"
                )
            })
            .concat();
        mini.write(
            "tests/Cargo.toml",
            &format!("[package]\nname = \"tests\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[dependencies]\nraft = {{ path = \"../raft\" }}\n{suites}"),
        );
        mini.write("tests/src/lib.rs", "");
        mini.write(
            "tests/suites/trace.jsonl",
            include_str!("../mini/trace.jsonl"),
        );
        for (part, suite) in [("2A", "raft_2a"), ("2B", "raft_2b")] {
            let text = include_str!("../mini/suite.rs");
            let text = text.replace("PART", part).replace("SUITE", suite);
            mini.write(&format!("tests/suites/{suite}.rs"), &text);
        }
        mini.write(
            "docs/hints.md",
            "# Hints\n\n### answer\n\n- What is six\n  times seven?\n- Is it 42?\n",
        );
        mini
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn answer(&self, answer: u32) {
        self.write(
            "raft/src/lib.rs",
            &format!("pub const ANSWER: u32 = {answer};\n"),
        );
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// `cargo lab` in this workspace.
    pub fn lab(&self, arguments: &[&str]) -> Command {
        let mut lab = lab(arguments);
        lab.current_dir(self.path())
            .env("CARGO_NET_OFFLINE", "true");
        lab
    }
}

/// `cargo lab`, free of what the cargo that runs this test has set.
pub fn lab(arguments: &[&str]) -> Command {
    let mut lab = Command::new(env!("CARGO_BIN_EXE_lab"));
    lab.args(arguments);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        // With another CARGO_INCREMENTAL nothing that is built could be shared.
        let kept = ["CARGO_HOME", "CARGO_INCREMENTAL"].contains(&&*text);
        let of_cargo = text.starts_with("CARGO_") && !kept;
        if of_cargo || text.starts_with("LAB_") || text == "NO_COLOR" {
            lab.env_remove(&name);
        }
    }
    lab
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a command that must end well wrote to stdout.
#[track_caller]
pub fn succeeded(output: &Output) -> String {
    let (out, err) = (stdout(output), stderr(output));
    assert_eq!(output.status.code(), Some(0), "{out}{err}");
    out
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Compares with `tests/golden/NAME`; `UPDATE_GOLDEN=1` writes it anew.
#[track_caller]
pub fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        return fs::write(&path, text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        text == expected,
        "{} differs; UPDATE_GOLDEN=1 writes it anew. Now it is:\n{text}",
        path.display()
    );
}

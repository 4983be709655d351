//! What the tests of the command line have in common.
#![allow(dead_code, reason = "each test file uses some of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// The command, with its arguments.
pub fn lab<A: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.args(arguments).env_remove("LAB_TRACE");
    command
}

/// What a command said and how it ended.
pub struct Said {
    /// Its exit code; -1 if it was killed.
    pub code: i32,
    /// Its stdout.
    pub out: String,
    /// Its stderr.
    pub err: String,
}

/// Runs a command to its end.
pub fn run(mut command: Command) -> Said {
    said(command.output().expect("the command starts"))
}

/// The same of one that has ended.
pub fn said(output: Output) -> Said {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said {
        code: output.status.code().unwrap_or(-1),
        out: text(&output.stdout),
        err: text(&output.stderr),
    }
}

/// The workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("it lies in the workspace")
}

/// Compares with `tests/golden/NAME`; `BLESS=1` writes that file.
pub fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text).expect("golden files can be written");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        text,
        expected,
        "{} differs; UPDATE_GOLDEN=1 writes it anew",
        path.display()
    );
}

/// A points file for these tests alone; all others are left out.
pub fn points(folder: &Path, part: &str, tests: &[&str]) -> PathBuf {
    let parts = ["2A", "2B", "2C", "2D", "3A", "3B"];
    let parts: Vec<String> = parts
        .iter()
        .map(|p| format!("{p} = {}", if *p == part { 10 } else { 0 }))
        .collect();
    let mut text = format!("runs = 2\nparts = {{ {} }}\n", parts.join(", "));
    let suite =
        fs::read_to_string(root().join(format!("tests/suites/raft_{}.rs", part.to_lowercase())));
    for line in suite.expect("a suite").lines() {
        let name = line
            .strip_prefix("fn ")
            .and_then(|rest| rest.strip_suffix("(c: &Cluster) {"));
        if let Some(name) = name.filter(|name| !tests.contains(name)) {
            text += &format!("tests.{name}.weight = 0\n");
        }
    }
    let path = folder.join("points.toml");
    fs::write(&path, text).expect("the points can be written");
    path
}

/// The stub of the handout's Raft: what is there to be spoilt by a test.
pub fn write(folder: &Path, files: &[(&str, &[u8])]) -> PathBuf {
    for (name, bytes) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a file in a folder")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }
    folder.to_path_buf()
}

/// What Gradescope would show above the tests of a submission.
pub fn output_of(out: &Path, name: &str) -> String {
    let text = fs::read_to_string(out.join(name).join("results.json")).expect("results");
    let results: Value = serde_json::from_str(&text).expect("JSON");
    assert!(
        results["score"].is_number() && results["tests"].is_array(),
        "{results}"
    );
    results["output"].as_str().expect("text").to_string()
}

//! A course that is built in a moment: a workspace with one small suite, and submissions to grade.
#![allow(dead_code, reason = "no test uses all of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::small::lab;

/// The course's workspace; submissions lie beside it.
pub struct Course(tempfile::TempDir);

impl Course {
    pub fn new() -> Course {
        let course = Course(tempfile::tempdir().unwrap());
        let package = |name: &str, more: &str| {
            format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{more}")
        };
        let suite = "[dev-dependencies]\nraft = { path = \"../raft\" }\n\
                     [[test]]\nname = \"raft_2a\"\npath = \"suites/raft_2a.rs\"\nharness = false\n";
        for (name, text) in [
            (
                "Cargo.toml",
                "[workspace]\nresolver = \"3\"\nmembers = [\"raft\", \"tests\"]\n",
            ),
            ("raft/Cargo.toml", &package("raft", "")),
            ("raft/src/lib.rs", RIGHT),
            ("tests/Cargo.toml", &package("tests", suite)),
            ("tests/src/lib.rs", ""),
            ("tests/suites/raft_2a.rs", include_str!("suite.rs")),
            ("grading.toml", "runs = 7\n[parts]\n2A = 10\n"),
        ] {
            course.write(&format!("course/{name}"), text);
        }
        let mut lock = Command::new("cargo");
        lock.args(["generate-lockfile", "--offline"])
            .current_dir(course.at("course"));
        assert!(lock.output().unwrap().status.success());
        course
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.at(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// A submission whose Raft answers like this.
    pub fn submission(&self, name: &str, body: &str) {
        let text = format!(
            "//! Raft.\n\n/// Answers.\npub fn answer(seed: u64) -> String {{\n    {body}\n}}\n"
        );
        self.write(&format!("{name}/raft/src/lib.rs"), text);
    }

    /// `cargo lab grade` of these, with pages in `out`.
    pub fn grade(&self, names: &[&str], out: &str, more: &[&str]) -> Command {
        let mut grade = lab(&["grade", "--seed", "1"]);
        grade.args(names.iter().map(|name| self.at(name)));
        grade.arg("--out").arg(self.at(out)).args(more);
        grade
            .current_dir(self.at("course"))
            .env("CARGO_NET_OFFLINE", "true");
        grade
    }

    /// A text without the folder's own name.
    pub fn plain(&self, text: &str) -> String {
        text.replace(&self.0.path().display().to_string(), "FOLDER")
    }

    /// What the pages of a submission say: above its tests, then of its test.
    pub fn said(&self, out: &str, name: &str) -> String {
        let path = self.at(out).join(name).join("results.json");
        let text = fs::read_to_string(path).unwrap();
        let results: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(results["score"].is_number(), "{results}");
        let above = results["output"].as_str().unwrap();
        let test = results["tests"][0]["output"].as_str().unwrap();
        let said = format!("{above}\n{test}");
        self.plain(said.trim_end())
    }
}

/// A Raft that earns all points.
pub const RIGHT: &str =
    "//! Raft.\n\n/// Answers.\npub fn answer(_seed: u64) -> String {\n    \"right\".into()\n}\n";

/// All files below a folder whose names end like this, by their path inside.
pub fn files(folder: &Path, ends: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for path in fs::read_dir(next)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            if path.is_dir() {
                folders.push(path);
            } else if ends.iter().any(|end| path.ends_with(end)) {
                let inside = path.strip_prefix(folder).unwrap().display().to_string();
                found.push((inside, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

//! The knobs and the records, as a tool uses them: this test runs itself as a child process.

mod puppet;

use std::fs;
use std::path::PathBuf;
use std::process::{Command as Process, Output};

use serde_json::Value;
use tests::prelude::*;

/// What the stories below are about.
type Raft = puppet::Puppet<{ puppet::NONE }>;

/// Somebody leads.
#[story(part = "2A", servers = 3, points = 4, original)]
fn somebody_leads(c: &Cluster) {
    c.leader();
}

/// Fails when it is asked to: "quoted", and with a section (§5.2).
#[story(part = "2B", servers = 5, exact, runs = 2)]
fn fails_on_demand(c: &Cluster) {
    let demanded = std::env::var_os("FAIL_ON_DEMAND").is_some();
    c.expect(&claim::ONE_LEADER, !demanded, || "it was asked to".into());
}

/// A folder that is removed when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("lab-knobs-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn lines(&self, name: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.file(name)).unwrap_or_default();
        text.lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs one story in a process of its own, with these knobs.
fn run(story: &str, knobs: &[(&str, &str)]) -> Output {
    let mut child = Process::new(std::env::current_exe().expect("this program"));
    let inherited = std::env::vars().filter(|(name, _)| name.starts_with("LAB_"));
    inherited.for_each(|(name, _)| _ = child.env_remove(name));
    child
        .args(["--exact", story, "--nocapture"])
        .envs(knobs.iter().copied());
    child.output().expect("it runs")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

#[test]
fn a_list_says_what_a_test_is() {
    let folder = Folder::new("list");
    let file = folder.file("list.jsonl");
    run(
        "fails_on_demand",
        &[
            ("LAB_LIST", "yes"),
            ("LAB_RESULTS", file.to_str().unwrap()),
            ("FAIL_ON_DEMAND", "1"),
        ],
    );
    let [line] = &folder.lines("list.jsonl")[..] else {
        panic!("one line")
    };
    assert_eq!(line["version"], 1);
    assert_eq!(
        (line["suite"].as_str(), line["path"].as_str()),
        (Some("knobs"), Some("fails_on_demand"))
    );
    assert_eq!(
        (line["part"].as_str(), line["points"].as_u64()),
        (Some("2B"), Some(1))
    );
    assert_eq!(
        (
            line["servers"].as_u64(),
            line["runs"].as_u64(),
            line["limit_s"].as_u64()
        ),
        (Some(5), Some(2), Some(120))
    );
    assert_eq!(
        (line["exact"].as_bool(), line["original"].as_bool()),
        (Some(true), Some(false))
    );
    assert_eq!(
        line["title"],
        "Fails when it is asked to: \"quoted\", and with a section (§5.2)."
    );
}

#[test]
fn each_run_leaves_a_record_with_the_secret_that_is_gone() {
    let folder = Folder::new("record");
    let (results, secret) = (folder.file("results.jsonl"), folder.file("secret"));
    fs::write(&secret, "sesame\n").unwrap();
    let knobs = [
        ("LAB_RESULTS", results.to_str().unwrap()),
        ("LAB_SECRET", secret.to_str().unwrap()),
        ("LAB_SEED", "0x10"),
        ("LAB_RUNS", "2"),
    ];
    assert!(run("somebody_leads", &knobs).status.success());
    assert!(!secret.exists(), "whoever comes later must not read it");
    let records = folder.lines("results.jsonl");
    assert_eq!(records.len(), 2);
    for (record, seed) in records.iter().zip([16, 17]) {
        assert_eq!(record["secret"], "sesame");
        assert_eq!(
            (record["test"].as_str(), record["result"].as_str()),
            (Some("somebody_leads"), Some("passed"))
        );
        assert_eq!(record["seed"], seed);
        assert!(record["virtual_ms"].as_f64().unwrap() >= 450.0, "{record}");
        assert_eq!(record["trace_hash"].as_str().unwrap().len(), 16);
        assert!(record.get("report").is_none() && record.get("claim").is_none());
    }
}

#[test]
fn a_failed_run_ends_its_test_and_says_so_everywhere() {
    let folder = Folder::new("failed");
    let results = folder.file("results.jsonl");
    let knobs = [
        ("LAB_RESULTS", results.to_str().unwrap()),
        ("LAB_SEED", "7"),
        ("FAIL_ON_DEMAND", "1"),
    ];
    let output = run("fails_on_demand", &knobs);
    assert!(!output.status.success());
    let [record] = &folder.lines("results.jsonl")[..] else {
        panic!("the first failed run is the last")
    };
    assert_eq!(
        (record["result"].as_str(), record["claim"].as_str()),
        (Some("failed"), Some("ONE_LEADER"))
    );
    let report = record["report"].as_str().unwrap();
    assert!(
        report.starts_with("FAIL 2B fails_on_demand: servers that can reach a majority elect"),
        "{report}"
    );
    assert!(
        report.ends_with("Replay: cargo lab replay fails_on_demand --seed 0x7"),
        "{report}"
    );
    assert_eq!(
        text(&output).matches(report).count(),
        1,
        "{}",
        text(&output)
    );
    assert!(
        !text(&output).contains("RUST_BACKTRACE"),
        "{}",
        text(&output)
    );
}

#[test]
fn keep_going_plays_every_seed() {
    let folder = Folder::new("going");
    let results = folder.file("results.jsonl");
    let knobs = [
        ("LAB_RESULTS", results.to_str().unwrap()),
        ("LAB_RUNS", "3"),
        ("LAB_KEEP_GOING", "yes"),
        ("FAIL_ON_DEMAND", "1"),
    ];
    assert!(!run("fails_on_demand", &knobs).status.success());
    assert_eq!(folder.lines("results.jsonl").len(), 3);
}

#[test]
fn a_test_that_needs_the_simulation_is_skipped_on_the_wall_clock_for_all_to_see() {
    let folder = Folder::new("skipped");
    let results = folder.file("results.jsonl");
    let output = run(
        "fails_on_demand",
        &[
            ("LAB_RESULTS", results.to_str().unwrap()),
            ("LAB_CLOCK", "real"),
        ],
    );
    assert!(output.status.success());
    assert!(
        text(&output)
            .contains("skip 2B fails_on_demand: it needs the simulation's control over time")
    );
    assert_eq!(folder.lines("results.jsonl")[0]["result"], "skipped");
}

#[test]
fn a_story_runs_on_the_wall_clock() {
    let output = run(
        "somebody_leads",
        &[("LAB_CLOCK", "real"), ("LAB_RUNS", "1")],
    );
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("pass 2A somebody_leads"));
}

#[test]
fn a_bad_knob_is_an_error_that_names_the_near_one() {
    let output = run("somebody_leads", &[("LAB_THREADS", "fibre")]);
    assert!(!output.status.success());
    assert!(
        text(&output).contains("LAB_THREADS=fibre: expected one of os, fiber; did you mean fiber?")
    );
}

/// Recording is no part of the run: not a call of labsim more or less.
#[test]
fn a_run_is_the_same_whether_it_is_recorded_or_not() {
    let folder = Folder::new("same");
    let results = folder.0.join("results");
    let once = [
        ("LAB_RESULTS", results.to_str().unwrap()),
        ("LAB_RUNS", "3"),
    ];
    let traced = [&once[..], &[("LAB_TRACE", folder.0.to_str().unwrap())]].concat();
    assert!(run("somebody_leads", &once).status.success());
    assert!(run("somebody_leads", &traced).status.success());
    let hashes: Vec<String> = folder
        .lines("results")
        .iter()
        .map(|record| record["trace_hash"].to_string())
        .collect();
    assert_eq!(hashes.len(), 6);
    assert_eq!(hashes[..3], hashes[3..]);
}

#[test]
fn a_trace_is_a_file_of_json_lines() {
    let folder = Folder::new("trace");
    let knobs = [
        ("LAB_TRACE", folder.0.to_str().unwrap()),
        ("LAB_SEED", "5"),
        ("LAB_RUNS", "1"),
    ];
    assert!(run("somebody_leads", &knobs).status.success());
    let lines = folder.lines("2A-somebody_leads-0x5.jsonl");
    assert_eq!(
        (lines[0]["test"].as_str(), lines[0]["version"].as_u64()),
        (Some("somebody_leads"), Some(3))
    );
    assert!(
        lines[1..]
            .iter()
            .all(|event| event["kind"].is_string() && event["at"].is_u64())
    );
    let end = lines.last().expect("it has an end");
    assert_eq!(
        (end["kind"].as_str(), end["detail"]["passed"].as_bool()),
        (Some("end"), Some(true))
    );
}

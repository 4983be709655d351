//! Grading as a whole: limits, the same marks again, going on after Ctrl-C, marks that are wrong.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use common::{lab, points, root, run, said};

/// The samples of this project that these tests use, in a file of their own.
fn samples(folder: &Path, names: &[&str], change: impl Fn(&str) -> String) -> std::path::PathBuf {
    let all = fs::read_to_string(root().join("samples/samples.toml")).unwrap();
    let wanted = |sample: &&str| {
        names
            .iter()
            .any(|name| sample.contains(&format!("name = \"{name}\"")))
    };
    let text: String = all
        .split("[[sample]]")
        .filter(wanted)
        .map(|s| format!("[[sample]]{s}"))
        .collect();
    let path = folder.join("samples.toml");
    fs::write(&path, change(&text)).unwrap();
    path
}

fn grade(folder: &Path, samples: &Path, out: &str, more: &[&str]) -> Command {
    let mut command = lab(["grade", "--seed", "1"]);
    command
        .arg("--out")
        .arg(folder.join(out))
        .arg("--samples")
        .arg(samples);
    command
        .arg("--points")
        .arg(points(folder, "2A", &["initial_election"]))
        .args(more);
    command
}

/// All files below a folder.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for name in fs::read_dir(folder)
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
    {
        if name.is_dir() {
            files.extend(self::files(&name));
        } else {
            files.insert(
                name.display().to_string(),
                fs::read_to_string(&name).unwrap(),
            );
        }
    }
    files
}

/// Those in which marks stand, by their path inside.
fn marks(folder: &Path) -> BTreeMap<String, String> {
    let is_mark = |name: &str| {
        ["marks.json", "results.json", "grades.csv"]
            .iter()
            .any(|end| name.ends_with(end))
    };
    let inside = |name: String| name[folder.display().to_string().len()..].to_string();
    files(folder)
        .into_iter()
        .filter(|(name, _)| is_mark(name))
        .map(|(n, t)| (inside(n), t))
        .collect()
}

#[test]
fn limits_hold() {
    let folder = tempfile::tempdir().unwrap();
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/misbehaving.toml");
    let said = run(grade(
        folder.path(),
        &list,
        "out",
        &["--runs", "1", "--memory", "512"],
    ));
    assert!(
        said.out.contains("every sample has the marks"),
        "{}{}",
        said.out,
        said.err
    );
    assert_eq!(said.code, 0);
}

#[test]
fn a_grading_repeated_writes_the_same_marks_and_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let list = samples(
        folder.path(),
        &["reference", "dies", "exits-early"],
        |text| text.replace("says = \"left no record\"\n", ""),
    );
    let first = run(grade(folder.path(), &list, "first", &["--jobs", "1"]));
    assert_eq!(first.code, 0, "{}{}", first.out, first.err);

    // Ctrl-C after the first submission; then the rest, and the first is not graded again.
    let mut command = grade(folder.path(), &list, "second", &["--jobs", "3"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let row = lines
        .by_ref()
        .map(Result::unwrap)
        .find(|line| line.starts_with("reference"));
    assert!(row.is_some_and(|row| row.contains("10/10")));
    let interrupt = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(interrupt.unwrap().success());
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(said(child.wait_with_output().unwrap()).code, 1, "{rest:?}");
    assert!(
        rest.last()
            .unwrap()
            .starts_with("broken off after 1 of 3; "),
        "{rest:?}"
    );
    let page = folder.path().join("second/reference/report.html");
    let written = fs::metadata(&page).unwrap().modified().unwrap();

    let second = run(grade(
        folder.path(),
        &list,
        "second",
        &["--jobs", "3", "--resume"],
    ));
    assert_eq!(second.code, 0, "{}{}", second.out, second.err);
    assert_eq!(
        fs::metadata(&page).unwrap().modified().unwrap(),
        written,
        "not graded again"
    );
    let (one, two) = (
        marks(&folder.path().join("first")),
        marks(&folder.path().join("second")),
    );
    assert_eq!(one.len(), 7, "{:?}", one.keys());
    assert_eq!(one, two, "however many jobs, broken off or not");
}

#[test]
fn a_mark_that_is_not_the_expected_one_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = |text: &str| {
        text.replace("2A = \"zero\"", "2A = \"full\"")
            .replace("\"refused\"", "\"graded\"")
    };
    let list = samples(folder.path(), &["stub", "exits-early"], wrong);
    let said = run(grade(folder.path(), &list, "out", &["--runs", "1"]));
    assert_eq!(said.code, 2, "{}", said.out);
    for line in [
        "error: samples with other marks than they must have:",
        "  stub 2A: 0 of 10, not full; lost: initial_election",
        "  exits-early: Refused instead of Graded: raft/src/lib.rs:",
    ] {
        assert!(said.err.contains(line), "{}", said.err);
    }
}

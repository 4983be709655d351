//! Gradescope's two scripts, in a folder laid out like its container.

mod course;
mod small;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use course::{Course, RIGHT};
use small::{root, stderr};

fn script(name: &str, course: &Course) -> Output {
    let mut bash = Command::new("bash");
    bash.arg(root().join("gradescope").join(name));
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("CARGO_") {
            bash.env_remove(variable);
        }
    }
    bash.env("CARGO_NET_OFFLINE", "true");
    bash.env("LAB_BINARY", env!("CARGO_BIN_EXE_lab"));
    bash.env("AUTOGRADER_ROOT", course.at("autograder"));
    bash.output().unwrap()
}

fn results(course: &Course) -> serde_json::Value {
    let text = fs::read_to_string(course.at("autograder/results/results.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn submissions_get_their_results() {
    let course = Course::new();
    fs::create_dir_all(course.at("autograder/results")).unwrap();
    fs::rename(course.at("course"), course.at("autograder/source")).unwrap();
    let setup = script("setup.sh", &course);
    assert!(setup.status.success(), "{}", stderr(&setup));
    let seed = fs::read_to_string(course.at("autograder/source/gradescope/seed")).unwrap();
    let seed: u64 = seed.trim().parse().unwrap();

    for (text, score) in [
        (RIGHT.to_string(), 10.0),
        (RIGHT.replace("right", "wrong"), 0.0),
    ] {
        course.write("autograder/submission/raft/src/lib.rs", text);
        let graded = script("run_autograder", &course);
        assert!(graded.status.success(), "{}", stderr(&graded));
        let results = results(&course);
        assert_eq!(results["score"], score, "{results}");
        assert_eq!(results["tests"][0]["max_score"], 10.0);
        assert_eq!(results["extra_data"]["seed"], format!("{seed:#x}"));
        assert_eq!(results["extra_data"]["runs"], 5);
    }

    // The grader's own failure is none of the submission's: no results, and Gradescope says so.
    fs::write(course.at("autograder/source/grading.toml"), "runs = 0").unwrap();
    let failed = script("run_autograder", &course);
    assert!(!failed.status.success());
    assert!(
        stderr(&failed).contains("grading.toml"),
        "{}",
        stderr(&failed)
    );
    assert!(!Path::new(&course.at("autograder/results/results.json")).exists());
}

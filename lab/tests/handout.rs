//! The handout of this very workspace can be made. Its whole proof takes minutes of building; this much does not.

mod small;

use std::fs;

use small::{lab, succeeded};

#[test]
fn the_handout_is_written_and_leaks_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let handout = folder.path().join("handout");
    let mut command = lab(&["handout", "--no-proof"]);
    succeeded(&command.arg(&handout).output().unwrap());
    assert!(handout.join("raft/src/lib.rs").is_file());
    let readme = fs::read_to_string(handout.join("README.md")).unwrap();
    for word in ["SOLUTION", "make grade", "## Figures"] {
        assert!(!readme.contains(word), "{word} is not for students");
    }
    for only_ours in [
        "samples",
        "validation",
        "tests/mutants",
        "docs/instructor.md",
    ] {
        assert!(!handout.join(only_ours).exists(), "{only_ours}");
    }
}

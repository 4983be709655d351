//! The handout of this very workspace can be made. Its whole proof takes minutes of building; this much does not.

mod common;

use std::ffi::OsStr;
use std::fs;

use common::{lab, run};

#[test]
fn the_handout_is_written_and_leaks_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let handout = folder.path().join("handout");
    let arguments = [
        OsStr::new("handout"),
        handout.as_os_str(),
        OsStr::new("--no-proof"),
    ];
    let said = run(lab(arguments));
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(handout.join("raft/src/lib.rs").is_file());
    let readme = fs::read_to_string(handout.join("README.md")).unwrap();
    for word in ["SOLUTION", "make grade", "## Figures"] {
        assert!(!readme.contains(word), "{word} is not for students");
    }
    for only_ours in ["samples", "tests/mutants", "docs/instructor.md"] {
        assert!(!handout.join(only_ours).exists(), "{only_ours}");
    }
}

//! The corpus of wrong solutions fits the reference.

mod common;

use std::fs;

use common::{lab, root, run};

#[test]
fn each_mutant_fits_the_reference() {
    let said = run(lab(["mutants", "--list"]));
    assert_eq!(said.code, 0, "{}", said.err);
    let files = fs::read_dir(root().join("tests/mutants")).unwrap().count();
    assert_eq!(said.out.lines().count(), files - 1, "all but bare.toml");
}

#[test]
fn a_name_that_is_none_gets_the_near_ones() {
    let said = run(lab(["mutants", "--list", "votes_twise"]));
    assert_eq!(said.code, 2);
    assert!(
        said.err.contains("did you mean votes_twice"),
        "{}",
        said.err
    );
}

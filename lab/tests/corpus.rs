//! The corpus of wrong solutions fits the reference.

mod small;

use std::fs;

use small::{lab, root, stderr, succeeded};

#[test]
fn each_mutant_fits_the_reference() {
    let listed = succeeded(&lab(&["mutants", "--list"]).output().unwrap());
    let files = fs::read_dir(root().join("tests/mutants")).unwrap().count();
    assert_eq!(listed.lines().count(), files - 1, "all but bare.toml");
}

#[test]
fn a_name_that_is_none_gets_the_near_ones() {
    let output = lab(&["mutants", "--list", "votes_twise"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(said.contains("did you mean votes_twice"), "{said}");
}

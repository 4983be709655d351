//! The corpus of wrong solutions fits the reference.

mod small;

use std::fs;

use small::{lab, root, stderr, succeeded};

#[test]
fn each_mutant_fits_the_reference() {
    let listed = succeeded(&lab(&["mutants", "--list"]).output().unwrap());
    let files = fs::read_dir(root().join("tests/mutants")).unwrap().count();
    let mutants = files - 2;
    assert_eq!(
        listed.lines().count(),
        mutants,
        "all but bare.toml and blind.toml"
    );
    let blind = succeeded(&lab(&["mutants", "--list", "--blind"]).output().unwrap());
    assert!(blind.lines().count() > mutants / 2);
}

#[test]
fn a_name_that_is_none_gets_the_near_ones() {
    let output = lab(&["mutants", "--list", "votes_twise"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(said.contains("did you mean votes_twice"), "{said}");
}

#[test]
fn a_sample_moves_on_at_each_turn() {
    let turn = |turn: &str| {
        let args = ["mutants", "--list", "--sample", "3", "--turn", turn];
        succeeded(&lab(&args).output().unwrap())
    };
    let (first, second) = (turn("0"), turn("1"));
    assert_eq!((first.lines().count(), second.lines().count()), (3, 3));
    assert!(first.lines().all(|line| !second.contains(line)));
    let all = succeeded(&lab(&["mutants", "--list"]).output().unwrap());
    let round = turn(&all.lines().count().to_string());
    assert_eq!(round, first, "after three rounds it begins anew");
}

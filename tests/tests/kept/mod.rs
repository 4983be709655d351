//! Reports that are kept in `golden/`.

use std::fs;
use std::path::PathBuf;

use tests::claim::Claim;
use tests::{Rehearsal, Story, UNGRADED};

/// What the stories that break one claim each have in common.
pub const STORY: Story = Story {
    points: 1,
    exact: true,
    file: file!(),
    line: line!(),
    ..UNGRADED
};

/// Checks that the claim was broken, and that the report is the one that is kept.
#[track_caller]
pub fn compare(name: &str, claim: &Claim, seen: &Rehearsal) {
    let broken = seen.broken.map(|claim| claim.name);
    assert_eq!(broken, Some(claim.name), "{}", seen.report);
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.txt"));
    let report = without_figures(&seen.report);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        return fs::write(&path, report).expect("the golden file is written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == report,
        "{} holds\n{kept}\nand the report is\n{report}",
        path.display()
    );
}

/// The report with its times and line numbers blotted out: they change with any change anywhere.
pub fn without_figures(report: &str) -> String {
    let mut out = String::new();
    for word in report.split_inclusive([' ', '\n']) {
        let (text, end) = word.split_at(word.trim_end().len());
        let bare = text.trim_end_matches([',', ';', '.', ':', ')']);
        let stop = &text[bare.len()..];
        let file = bare.find(".rs:").map(|at| &bare[..at + 3]);
        let number = bare.trim_start_matches('(');
        let is_time = number.contains('.') && number.parse::<f64>().is_ok();
        match (file, is_time) {
            (Some(file), _) => out += &format!("{file}:_{stop}"),
            (None, true) => out += &bare.replace(number, "_"),
            (None, false) => out += text,
        }
        if is_time {
            out += stop;
        }
        out += end;
    }
    out + "\n"
}

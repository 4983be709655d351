//! Submissions with marks that are known, made from the reference by small edits, so that they keep
//! up with it: the grader's own check.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::intake;
use super::marks::{Marks, Status};
use crate::handout::marks;
use crate::out;
use crate::sources::{self, Edit, Misfit, Sources, is_of};

/// The samples, written out.
#[derive(Debug)]
pub struct Samples {
    /// A folder each, as a student hands it in.
    pub folders: Vec<PathBuf>,
    samples: Vec<Sample>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    sample: Vec<Sample>,
}

/// One sample.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    /// Its name.
    name: String,
    /// What is wrong with it.
    #[allow(dead_code, reason = "for people")]
    about: String,
    /// What it starts from.
    base: Base,
    /// A folder beside the list, whose `raft/src` takes the place of the base's: another solution.
    raft: Option<PathBuf>,
    /// The same for `kvraft/src`.
    kvraft: Option<PathBuf>,
    /// Crates that it leaves out.
    #[serde(default)]
    without: Vec<String>,
    /// What is changed.
    #[serde(default)]
    edits: Vec<Edit>,
    /// How far it comes.
    status: Status,
    /// What its pages must say somewhere.
    #[serde(default)]
    says: String,
    /// Its mark in each part; a part that is not named may get any.
    #[serde(default)]
    parts: BTreeMap<String, Expected>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Base {
    Reference,
    Handout,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Expected {
    Full,
    Less,
    Zero,
}

impl Expected {
    fn word(self) -> &'static str {
        match self {
            Expected::Full => "full",
            Expected::Less => "less",
            Expected::Zero => "zero",
        }
    }
}

/// Reads the list and writes the samples into `folder`.
///
/// # Errors
/// An edit does not fit the reference any more.
pub fn read(file: &Path, root: &Path, folder: &Path) -> Result<Samples, String> {
    let at = |e: String| format!("{}: {e}", file.display());
    let text = fs::read_to_string(file).map_err(|e| at(e.to_string()))?;
    let list: List = toml::from_str(&text).map_err(|e| at(e.to_string()))?;
    let ours = sources::read(root)?;
    let beside = file.parent().unwrap_or(Path::new(""));
    let mut folders = Vec::new();
    for sample in &list.sample {
        let below = folder.join(&sample.name);
        let _ = fs::remove_dir_all(&below); // left by an earlier grading, or not there
        let wrong = |e: String| at(format!("{}: {e}", sample.name));
        let others = sample.others(beside).map_err(wrong)?;
        write(sample, &ours, others, &below).map_err(wrong)?;
        folders.push(below);
    }
    Ok(Samples {
        folders,
        samples: list.sample,
    })
}

impl Sample {
    /// The crates that are not the base's.
    fn others(&self, beside: &Path) -> Result<BTreeMap<&'static str, Sources>, String> {
        let named = [("raft", &self.raft), ("kvraft", &self.kvraft)];
        let named = named
            .into_iter()
            .filter_map(|(of, folder)| Some((of, beside.join(folder.as_ref()?))));
        // Such a folder is like a submission.
        named
            .map(|(of, folder)| Ok((of, intake::take(&folder, &[of])?)))
            .collect()
    }
}

fn write(
    sample: &Sample,
    ours: &Sources,
    others: BTreeMap<&str, Sources>,
    folder: &Path,
) -> Result<(), String> {
    let is_out = |name: &str| sample.without.iter().any(|out| is_of(name, out));
    let mut sources = Sources::new();
    for (name, text) in ours.iter().filter(|(name, _)| !is_out(name)) {
        let base = match sample.base {
            Base::Reference => Some(text.clone()),
            Base::Handout => marks::split(text)?.handout,
        };
        sources.extend(base.map(|base| (name.clone(), base)));
    }
    for (of, other) in others {
        sources::replace(&mut sources, of, other);
    }
    for edit in &sample.edits {
        edit.apply(&mut sources).map_err(|misfit| match misfit {
            Misfit::NoFile => format!("there is no file {}", edit.file),
            Misfit::Times(_) => format!("{} does not hold once: {}", edit.file, edit.from),
        })?;
    }
    for (name, text) in sources {
        let to = folder.join(name);
        let written =
            fs::create_dir_all(to.parent().unwrap_or(folder)).and_then(|()| fs::write(&to, text));
        written.map_err(|e| format!("{}: {e}", to.display()))?;
    }
    Ok(())
}

impl Samples {
    /// Each sample has the marks that it must have.
    ///
    /// # Errors
    /// All that differ.
    pub fn compare(&self, all: &[Marks]) -> Result<(), String> {
        let mut wrong = Vec::new();
        for sample in &self.samples {
            let Some(marks) = all.iter().find(|marks| marks.name == sample.name) else {
                wrong.push(format!("{} was not graded", sample.name));
                continue;
            };
            wrong.extend(differences(sample, marks));
        }
        match wrong.is_empty() {
            true => {
                out::line("every sample has the marks that it must have");
                Ok(())
            }
            false => Err(format!(
                "samples with other marks than they must have:\n  {}",
                wrong.join("\n  ")
            )),
        }
    }
}

fn differences(sample: &Sample, marks: &Marks) -> Vec<String> {
    let mut wrong = Vec::new();
    if marks.status != sample.status {
        wrong.push(format!(
            "{}: {:?} instead of {:?}: {}",
            sample.name, marks.status, sample.status, marks.message
        ));
    }
    let mut said = marks
        .tests
        .iter()
        .map(|mark| &mark.report)
        .chain([&marks.message]);
    if !said.any(|text| text.contains(&sample.says)) {
        wrong.push(format!(
            "{}: its pages do not say: {}",
            sample.name, sample.says
        ));
    }
    for (part, (score, points)) in marks.parts() {
        let fits = match sample.parts.get(part) {
            // What was refused earns nothing.
            None if sample.status != Status::Graded => score == 0.0,
            None => true,
            Some(Expected::Full) => score == points,
            Some(Expected::Less) => score < points,
            Some(Expected::Zero) => score == 0.0,
        };
        if !fits {
            let lost: Vec<&str> = marks
                .tests
                .iter()
                .filter(|m| m.part == part && !m.is_full())
                .map(|m| m.test.as_str())
                .collect();
            let wanted = sample
                .parts
                .get(part)
                .map_or("zero", |expected| expected.word());
            wrong.push(format!(
                "{} {part}: {score} of {points}, not {wanted}; lost: {}",
                sample.name,
                lost.join(", ")
            ));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grade::marks::tests::sample as some_marks;

    fn sample(parts: &[(&str, Expected)]) -> Sample {
        Sample {
            name: "x".into(),
            about: String::new(),
            base: Base::Reference,
            raft: None,
            kvraft: None,
            without: Vec::new(),
            edits: Vec::new(),
            says: String::new(),
            status: Status::Graded,
            parts: parts
                .iter()
                .map(|(part, expected)| (part.to_string(), *expected))
                .collect(),
        }
    }

    #[test]
    fn other_marks_are_noticed() {
        let marks = some_marks();
        assert!(
            differences(
                &sample(&[("2A", Expected::Full), ("2C", Expected::Zero)]),
                &marks
            )
            .is_empty()
        );
        assert_eq!(
            differences(&sample(&[("2C", Expected::Full)]), &marks),
            ["x 2C: 0 of 3.33, not full; lost: figure8"]
        );
        assert_eq!(
            differences(&sample(&[("2A", Expected::Less)]), &marks).len(),
            1
        );
        let refused = Sample {
            status: Status::Refused,
            ..sample(&[])
        };
        assert_eq!(differences(&refused, &marks).len(), 2);
        let silent = Sample {
            says: "three leaders".into(),
            ..sample(&[])
        };
        assert_eq!(
            differences(&silent, &marks),
            ["x: its pages do not say: three leaders"]
        );
    }
}

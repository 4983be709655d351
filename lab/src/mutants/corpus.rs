//! The corpus: `tests/mutants/*.toml`, one wrong solution each.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::sources::{self, Edit, Misfit, Sources, is_of};

/// A wrong solution: the reference with a mistake, or one of the right solutions in another style with one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    /// Its name, that of its file.
    #[serde(skip)]
    pub name: String,
    /// The part whose suite must reject it.
    pub part: String,
    /// Where the paper says what it does wrong.
    pub section: String,
    /// The mistake, in a sentence.
    pub why: String,
    /// The folder of `samples/` whose `raft/src` takes the place of the reference's, before the edits: some mistakes
    /// can be made in another style only.
    pub raft: Option<PathBuf>,
    /// The same for `kvraft/src`.
    pub kvraft: Option<PathBuf>,
    /// How it is made.
    pub edit: Vec<Edit>,
}

impl Mutant {
    /// Whether no crate of it is in another style.
    fn is_of_the_reference(&self) -> bool {
        self.raft.is_none() && self.kvraft.is_none()
    }
}

/// The file with the edits that come before those of every mutant.
const BARE: &str = "bare.toml";
/// The file with those that hide what the suites could see.
const BLIND: &str = "blind.toml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Common {
    edit: Vec<Edit>,
}

/// The corpus.
#[derive(Debug)]
pub struct Corpus {
    /// Where the right solutions in other styles are.
    samples: PathBuf,
    /// Takes the reference's own assertions out: a student's Raft has none that would end it at once. If it is blind, makes
    /// messages and disks mere bytes to the suites, too.
    bare: Vec<Edit>,
    /// The wrong solutions by name.
    pub mutants: Vec<Mutant>,
}

impl Corpus {
    /// Reads it from the workspace `root`. If it is `blind`, mutants hide what they send and save from the suites; those
    /// in other styles are left out then.
    ///
    /// # Errors
    /// A file can't be read, or is not one of the corpus.
    pub fn read(root: &Path, blind: bool) -> Result<Corpus, String> {
        let folder = root.join("tests/mutants");
        let at = |e: std::io::Error| format!("{}: {e}", folder.display());
        let mut paths: Vec<_> = fs::read_dir(&folder)
            .map_err(at)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()
            .map_err(at)?;
        paths.retain(|path| path.extension().is_some_and(|end| end == "toml"));
        paths.sort();
        let mut corpus = Corpus {
            samples: root.join("samples"),
            bare: Vec::new(),
            mutants: Vec::new(),
        };
        let mut hiding = Vec::new();
        for path in paths {
            let wrong = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
            let text = fs::read_to_string(&path).map_err(|e| wrong(&e))?;
            let common = || toml::from_str::<Common>(&text).map_err(|e| wrong(&e));
            if path.ends_with(BARE) {
                corpus.bare = common()?.edit;
                continue;
            }
            if path.ends_with(BLIND) {
                hiding = common()?.edit;
                continue;
            }
            let mut mutant: Mutant = toml::from_str(&text).map_err(|e| wrong(&e))?;
            let stem = path.file_stem().unwrap_or_default();
            mutant.name = stem.to_string_lossy().into_owned();
            corpus.mutants.push(mutant);
        }
        if blind {
            corpus.bare.append(&mut hiding);
            corpus.mutants.retain(Mutant::is_of_the_reference);
        }
        Ok(corpus)
    }

    /// The sources of a mutant, made from the reference's.
    ///
    /// # Errors
    /// An edit fits no more, or in more than one place: the corpus has drifted from what it changes.
    pub fn sources(&self, mutant: &Mutant, reference: &Sources) -> Result<Sources, String> {
        let name = &mutant.name;
        let mut sources = reference.clone();
        for (crate_, folder) in [("raft", &mutant.raft), ("kvraft", &mutant.kvraft)] {
            if let Some(folder) = folder {
                let other = self.style(crate_, folder);
                let other = other.map_err(|e| format!("mutant {name}: {e}"))?;
                sources::replace(&mut sources, crate_, other);
            }
        }
        // Only the reference's Raft has assertions to take out.
        let bare = if mutant.raft.is_none() {
            &self.bare[..]
        } else {
            &[]
        };
        for edit in bare.iter().chain(&mutant.edit) {
            edit.apply(&mut sources).map_err(|misfit| match misfit {
                Misfit::NoFile => format!("mutant {name}: there is no file {}", edit.file),
                Misfit::Times(n) => format!(
                    "mutant {name}: {} holds this {n} times, and must hold it once; bring the edit up to date:\n{}",
                    edit.file, edit.from
                ),
            })?;
        }
        Ok(sources)
    }

    /// A crate in another style.
    fn style(&self, crate_: &str, folder: &Path) -> Result<Sources, String> {
        let folder = self.samples.join(folder);
        let mut sources = sources::read(&folder)?;
        sources.retain(|name, _| is_of(name, crate_));
        if sources.is_empty() {
            return Err(format!("there is no {crate_}/src in {}", folder.display()));
        }
        Ok(sources)
    }
}

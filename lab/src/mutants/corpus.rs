//! The corpus: `tests/mutants/*.toml`, one wrong solution each.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::sources::{Edit, Misfit, Sources};

/// A wrong solution: the reference with a mistake.
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
    /// How it is made.
    pub edit: Vec<Edit>,
}

/// The file with the edits that come before those of every mutant.
const BARE: &str = "bare.toml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bare {
    edit: Vec<Edit>,
}

/// The corpus.
#[derive(Debug)]
pub struct Corpus {
    /// Takes the reference's own assertions out: a student's Raft has none that would end it at once.
    bare: Vec<Edit>,
    /// The wrong solutions by name.
    pub mutants: Vec<Mutant>,
}

impl Corpus {
    /// Reads it from its folder.
    ///
    /// # Errors
    /// A file can't be read, or is not one of the corpus.
    pub fn read(folder: &Path) -> Result<Corpus, String> {
        let at = |e: std::io::Error| format!("{}: {e}", folder.display());
        let mut paths: Vec<_> = fs::read_dir(folder)
            .map_err(at)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()
            .map_err(at)?;
        paths.retain(|path| path.extension().is_some_and(|end| end == "toml"));
        paths.sort();
        let mut corpus = Corpus {
            bare: Vec::new(),
            mutants: Vec::new(),
        };
        for path in paths {
            let wrong = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
            let text = fs::read_to_string(&path).map_err(|e| wrong(&e))?;
            if path.ends_with(BARE) {
                corpus.bare = toml::from_str::<Bare>(&text).map_err(|e| wrong(&e))?.edit;
                continue;
            }
            let mut mutant: Mutant = toml::from_str(&text).map_err(|e| wrong(&e))?;
            let stem = path.file_stem().unwrap_or_default();
            mutant.name = stem.to_string_lossy().into_owned();
            corpus.mutants.push(mutant);
        }
        Ok(corpus)
    }

    /// The sources of a mutant, made from the reference's.
    ///
    /// # Errors
    /// An edit fits no more, or in more than one place: the corpus has drifted from the reference.
    pub fn sources(&self, mutant: &Mutant, reference: &Sources) -> Result<Sources, String> {
        let mut sources = reference.clone();
        for edit in self.bare.iter().chain(&mutant.edit) {
            let name = &mutant.name;
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
}

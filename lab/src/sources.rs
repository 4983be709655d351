//! The sources of the crates that students write, and edits of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::handout::tree;

/// Files below `raft/src` and `kvraft/src`, by path from the workspace's root: `raft/src/lib.rs` and so on.
pub type Sources = BTreeMap<String, String>;

/// The crates that students write.
pub const CRATES: [&str; 2] = ["raft", "kvraft"];

/// Those of the workspace `root`, with the reference's solution.
///
/// # Errors
/// A file can't be read.
pub fn read(root: &Path) -> Result<Sources, String> {
    let mut sources = Sources::new();
    for path in tree::files(root)? {
        let name = path.to_string_lossy().into_owned();
        if CRATES.iter().any(|crate_| is_of(&name, crate_)) {
            let text = fs::read_to_string(root.join(&path)).map_err(|e| format!("{name}: {e}"))?;
            sources.insert(name, text);
        }
    }
    Ok(sources)
}

/// Whether this is a source file of the crate.
pub fn is_of(name: &str, crate_: &str) -> bool {
    let below = name.strip_prefix(crate_);
    below.is_some_and(|below| below.starts_with("/src/"))
}

/// The files of one crate.
pub fn of_crate<'a>(
    sources: &'a Sources,
    crate_: &str,
) -> impl Iterator<Item = (&'a String, &'a String)> {
    sources.iter().filter(move |(name, _)| is_of(name, crate_))
}

/// Puts another crate's sources in the place of those of `crate_`.
pub fn replace(sources: &mut Sources, crate_: &str, by: Sources) {
    sources.retain(|name, _| !is_of(name, crate_));
    sources.extend(by);
}

/// A change of one file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The file, from the workspace's root.
    pub file: String,
    /// What stands there exactly once.
    pub from: String,
    /// What takes its place.
    pub to: String,
}

/// Why an edit does not fit: the sources have moved on since it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// Its file is gone.
    NoFile,
    /// Its file holds what is to be replaced so often, and not once.
    Times(usize),
}

impl Edit {
    /// Makes the change.
    ///
    /// # Errors
    /// It does not fit.
    pub fn apply(&self, sources: &mut Sources) -> Result<(), Misfit> {
        let text = sources.get_mut(&self.file).ok_or(Misfit::NoFile)?;
        match text.matches(&self.from).count() {
            1 => *text = text.replace(&self.from, &self.to),
            n => return Err(Misfit::Times(n)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(from: &str, to: &str) -> Edit {
        Edit {
            file: "raft/src/a.rs".into(),
            from: from.into(),
            to: to.into(),
        }
    }

    fn sources() -> Sources {
        [("raft/src/a.rs".to_string(), "one two two".to_string())].into()
    }

    #[test]
    fn an_edit_fits_exactly_once() {
        let mut changed = sources();
        edit("one", "1").apply(&mut changed).unwrap();
        assert_eq!(changed["raft/src/a.rs"], "1 two two");
        for (from, times) in [("two", 2), ("three", 0)] {
            let misfit = edit(from, "").apply(&mut sources());
            assert_eq!(misfit, Err(Misfit::Times(times)));
        }
        assert_eq!(
            edit("one", "").apply(&mut Sources::new()),
            Err(Misfit::NoFile)
        );
    }

    #[test]
    fn one_crates_name_may_end_anothers() {
        assert!(is_of("raft/src/lib.rs", "raft") && is_of("kvraft/src/lib.rs", "kvraft"));
        assert!(!is_of("kvraft/src/lib.rs", "raft") && !is_of("raft/tests/x.rs", "raft"));
    }
}

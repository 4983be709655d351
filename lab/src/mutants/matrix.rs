//! The kill matrix: which test rejects which mutant, as a file for programs and a table for people.

use std::fs;
use std::path::{Path, PathBuf};

use super::trial::{Fate, Verdict};

/// The verdicts of this run and, if it goes on from an earlier one, of that.
#[derive(Debug)]
pub struct Matrix {
    file: PathBuf,
    verdicts: Vec<Verdict>,
}

impl Matrix {
    /// Goes on from what `file` holds if it is to, or begins anew.
    ///
    /// # Errors
    /// The file is there and holds something else.
    pub fn open(file: PathBuf, resume: bool) -> Result<Matrix, String> {
        let mut verdicts = Vec::new();
        if resume && file.exists() {
            let wrong = |e: &dyn std::fmt::Display| {
                let file = file.display();
                format!("{file}: {e}; without --resume it is written anew")
            };
            let text = fs::read_to_string(&file).map_err(|e| wrong(&e))?;
            verdicts = serde_json::from_str(&text).map_err(|e| wrong(&e))?;
        }
        Ok(Matrix { file, verdicts })
    }

    /// Whether a mutant's verdict is known and good.
    pub fn has(&self, mutant: &str) -> bool {
        let mut known = self.verdicts.iter();
        known.any(|v| v.mutant == mutant && v.is_as_it_must_be())
    }

    /// Enters a verdict, and writes the file: a run that is broken off has not been in vain.
    ///
    /// # Errors
    /// It can't be written.
    pub fn enter(&mut self, verdict: Verdict) -> Result<(), String> {
        self.verdicts.retain(|known| known.mutant != verdict.mutant);
        self.verdicts.push(verdict);
        self.verdicts.sort_by(|a, b| a.mutant.cmp(&b.mutant));
        let text = serde_json::to_string_pretty(&self.verdicts).map_err(|e| e.to_string())?;
        write(&self.file, &text)
    }

    /// All verdicts, by mutant.
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// The file for programs.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The table for people, in Markdown.
    pub fn table(&self) -> String {
        let mut table = String::from(
            "| mutant | part | mistake | seeds | rejected by | the first report | CPU s |\n\
             |---|---|---|---|---|---|---|\n",
        );
        for verdict in &self.verdicts {
            let Verdict {
                mutant, part, why, ..
            } = verdict;
            let (seeds, tests, claim) = cells(&verdict.fate);
            let cpu_s = verdict.cpu_s;
            table += &format!(
                "| `{mutant}` | {part} | {why} | {seeds} | {tests} | {claim} | {cpu_s:.1} |\n"
            );
        }
        table
    }
}

fn cells(fate: &Fate) -> (String, String, String) {
    let (seeds, kill) = match fate {
        Fate::Rejected(kill) if kill.missed > 0 => {
            (format!("**missed {} times**", kill.missed), kill)
        }
        Fate::Rejected(kill) => (kill.seeds.to_string(), kill),
        Fate::Elsewhere(kill) => (format!("**{}, not its part**", kill.seeds), kill),
        Fate::Survived => return ("**survived**".into(), String::new(), String::new()),
        Fate::BrokenOff => return ("broken off".into(), String::new(), String::new()),
        Fate::NotBuilt(_) => return ("**not built**".into(), String::new(), String::new()),
    };
    let tests: Vec<String> = kill.tests.keys().map(|test| format!("`{test}`")).collect();
    (seeds, tests.join(", "), kill.claim.replace('|', "\\|"))
}

/// Writes a file, and the folder that it is in.
///
/// # Errors
/// It can't be written.
pub fn write(file: &Path, text: &str) -> Result<(), String> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(file, text));
    written.map_err(|e| format!("{}: {e}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutants::trial::Kill;

    fn verdict(mutant: &str, fate: Fate) -> Verdict {
        Verdict {
            mutant: mutant.into(),
            part: "2A".into(),
            why: "It votes twice.".into(),
            fate,
            cpu_s: 1.25,
        }
    }

    fn rejected() -> Fate {
        Fate::Rejected(Kill {
            seeds: 2,
            missed: 0,
            tests: [("re_election".into(), "one leader a term".into())].into(),
            claim: "one leader a term".into(),
            report: "FAIL …".into(),
        })
    }

    #[test]
    fn a_matrix_goes_on_from_its_file_but_not_from_what_was_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deep/matrix.json");
        let mut matrix = Matrix::open(file.clone(), true).unwrap();
        matrix.enter(verdict("b", rejected())).unwrap();
        matrix.enter(verdict("a", Fate::Survived)).unwrap();
        let again = Matrix::open(file.clone(), true).unwrap();
        assert_eq!((again.has("b"), again.has("a")), (true, false));
        assert_eq!(again.verdicts()[0].mutant, "a");
        assert!(!Matrix::open(file.clone(), false).unwrap().has("b"));
        fs::write(&file, "{").unwrap();
        let refused = Matrix::open(file, true).unwrap_err();
        assert!(
            refused.ends_with("; without --resume it is written anew"),
            "{refused}"
        );
    }

    #[test]
    fn the_table_shows_who_was_not_rejected() {
        let file = tempfile::tempdir().unwrap().path().join("matrix.json");
        let mut matrix = Matrix::open(file, false).unwrap();
        matrix.enter(verdict("a", Fate::Survived)).unwrap();
        matrix.enter(verdict("b", rejected())).unwrap();
        let rows: Vec<String> = matrix.table().lines().skip(2).map(str::to_string).collect();
        assert_eq!(
            rows,
            [
                "| `a` | 2A | It votes twice. | **survived** |  |  | 1.2 |",
                "| `b` | 2A | It votes twice. | 2 | `re_election` | one leader a term | 1.2 |",
            ]
        );
    }
}

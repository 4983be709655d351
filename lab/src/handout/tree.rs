//! Writing the students' tree.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::marks;

/// What only instructors need.
const LEFT_OUT: [&str; 6] = [
    "samples/",
    "grading.toml",
    "gradescope/",
    ".ci/",
    "docs/instructor.md",
    "mutants/",
];
/// Where solution regions may be.
const STUDENTS: [&str; 2] = ["raft/", "kvraft/"];

/// What was written.
#[derive(Debug, Default)]
pub struct Made {
    /// How many files.
    pub files: usize,
    /// Traces of the solution regions, but for those that the stubs have in common with them.
    pub solution: BTreeSet<String>,
}

/// Writes the tree of the workspace `root` into `folder`.
///
/// # Errors
/// The folder is not empty, a region has no end, a file can't be read or written.
pub fn write(root: &Path, folder: &Path) -> Result<Made, String> {
    if folder
        .read_dir()
        .is_ok_and(|mut entries| entries.next().is_some())
    {
        return Err(format!(
            "{} is not empty; a handout goes into a new folder",
            folder.display()
        ));
    }
    let mut made = Made::default();
    let mut public = BTreeSet::new();
    for path in files(root)? {
        let name = path.to_string_lossy().into_owned();
        if LEFT_OUT.iter().any(|left_out| name.starts_with(left_out)) {
            continue;
        }
        let from = root.join(&path);
        let bytes = fs::read(&from).map_err(|e| format!("{}: {e}", from.display()))?;
        let bytes = match String::from_utf8(bytes) {
            Ok(text) if STUDENTS.iter().any(|crate_| name.starts_with(crate_)) => {
                let parts = marks::split(&text).map_err(|e| format!("{name}: {e}"))?;
                made.solution.extend(
                    traces(parts.solution.iter().map(String::as_str)).map(|(_, text)| text),
                );
                let Some(handout) = parts.handout else {
                    continue;
                };
                public.extend(traces(handout.lines()).map(|(_, text)| text));
                handout.into_bytes()
            }
            Ok(text) => text.into_bytes(),
            Err(binary) => binary.into_bytes(),
        };
        put(&folder.join(&path), &bytes)?;
        made.files += 1;
    }
    made.solution.retain(|trace| !public.contains(trace));
    Ok(made)
}

/// What gives a text away: a long line of it, or two shorter ones in a row. Braces, imports and
/// the odd declaration are everybody's.
pub fn traces<'a>(lines: impl Iterator<Item = &'a str>) -> impl Iterator<Item = (usize, String)> {
    let mut before = "";
    lines
        .map(str::trim)
        .enumerate()
        .filter(|(_, line)| !line.is_empty())
        .flat_map(move |(at, line)| {
            let says = |line: &str, least| {
                line.len() >= least && !line.starts_with("use ") && !line.starts_with("#[")
            };
            let alone = says(line, 60).then(|| line.to_string());
            let pair = (says(before, 16) && says(line, 16) && before.len() + line.len() >= 56)
                .then(|| format!("{before}\n{line}"));
            before = line;
            alone.into_iter().chain(pair).map(move |text| (at, text))
        })
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let parent = path.parent().unwrap_or(path);
    let written = fs::create_dir_all(parent).and_then(|()| fs::write(path, bytes));
    written.map_err(|e| format!("{}: {e}", path.display()))
}

/// The workspace's own files: what git knows or would take.
///
/// # Errors
/// It is not under git.
pub fn files(root: &Path) -> Result<Vec<PathBuf>, String> {
    let listed = Command::new("git")
        .current_dir(root)
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .output()
        .map_err(|e| format!("git, which knows the project's files: {e}"))?;
    if !listed.status.success() {
        return Err(format!(
            "git ls-files: {}",
            String::from_utf8_lossy(&listed.stderr)
        ));
    }
    let names = String::from_utf8_lossy(&listed.stdout).into_owned();
    let mut files: Vec<PathBuf> = names
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(PathBuf::from)
        .filter(|p| root.join(p).is_file())
        .collect();
    files.sort();
    files.dedup();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_and_pairs_are_traces() {
        let long = "x".repeat(60);
        let text = format!(
            "use a::{long};\nlet first = something_of_its_own();\n\n    let second = another_thing();\n}}\n{long}\n"
        );
        let found: Vec<(usize, String)> = traces(text.lines()).collect();
        let pair = "let first = something_of_its_own();\nlet second = another_thing();";
        assert_eq!(found, [(3, pair.to_string()), (5, long)]);
    }
}

//! Writing the students' tree.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::marks;

/// What only instructors need.
const LEFT_OUT: [&str; 9] = [
    "samples/",
    "validation/",
    "grading.toml",
    "gradescope/",
    ".ci/",
    "docs/instructor.md",
    "docs/suite-strength.md",
    "tests/mutants/",
    "lab/tests/",
];
/// Where solution regions may be.
const STUDENTS: [&str; 2] = ["raft/", "kvraft/"];
/// Files outside, of which a part is for instructors only.
const IN_PART: [&str; 5] = [
    "Makefile",
    "Cargo.toml",
    ".gitignore",
    "README.md",
    "docs/README.md",
];

/// What was written.
#[derive(Debug, Default)]
pub struct Made {
    /// How many files.
    pub files: usize,
    /// Lines of the solution regions, but for those that students are given somewhere else in the
    /// same crates: in the stubs, or outside of any region.
    pub lines: BTreeSet<String>,
    /// Traces of the solution regions, likewise.
    pub traces: BTreeSet<String>,
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
    let (mut lines, mut public) = (BTreeSet::new(), BTreeSet::new());
    for path in files(root)? {
        let name = path.to_string_lossy().into_owned();
        if LEFT_OUT.iter().any(|left_out| name.starts_with(left_out)) {
            continue;
        }
        let from = root.join(&path);
        let bytes = fs::read(&from).map_err(|e| format!("{}: {e}", from.display()))?;
        let is_students = STUDENTS.iter().any(|crate_| name.starts_with(crate_));
        let bytes = match String::from_utf8(bytes) {
            Ok(text) if is_students || IN_PART.contains(&name.as_str()) => {
                let parts = marks::split(&text).map_err(|e| format!("{name}: {e}"))?;
                let solution = || parts.solution.iter().map(String::as_str);
                lines.extend(telling(solution()).map(|(_, text)| text));
                made.traces.extend(traces(solution()).map(|(_, text)| text));
                let Some(handout) = parts.handout else {
                    continue;
                };
                public.extend(telling(handout.lines()).map(|(_, text)| text));
                public.extend(traces(handout.lines()).map(|(_, text)| text));
                handout.into_bytes()
            }
            Ok(text) => text.into_bytes(),
            Err(binary) => binary.into_bytes(),
        };
        put(&folder.join(&path), &bytes)?;
        made.files += 1;
    }
    made.lines = lines
        .into_iter()
        .filter(|line| !public.contains(line))
        .collect();
    made.traces.retain(|trace| !public.contains(trace));
    Ok(made)
}

/// Whether the framework's own code is in this file, which has lines in common with any solution.
pub fn is_framework(path: &Path) -> bool {
    const CODE: [&str; 8] = [
        "labsim",
        "labgob",
        "labrpc",
        "raftapi",
        "linear",
        "tests",
        "lab",
        "Cargo.lock",
    ];
    CODE.iter().any(|folder| path.starts_with(folder))
}

/// The lines that say something: at least twelve letters and digits, and no `use` or attribute.
/// `}` and `Ok(())` are everybody's.
pub fn telling<'a>(lines: impl Iterator<Item = &'a str>) -> impl Iterator<Item = (usize, String)> {
    let says = |line: &&str| {
        let letters = line.chars().filter(|c| c.is_alphanumeric()).count();
        letters >= 12
            && !["use ", "pub use ", "mod ", "pub mod ", "#["]
                .iter()
                .any(|w| line.starts_with(w))
    };
    lines
        .map(str::trim)
        .enumerate()
        .filter(move |(_, line)| says(line))
        .map(|(at, line)| (at, line.to_string()))
}

/// What gives a text away even among other code: a long line of it, or two shorter ones in a row.
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

/// The workspace's own files: what git knows or would take; without git, all but the build's.
///
/// # Errors
/// A folder can't be read.
pub fn files(root: &Path) -> Result<Vec<PathBuf>, String> {
    const MANIFEST: &str = "Cargo.toml";
    let mut files = known_to_git(root);
    if !files.iter().any(|path| path == Path::new(MANIFEST)) {
        files = walk(root)?;
    }
    files.retain(|path| root.join(path).is_file());
    files.sort();
    files.dedup();
    Ok(files)
}

/// Nothing, if the folder is not under git.
fn known_to_git(root: &Path) -> Vec<PathBuf> {
    let listed = Command::new("git")
        .current_dir(root)
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .output();
    let listed = listed.map(|listed| listed.stdout).unwrap_or_default();
    let names = String::from_utf8_lossy(&listed).into_owned();
    let names = names.split('\0').filter(|name| !name.is_empty());
    names.map(PathBuf::from).collect()
}

fn walk(root: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let here = root.join(&folder);
        let listed = here
            .read_dir()
            .map_err(|e| format!("{}: {e}", here.display()))?;
        for entry in listed.flatten() {
            let path = folder.join(entry.file_name());
            match entry.path().is_dir() {
                true if path.ends_with("target") || path.ends_with(".git") => {}
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_say_something_are_told_from_others() {
        let text =
            "}\nOk(())\nuse crate::message::EntryId;\n  votes.insert(voter);\n// twelve letters\n";
        let found: Vec<(usize, String)> = telling(text.lines()).collect();
        assert_eq!(
            found,
            [
                (3, "votes.insert(voter);".to_string()),
                (4, "// twelve letters".to_string())
            ]
        );
    }

    #[test]
    fn a_folder_without_git_has_files_too() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["Cargo.toml", "a/b.rs", "target/x", ".cargo/config.toml"] {
            put(&folder.path().join(name), b"").unwrap();
        }
        let found = files(folder.path()).unwrap();
        assert_eq!(
            found,
            [".cargo/config.toml", "Cargo.toml", "a/b.rs"].map(PathBuf::from)
        );
    }

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

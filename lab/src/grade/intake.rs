//! What is taken of a submission: Rust files below `raft/src` and `kvraft/src`, and nothing else.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::{archive, strip};
use crate::sources::Sources;

/// The most bytes of one file.
pub const FILE_MOST: u64 = 1 << 20;
/// The most bytes of a submission.
pub const TOTAL_MOST: u64 = 16 << 20;
/// The most files of a submission, those included that are not looked at, but not what builds and version control leave.
pub const FILES_MOST: usize = 5_000;

/// A file of a submission.
#[derive(Debug)]
pub struct Entry {
    /// Its path inside.
    pub path: PathBuf,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Reads these crates from a folder, a `.zip` or a `.tar.gz`, which has to hold the first of them.
///
/// # Errors
/// Why it is refused, for its author.
pub fn take(submission: &Path, crates: &[&str]) -> Result<Sources, String> {
    let name = submission.to_string_lossy().to_lowercase();
    let entries = match submission.metadata() {
        Err(error) => return Err(format!("the submission can't be read: {error}")),
        Ok(about) if about.is_dir() => folder(submission)?,
        Ok(_) if name.ends_with(".zip") => archive::zip(submission)?,
        Ok(_) if name.ends_with(".tar.gz") || name.ends_with(".tgz") => {
            archive::tar_gz(submission)?
        }
        Ok(_) => return Err("a submission is a folder, a .zip or a .tar.gz".into()),
    };
    sources(entries, crates)
}

/// Whether a file is looked at, whatever folder it is in.
pub fn is_wanted(path: &Path) -> bool {
    let is_named = |wanted: &str| path.file_name().is_some_and(|name| name == wanted);
    let has = |wanted: &str| path.components().any(|part| part.as_os_str() == wanted);
    let is_ours = has("raft") || has("kvraft");
    is_ours && (has("src") || is_named("build.rs")) && !is_left_over(path)
}

/// Whether nobody wrote this file: cargo's `target`, and hidden files, which are those of editors, version control, and
/// macOS's `._lib.rs`. There may be any number of them.
pub fn is_left_over(path: &Path) -> bool {
    let of = |part: Component<'_>| {
        let name = part.as_os_str().to_string_lossy();
        name == "target" || (name.starts_with('.') && name != ".")
    };
    path.components().any(of)
}

/// Whether a link of this name would be in the place of sources.
pub fn would_be_wanted(path: &Path) -> bool {
    is_wanted(path) || path.ends_with("raft") || path.ends_with("kvraft")
}

fn folder(root: &Path) -> Result<Vec<Entry>, String> {
    let (mut entries, mut seen, mut total) = (Vec::new(), 0, 0);
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let problem = |e: std::io::Error| format!("{}: {e}", folder.display());
        let listed: Result<Vec<_>, _> = folder.read_dir().map_err(problem)?.collect();
        let mut listed = listed.map_err(problem)?;
        listed.sort_by_key(fs::DirEntry::file_name); // one problem of several: always the same
        for entry in listed {
            let path = entry.path();
            let inside = path.strip_prefix(root).unwrap_or(&path).to_path_buf();
            if is_left_over(&inside) {
                continue;
            }
            let about = path
                .symlink_metadata()
                .map_err(|e| format!("{}: {e}", inside.display()))?;
            seen += 1;
            if seen > FILES_MOST {
                return Err(format!("more than {FILES_MOST} files"));
            }
            if about.is_dir() {
                folders.push(path);
            } else if !about.is_dir() && would_be_wanted(&inside) {
                if !about.is_file() {
                    return Err(format!(
                        "{} is a link or a special file; send the file itself",
                        inside.display()
                    ));
                }
                check_size(&inside, about.len(), &mut total)?;
                let bytes = fs::read(&path).map_err(|e| format!("{}: {e}", inside.display()))?;
                entries.push(Entry {
                    path: inside,
                    bytes,
                });
            }
        }
    }
    Ok(entries)
}

/// Adds a file's size to the total.
///
/// # Errors
/// It is too large, or all are together.
pub fn check_size(path: &Path, size: u64, total: &mut u64) -> Result<(), String> {
    *total += size;
    if size > FILE_MOST {
        return Err(format!(
            "{} is larger than {FILE_MOST} bytes",
            path.display()
        ));
    }
    match *total > TOTAL_MOST {
        true => Err(format!(
            "the sources together are larger than {TOTAL_MOST} bytes"
        )),
        false => Ok(()),
    }
}

fn sources(entries: Vec<Entry>, crates: &[&str]) -> Result<Sources, String> {
    let first = crates.first().copied().unwrap_or("raft");
    let root = root(&entries, first)?;
    let mut sources = Sources::new();
    for Entry { path, bytes } in entries {
        let Ok(inside) = path.strip_prefix(&root) else {
            continue;
        };
        let name = plain(inside)?;
        let Some((crate_, below)) = name.split_once('/') else {
            continue;
        };
        if !crates.contains(&crate_) {
            continue;
        }
        if below == "build.rs" {
            return Err(format!("{name}: build scripts are not allowed"));
        }
        if !below.starts_with("src/") || !below.ends_with(".rs") {
            continue;
        }
        let text = String::from_utf8(bytes).map_err(|e| {
            let line = 1 + e.as_bytes()[..e.utf8_error().valid_up_to()]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count();
            format!("{name}:{line} is not UTF-8 text; save the file as UTF-8")
        })?;
        let text = text.trim_start_matches('\u{feff}').to_string();
        if sources.insert(name.clone(), text).is_some() {
            return Err(format!("{name} is there twice"));
        }
    }
    Ok(without_tests(sources))
}

/// Without unit tests, which take no part in the suites and may use what a Raft may not: what is
/// under `#[cfg(test)]`, be it in the file or in one of its own.
pub fn without_tests(sources: Sources) -> Sources {
    let mut tests = Vec::new();
    let mut stripped = Sources::new();
    for (name, text) in sources {
        let done = strip::strip(&text);
        let below = match name
            .strip_suffix("/lib.rs")
            .or(name.strip_suffix("/mod.rs"))
        {
            Some(folder) => folder,
            None => name.trim_end_matches(".rs"),
        };
        let of_module = |module: String| format!("{below}/{module}");
        tests.extend(done.modules.into_iter().map(of_module));
        stripped.insert(name, done.text);
    }
    let is_test = |name: &str| {
        let of = |test: &String| {
            name.strip_prefix(test.as_str())
                .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        };
        tests.iter().any(of)
    };
    stripped.retain(|name, _| !is_test(name));
    stripped
}

/// The folder that holds `raft/src/lib.rs`, or another crate's: an archive often has one folder around everything.
fn root(entries: &[Entry], crate_: &str) -> Result<PathBuf, String> {
    let lib = format!("{crate_}/src/lib.rs");
    let libs = entries.iter().filter(|entry| entry.path.ends_with(&lib));
    let mut roots: Vec<_> = libs
        .filter_map(|entry| entry.path.ancestors().nth(3))
        .collect();
    roots.sort_by_key(|root| (root.components().count(), root.to_path_buf()));
    match roots[..] {
        [] => Err(format!(
            "there is no {lib} in it; a submission holds the folders raft and kvraft, or one folder around them"
        )),
        [a, b, ..] if a != b && a.components().count() == b.components().count() => Err(format!(
            "there are two submissions in it, {} and {}",
            a.display(),
            b.display()
        )),
        [root, ..] => Ok(root.to_path_buf()),
    }
}

/// A relative path of plain names, with slashes.
fn plain(path: &Path) -> Result<String, String> {
    let mut names = Vec::new();
    for part in path.components() {
        match (part, part.as_os_str().to_str()) {
            (Component::Normal(_), Some(name)) => names.push(name),
            _ => return Err(format!("{} is not a plain path", path.display())),
        }
    }
    Ok(names.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, text: &[u8]) -> Entry {
        Entry {
            path: path.into(),
            bytes: text.to_vec(),
        }
    }

    #[test]
    fn only_rust_files_of_the_crates_are_taken_from_wherever_they_are() {
        let entries = vec![
            entry(
                "my work/raft/src/lib.rs",
                b"mod a;\r\n#[cfg(test)] mod tests;",
            ),
            entry("my work/raft/src/a.rs", b""),
            entry("my work/raft/src/notes.txt", b"\xff"),
            entry("my work/raft/src/tests/elections.rs", b""),
            entry("my work/raft/Cargo.toml", b""),
            entry("my work/tests/src/lib.rs", b""),
            entry("other/raft/src/b.rs", b""),
        ];
        let taken = sources(entries, &["raft"]).unwrap();
        assert_eq!(
            taken.keys().collect::<Vec<_>>(),
            ["raft/src/a.rs", "raft/src/lib.rs"]
        );
    }

    #[test]
    fn refusals_say_why() {
        let refused = |entries| sources(entries, &["raft"]).unwrap_err();
        assert!(refused(vec![]).starts_with("there is no raft/src/lib.rs in it; "));
        let lib = || entry("raft/src/lib.rs", b"");
        assert_eq!(
            refused(vec![lib(), entry("raft/build.rs", b"")]),
            "raft/build.rs: build scripts are not allowed"
        );
        assert_eq!(
            refused(vec![lib(), entry("raft/src/x.rs", b"\n\xff")]),
            "raft/src/x.rs:2 is not UTF-8 text; save the file as UTF-8"
        );
        assert_eq!(
            refused(vec![lib(), lib()]),
            "raft/src/lib.rs is there twice"
        );
        let other = |folder: &str| entry(&format!("{folder}/raft/src/lib.rs"), b"");
        assert_eq!(
            refused(vec![other("old"), other("new")]),
            "there are two submissions in it, new and old"
        );
    }

    #[test]
    fn tests_are_left_out_wherever_they_are() {
        let entries = vec![
            entry("raft/src/lib.rs", b"#[cfg(test)]\nmod world;\nmod node;"),
            entry("raft/src/world.rs", b"std::fs"),
            entry("raft/src/world/more.rs", b"std::fs"),
            entry("raft/src/node.rs", b"#[cfg(test)] mod scenes;"),
            entry("raft/src/node/scenes.rs", b"std::fs"),
        ];
        assert!(!is_wanted(Path::new("raft/src/._node.rs")), "macOS's own");
        let taken = sources(entries, &["raft"]).unwrap();
        assert_eq!(
            taken.keys().collect::<Vec<_>>(),
            ["raft/src/lib.rs", "raft/src/node.rs"]
        );
    }

    #[test]
    fn links_and_large_files_are_refused() {
        let folder_ = tempfile::tempdir().unwrap();
        let src = folder_.path().join("raft/src");
        fs::create_dir_all(&src).unwrap();
        fs::write(src.join("lib.rs"), "").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", src.join("x.rs")).unwrap();
        assert!(
            take(folder_.path(), &["raft"])
                .unwrap_err()
                .starts_with("raft/src/x.rs is a link")
        );
        fs::remove_file(src.join("x.rs")).unwrap();
        fs::File::create(src.join("y.rs"))
            .unwrap()
            .set_len(1 << 30)
            .unwrap();
        assert_eq!(
            take(folder_.path(), &["raft"]).unwrap_err(),
            "raft/src/y.rs is larger than 1048576 bytes"
        );
    }
}

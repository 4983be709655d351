//! What is taken of a submission: Rust files below `raft/src` and `kvraft/src`, and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::archive;

/// The files that are taken, by path: `raft/src/lib.rs` and so on.
pub type Sources = BTreeMap<String, String>;

/// The most bytes of one file.
pub const FILE_MOST: u64 = 1 << 20;
/// The most bytes of a submission.
pub const TOTAL_MOST: u64 = 16 << 20;
/// The most files of a submission, those included that are not looked at.
pub const FILES_MOST: usize = 5_000;

/// A file of a submission.
#[derive(Debug)]
pub struct Entry {
    /// Its path inside.
    pub path: PathBuf,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Reads a folder, a `.zip` or a `.tar.gz`.
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
    let names: Vec<_> = path.components().collect();
    let at = |name: &str| names.iter().any(|part| part.as_os_str() == name);
    (at("raft") || at("kvraft"))
        && (at("src") || path.file_name().is_some_and(|name| name == "build.rs"))
}

fn folder(root: &Path) -> Result<Vec<Entry>, String> {
    let (mut entries, mut seen, mut total) = (Vec::new(), 0, 0);
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let listed = folder
            .read_dir()
            .map_err(|e| format!("{}: {e}", folder.display()))?;
        for entry in listed {
            let entry = entry.map_err(|e| format!("{}: {e}", folder.display()))?;
            let path = entry.path();
            let inside = path.strip_prefix(root).unwrap_or(&path).to_path_buf();
            let about = path
                .symlink_metadata()
                .map_err(|e| format!("{}: {e}", inside.display()))?;
            seen += 1;
            if seen > FILES_MOST {
                return Err(format!("more than {FILES_MOST} files"));
            }
            let ignored = entry.file_name() == "target"
                || entry.file_name().to_string_lossy().starts_with('.');
            if about.is_dir() && !ignored {
                folders.push(path);
            } else if !about.is_dir() && is_wanted(&inside) {
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
    let root = root(&entries).ok_or("there is no raft/src/lib.rs in it")?;
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
        // A student's own unit tests take no part in the suites, and may use what a Raft may not.
        let own_test = below.starts_with("src/tests/") || below == "src/tests.rs";
        if own_test || !below.starts_with("src/") || !below.ends_with(".rs") {
            continue;
        }
        let text = String::from_utf8(bytes).map_err(|_| format!("{name} is not UTF-8 text"))?;
        if sources.insert(name.clone(), text).is_some() {
            return Err(format!("{name} is there twice"));
        }
    }
    Ok(sources)
}

/// The folder that holds `raft/src/lib.rs`: an archive often has one folder around everything.
fn root(entries: &[Entry]) -> Option<PathBuf> {
    let roots = entries
        .iter()
        .filter(|entry| entry.path.ends_with("raft/src/lib.rs"));
    let roots = roots.filter_map(|entry| entry.path.ancestors().nth(3));
    roots
        .min_by_key(|root| (root.components().count(), root.to_path_buf()))
        .map(Path::to_path_buf)
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
            entry("my work/raft/src/lib.rs", b"mod a;\r\n"),
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
        assert_eq!(refused(vec![]), "there is no raft/src/lib.rs in it");
        let lib = || entry("raft/src/lib.rs", b"");
        assert_eq!(
            refused(vec![lib(), entry("raft/build.rs", b"")]),
            "raft/build.rs: build scripts are not allowed"
        );
        assert_eq!(
            refused(vec![lib(), entry("raft/src/x.rs", b"\xff")]),
            "raft/src/x.rs is not UTF-8 text"
        );
        assert_eq!(
            refused(vec![lib(), lib()]),
            "raft/src/lib.rs is there twice"
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

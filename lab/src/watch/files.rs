//! Noticing that a file was saved.
//!
//! By looking: the times and lengths of some twenty files, a few times a second, cost less than can be
//! measured. Events of the operating system would come sooner, and on network and container mounts not at all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What a student edits.
const WATCHED: [&str; 2] = ["raft", "kvraft"];

/// Files with the time and length that they were last seen with.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen(BTreeMap<PathBuf, (Option<SystemTime>, u64)>);

impl Seen {
    /// The files as they are now.
    pub fn now(root: &Path) -> Seen {
        let mut files = BTreeMap::new();
        let mut folders: Vec<PathBuf> = WATCHED.iter().map(|name| root.join(name)).collect();
        while let Some(folder) = folders.pop() {
            // A file or folder that is gone a moment later is seen as gone.
            for entry in folder.read_dir().into_iter().flatten().flatten() {
                let (path, Ok(about)) = (entry.path(), entry.metadata()) else {
                    continue;
                };
                if about.is_dir() {
                    folders.push(path);
                } else if is_source(&path) {
                    files.insert(path, (about.modified().ok(), about.len()));
                }
            }
        }
        Seen(files)
    }
}

/// Rust and manifests; not what editors put beside them while they save.
fn is_source(path: &Path) -> bool {
    let hidden = path
        .file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let known = path
        .extension()
        .is_some_and(|ending| ending == "rs" || ending == "toml");
    known && !hidden
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_save_is_seen_and_an_editors_swap_file_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("raft/src");
        std::fs::create_dir_all(&source).unwrap();
        let before = Seen::now(folder.path());
        std::fs::write(source.join(".node.rs.swp"), "x").unwrap();
        std::fs::write(source.join(".#node.rs"), "x").unwrap();
        std::fs::write(source.join("4913"), "x").unwrap();
        assert_eq!(Seen::now(folder.path()), before);
        std::fs::write(source.join("node.rs"), "x").unwrap();
        let made = Seen::now(folder.path());
        assert_ne!(made, before);
        std::fs::write(source.join("node.rs"), "xy").unwrap();
        assert_ne!(Seen::now(folder.path()), made, "longer");
        std::fs::remove_file(source.join("node.rs")).unwrap();
        assert_eq!(Seen::now(folder.path()), before);
    }
}

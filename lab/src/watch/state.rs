//! What `watch` remembers from one start to the next: a small file in the workspace, which git ignores.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The file's name.
pub const FILE: &str = ".lab-watch";

/// What is remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The part in work.
    pub part: Option<String>,
    /// The test that failed last: it runs first next time.
    pub failed: Option<String>,
}

impl State {
    /// Reads it. A file that makes no sense is as good as none: nothing is lost but a place.
    pub fn load(root: &Path) -> State {
        let text = std::fs::read_to_string(path(root)).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Writes it.
    ///
    /// # Errors
    /// The workspace can't be written to.
    pub fn save(&self, root: &Path) -> Result<(), String> {
        let path = path(root);
        let text = serde_json::to_string(self).expect("two texts");
        std::fs::write(&path, text + "\n").map_err(|e| format!("{}: {e}", path.display()))
    }
}

fn path(root: &Path) -> PathBuf {
    root.join(FILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_is_loaded_and_nonsense_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(State::load(folder.path()), State::default());
        let state = State {
            part: Some("2B".into()),
            failed: Some("backup".into()),
        };
        state.save(folder.path()).unwrap();
        assert_eq!(State::load(folder.path()), state);
        std::fs::write(path(folder.path()), "{{").unwrap();
        assert_eq!(State::load(folder.path()), State::default());
    }
}

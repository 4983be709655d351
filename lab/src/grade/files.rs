//! Writing files whole: one that is there is never half a file.

use std::fs;
use std::path::Path;

/// Writes a file, or leaves what was there.
///
/// # Errors
/// It can't be written.
pub fn put(path: &Path, text: &str) -> Result<(), String> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".new");
    let new = path.with_file_name(name);
    fs::write(&new, text)
        .and_then(|()| fs::rename(&new, path))
        .map_err(|e| format!("{}: {e}", path.display()))
}

/// A value as the text of a file.
///
/// # Errors
/// It is no value that JSON knows.
pub fn json(value: &impl serde::Serialize) -> Result<String, String> {
    serde_json::to_string_pretty(value)
        .map(|text| text + "\n")
        .map_err(|e| e.to_string())
}

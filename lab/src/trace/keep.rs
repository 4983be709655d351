//! Traces and pages under `target/lab`, where a failed test leaves them.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

/// Where they are.
pub fn folder(root: &Path) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    root.join(target.unwrap_or_else(|| "target".into()))
        .join("lab")
}

/// Copies a trace into this folder, compressed, and makes its page. Returns the page.
///
/// # Errors
/// It is no trace, or something can't be written.
pub fn page(folder: &Path, trace: &Path) -> Result<PathBuf, String> {
    let name = trace
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let kept = folder.join(format!("{name}.gz"));
    pack(trace, &kept).map_err(|e| format!("{}: {e}", kept.display()))?;
    super::page(&kept)
}

/// Copies a file, compressed if its name says so.
///
/// # Errors
/// It can't be read or written.
pub fn pack(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(folder) = to.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    if to.extension().is_none_or(|ending| ending != "gz") {
        return fs::copy(from, to).map(drop);
    }
    let mut packed = GzEncoder::new(File::create(to)?, Compression::fast());
    io::copy(&mut File::open(from)?, &mut packed)?;
    packed.finish().map(drop)
}

/// A path as somebody in the workspace would write it.
pub fn shown(path: &Path, root: &Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .display()
        .to_string()
}

/// Opens a page in the browser, if this system has a way to.
pub fn open(page: &Path) {
    let openers: [&[&str]; 3] = [&["xdg-open"], &["open"], &["cmd", "/C", "start", ""]];
    for opener in openers {
        let mut command = std::process::Command::new(opener[0]);
        command.args(&opener[1..]).arg(page);
        command
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        if command.status().is_ok_and(|status| status.success()) {
            return;
        }
    }
}

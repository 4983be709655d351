//! Archives, read in memory: nothing is unpacked to disk, so nothing can land outside.

use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use super::intake::{Entry, FILES_MOST, check_size, is_left_over, is_wanted, would_be_wanted};

/// The most entries of an archive, with all that builds and version control left in it.
const ENTRIES_MOST: usize = 200_000;
/// The most bytes that an archive is unpacked to, likewise. Nothing of it is kept but sources.
const UNPACKED_MOST: u64 = 8 << 30;

/// The files of a `.zip` that matter.
///
/// # Errors
/// Why the archive is refused.
pub fn zip(path: &Path) -> Result<Vec<Entry>, String> {
    let file = File::open(path).map_err(|e| format!("the archive can't be read: {e}"))?;
    let mut archive =
        zip::ZipArchive::new(file).map_err(|e| format!("this is no zip archive: {e}"))?;
    let (mut entries, mut total, mut seen) = (Vec::new(), 0, Seen::default());
    for number in 0..archive.len() {
        let mut file = archive
            .by_index(number)
            .map_err(|e| format!("the archive is damaged: {e}"))?;
        // Some tools on Windows write their own separators.
        let name = PathBuf::from(file.name().replace('\\', "/"));
        check_path(&name)?;
        seen.count(&name)?;
        if file.is_symlink() && would_be_wanted(&name) {
            return Err(format!(
                "{} is a link; send the file itself",
                name.display()
            ));
        }
        if file.is_file() && is_wanted(&name) {
            let bytes = read(&mut file, &name, &mut total)?;
            entries.push(Entry { path: name, bytes });
        }
    }
    Ok(entries)
}

/// The files of a `.tar.gz` that matter.
///
/// # Errors
/// Why the archive is refused.
pub fn tar_gz(path: &Path) -> Result<Vec<Entry>, String> {
    let file = File::open(path).map_err(|e| format!("the archive can't be read: {e}"))?;
    // What is skipped is unpacked too: a bomb must not go on for ever.
    let unpacked = flate2::read::GzDecoder::new(file).take(UNPACKED_MOST);
    let mut archive = tar::Archive::new(unpacked);
    let damaged = |e: std::io::Error| {
        format!("this is no tar.gz archive, or it is damaged or too large: {e}")
    };
    let (mut entries, mut total, mut seen) = (Vec::new(), 0, Seen::default());
    for file in archive.entries().map_err(damaged)? {
        let mut file = file.map_err(damaged)?;
        let name = file.path().map_err(damaged)?.into_owned();
        check_path(&name)?;
        seen.count(&name)?;
        let kind = file.header().entry_type();
        if would_be_wanted(&name) && !kind.is_file() && !kind.is_dir() {
            return Err(format!(
                "{} is a link or a special file; send the file itself",
                name.display()
            ));
        }
        if is_wanted(&name) && kind.is_file() {
            let bytes = read(&mut file, &name, &mut total)?;
            entries.push(Entry { path: name, bytes });
        }
    }
    Ok(entries)
}

/// How much an archive holds.
#[derive(Default)]
struct Seen {
    files: usize,
    entries: usize,
}

impl Seen {
    fn count(&mut self, name: &Path) -> Result<(), String> {
        self.entries += 1;
        self.files += usize::from(!is_left_over(name));
        match self.files > FILES_MOST || self.entries > ENTRIES_MOST {
            true => Err(format!("more than {FILES_MOST} files")),
            false => Ok(()),
        }
    }
}

/// Reads a file of whatever size it turns out to have, which need not be the one that it claims.
fn read(file: &mut impl Read, name: &Path, total: &mut u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let most = super::intake::FILE_MOST + 1;
    file.take(most)
        .read_to_end(&mut bytes)
        .map_err(|e| format!("{}: {e}", name.display()))?;
    check_size(name, bytes.len() as u64, total)?;
    Ok(bytes)
}

fn check_path(name: &Path) -> Result<(), String> {
    let fine = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    match name.components().all(fine) {
        true => Ok(()),
        false => Err(format!(
            "the archive holds the path {}, which leads out of it",
            name.display()
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn zipped(files: &[(&str, &str)]) -> tempfile::NamedTempFile {
        let file = tempfile::Builder::new().suffix(".zip").tempfile().unwrap();
        let mut writer = zip::ZipWriter::new(file.reopen().unwrap());
        for (name, text) in files {
            writer
                .start_file(*name, zip::write::SimpleFileOptions::default())
                .unwrap();
            writer.write_all(text.as_bytes()).unwrap();
        }
        writer.finish().unwrap();
        file
    }

    #[test]
    fn files_of_a_zip_are_read() {
        let file = zipped(&[("raft/src/lib.rs", "mod x;"), ("README", "")]);
        let entries = zip(file.path()).unwrap();
        assert_eq!(
            (entries.len(), entries[0].bytes.as_slice()),
            (1, b"mod x;".as_slice())
        );
    }

    #[test]
    fn separators_of_windows_are_separators() {
        let file = zipped(&[("my work\\raft\\src\\lib.rs", "")]);
        let entries = zip(file.path()).unwrap();
        assert_eq!(entries[0].path, Path::new("my work/raft/src/lib.rs"));
    }

    #[test]
    fn paths_that_lead_out_are_refused() {
        for bad in [
            "../raft/src/lib.rs",
            "/raft/src/lib.rs",
            "raft/../../x",
            "..\\x",
        ] {
            let file = zipped(&[(bad, "")]);
            assert!(
                zip(file.path()).unwrap_err().contains("leads out of it"),
                "{bad}"
            );
        }
    }

    #[test]
    fn links_of_a_tar_are_refused_and_junk_is_no_archive() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let gz = flate2::write::GzEncoder::new(file.reopen().unwrap(), flate2::Compression::fast());
        let mut tar = tar::Builder::new(gz);
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        tar.append_link(&mut header, "raft/src/lib.rs", "/etc/passwd")
            .unwrap();
        tar.into_inner().unwrap().finish().unwrap();
        assert!(tar_gz(file.path()).unwrap_err().contains("is a link"));

        let junk = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(junk.path(), b"\x00\xff junk").unwrap();
        assert!(
            zip(junk.path())
                .unwrap_err()
                .starts_with("this is no zip archive")
        );
        assert!(
            tar_gz(junk.path())
                .unwrap_err()
                .starts_with("this is no tar.gz archive")
        );
    }

    #[test]
    fn what_builds_leave_does_not_count_and_much_else_is_refused() {
        let many = |folder: &str| -> Vec<(String, &str)> {
            let name = |number| format!("my work/{folder}/{number}.rs");
            let lib = ("my work/raft/src/lib.rs".to_string(), "");
            (0..=FILES_MOST)
                .map(|n| (name(n), ""))
                .chain([lib])
                .collect()
        };
        let taken = |files: &[(String, &str)]| {
            let files: Vec<(&str, &str)> =
                files.iter().map(|(name, text)| (&**name, *text)).collect();
            zip(zipped(&files).path()).map(|entries| entries.len())
        };
        assert_eq!(taken(&many("target/package/raft/src")), Ok(1));
        assert_eq!(taken(&many(".git/raft/src")), Ok(1));
        assert_eq!(taken(&many("notes")), Err("more than 5000 files".into()));
    }

    #[test]
    fn a_file_that_swells_is_refused() {
        let file = zipped(&[("raft/src/lib.rs", &" ".repeat(2 << 20))]);
        assert_eq!(
            zip(file.path()).unwrap_err(),
            "raft/src/lib.rs is larger than 1048576 bytes"
        );
    }
}

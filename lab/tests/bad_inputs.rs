//! Bad submissions, each with its message. None costs more than itself: they are graded together
//! with a right one, which has its points.

mod common;

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use common::{golden, lab, output_of, points, root, run, write};

const LIB: &str = "raft/src/lib.rs";

/// A zip with one file in it.
fn zip(path: &Path, name: &str) -> PathBuf {
    let mut zip = zip::ZipWriter::new(File::create(path).unwrap());
    zip.start_file(name, zip::write::SimpleFileOptions::default())
        .unwrap();
    zip.write_all(b"//! Nothing.").unwrap();
    zip.finish().unwrap();
    path.to_path_buf()
}

/// The reference as somebody on Windows hands it in: line ends, a mark at the beginning, spaces in
/// the path, one folder around everything.
fn from_windows(folder: &Path) -> PathBuf {
    for crate_ in ["raft", "kvraft"] {
        let from = root().join(crate_).join("src");
        for entry in fs::read_dir(&from)
            .unwrap()
            .flatten()
            .filter(|e| e.path().is_file())
        {
            let text = fs::read_to_string(entry.path())
                .unwrap()
                .replace('\n', "\r\n");
            let name = format!("my own work/{crate_}/src/{}", entry.file_name().display());
            write(folder, &[(&name, format!("\u{feff}{text}").as_bytes())]);
        }
    }
    folder.to_path_buf()
}

#[test]
fn each_bad_submission_gets_its_message_and_costs_only_itself() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let lib = |name: &str, bytes: &[u8]| write(&at(name), &[(LIB, bytes)]);

    fs::create_dir(at("empty")).unwrap();
    fs::write(at("junk.zip"), [0, 0xff, 0x1b, b'P', b'K']).unwrap();
    fs::write(at("junk.pdf"), [0, 0xff, 0x1b]).unwrap();
    zip(&at("out-of-it.zip"), "../raft/src/lib.rs");
    File::create(lib("large", b"").join("raft/src/data.rs"))
        .unwrap()
        .set_len(1 << 30)
        .unwrap();
    File::create(at("large-archive.zip"))
        .unwrap()
        .set_len(1 << 30)
        .unwrap();
    symlink("/etc/passwd", lib("link", b"").join("raft/src/passwd.rs")).unwrap();
    fs::create_dir(at("link-folder")).unwrap();
    symlink(root().join("raft"), at("link-folder/raft")).unwrap();
    lib("latin-1", b"//! Gr\xfc\xdfe\n");
    lib("no-rust", b"fn f( {\n");
    lib(
        "forks",
        b"fn f() {\n    loop { let _ = std::process::Command::new(\"sh\").spawn(); }\n}\n",
    );
    lib("deleted-files", b"//! Raft.\nmod node;\n");
    from_windows(&at("from windows"));

    let out = at("the pages");
    let names = [
        "empty",
        "junk.zip",
        "junk.pdf",
        "out-of-it.zip",
        "large",
        "large-archive.zip",
        "link",
        "link-folder",
        "latin-1",
        "no-rust",
        "forks",
        "not-there",
        "deleted-files",
        "from windows",
    ];
    let mut command = lab(["grade"]);
    command.args(names.map(at)).arg("--out").arg(&out);
    command
        .arg("--points")
        .arg(points(folder.path(), "2A", &["initial_election"]));
    command.args(["--seed", "1", "--runs", "1"]);
    let said = run(command);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);

    let mut messages = String::new();
    for name in names {
        let name = name.trim_end_matches(".zip");
        let output = output_of(&out, name).replace(&folder.path().display().to_string(), "FOLDER");
        messages += &format!("{name}: {}\n", output.trim_end());
    }
    golden("bad_inputs.txt", &messages);
    let table = said
        .out
        .replace(&folder.path().display().to_string(), "FOLDER");
    golden("bad_inputs_table.txt", &table);
    let csv = fs::read_to_string(out.join("grades.csv")).unwrap();
    assert_eq!(csv.lines().count(), 1 + names.len(), "{csv}");
    assert!(csv.ends_with("from windows,10,10,10,graded\n"), "{csv}");
    assert!(out.join("index.html").is_file() && at("large/raft/src/data.rs").is_file());
}

#[test]
fn a_folder_that_takes_no_files_is_noticed_before_anything_is_built() {
    let folder = tempfile::tempdir().unwrap();
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    let is_superuser = File::create(closed.join("x")).is_ok();
    // Permissions hold back everybody but the superuser; no files in /proc holds back all.
    let closed = if is_superuser {
        PathBuf::from("/proc/pages")
    } else {
        closed.join("pages")
    };
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for out in [closed, file.join("pages")] {
        let mut command = lab(["grade", "x"]);
        command.arg("--out").arg(&out);
        let said = run(command);
        let begins = format!("error: --out {}: ", out.display());
        assert!(said.err.starts_with(&begins), "{}", said.err);
        assert!(
            said.err
                .ends_with("; give a folder that can be written to\n"),
            "{}",
            said.err
        );
        assert_eq!((said.code, said.out.as_str()), (2, ""));
    }
}

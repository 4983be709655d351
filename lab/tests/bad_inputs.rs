//! Bad submissions, each with its message. None costs more than itself: a right one among them has
//! its points.

mod course;
mod small;

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use course::{Course, RIGHT};
use small::{golden, stderr, stdout, succeeded};

/// A zip with one file in it.
fn zip(path: &Path, name: &str) {
    let mut zip = zip::ZipWriter::new(File::create(path).unwrap());
    zip.start_file(name, zip::write::SimpleFileOptions::default())
        .unwrap();
    zip.write_all(RIGHT.as_bytes()).unwrap();
    zip.finish().unwrap();
}

fn tar_gz(path: &Path, folder: &Path) {
    let gz =
        flate2::write::GzEncoder::new(File::create(path).unwrap(), flate2::Compression::fast());
    let mut tar = tar::Builder::new(gz);
    tar.append_dir_all("my work", folder).unwrap();
    tar.into_inner().unwrap().finish().unwrap();
}

fn gigabyte(path: &Path) {
    File::create(path).unwrap().set_len(1 << 30).unwrap();
}

#[test]
fn each_gets_its_message_and_costs_only_itself() {
    let course = Course::new();
    let lib = |name: &str, bytes: &[u8]| {
        course
            .write(&format!("{name}/raft/src/lib.rs"), bytes)
            .with_file_name("")
    };
    fs::create_dir(course.at("empty")).unwrap();
    course.write("junk.zip", [0, 0xff, 0x1b, b'P', b'K']);
    course.write("junk.tar.gz", [0x1f, 0x8b, 0, 0xff]);
    course.write("report.pdf", [0, 0xff, 0x1b]);
    zip(&course.at("out-of-it.zip"), "../raft/src/lib.rs");
    gigabyte(&lib("large", b"").join("data.rs"));
    gigabyte(&course.at("large-archive.zip"));
    symlink("/etc/passwd", lib("link", b"").join("passwd.rs")).unwrap();
    fs::create_dir(course.at("link-to-a-folder")).unwrap();
    symlink(course.at("course/raft"), course.at("link-to-a-folder/raft")).unwrap();
    lib("latin-1", b"//! Raft.\n//! Gr\xfc\xdfe\n");
    lib("no-rust", b"fn f( {\n");
    course.submission(
        "forks",
        "loop { let _ = std::process::Command::new(\"sh\").spawn(); }",
    );
    course.submission(
        "reads",
        "std::fs::read_to_string(\"/etc/passwd\").unwrap_or_default()",
    );
    course.submission("shares", "static SEEN: std::sync::Mutex<u64> = todo!();");
    course.write("builds-itself/raft/build.rs", "fn main() {}");
    lib("builds-itself", RIGHT.as_bytes());
    lib("deleted-files", b"//! Raft.\nmod node;\n");
    // As it comes from Windows: line ends, a byte order mark, spaces, a folder around everything.
    let windows = format!("\u{feff}{}", RIGHT.replace('\n', "\r\n"));
    course.write("from windows/my own work/raft/src/lib.rs", windows);
    zip(
        &course.at("by explorer.zip"),
        "my own work\\raft\\src\\lib.rs",
    );
    course.write("right/raft/src/lib.rs", RIGHT);
    tar_gz(&course.at("packed.tar.gz"), &course.at("right"));
    course.submission(
        "tested",
        "\"right\".into() }\n#[cfg(test)] mod tests { use std::fs; fn t() {}",
    );

    let names = [
        "empty",
        "junk.zip",
        "junk.tar.gz",
        "report.pdf",
        "out-of-it.zip",
        "large",
        "large-archive.zip",
        "link",
        "link-to-a-folder",
        "latin-1",
        "no-rust",
        "forks",
        "reads",
        "shares",
        "builds-itself",
        "not-there",
        "deleted-files",
        "from windows",
        "by explorer.zip",
        "packed.tar.gz",
        "tested",
        "right",
    ];
    let graded = course.grade(&names, "the pages", &[]).output().unwrap();
    succeeded(&graded);
    golden("grade/bad_inputs.txt", &course.plain(&stdout(&graded)));

    let said = course.said("the pages", "deleted-files");
    assert!(said.contains("file not found for module `node`"), "{said}");
    let csv = fs::read_to_string(course.at("the pages/grades.csv")).unwrap();
    assert_eq!(csv.lines().count(), 1 + names.len(), "{csv}");
    assert!(csv.ends_with("right,10,10,10,graded\n"), "{csv}");
    assert!(course.at("the pages/index.html").is_file());
    assert!(
        course.at("large/raft/src/data.rs").is_file(),
        "nothing of a submission is touched"
    );
}

#[test]
fn a_folder_that_takes_no_files_is_noticed_before_anything_is_built() {
    let course = Course::new();
    let closed = course.at("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    let is_superuser = File::create(closed.join("x")).is_ok();
    // Permissions hold back everybody but the superuser; /proc takes files from nobody.
    let closed = if is_superuser {
        PathBuf::from("/proc/pages")
    } else {
        closed.join("pages")
    };
    course.write("file", "");
    for out in [closed, course.at("file/pages")] {
        let out = out.display().to_string();
        let graded = course.grade(&["x"], &out, &[]).output().unwrap();
        let said = stderr(&graded);
        assert!(said.starts_with(&format!("error: --out {out}: ")), "{said}");
        assert!(
            said.ends_with("; give a folder that can be written to\n"),
            "{said}"
        );
        assert_eq!(
            (graded.status.code(), stdout(&graded).as_str()),
            (Some(2), "")
        );
    }
    assert!(!course.at("course/target").exists());
}

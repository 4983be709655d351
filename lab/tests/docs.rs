//! The lab text is true of the code, as far as that can be checked.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The pages, with their paths from the root.
fn pages() -> BTreeMap<PathBuf, String> {
    let docs = root().join("docs").read_dir().unwrap();
    let docs = docs.map(|file| Path::new("docs").join(file.unwrap().file_name()));
    docs.chain(["README.md".into(), "ARCHITECTURE.md".into()])
        .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
        .map(|path| (path.clone(), read(path)))
        .collect()
}

/// The anchor that a heading gets: as GitHub makes it.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
            _ => None,
        })
        .collect()
}

fn links(text: &str) -> impl Iterator<Item = &str> {
    let starts = text.match_indices("](").map(|(at, _)| &text[at + 2..]);
    starts.filter_map(|rest| rest.split_once(')').map(|(link, _)| link))
}

#[test]
fn links_lead_somewhere() {
    let pages = pages();
    let mut seen = 0;
    for (page, text) in &pages {
        for link in links(text).filter(|link| !link.contains("://")) {
            let (file, place) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => page.clone(),
                file => page.parent().unwrap().join(file),
            };
            assert!(root().join(&target).exists(), "{}: {link}", page.display());
            seen += 1;
            if place.is_empty() {
                continue; // a picture has no headings
            }
            let headings = read(&target);
            let mut headings = headings.lines().filter(|line| line.starts_with('#'));
            assert!(
                headings.any(|heading| anchor(heading) == place),
                "{}: {link} leads to no heading",
                page.display()
            );
        }
    }
    assert!(seen > 20, "{seen} links");
}

/// What the suites claim: sentence with section, and question.
fn claims() -> Vec<(String, String)> {
    let folder = root().join("tests/src/claim").read_dir().unwrap();
    let lists: String = folder.map(|file| read(file.unwrap().path())).collect();
    let literals: Vec<&str> = lists
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"'))
        .map(|line| line.trim_end_matches([',', ';']).trim_end_matches('"'))
        .collect();
    let claims = literals.chunks_exact(3);
    claims
        .map(|claim| (format!("{} ({})", claim[0], claim[1]), claim[2].to_string()))
        .collect()
}

/// The sources of the suites: files, and folders of files.
fn suites() -> Vec<PathBuf> {
    let mut sources = Vec::new();
    let mut folders = vec![root().join("tests/suites")];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => sources.push(path),
            }
        }
    }
    sources
}

/// The names of all tests.
fn tests() -> Vec<String> {
    let mut names = Vec::new();
    for file in suites() {
        let mut after = false;
        for line in read(file).lines() {
            after |= line.starts_with("#[story(");
            if let Some((name, _)) = line.strip_prefix("fn ").and_then(|l| l.split_once('('))
                && std::mem::take(&mut after)
            {
                names.push(name.to_string());
            }
        }
    }
    names
}

#[test]
fn quoted_reports_are_what_the_harness_says() {
    let (claims, tests) = (claims(), tests());
    let mut quoted = 0;
    for (page, text) in pages() {
        for line in text.lines() {
            let at = format!("{}: {line}", page.display());
            if let Some(rest) = line.strip_prefix("FAIL ") {
                let (of, says) = rest.split_once(": ").unwrap();
                let name = of.split(' ').nth(1).unwrap();
                assert!(tests.iter().any(|test| test == name), "no such test: {at}");
                let says = says.trim_end_matches('.');
                assert!(
                    claims.iter().any(|(claim, _)| claim == says),
                    "no such claim: {at}"
                );
                quoted += 1;
            }
            if let Some(noticed) = line.strip_prefix("  Noticed at ") {
                let place = noticed.split(" by ").nth(1).unwrap();
                let file = place.split(':').next().unwrap();
                assert!(root().join(file).is_file(), "no such file: {at}");
            }
            if let Some(question) = line.strip_prefix("  Question: ") {
                assert!(
                    claims.iter().any(|(_, own)| own == question),
                    "nobody asks that: {at}"
                );
            }
        }
    }
    assert!(quoted >= 5, "{quoted} reports");
}

#[test]
fn tests_that_a_page_says_fail_exist() {
    let tests = tests();
    let mut seen = 0;
    for (page, text) in pages() {
        // A test's name, a colon, and what its report says.
        for (at, _) in text.match_indices("`: \"") {
            let name = text[..at].rsplit('`').next().unwrap();
            assert!(
                tests.iter().any(|test| test == name),
                "{}: {name}",
                page.display()
            );
            seen += 1;
        }
    }
    assert!(seen > 15, "{seen} names");
}

#[test]
fn files_that_a_page_names_exist() {
    const FOLDERS: [&str; 9] = [
        "raft/",
        "kvraft/",
        "raftapi/",
        "tests/",
        "labsim/",
        "lab/",
        "docs/",
        "gradescope/",
        "samples/",
    ];
    let mut seen = 0;
    for (page, text) in pages() {
        for span in text.split('`').skip(1).step_by(2) {
            let is_path = FOLDERS.iter().any(|folder| span.starts_with(folder))
                && !span.contains(['*', ' ', '{', '(', '…', '\n']);
            if is_path {
                let file = span.split(':').next().unwrap();
                assert!(root().join(file).exists(), "{}: {span}", page.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "{seen} paths");
}

/// Lines of solution regions, but for comments, blank lines and unit tests.
fn size(source: &str) -> usize {
    let (mut inside, mut testing, mut lines) = (false, false, 0);
    for line in source.lines().map(str::trim) {
        match line {
            "// BEGIN SOLUTION" => (inside, testing) = (true, false),
            "// END SOLUTION" => inside = false,
            "mod tests {" => testing = true,
            _ => {
                lines +=
                    usize::from(inside && !testing && !line.is_empty() && !line.starts_with("//"))
            }
        }
    }
    lines
}

#[test]
fn the_reference_is_as_large_as_the_pages_say() {
    let mut seen = 0;
    for page in ["docs/lab2.md", "docs/lab3.md"] {
        for line in read(page).lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [file, _, said] = cells[..] else { continue };
            let (file, Ok(said)) = (file.trim_matches('`'), said.parse::<usize>()) else {
                continue;
            };
            let is = size(&read(file));
            let close = is.abs_diff(said) <= 15.max(is / 5);
            assert!(close, "{page}: {file} has {is} lines, not {said}");
            seen += 1;
        }
    }
    assert!(seen >= 15, "{seen} sizes");
}

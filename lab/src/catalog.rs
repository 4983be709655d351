//! The tests that exist, as they describe themselves, and choosing some.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use crate::near::unknown;
use crate::record::Story;
use crate::workspace::Suites;

/// A test that can be run.
#[derive(Debug)]
pub struct Test {
    /// What it says about itself.
    pub story: Story,
    /// The executable that holds it.
    pub executable: PathBuf,
}

/// Asks each suite for its tests, in the order of the parts and of their sources.
///
/// # Errors
/// A suite does not answer.
pub fn list(suites: &Suites) -> Result<Vec<Arc<Test>>, String> {
    let folder = tempfile::tempdir().map_err(|e| format!("a temporary folder: {e}"))?;
    let mut tests = Vec::new();
    for (suite, executable) in suites {
        let stories = ask(executable, &folder.path().join(suite))
            .map_err(|e| format!("the list of {suite}: {e}"))?;
        tests.extend(stories.into_iter().map(|story| {
            Arc::new(Test {
                story,
                executable: executable.clone(),
            })
        }));
    }
    tests.sort_by(|a, b| order(a).cmp(&order(b)));
    Ok(tests)
}

/// A suite's root comes before its modules.
fn order(test: &Test) -> (&str, bool, &str, u32) {
    let story = &test.story;
    let in_a_module = story.path.contains("::");
    (&story.part, in_a_module, &story.file, story.line)
}

fn ask(executable: &Path, answers: &Path) -> Result<Vec<Story>, String> {
    let asked = Command::new(executable)
        .env("LAB_LIST", "yes")
        .env("LAB_RESULTS", answers)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| e.to_string())?;
    if !asked.status.success() {
        return Err(String::from_utf8_lossy(&asked.stderr).into_owned());
    }
    // A suite without tests writes no file.
    let lines = std::fs::read_to_string(answers).unwrap_or_default();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).map_err(|e| format!("{e} in {line}")))
        .collect()
}

/// The tests that `what` (parts or names) and `filter` choose.
///
/// # Errors
/// A word is neither a part nor a test's name, or nothing is left.
pub fn choose(
    all: &[Arc<Test>],
    what: &[String],
    filter: Option<&str>,
) -> Result<Vec<Arc<Test>>, String> {
    for word in what {
        if !all.iter().any(|test| named(test, word)) {
            let parts: BTreeSet<&str> = all.iter().map(|test| test.story.part.as_str()).collect();
            let short = word.len() <= 3;
            let names: Vec<&str> = match short {
                true => parts.into_iter().collect(),
                false => all.iter().map(|test| test.story.name.as_str()).collect(),
            };
            return Err(unknown(if short { "part" } else { "test" }, word, &names));
        }
    }
    let wanted = |test: &&Arc<Test>| {
        (what.is_empty() || what.iter().any(|word| named(test, word)))
            && filter.is_none_or(|text| test.story.name.contains(text))
    };
    let chosen: Vec<Arc<Test>> = all.iter().filter(wanted).cloned().collect();
    match (chosen.is_empty(), filter) {
        (true, Some(text)) => {
            let names: Vec<&str> = all.iter().map(|test| test.story.name.as_str()).collect();
            Err(unknown("test with the filter", text, &names))
        }
        (true, None) => Err("there are no tests".into()),
        (false, _) => Ok(chosen),
    }
}

/// The one test of this name, or of `PART:NAME` where two parts have a test of that name.
///
/// # Errors
/// There is none, or more than one.
pub fn find<'a>(all: &'a [Arc<Test>], word: &str) -> Result<&'a Arc<Test>, String> {
    let found: Vec<&Arc<Test>> = all
        .iter()
        .filter(|test| is_called(&test.story, word))
        .collect();
    match found[..] {
        [test] => Ok(test),
        [] => {
            let names: Vec<&str> = all.iter().map(|test| test.story.name.as_str()).collect();
            Err(unknown("test", word, &names))
        }
        _ => {
            let full = found
                .iter()
                .map(|t| format!("{}:{}", t.story.part, t.story.name));
            Err(format!(
                "there are several tests `{word}`; say which: {}",
                full.collect::<Vec<_>>().join(" or ")
            ))
        }
    }
}

fn is_called(story: &Story, word: &str) -> bool {
    match word.split_once(':') {
        Some((part, name)) if !name.starts_with(':') => {
            story.part.eq_ignore_ascii_case(part) && story.name == name
        }
        _ => [&story.name, &story.path].iter().any(|own| *own == word),
    }
}

fn named(test: &Test, word: &str) -> bool {
    let story = &test.story;
    story.part.eq_ignore_ascii_case(word) || story.suite == word || is_called(story, word)
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A test for tests.
    pub fn sample(part: &str, name: &str) -> Arc<Test> {
        let story = Story {
            part: part.into(),
            name: name.into(),
            title: "A title.".into(),
            points: 3,
            runs: 0,
            suite: format!("raft_{}", part.to_lowercase()),
            path: name.into(),
            file: "f.rs".into(),
            line: 1,
        };
        Arc::new(Test {
            story,
            executable: "/none".into(),
        })
    }

    fn names(chosen: &[Arc<Test>]) -> Vec<&str> {
        chosen.iter().map(|test| test.story.name.as_str()).collect()
    }

    #[test]
    fn a_name_of_two_parts_wants_the_part_too() {
        let all = [
            sample("3A", "speed"),
            sample("3B", "speed"),
            sample("3B", "x"),
        ];
        let find = |word| find(&all, word).map(|test| test.story.part.as_str());
        assert_eq!(find("3b:speed"), Ok("3B"));
        assert_eq!(find("x"), Ok("3B"));
        assert_eq!(
            find("speed").unwrap_err(),
            "there are several tests `speed`; say which: 3A:speed or 3B:speed"
        );
        assert_eq!(
            find("3A:x").unwrap_err(),
            "there is no test `3A:x`; there are speed, speed, x"
        );
    }

    #[test]
    fn parts_names_and_filters_choose() {
        let all = [
            sample("2A", "re_election"),
            sample("2A", "even_cluster"),
            sample("2B", "basic_agreement"),
        ];
        let choose = |what: &[&str], filter| {
            let what: Vec<String> = what.iter().map(|w| w.to_string()).collect();
            choose(&all, &what, filter)
        };
        assert_eq!(
            names(&choose(&["2a"], None).unwrap()),
            ["re_election", "even_cluster"]
        );
        assert_eq!(
            names(&choose(&["2B", "re_election"], None).unwrap()),
            ["re_election", "basic_agreement"]
        );
        assert_eq!(names(&choose(&[], Some("even")).unwrap()), ["even_cluster"]);
        assert_eq!(
            choose(&["2C"], None).unwrap_err(),
            "there is no part `2C`; did you mean 2A, 2B?"
        );
        assert_eq!(
            choose(&["re_elektion"], None).unwrap_err(),
            "there is no test `re_elektion`; did you mean re_election?"
        );
        assert!(choose(&["2A"], Some("agree")).is_err());
    }
}

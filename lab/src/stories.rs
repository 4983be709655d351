//! The parts and tests that the suites' sources name, without building anything.

use std::path::Path;

use crate::workspace;

/// A suite: a file of `tests/suites`, or a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suite {
    /// Its part: `2A`.
    pub part: String,
    /// Its test target: `raft_2a`.
    pub name: String,
    /// The tests in it, in the order of the source.
    pub tests: Vec<String>,
}

/// The suites of a workspace in the order of their parts.
///
/// # Errors
/// They can't be read, or there are none.
pub fn suites(root: &Path) -> Result<Vec<Suite>, String> {
    let folder = root.join("tests/suites");
    let problem = |e: std::io::Error| format!("{}: {e}", folder.display());
    let mut suites = Vec::new();
    for name in workspace::suites(root) {
        let Some((_, part)) = name.rsplit_once('_') else {
            continue;
        };
        let sources = workspace::sources(root, &name).map_err(problem)?;
        let texts: Result<Vec<String>, _> = sources.iter().map(std::fs::read_to_string).collect();
        suites.push(Suite {
            part: part.to_uppercase(),
            tests: texts
                .map_err(problem)?
                .iter()
                .flat_map(|text| tests(text))
                .collect(),
            name,
        });
    }
    suites.sort_by(|a, b| a.part.cmp(&b.part));
    match suites.is_empty() {
        true => Err(format!("{} holds no suite", folder.display())),
        false => Ok(suites),
    }
}

/// The functions right after a `#[story(…)]`.
fn tests(source: &str) -> Vec<String> {
    let mut tests = Vec::new();
    let mut after_story = false;
    for line in source.lines().map(str::trim_start) {
        match line
            .strip_prefix("fn ")
            .and_then(|rest| rest.split_once('('))
        {
            Some((name, _)) if after_story => {
                tests.push(name.into());
                after_story = false;
            }
            _ => after_story |= line.starts_with("#[story("),
        }
    }
    tests
}

#[cfg(test)]
mod tests_of_this {
    use super::*;

    #[test]
    fn only_stories_are_tests() {
        let source = "/// One.\n#[story(part = \"2A\", servers = 3)]\nfn one(c: &Cluster) {\n}\n\
                      fn helper(c: &Cluster) {}\n#[story(\n    part = \"2A\",\n)]\n#[other]\nfn two(c: &Cluster) {}\n";
        assert_eq!(tests(source), ["one", "two"]);
    }

    #[test]
    fn the_suites_of_this_workspace_are_found() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let suites = suites(root).unwrap();
        let parts: Vec<&str> = suites.iter().map(|suite| suite.part.as_str()).collect();
        assert_eq!(parts, ["2A", "2B", "2C", "2D", "2E", "3A", "3B"]);
        let of_2a = &suites[0].tests;
        assert_eq!(
            of_2a[0], "initial_election",
            "what is in main.rs comes first"
        );
        assert!(
            of_2a.contains(&"one_vote_a_term".to_string()),
            "what is in a module, too"
        );
        assert!(suites.iter().all(|suite| suite.tests.len() > 5));
    }
}

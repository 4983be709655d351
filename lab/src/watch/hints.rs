//! Hints: what a teaching assistant would ask next, by test, from `docs/hints.md`.
//!
//! In that file a test's name is a heading of the third level, and each hint below it an item of a list.

use std::path::Path;

/// The hints for a test, in the order in which they should be read.
///
/// # Errors
/// The file can't be read, or has none for this test.
pub fn hints(root: &Path, test: &str) -> Result<Vec<String>, String> {
    let path = root.join("docs/hints.md");
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    match of_test(&text, test) {
        hints if hints.is_empty() => Err(format!("{} has no hint for {test}", path.display())),
        hints => Ok(hints),
    }
}

fn of_test(text: &str, test: &str) -> Vec<String> {
    let heading = format!("### {test}");
    let mut lines = text.lines().skip_while(|line| line.trim_end() != heading);
    lines.next();
    let mut hints: Vec<String> = Vec::new();
    for line in lines.take_while(|line| !line.starts_with('#')) {
        match (line.strip_prefix("- "), hints.last_mut()) {
            (Some(item), _) => hints.push(item.into()),
            (None, Some(last)) if !line.trim().is_empty() => {
                last.push(' ');
                last.push_str(line.trim());
            }
            _ => {}
        }
    }
    hints
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stories;

    #[test]
    fn a_hint_is_an_item_with_all_its_lines() {
        let text = "# Hints\n### one\n- a\n  b\n\n- c\n### two\n- d\n## Part\n- not d\n";
        assert_eq!(of_test(text, "one"), ["a b", "c"]);
        assert_eq!(of_test(text, "two"), ["d"]);
        assert!(of_test(text, "three").is_empty());
    }

    #[test]
    fn every_test_has_a_hint_and_every_hint_a_test() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let text = std::fs::read_to_string(root.join("docs/hints.md")).unwrap();
        let suites = stories::suites(root).unwrap();
        let tests: Vec<String> = suites.into_iter().flat_map(|suite| suite.tests).collect();
        for test in &tests {
            assert!(!of_test(&text, test).is_empty(), "no hint for {test}");
        }
        for heading in text.lines().filter_map(|line| line.strip_prefix("### ")) {
            assert!(
                tests.iter().any(|test| test == heading),
                "no test {heading}"
            );
        }
    }
}

//! Solution regions in a file, and what the handout shows in their place.
//!
//! A region lies between `// BEGIN SOLUTION` and `// END SOLUTION` (`#` in manifests, `<!-- -->` in Markdown). The lines
//! right after it that begin with `// STUB: ` take its place, without that mark but as far in as it.
//! A file that begins with a region is not handed out at all.

/// A file that was taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// What a student gets; `None`: nothing of this file.
    pub handout: Option<String>,
    /// The lines of the regions.
    pub solution: Vec<String>,
    /// The lines that take their place.
    pub stubs: Vec<String>,
}

/// Takes a file apart.
///
/// # Errors
/// A region does not begin or end.
pub fn split(text: &str) -> Result<Parts, String> {
    let mut parts = Parts::default();
    let mut kept = String::new();
    let mut inside = false;
    for (at, line) in text.lines().enumerate() {
        match (mark(line), inside) {
            (Some(Mark::Begin), false) => inside = true,
            (Some(Mark::End), true) => inside = false,
            (Some(Mark::Stub(stub)), false) => {
                parts.stubs.push(stub.into());
                if !stub.is_empty() {
                    kept.push_str(&line[..line.len() - line.trim_start().len()]);
                }
                kept.push_str(stub);
                kept.push('\n');
            }
            (None, true) => parts.solution.push(line.into()),
            (None, false) => {
                kept.push_str(line);
                kept.push('\n');
            }
            (Some(found), _) => return Err(format!("line {}: {found:?} is out of place", at + 1)),
        }
    }
    if inside {
        return Err("the last solution region has no end".into());
    }
    let whole = text
        .lines()
        .next()
        .is_some_and(|line| mark(line) == Some(Mark::Begin));
    parts.handout = (!whole).then(|| kept.trim_end().to_string() + "\n");
    Ok(parts)
}

#[derive(Debug, PartialEq, Eq)]
enum Mark<'a> {
    Begin,
    End,
    Stub(&'a str),
}

fn mark(line: &str) -> Option<Mark<'_>> {
    let line = line.trim();
    let comment = line
        .strip_prefix("// ")
        .or_else(|| line.strip_prefix("# "))
        .or_else(|| {
            line.strip_prefix("<!-- ")?
                .strip_suffix("-->")
                .map(str::trim_end)
        })
        .unwrap_or_default();
    match comment {
        "BEGIN SOLUTION" => Some(Mark::Begin),
        "END SOLUTION" => Some(Mark::End),
        _ => comment
            .strip_prefix("STUB:")
            .map(|stub| Mark::Stub(stub.strip_prefix(' ').unwrap_or(stub))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stubs_take_the_place_of_the_solution() {
        let text = "//! Doc.\n// BEGIN SOLUTION\nfn f() { answer() }\n// END SOLUTION\n// STUB: fn f() {}\n// STUB:\n// STUB:     x\nfn g() {}\n";
        let parts = split(text).unwrap();
        assert_eq!(
            parts.handout.unwrap(),
            "//! Doc.\nfn f() {}\n\n    x\nfn g() {}\n"
        );
        assert_eq!(parts.solution, ["fn f() { answer() }"]);
        assert_eq!(parts.stubs, ["fn f() {}", "", "    x"]);
    }

    #[test]
    fn a_page_has_marks_that_its_reader_does_not_see() {
        let text = "# Lab\n<!-- BEGIN SOLUTION -->\nFor instructors.\n<!-- END SOLUTION -->\n<!-- STUB: ## Students -->\n<!-- STUB: -->\n<!-- a remark -->\nAll.\n";
        assert_eq!(
            split(text).unwrap().handout.unwrap(),
            "# Lab\n## Students\n\n<!-- a remark -->\nAll.\n"
        );
    }

    #[test]
    fn a_stub_inside_a_function_stays_inside() {
        let text = "fn f() {\n    // BEGIN SOLUTION\n    answer()\n    // END SOLUTION\n    // STUB: if x {\n    // STUB:     y\n    // STUB: }\n}\n";
        let parts = split(text).unwrap();
        assert_eq!(
            parts.handout.unwrap(),
            "fn f() {\n    if x {\n        y\n    }\n}\n"
        );
    }

    #[test]
    fn a_file_that_begins_with_a_region_is_left_out() {
        let parts = split("// BEGIN SOLUTION\nfn f() {}\n// END SOLUTION\n").unwrap();
        assert_eq!((parts.handout, parts.solution.len()), (None, 1));
    }

    #[test]
    fn marks_out_of_place_are_errors() {
        assert!(split("// END SOLUTION\n").unwrap_err().contains("line 1"));
        assert!(
            split("x\n// BEGIN SOLUTION\ny\n")
                .unwrap_err()
                .contains("no end")
        );
        assert!(split("x\n// BEGIN SOLUTION\n// STUB: y\n// END SOLUTION\n").is_err());
    }

    #[test]
    fn prose_about_marks_is_no_mark() {
        let text = "//! stands between `// BEGIN SOLUTION` and the end\n";
        assert_eq!(split(text).unwrap().handout.unwrap(), text);
    }
}

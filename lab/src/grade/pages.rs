//! What a grading writes, in the forms that others read: Gradescope's JSON, JUnit's XML, a table.

use std::fmt::Write;

use serde_json::{Value, json};

use super::losses;
use super::marks::{Marks, Status, hundredth};

/// Gradescope's `results.json`.
pub fn gradescope(marks: &Marks) -> Value {
    let tests: Vec<Value> = marks
        .tests
        .iter()
        .enumerate()
        .map(|(number, mark)| {
            json!({
                "name": format!("{} {}: {}", mark.part, mark.test, mark.title),
                "number": format!("{}", number + 1),
                "score": hundredth(mark.score),
                "max_score": hundredth(mark.points),
                "status": if mark.is_full() { "passed" } else { "failed" },
                "output": printable(&mark.report),
                "output_format": "text",
                "tags": [mark.part],
            })
        })
        .collect();
    json!({
        "score": marks.score(),
        "output": summary(marks) + &printable(&losses::text(marks)),
        "output_format": "text",
        "visibility": "visible",
        "tests": tests,
        "extra_data": { "seed": format!("{:#x}", marks.seed), "runs": marks.runs },
    })
}

/// What stands above the tests.
pub fn summary(marks: &Marks) -> String {
    match marks.status {
        Status::Graded => {
            let (runs, seed) = (marks.runs, marks.seed);
            let how = format!("Each test ran on {runs} seeds from {seed:#x}.");
            match marks.message.is_empty() {
                true => how,
                false => format!("{how}\n{}", printable(&marks.message)),
            }
        }
        Status::Refused => format!("The submission was refused: {}.", printable(&marks.message)),
        Status::NotBuilt => format!(
            "The submission does not build:\n{}",
            printable(&marks.message)
        ),
        Status::NotGraded => format!(
            "The submission was not graded, by the machine's fault, not its own: {}.",
            printable(&marks.message)
        ),
    }
}

/// `junit.xml`.
pub fn junit(marks: &Marks) -> String {
    let failed = marks.tests.iter().filter(|mark| !mark.is_full()).count();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let name = escaped(&marks.name);
    let _ = writeln!(
        out,
        "<testsuite name=\"{name}\" tests=\"{}\" failures=\"{failed}\">",
        marks.tests.len()
    );
    for mark in &marks.tests {
        let (part, test) = (escaped(&mark.part), escaped(&mark.test));
        let time = mark.cpu_ms / 1e3;
        let _ = write!(
            out,
            "  <testcase classname=\"{part}\" name=\"{test}\" time=\"{time:.3}\""
        );
        if mark.is_full() {
            out.push_str("/>\n");
            continue;
        }
        let said = if mark.report.is_empty() {
            summary(marks)
        } else {
            mark.report.clone()
        };
        let first = escaped(said.lines().next().unwrap_or_default());
        let _ = writeln!(
            out,
            ">\n    <failure message=\"{first}\">{}</failure>\n  </testcase>",
            escaped(&said)
        );
    }
    out.push_str("</testsuite>\n");
    out
}

/// `grades.csv`: a row a submission, a column a part. Where there is no mark the cells are empty: a zero would be one.
pub fn csv(all: &[Marks]) -> String {
    let parts: Vec<&str> = all
        .first()
        .map_or(Vec::new(), |marks| marks.parts().into_keys().collect());
    let mut out = format!(
        "name,score,points,{}{}status\n",
        parts.join(","),
        if parts.is_empty() { "" } else { "," }
    );
    for marks in all {
        let of_part = marks.parts();
        let number = |score: f64| marks.number(score).unwrap_or_default();
        let scores: String = parts
            .iter()
            .map(|part| number(of_part.get(part).map_or(0.0, |p| p.0)) + ",")
            .collect();
        let name = cell(&marks.name);
        let _ = writeln!(
            out,
            "{name},{},{},{scores}{}",
            number(marks.score()),
            marks.points(),
            marks.status_text()
        );
    }
    out
}

/// A cell that no spreadsheet takes for several, or for a formula.
fn cell(text: &str) -> String {
    let guarded = if text.starts_with(['=', '+', '-', '@']) {
        format!("'{text}")
    } else {
        text.into()
    };
    match guarded.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", guarded.replace('"', "\"\"")),
        false => guarded,
    }
}

/// Without what XML and terminals do not take: control characters other than line ends and tabs.
pub fn printable(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect()
}

/// Fit for XML and HTML, in text and in attributes.
pub fn escaped(text: &str) -> String {
    printable(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grade::marks::tests::sample;

    #[test]
    fn gradescope_gets_the_fields_that_it_documents() {
        let results = gradescope(&sample());
        assert_eq!(results["score"], json!(3.33));
        let failed = &results["tests"][1];
        assert_eq!(
            (&failed["status"], &failed["score"], &failed["max_score"]),
            (&json!("failed"), &json!(0.0), &json!(3.33))
        );
        assert_eq!(
            failed["output"],
            json!("FAIL 2C figure8: <two> leaders & [31mred.\n  Replay: x")
        );
        assert_eq!(failed["name"], json!("2C figure8: Votes & <terms>."));
    }

    #[test]
    fn junit_is_escaped() {
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<testsuite name=\"ada, b.\" tests=\"2\" failures=\"1\">
  <testcase classname=\"2A\" name=\"re_election\" time=\"0.013\"/>
  <testcase classname=\"2C\" name=\"figure8\" time=\"0.013\">
    <failure message=\"FAIL 2C figure8: &lt;two&gt; leaders &amp; [31mred.\">FAIL 2C figure8: &lt;two&gt; leaders &amp; [31mred.
  Replay: x</failure>
  </testcase>
</testsuite>
";
        assert_eq!(junit(&sample()), expected);
    }

    #[test]
    fn the_table_quotes_names() {
        assert_eq!(
            csv(&[sample()]),
            "name,score,points,2A,2C,status\n\"ada, b.\",3.33,6.67,3.33,0,graded\n"
        );
        assert_eq!(csv(&[]), "name,score,points,status\n");
        assert_eq!(cell("=1+1"), "'=1+1");
    }
}

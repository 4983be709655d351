//! The pages that people read: one a submission, and an index of many. Each is one file.

use std::fmt::Write;

use super::marks::{Mark, Marks};
use super::pages::{escaped, summary};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem;color:#222;background:#fff}\
table{border-collapse:collapse;width:100%}td,th{padding:.3rem .6rem;text-align:left;border-bottom:1px solid #ddd}\
td.n,th.n{text-align:right}.full{color:#176b2c}.lost{color:#a11}\
details{border-bottom:1px solid #ddd;padding:.4rem 0}summary{cursor:pointer}\
pre{background:#f5f5f5;padding:.6rem;overflow-x:auto;font-size:.85rem;white-space:pre-wrap}small{color:#666}\
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}pre{background:#262626}.full{color:#7bd88f}.lost{color:#ff8a80}\
td,th,details{border-color:#444}small{color:#aaa}a{color:#8ab4f8}}";

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style></head>\n<body>\n<h1>{title}</h1>\n{body}</body></html>\n"
    )
}

/// The page of one submission.
pub fn report(marks: &Marks) -> String {
    let mut body = format!(
        "<p><b class=\"{}\">{} of {} points</b>, {}</p>\n<pre>{}</pre>\n",
        class(marks.score() >= marks.points()),
        marks.score(),
        marks.points(),
        marks.status_text(),
        escaped(&summary(marks)),
    );
    for (part, (score, points)) in marks.parts() {
        let full = class(score >= points);
        let _ = writeln!(
            body,
            "<h2>{} <small class=\"{full}\">{score} of {points}</small></h2>",
            escaped(part)
        );
        marks
            .tests
            .iter()
            .filter(|mark| mark.part == part)
            .for_each(|mark| body.push_str(&test(mark)));
    }
    page(&escaped(&marks.name), &body)
}

fn test(mark: &Mark) -> String {
    let seed = mark
        .failing_seed
        .map_or(String::new(), |seed| format!(", fails on seed {seed:#x}"));
    let line = format!(
        "<b class=\"{}\">{}</b> {}/{} runs, {:.2} of {:.2} points<br><small>{} CPU {:.2} s{seed}</small>",
        class(mark.is_full()),
        escaped(&mark.test),
        mark.passed,
        mark.runs,
        mark.score,
        mark.points,
        escaped(&mark.title),
        mark.cpu_ms / 1e3,
    );
    match mark.report.is_empty() {
        true => format!("<p>{line}</p>\n"),
        false => format!(
            "<details><summary>{line}</summary><pre>{}</pre></details>\n",
            escaped(&mark.report)
        ),
    }
}

/// The page that leads to all submissions.
pub fn index(all: &[Marks]) -> String {
    let mut body = String::from(
        "<table><tr><th>submission</th><th class=\"n\">score</th><th class=\"n\">of</th><th></th></tr>\n",
    );
    for marks in all {
        let name = escaped(&marks.name);
        let _ = writeln!(
            body,
            "<tr><td><a href=\"{}/report.html\">{name}</a></td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td></tr>",
            link(&marks.name),
            marks.score(),
            marks.points(),
            marks.status_text(),
        );
    }
    body.push_str("</table>\n");
    page("Grades", &body)
}

/// A folder's name as a link holds it.
fn link(name: &str) -> String {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    name.bytes()
        .map(|byte| {
            if safe(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

fn class(full: bool) -> &'static str {
    if full { "full" } else { "lost" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grade::marks::tests::sample;

    #[test]
    fn nothing_of_a_submission_gets_into_the_markup() {
        let mut marks = sample();
        marks.name = "<script>".into();
        let html = report(&marks);
        assert!(
            html.contains("&lt;script&gt;") && !html.contains("<script"),
            "{html}"
        );
        assert!(
            html.contains("FAIL 2C figure8: &lt;two&gt; leaders &amp;"),
            "{html}"
        );
        assert!(
            html.contains("3.33 of 6.67 points") && html.contains("fails on seed 0x17"),
            "{html}"
        );
        assert!(index(&[marks]).contains("href=\"%3Cscript%3E/report.html\""));
    }
}

//! The pages that people read: one a submission, and an index of many. Each is one file.

use std::fmt::Write;

use super::losses::{Loss, losses};
use super::marks::{Mark, Marks, Status};
use super::pages::{escaped, summary};

const STYLE: &str = include_str!("style.css");

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{title}</title>\n<style>\n{STYLE}</style></head>\n<body>\n<h1>{title}</h1>\n{body}</body></html>\n"
    )
}

/// The page of one submission.
pub fn report(marks: &Marks) -> String {
    let mut body = format!(
        "<p class=\"score\"><b class=\"{}\">{} of {} points</b> <small>{}</small></p>\n<pre>{}</pre>\n",
        class(marks.score() >= marks.points()),
        marks.shown(marks.score()),
        marks.points(),
        marks.status_text(),
        escaped(&summary(marks)),
    );
    body.push_str(&what_lost_points(marks));
    let ran = marks.status == Status::Graded;
    for (part, (score, points)) in marks.parts().into_iter().filter(|_| ran) {
        let full = class(score >= points);
        let _ = writeln!(
            body,
            "<h2>{} <span class=\"{full}\">{score} of {points}</span></h2>",
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

/// The way to the failures: there are some two hundred tests, most of which passed.
fn what_lost_points(marks: &Marks) -> String {
    let items: String = losses(marks).iter().map(item).collect();
    match items.is_empty() {
        true => items,
        false => format!("<h2>What lost points</h2>\n<ul>\n{items}</ul>\n"),
    }
}

fn item(loss: &Loss<'_>) -> String {
    let link = |mark: &&Mark| {
        let id = id(mark);
        let test = escaped(&format!("{} {}", mark.part, mark.test));
        match mark.report.is_empty() {
            true => test,
            false => format!("<a href=\"#{id}\">{test}</a>"),
        }
    };
    let tests: Vec<String> = loss.tests.iter().map(link).collect();
    format!(
        "<li>{} <small>{:.2} points</small><br>{}</li>\n",
        escaped(loss.claim),
        loss.points,
        tests.join(", ")
    )
}

fn id(mark: &Mark) -> String {
    escaped(&format!("{}-{}", mark.part, mark.test))
}

fn test(mark: &Mark) -> String {
    let seed = mark
        .failing_seed
        .map_or(String::new(), |seed| format!(" · fails on seed {seed:#x}"));
    let page = mark.page.as_deref().map_or(String::new(), |page| {
        format!(
            "<p><a href=\"{}\">What happened in this run</a></p>",
            escaped(page)
        )
    });
    let line = format!(
        "<span class=\"line\"><b class=\"{}\">{}</b> <span>{:.2} of {:.2}</span>\
         <span class=\"about\">{}</span><small class=\"about\">{} of {} runs passed · CPU {:.2} s{seed}</small></span>",
        class(mark.is_full()),
        escaped(&mark.test),
        mark.score,
        mark.points,
        escaped(&mark.title),
        mark.passed,
        mark.runs,
        mark.cpu_ms / 1e3,
    );
    match mark.report.is_empty() {
        true => format!("<div class=\"test plain\">{line}</div>\n"),
        false => format!(
            "<details class=\"test\"><summary>{line}</summary><div id=\"{}\">{page}<pre>{}</pre></div></details>\n",
            id(mark), // inside: a browser that follows a link opens what holds its goal
            escaped(&mark.report)
        ),
    }
}

/// The page that leads to all submissions.
pub fn index(all: &[Marks]) -> String {
    let parts = |marks: &Marks| -> String {
        let cell = |(score, points): (f64, f64)| {
            let full = class(score >= points);
            format!("<td class=\"n {full}\">{}</td>", marks.shown(score))
        };
        marks.parts().into_values().map(cell).collect()
    };
    let headings: String = all.first().map_or(String::new(), |marks| {
        let heading = |part: &str| format!("<th class=\"n\">{}</th>", escaped(part));
        marks.parts().into_keys().map(heading).collect()
    });
    let mut body = format!(
        "<div class=\"wide\"><table>\n<tr><th>submission</th><th class=\"n\">score</th>{headings}<th>status</th></tr>\n"
    );
    for marks in all {
        let note = escaped(&marks.note());
        let _ = writeln!(
            body,
            "<tr><td><a href=\"{}/report.html\">{}</a></td><td class=\"n\"><b>{}</b>/{}</td>{}\
             <td class=\"why\">{} <small>{note}</small></td></tr>",
            link(&marks.name),
            escaped(&marks.name),
            marks.shown(marks.score()),
            marks.points(),
            parts(marks),
            marks.status_text(),
        );
    }
    body.push_str("</table></div>\n");
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
            html.contains("fails on seed 0x17</small>")
                && html.contains("FAIL 2C figure8: &lt;two&gt; leaders &amp;"),
            "{html}"
        );
        assert!(
            html.contains("3.33 of 6.67 points") && html.contains("2 of 3 runs passed"),
            "{html}"
        );
        assert!(
            html.contains("<a href=\"runs/2C-figure8-0x17.html\">"),
            "{html}"
        );
        assert!(
            html.contains("<a href=\"#2C-figure8\">2C figure8</a>")
                && html.contains("<div id=\"2C-figure8\">"),
            "{html}"
        );
        assert!(index(&[marks]).contains("href=\"%3Cscript%3E/report.html\""));
    }
}

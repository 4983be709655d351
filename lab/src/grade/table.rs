//! The table on the terminal: a row a submission, a column a part.

use super::marks::Marks;
use super::pages::printable;

/// The headings, for submissions like this one.
pub fn header(marks: &Marks) -> String {
    let parts: String = marks
        .parts()
        .keys()
        .map(|part| format!("{part:>7}"))
        .collect();
    format!("{:28}{parts}{:>13}  status", "submission", "score")
}

/// One submission.
pub fn row(marks: &Marks) -> String {
    let of_parts = marks.parts();
    let parts: String = of_parts
        .values()
        .map(|(score, _)| format!("{:>7}", marks.shown(*score)))
        .collect();
    let name: String = printable(&marks.name).replace(['\n', '\t'], " ");
    let note = printable(&marks.note());
    let colon = if note.is_empty() { "" } else { ": " };
    format!(
        "{name:28}{parts}{:>13}  {}{colon}{note}",
        format!("{}/{}", marks.shown(marks.score()), marks.points()),
        marks.status_text()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grade::marks::tests::sample;

    #[test]
    fn columns_stand_under_their_headings() {
        let mut marks = sample();
        marks.message = "Something is missing.\nMore of it.".into();
        let table = format!("{}\n{}", header(&marks), row(&marks));
        assert_eq!(
            table,
            "submission                       2A     2C        score  status\n\
             ada, b.                        3.33      0    3.33/6.67  graded: Something is missing."
        );
    }
}

//! Strings in reports: quoted, and short however long they are.

/// Characters shown of each end of a string that is too long to be shown whole.
const END: usize = 20;

/// `text` in quotes; of a long one the ends and the length.
pub(crate) fn quote(text: &str) -> String {
    if is_short(text) {
        return format!("{text:?}");
    }
    let head: String = text.chars().take(END).collect();
    let tail = text
        .char_indices()
        .rev()
        .nth(END - 1)
        .map_or(0, |(start, _)| start);
    let tail = &text[tail..];
    format!("{head:?}...{tail:?} ({} bytes)", text.len())
}

/// Whether the text is shown whole.
fn is_short(text: &str) -> bool {
    text.chars().nth(2 * END + 4).is_none()
}

/// The start of `text` in quotes.
fn quote_start(text: &str) -> String {
    let mut rest = text.chars();
    let head: String = rest.by_ref().take(END).collect();
    let dots = if rest.next().is_some() { "..." } else { "" };
    format!("{head:?}{dots}")
}

/// How `given` differs from `possible`, where that is hard to see.
pub(crate) fn difference(given: &str, possible: &str) -> Option<String> {
    if is_short(given) && is_short(possible) {
        return None;
    }
    let same: usize = given
        .chars()
        .zip(possible.chars())
        .take_while(|(a, b)| a == b)
        .map(|(c, _)| c.len_utf8())
        .sum();
    let (given, possible) = (&given[same..], &possible[same..]);
    match (given, possible) {
        ("", "") => None,
        ("", missing) => Some(format!(
            "It ends after {} where {} should follow.",
            bytes(same),
            quote_start(missing)
        )),
        (extra, "") => Some(format!(
            "It is right for {}, all that there should be, and goes on with {}.",
            bytes(same),
            quote_start(extra)
        )),
        (given, possible) => Some(format!(
            "It is right for {}, then it has {} where {} should follow.",
            bytes(same),
            quote_start(given),
            quote_start(possible)
        )),
    }
}

fn bytes(count: usize) -> String {
    match count {
        1 => "1 byte".to_string(),
        _ => format!("{count} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::{difference, quote};

    #[test]
    fn long_strings_show_their_ends() {
        assert_eq!(quote("a \"b\"\n"), r#""a \"b\"\n""#);
        let long = format!("start{}end", "é".repeat(100));
        let shown = quote(&long);
        assert_eq!(
            shown,
            format!(
                "\"start{}\"...\"{}end\" (208 bytes)",
                "é".repeat(15),
                "é".repeat(17)
            )
        );
    }

    #[test]
    fn differences_in_words() {
        let long = "é".repeat(50);
        let text = |end: &str| format!("{long}{end}");
        assert_eq!(difference("ab", "abc"), None, "plain to see");
        assert_eq!(difference(&text("x"), &text("x")), None);
        assert_eq!(
            difference(&text(""), &text("the missing end of it")).unwrap(),
            r#"It ends after 100 bytes where "the missing end of i"... should follow."#
        );
        assert_eq!(
            difference(&text("xy"), &text("")).unwrap(),
            r#"It is right for 100 bytes, all that there should be, and goes on with "xy"."#
        );
        assert_eq!(
            difference("x", &text("")).unwrap(),
            r#"It is right for 0 bytes, then it has "x" where "éééééééééééééééééééé"... should follow."#
        );
    }
}

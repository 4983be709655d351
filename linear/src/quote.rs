//! Strings in reports: quoted, and short however long they are.

/// Characters shown of each end of a string that is too long to be shown whole.
const END: usize = 20;

/// `text` in quotes; of a long one the ends and the length.
pub(crate) fn quote(text: &str) -> String {
    let count = text.chars().count();
    if count <= 2 * END + 4 {
        return format!("{text:?}");
    }
    let head: String = text.chars().take(END).collect();
    let tail: String = text.chars().skip(count - END).collect();
    format!("{head:?}...{tail:?} ({} bytes)", text.len())
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
        assert_eq!(difference("ab", "ab"), None);
        assert_eq!(
            difference("a", "abc").unwrap(),
            r#"It ends after 1 byte where "bc" should follow."#
        );
        assert_eq!(
            difference("abab", "ab").unwrap(),
            r#"It is right for 2 bytes, all that there should be, and goes on with "ab"."#
        );
        assert_eq!(
            difference("éx", "éyz").unwrap(),
            r#"It is right for 2 bytes, then it has "x" where "yz" should follow."#
        );
    }
}

//! What a message says, in a line: for the page and for the columns.

use serde_json::Value;

/// What a message is for. Its place in the list is its number on the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// RequestVote.
    Vote,
    /// AppendEntries with entries.
    Append,
    /// AppendEntries without.
    Beat,
    /// InstallSnapshot.
    Snapshot,
    /// A clerk's call.
    Client,
    /// Anything else.
    #[default]
    Other,
}

/// The sorts by number.
pub const SORTS: [&str; 6] = ["vote", "append", "heartbeat", "snapshot", "client", "other"];

impl Sort {
    /// Of a message that was decoded.
    pub fn of_view(view: &Value) -> Sort {
        match (view["rpc"].as_str(), view["entries"].as_u64()) {
            (Some("vote"), _) => Sort::Vote,
            (Some("append"), Some(0)) => Sort::Beat,
            (Some("append"), _) => Sort::Append,
            (Some("snapshot"), _) => Sort::Snapshot,
            _ => Sort::Other,
        }
    }

    /// Of a message that nobody could decode, by its method and whether a clerk is at its one end.
    pub fn of_method(method: &str, clerk: bool) -> Sort {
        let method = method.to_lowercase();
        match () {
            () if clerk => Sort::Client,
            () if method.contains("vote") => Sort::Vote,
            () if method.contains("append") => Sort::Append,
            () if method.contains("snapshot") => Sort::Snapshot,
            () => Sort::Other,
        }
    }
}

/// What a decoded message says.
pub fn view(view: &Value) -> String {
    let number = |field: &str| view[field].as_u64().unwrap_or_default();
    let text = |field: &str| view[field].as_str().unwrap_or_default();
    let term = number("term");
    let is_reply = text("way") == "reply";
    match (text("rpc"), is_reply) {
        ("vote", false) => format!("vote in term {term}? log to {}", text("last")),
        ("vote", true) => {
            let word = if view["granted"] == true {
                "granted"
            } else {
                "refused"
            };
            format!("vote {word}, term {term}")
        }
        ("append", false) if number("entries") == 0 => {
            format!(
                "heartbeat, term {term}, log to {}, commit {}",
                text("prev"),
                number("commit")
            )
        }
        ("append", false) => format!(
            "{}, term {term}, after {}, commit {}",
            entries(view),
            text("prev"),
            number("commit")
        ),
        ("append", true) => {
            let word = if view["success"] == true {
                "appended"
            } else {
                "not appended"
            };
            format!("{word}, term {term}")
        }
        ("snapshot", false) => format!(
            "snapshot to {}, term {term}, {} bytes",
            text("last"),
            number("bytes")
        ),
        _ => text("says").to_string(),
    }
}

/// `entries 5..7: x y z`
fn entries(view: &Value) -> String {
    let count = view["entries"].as_u64().unwrap_or_default();
    let prev = view["prev"].as_str().and_then(index).unwrap_or_default();
    let commands = view["commands"].as_object();
    let mut shown: Vec<(u64, &str)> = commands
        .into_iter()
        .flatten()
        .filter_map(|(id, command)| Some((index(id)?, command.as_str()?)))
        .collect();
    shown.sort_unstable();
    let shown: Vec<&str> = shown.into_iter().map(|(_, command)| command).collect();
    let dots = if count as usize > shown.len() {
        "… "
    } else {
        ""
    };
    let which = match count {
        1 => format!("entry {}", prev.saturating_add(1)),
        _ => format!(
            "entries {}..{}",
            prev.saturating_add(1),
            prev.saturating_add(count)
        ),
    };
    format!("{which}: {dots}{}", shown.join(" "))
}

/// The index in `12@3`.
pub fn index(id: &str) -> Option<u64> {
    pair(id).map(|(index, _)| index)
}

/// `12@3` as two numbers.
pub fn pair(id: &str) -> Option<(u64, u64)> {
    let (index, term) = id.split_once('@')?;
    Some((index.parse().ok()?, term.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_read_as_sentences() {
        let entries = json!({"rpc": "append", "way": "request", "term": 3, "prev": "9@2", "entries": 3, "commit": 8,
            "commands": {"11@3": "b", "12@3": "c"}});
        assert_eq!(
            view(&entries),
            "entries 10..12: … b c, term 3, after 9@2, commit 8"
        );
        assert_eq!(Sort::of_view(&entries), Sort::Append);
        let refused = json!({"rpc": "vote", "way": "reply", "term": 4, "granted": false});
        assert_eq!(view(&refused), "vote refused, term 4");
        assert_eq!(view(&json!({"rpc": "other", "says": "hello"})), "hello");
        assert_eq!(view(&json!(7)), "");
    }
}

//! What somebody who mistyped a name may have meant.

/// The candidates that are a few letters off or contain the word, best first, at most four.
pub fn near<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let lower = word.to_lowercase();
    let allowed = 1 + word.len() / 4;
    let mut found: Vec<(usize, &str)> = candidates
        .filter_map(|candidate| {
            let other = candidate.to_lowercase();
            let off = distance(&lower, &other);
            let within = lower.len() >= 3 && other.contains(&lower);
            (off <= allowed || within).then_some((off, candidate))
        })
        .collect();
    found.sort();
    found.dedup();
    found
        .into_iter()
        .map(|(_, candidate)| candidate)
        .take(4)
        .collect()
}

/// "no KIND is called WORD", and what it may have been, or all there are.
pub fn unknown(kind: &str, word: &str, candidates: &[&str]) -> String {
    let found = near(word, candidates.iter().copied());
    match found.is_empty() {
        false => format!(
            "there is no {kind} `{word}`; did you mean {}?",
            found.join(", ")
        ),
        true => format!(
            "there is no {kind} `{word}`; there are {}",
            candidates.join(", ")
        ),
    }
}

/// How many letters must be changed, added or dropped to make `a` of `b`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_and_parts_of_names_are_found() {
        let names = ["re_election", "initial_election", "basic_agreement"];
        assert_eq!(near("re_elction", names.into_iter()), ["re_election"]);
        assert_eq!(
            near("election", names.into_iter()),
            ["re_election", "initial_election"]
        );
        assert!(near("zzz", names.into_iter()).is_empty());
    }

    #[test]
    fn nothing_near_lists_all() {
        assert_eq!(
            unknown("part", "9Z", &["2A", "2B"]),
            "there is no part `9Z`; there are 2A, 2B"
        );
        assert_eq!(
            unknown("part", "2E", &["2A", "3B"]),
            "there is no part `2E`; did you mean 2A?"
        );
    }
}

//! Values that tell by themselves what was done to them.

/// What client `client` appends as its append number `number`.
pub fn append_text(client: usize, number: usize) -> String {
    format!("x {client} {number} y")
}

/// Checks that `value` has each of a client's appends, numbered from 0, once and in order. Others'
/// may stand between them.
///
/// # Errors
/// Which one is missing, or there more than once, or out of order.
pub fn check_appends(value: &str, client: usize, count: usize) -> Result<(), String> {
    let mut after = 0;
    for number in 0..count {
        let text = append_text(client, number);
        let of = format!("append {number} of client {client} ({text:?})");
        match value.matches(&text).count() {
            1 => {}
            0 => return Err(format!("{of} is missing")),
            times => return Err(format!("{of} is there {times} times")),
        }
        let at = value.find(&text).expect("it was just counted");
        if at < after {
            return Err(format!("{of} stands before an earlier one of this client"));
        }
        after = at;
    }
    match value.contains(&append_text(client, count)) {
        true => Err(format!(
            "append {count} of client {client} is there, which only made {count}, numbered from 0"
        )),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_and_in_order() {
        let value = "x 0 0 yx 1 0 yx 0 1 y";
        assert_eq!(check_appends(value, 0, 2), Ok(()));
        assert_eq!(check_appends(value, 1, 1), Ok(()));
        let why = |value, count| check_appends(value, 0, count).unwrap_err();
        assert!(why("x 0 0 y", 2).contains("append 1 of client 0 (\"x 0 1 y\") is missing"));
        assert!(why("x 0 0 yx 0 0 y", 1).contains("is there 2 times"));
        assert!(why("x 0 1 yx 0 0 y", 2).contains("stands before an earlier one"));
        assert!(why("x 0 0 yx 0 1 y", 1).contains("which only made 1"));
    }
}

//! Takes a submission's own tests out: items under `#[cfg(test)]`. They may use what a Raft may not,
//! and take no part in the suites, for which a crate is built without that setting.
//!
//! What is taken out is not built either. So it need not be screened, and it does no harm if more
//! is taken for a test than the compiler would.

use std::ops::Range;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::tokens::punct;

/// A file without its tests.
#[derive(Debug, PartialEq, Eq)]
pub struct Stripped {
    /// Its text; the lines keep their numbers.
    pub text: String,
    /// The modules in files of their own that were tests.
    pub modules: Vec<String>,
}

/// Takes the tests out of one file. Text that is no Rust stays as it is.
pub fn strip(text: &str) -> Stripped {
    let mut found = Found::default();
    if let Ok(tokens) = text.parse() {
        walk(tokens, 0, &mut found);
    }
    let mut bytes = text.as_bytes().to_vec();
    for range in found.ranges {
        let blank = |byte: &mut u8| {
            if !matches!(*byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        };
        bytes[range].iter_mut().for_each(blank);
    }
    Stripped {
        text: String::from_utf8_lossy(&bytes).into_owned(),
        modules: found.modules,
    }
}

#[derive(Default)]
struct Found {
    ranges: Vec<Range<usize>>,
    modules: Vec<String>,
}

fn walk(tokens: TokenStream, depth: usize, found: &mut Found) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        if let Some(last) = test_item(&tokens, at) {
            let whole = tokens[at].span().byte_range().start..tokens[last].span().byte_range().end;
            found.ranges.push(whole);
            found.modules.extend(module(&tokens[at..=last]));
            at = last;
        } else if let TokenTree::Group(group) = &tokens[at]
            && depth < super::screen::DEPTH_MOST
        {
            walk(group.stream(), depth + 1, found);
        }
        at += 1;
    }
}

/// `#[cfg(test)]` at `at`, and an item: where the item ends.
fn test_item(tokens: &[TokenTree], at: usize) -> Option<usize> {
    if !is_cfg_test(tokens, at) {
        return None;
    }
    let mut at = at + 2;
    while punct(tokens.get(at)) == Some('#') {
        at += 2; // its other attributes
    }
    let rest = tokens.get(at..)?;
    let keyword = rest
        .iter()
        .position(|token| word(token).is_some_and(|w| w != "pub"))?;
    let to_the_semicolon = match word(&rest[keyword])?.as_str() {
        "use" | "const" | "static" | "type" => true,
        "mod" | "fn" | "async" | "impl" | "struct" | "enum" | "trait" => false,
        _ => return None, // a field, an arm, a statement: not worth the trouble
    };
    let ends = |token: &TokenTree| {
        let body = matches!(token, TokenTree::Group(g) if g.delimiter() == Delimiter::Brace);
        punct(Some(token)) == Some(';') || (body && !to_the_semicolon)
    };
    rest.iter().position(ends).map(|end| at + end)
}

fn is_cfg_test(tokens: &[TokenTree], at: usize) -> bool {
    let Some(TokenTree::Group(group)) = tokens.get(at + 1) else {
        return false;
    };
    punct(tokens.get(at)) == Some('#')
        && group.delimiter() == Delimiter::Bracket
        && group.stream().to_string().replace(' ', "") == "cfg(test)"
}

/// The name in `mod name;`.
fn module(item: &[TokenTree]) -> Option<String> {
    let at = item
        .iter()
        .position(|token| word(token).as_deref() == Some("mod"))?;
    (punct(item.get(at + 2)) == Some(';')).then(|| word(&item[at + 1]))?
}

fn word(token: &TokenTree) -> Option<String> {
    match token {
        TokenTree::Ident(ident) => Some(ident.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_go_and_lines_stay() {
        let text =
            "fn a() {}\n#[cfg(test)]\n#[allow(x)]\nmod tests {\r\n  fn ü() {}\n}\nfn b() {}\n";
        let stripped = strip(text).text;
        assert_eq!(stripped.lines().count(), text.lines().count());
        let left: Vec<&str> = stripped
            .lines()
            .map(str::trim)
            .filter(|l| !l.is_empty())
            .collect();
        assert_eq!(left, ["fn a() {}", "fn b() {}"]);
    }

    #[test]
    fn modules_in_files_of_their_own_are_named() {
        let stripped =
            strip("#[cfg(test)]\npub(crate) mod world;\nmod b;\n#[cfg(test)] use x::{y};");
        assert_eq!(stripped.modules, ["world"]);
        assert_eq!(stripped.text.trim(), "mod b;");
    }

    #[test]
    fn what_follows_a_test_stays() {
        for text in [
            "#[cfg(not(test))] mod a { fn f() {} }",
            "#[cfg(any(test, all()))] fn f() { std::process::exit(0) }",
            "match x { #[cfg(test)] A => {} B => {} }",
            "struct S { #[cfg(test)] a: u32, b: u32 }",
        ] {
            assert_eq!(strip(text).text, text);
        }
        let const_ = strip("#[cfg(test)] const A: B = B { c: 1 }; fn f() {}").text;
        assert_eq!(const_.trim(), "fn f() {}");
    }

    #[test]
    fn inside_a_macros_input_it_is_gone_too() {
        let stripped = strip("m! { #[cfg(test)] mod x { std::process::exit(0) } }").text;
        assert!(!stripped.contains("process"), "{stripped}");
    }
}

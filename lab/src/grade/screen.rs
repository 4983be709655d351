//! What a submission's source may not contain: ways out of the sandbox that the language itself is.
//!
//! The check works on tokens, so it sees into macros; comments and strings do not matter. It refuses
//! - `unsafe`, with which a test's own memory could be written to;
//! - `include!` and its kin, `#[path]`, `extern crate`, `env!`: files and settings of the grader's;
//! - any module of `std` but those that compute ([`ALLOWED`]): no files, processes, environment,
//!   sockets; and any use of the word `std` that would let it go by another name;
//! - labsim's fault domains, which belong to the harness: no peer leaves its own, or ends another's;
//! - a `static` that can change: all peers are in one process, and it would be a memory that they
//!   share and that outlives their crashes; and the logger's level, which is one;
//! - backtraces and `Location::caller`, which lead to the test by its name and its line;
//! - names that begin with `__`: the insides of other crates' macros.
//!
//! A submission's own tests (`#[cfg(test)]`) were taken out before: see `strip`.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};

use super::tokens::{after_colons, after_hash, before_colons, is_lifetime, is_method, punct};

/// The modules of `std` that only compute.
const ALLOWED: [&str; 37] = [
    "alloc",
    "any",
    "array",
    "ascii",
    "assert_eq",
    "borrow",
    "boxed",
    "cell",
    "char",
    "clone",
    "cmp",
    "collections",
    "convert",
    "default",
    "error",
    "fmt",
    "future",
    "hash",
    "hint",
    "i64",
    "io",
    "iter",
    "marker",
    "mem",
    "num",
    "ops",
    "option",
    "pin",
    "primitive",
    "rc",
    "result",
    "slice",
    "str",
    "string",
    "sync",
    "u64",
    "vec",
];
/// More of them: what clippy advises against, yet harms nobody but the submission, and is remarked on.
const HARMLESS: [&str; 7] = ["thread", "time", "task", "usize", "u32", "f64", "matches"];
/// Words that are refused, but as the name of a method.
const WORDS: [(&str, &str); 9] = [
    ("unsafe", "unsafe code is not allowed"),
    ("include", "include! is not allowed"),
    ("include_str", "include_str! is not allowed"),
    ("include_bytes", "include_bytes! is not allowed"),
    ("global_asm", "assembly is not allowed"),
    ("max_level", SHARED_LOGGER),
    ("set_max_level", SHARED_LOGGER),
    ("set_logger", SHARED_LOGGER),
    ("set_boxed_logger", SHARED_LOGGER),
];
/// A level that one peer sets and another reads is a message past the network.
const SHARED_LOGGER: &str = "the logger and its level are shared by all peers, which have nothing in common but the network";
/// What the type of a `static` may be made of: nothing that changes.
const CONSTANT: [&str; 18] = [
    "bool", "char", "str", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64",
    "i128", "isize", "f32", "f64", "Duration",
];
/// How deep brackets may be nested: more than any program's, less than a stack holds.
pub const DEPTH_MOST: usize = 200;
/// What of labsim belongs to the harness.
const HARNESS: [&str; 1] = ["Domain"];

/// Checks one file.
///
/// # Errors
/// Line and reason.
pub fn check(name: &str, text: &str) -> Result<(), String> {
    let tokens = text.parse().map_err(|error: proc_macro2::LexError| {
        let line = error.span().start().line;
        format!("{name}:{line}: this is no Rust: a bracket or a quote has no other end, or worse")
    })?;
    walk(tokens, false, 0)
        .map_err(|(span, reason)| format!("{name}:{}: {reason}", span.start().line))
}

type Refusal = (Span, String);

fn walk(tokens: TokenStream, attribute: bool, depth: usize) -> Result<(), Refusal> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => {
                let is_attribute =
                    group.delimiter() == Delimiter::Bracket && after_hash(&tokens, at);
                if depth > DEPTH_MOST {
                    return Err((group.span(), "brackets are nested too deep".into()));
                }
                walk(group.stream(), attribute || is_attribute, depth + 1)?;
            }
            TokenTree::Ident(ident) => {
                let word = ident.to_string();
                let word = word.trim_start_matches("r#");
                let refuse = |reason: &str| Err((ident.span(), reason.to_string()));
                if let Some((_, reason)) = WORDS.iter().find(|(refused, _)| *refused == word)
                    && !is_method(&tokens, at)
                {
                    return refuse(reason);
                }
                match word {
                    _ if word.starts_with("__") => {
                        return refuse("names that begin with __ are not allowed");
                    }
                    "static" if !is_lifetime(&tokens, at) && !is_constant(&tokens[at + 1..]) => {
                        return refuse(
                            "a static that can change is shared by all peers, which have \
                             nothing in common but the network; keep its value in the peer",
                        );
                    }
                    "path" if attribute && punct(tokens.get(at + 1)) == Some('=') => {
                        return refuse("#[path] is not allowed");
                    }
                    "caller" if after_colons(&tokens, at) => {
                        return refuse("where a call comes from is the harness's own affair");
                    }
                    "extern"
                        if tokens
                            .get(at + 1)
                            .is_some_and(|next| next.to_string() == "crate") =>
                    {
                        return refuse("extern crate is not allowed");
                    }
                    "std" => root(&tokens, at, &|name| {
                        ALLOWED.contains(&name) || HARMLESS.contains(&name)
                    })
                    .map_err(|(span, what)| {
                        (span, format!("std{what} is not allowed in a submission"))
                    })?,
                    "labsim" => root(&tokens, at, &|name| !HARNESS.contains(&name)).map_err(
                        |(span, what)| (span, format!("labsim{what} is for the harness only")),
                    )?,
                    _ => {}
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// `NAME: TYPE =` with a type that holds only values.
fn is_constant(after: &[TokenTree]) -> bool {
    let named = matches!(after.first(), Some(TokenTree::Ident(name)) if name != "mut");
    let ends = after
        .iter()
        .position(|token| punct(Some(token)) == Some('='));
    match ends {
        Some(ends) if named && ends > 2 && punct(after.get(1)) == Some(':') => {
            holds_only_values(&after[2..ends])
        }
        _ => false,
    }
}

fn holds_only_values(tokens: &[TokenTree]) -> bool {
    tokens.iter().enumerate().all(|(at, token)| match token {
        TokenTree::Ident(name) => {
            CONSTANT.contains(&name.to_string().as_str()) || is_lifetime(tokens, at)
        }
        TokenTree::Group(group) => {
            let inside: Vec<TokenTree> = group.stream().into_iter().collect();
            group.delimiter() != Delimiter::Brace && holds_only_values(&inside)
        }
        TokenTree::Punct(punct) => matches!(punct.as_char(), '&' | '\'' | ';' | ','),
        TokenTree::Literal(_) => true,
    })
}

/// The crate's name at `at` leads, by `::`, to allowed names only.
fn root(tokens: &[TokenTree], at: usize, allowed: &dyn Fn(&str) -> bool) -> Result<(), Refusal> {
    let span = tokens[at].span();
    let colons = before_colons(tokens, at);
    match tokens.get(at + 3).filter(|_| colons) {
        Some(TokenTree::Ident(name)) => one(&name.to_string(), span, allowed),
        Some(TokenTree::Group(group)) => {
            let mut first = true;
            for token in group.stream() {
                match &token {
                    TokenTree::Punct(punct) if punct.as_char() == ',' => first = true,
                    _ if !first => {}
                    TokenTree::Ident(name) => {
                        one(&name.to_string(), name.span(), allowed)?;
                        first = false;
                    }
                    _ => return Err((span, "::{…} in this form".into())),
                }
            }
            Ok(())
        }
        Some(_) => Err((span, "::*".into())),
        // A field or variable of that name is no crate.
        None if colons || !names_a_crate(tokens, at) => Ok(()),
        None => Err((span, " by another name".into())),
    }
}

fn one(name: &str, span: Span, allowed: &dyn Fn(&str) -> bool) -> Result<(), Refusal> {
    let name = name.trim_start_matches("r#");
    match name != "self" && allowed(name) {
        true => Ok(()),
        false => Err((span, format!("::{name}"))),
    }
}

/// `use std as s`, `use {std}`, `m!(std)`: anything but a field after a dot.
fn names_a_crate(tokens: &[TokenTree], at: usize) -> bool {
    at.checked_sub(1)
        .is_none_or(|before| punct(tokens.get(before)) != Some('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_out_are_refused_with_their_line() {
        let refused = [
            (
                "fn f() {\n std::process::exit(0) }",
                "x.rs:2: std::process is not allowed in a submission",
            ),
            (
                "use std::{fs as g, fmt};",
                "x.rs:1: std::fs is not allowed in a submission",
            ),
            (
                "use std::{fmt, self};",
                "x.rs:1: std::self is not allowed in a submission",
            ),
            (
                "use std as s;",
                "x.rs:1: std by another name is not allowed in a submission",
            ),
            (
                "use {std as s};",
                "x.rs:1: std by another name is not allowed in a submission",
            ),
            (
                "use ::r#std::process;",
                "x.rs:1: std::process is not allowed in a submission",
            ),
            (
                "use std::*;",
                "x.rs:1: std::* is not allowed in a submission",
            ),
            (
                "use std::{{fs}};",
                "x.rs:1: std::{…} in this form is not allowed in a submission",
            ),
            (
                "m!(std);",
                "x.rs:1: std by another name is not allowed in a submission",
            ),
            (
                "macro_rules! m { () => { unsafe {} } }",
                "x.rs:1: unsafe code is not allowed",
            ),
            (
                "const X: &str = include_str!(\"/etc/passwd\");",
                "x.rs:1: include_str! is not allowed",
            ),
            (
                "#[path = \"../../x.rs\"] mod x;",
                "x.rs:1: #[path] is not allowed",
            ),
            (
                "#[cfg_attr(all(), path = \"x.rs\")] mod x;",
                "x.rs:1: #[path] is not allowed",
            ),
            (
                "extern crate std as s;",
                "x.rs:1: extern crate is not allowed",
            ),
            (
                "fn f() { labsim::Domain::current().crash() }",
                "x.rs:1: labsim::Domain is for the harness only",
            ),
            (
                "use labsim::{sync::Mutex, Domain};",
                "x.rs:1: labsim::Domain is for the harness only",
            ),
            (
                "static mut X: u32 = 1;",
                "x.rs:1: a static that can change is shared by all peers, which have nothing in common but the network; keep its value in the peer",
            ),
            (
                "thread_local! { static X: Cell<u32> = Cell::new(1) }",
                "x.rs:1: a static that can change is shared by all peers, which have nothing in common but the network; keep its value in the peer",
            ),
            (
                "macro_rules! m { ($t:ty) => { static X: $t = A; } }",
                "x.rs:1: a static that can change is shared by all peers, which have nothing in common but the network; keep its value in the peer",
            ),
            (
                "use serde::__private::Some;",
                "x.rs:1: names that begin with __ are not allowed",
            ),
            ("m!(include);", "x.rs:1: include! is not allowed"),
            (
                "use std::backtrace::Backtrace;",
                "x.rs:1: std::backtrace is not allowed in a submission",
            ),
            (
                "use core::panic::Location as L; #[track_caller] fn f() { L::caller(); }",
                "x.rs:1: where a call comes from is the harness's own affair",
            ),
            (
                "fn f() { labsim::log::set_max_level(LevelFilter::Off) }",
                "x.rs:1: the logger and its level are shared by all peers, which have nothing in common but the network",
            ),
        ];
        for (text, reason) in refused {
            assert_eq!(check("x.rs", text).unwrap_err(), reason, "{text}");
        }
    }

    #[test]
    fn honest_code_is_not() {
        let text = r#"
            #![forbid(unsafe_code)]
            //! unsafe, include!, std::fs in a comment
            use std::{collections::{BTreeMap, BTreeSet}, fmt};
            use std::cmp::min;
            use labsim::sync::{Arc, Mutex};
            static NAMES: [(&'static str, u32); 2] = [("a", 1), ("b", 2)];
            fn include(env: &'static str) { x.include() }
            fn f(path: u32) -> String { let path = path + 1; format!("std::process::exit unsafe {path}") }
        "#;
        check("x.rs", text).unwrap();
    }

    #[test]
    fn deep_nesting_costs_no_stack() {
        let deep = 200_000;
        let text = format!("fn f() {{ {}{} }}", "(".repeat(deep), ")".repeat(deep));
        let refused = check("x.rs", &super::super::strip::strip(&text).text).unwrap_err();
        assert_eq!(refused, "x.rs:1: brackets are nested too deep");
    }

    #[test]
    fn what_is_no_rust_is_said_to_be_none() {
        let said = check("x.rs", "\nfn f( {").unwrap_err();
        assert!(said.starts_with("x.rs:2: this is no Rust"), "{said}");
    }
}

//! What of `std` is allowed and yet a mistake: its clock, locks and threads, of which the simulation knows nothing. What they
//! do to a run looks like a mistake in Raft; so it is said before anybody looks for one.

use proc_macro2::{TokenStream, TokenTree};

use super::tokens::{before_colons, punct};
use crate::sources::Sources;

/// A kind of misuse.
struct Kind {
    /// The module of `std`.
    module: &'static str,
    /// Names in it; none: all.
    names: &'static [&'static str],
    /// What comes of it, and what to use instead.
    advice: &'static str,
}

const KINDS: [Kind; 4] = [
    Kind {
        module: "time",
        names: &["Instant", "SystemTime"],
        advice: "A simulated run takes no time on that clock, so nothing is ever due; labsim::time::Instant goes by the run's",
    },
    Kind {
        module: "sync",
        names: &["Mutex", "RwLock", "Condvar", "Barrier"],
        advice: "The simulation knows nothing of it: who waits there stops all other threads, too; labsim::sync has the same",
    },
    Kind {
        module: "sync",
        names: &["mpsc"],
        advice: "The simulation knows nothing of it: who waits there stops all other threads, too; labsim::channel has channels",
    },
    Kind {
        module: "thread",
        names: &[],
        advice: "The simulation knows nothing of such threads, and nothing that they do counts; labsim::thread has the same names",
    },
];

/// Right code may have these, if it never goes by their order.
const UNORDERED: [Kind; 1] = [Kind {
    module: "collections",
    names: &["HashMap", "HashSet"],
    advice: "Their order is another one in each process, so a run that goes by it is not repeated by its seed; BTreeMap and BTreeSet have one",
}];

/// A remark on each kind of misuse in each file, in the order of the lines. `on_order`: also on what may keep a run from
/// being repeated, which is of interest to whoever looks for a failure.
pub fn remarks(sources: &Sources, on_order: bool) -> Vec<String> {
    let unordered = UNORDERED.iter().filter(|_| on_order);
    let kinds: Vec<&Kind> = KINDS.iter().chain(unordered).collect();
    let of = |(name, text): (&String, &String)| of_file(&kinds, name, text);
    sources.iter().flat_map(of).collect()
}

fn of_file(kinds: &[&Kind], name: &str, text: &str) -> Vec<String> {
    let Ok(tokens) = text.parse() else {
        return Vec::new(); // the screen says so
    };
    let mut uses = Vec::new();
    walk(tokens, &mut uses);
    let first = |kind: &Kind| uses.iter().find(|used| kind.is(&used.path));
    let mut found: Vec<(&Use, &Kind)> = (kinds.iter())
        .filter_map(|kind| Some((first(kind)?, *kind)))
        .collect();
    found.sort_by_key(|(used, _)| used.line);
    let remark = |(used, kind): (&Use, &Kind)| {
        format!(
            "{name}:{} uses {}. {}.",
            used.line,
            kind.shown(used),
            kind.advice
        )
    };
    found.into_iter().map(remark).collect()
}

impl Kind {
    fn is(&self, path: &[String]) -> bool {
        let [module, rest @ ..] = path else {
            return false;
        };
        let named = |name: &String| self.names.contains(&name.as_str());
        module == self.module && (self.names.is_empty() || rest.first().is_some_and(named))
    }

    fn shown(&self, used: &Use) -> String {
        let parts = 1 + usize::from(!self.names.is_empty());
        format!("std::{}", used.path[..parts].join("::"))
    }
}

/// A path that begins with `std`, without that.
struct Use {
    path: Vec<String>,
    line: usize,
}

fn walk(tokens: TokenStream, uses: &mut Vec<Use>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => walk(group.stream(), uses),
            TokenTree::Ident(name) if name == "std" && before_colons(&tokens, at) => {
                tree(&tokens[at + 3..], &[], uses);
            }
            _ => {}
        }
    }
}

/// The paths of `a::{b, c::d}`.
fn tree(tokens: &[TokenTree], before: &[String], uses: &mut Vec<Use>) {
    match tokens.first() {
        Some(TokenTree::Ident(name)) => {
            let mut path = before.to_vec();
            path.push(name.to_string());
            match before_colons(tokens, 0) {
                true => tree(&tokens[3..], &path, uses),
                false => uses.push(Use {
                    path,
                    line: name.span().start().line,
                }),
            }
        }
        Some(TokenTree::Group(group)) => {
            let inside: Vec<TokenTree> = group.stream().into_iter().collect();
            let is_comma = |token: &TokenTree| punct(Some(token)) == Some(',');
            inside
                .split(is_comma)
                .for_each(|part| tree(part, before, uses));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str, on_order: bool) -> Vec<String> {
        let file = ("x.rs".to_string(), text.to_string());
        remarks(&Sources::from([file]), on_order)
    }

    fn of(text: &str) -> Vec<String> {
        let cut = |remark: String| remark.split(". ").next().unwrap_or_default().to_string();
        all(text, false).into_iter().map(cut).collect()
    }

    #[test]
    fn clocks_locks_and_threads_of_std_are_found_however_they_are_named() {
        let text = "use std::{sync::{Arc, Mutex as M}, collections::BTreeMap, time::*};\n\
                    use std::time::{Duration, Instant};\n\
                    fn f() { std::thread::sleep(Duration::ZERO); m!(std::sync::mpsc::channel()); std::thread::spawn(f); }";
        let expected = [
            "x.rs:1 uses std::sync::Mutex",
            "x.rs:2 uses std::time::Instant",
            "x.rs:3 uses std::sync::mpsc",
            "x.rs:3 uses std::thread",
        ];
        assert_eq!(of(text), expected);
        assert_eq!(of("use std::thread;"), ["x.rs:1 uses std::thread"]);
    }

    #[test]
    fn maps_without_an_order_are_a_matter_of_their_own() {
        let text = "use std::{collections::{BTreeMap, HashMap}, sync::Arc};";
        assert!(of(text).is_empty());
        let said = all(text, true);
        assert!(said[0].starts_with("x.rs:1 uses std::collections::HashMap. Their order"));
    }

    #[test]
    fn what_only_computes_and_what_is_labsims_is_not() {
        let text = "// std::thread::spawn\nuse std::sync::{Arc, atomic::AtomicBool};\n\
                    use std::time::Duration; use labsim::{sync::Mutex, thread, time::Instant};";
        assert!(of(text).is_empty());
    }
}

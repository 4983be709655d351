//! What stands beside a token.

use proc_macro2::TokenTree;

/// `x.include()`, `fn include()`.
pub fn is_method(tokens: &[TokenTree], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| tokens.get(before));
    punct(before) == Some('.') || before.is_some_and(|token| token.to_string() == "fn")
}

/// `std::…`.
pub fn before_colons(tokens: &[TokenTree], at: usize) -> bool {
    punct(tokens.get(at + 1)) == Some(':') && punct(tokens.get(at + 2)) == Some(':')
}

/// `Location::caller`, whatever `Location` is called.
pub fn after_colons(tokens: &[TokenTree], at: usize) -> bool {
    let before = |back: usize| punct(at.checked_sub(back).and_then(|place| tokens.get(place)));
    before(1) == Some(':') && before(2) == Some(':')
}

/// `'static`.
pub fn is_lifetime(tokens: &[TokenTree], at: usize) -> bool {
    at.checked_sub(1)
        .is_some_and(|before| punct(tokens.get(before)) == Some('\''))
}

/// `#[…]`, `#![…]`.
pub fn after_hash(tokens: &[TokenTree], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).and_then(|i| punct(tokens.get(i)));
    before(1) == Some('#') || (before(1) == Some('!') && before(2) == Some('#'))
}

/// The character of a punctuation mark.
pub fn punct(token: Option<&TokenTree>) -> Option<char> {
    match token {
        Some(TokenTree::Punct(punct)) => Some(punct.as_char()),
        _ => None,
    }
}

//! `#[story(…)]`: turns a story about a cluster into an ordinary `#[test]`.
//!
//! ```text
//! /// A leader that is cut off is replaced, and gives way when it is back (§5.2).
//! #[story(part = "2A", servers = 3, points = 3, original)]
//! fn re_election(c: &Cluster) { … }
//! ```
//!
//! The doc comment is the test's title. What the words mean is documented at `tests::Story`.
//! The attribute only moves tokens about, so it needs no parser and costs the build next to nothing.

#![warn(missing_docs)]
#![forbid(unsafe_code)]

use proc_macro::{Delimiter, TokenStream, TokenTree};

/// The options of `#[story]`, and what stands for one that is left out.
const OPTIONS: [(&str, &str); 12] = [
    ("part", ""),
    ("servers", "3"),
    ("voters", "0"),
    ("points", "1"),
    ("limit", "120"),
    ("original", "false"),
    ("exact", "false"),
    ("snapshots", "false"),
    ("runs", "0"),
    ("max_state", "0"),
    ("apply_room", "0"),
    ("stalls", "0"),
];

/// Makes a `#[test]` of `fn name(c: &Cluster) { … }`. Options: `part = "2A"` (required),
/// `servers = 3`, `voters = 3` (of them, at first; the membership can change), `points = 1`, `limit = 120` (virtual seconds), `runs = 3` (seeds by default),
/// `max_state = 1000` (bytes of Raft state at which the key/value service takes a snapshot),
/// `apply_room = 64` (messages that the apply channel holds), `stalls = 100` (one call of labsim in so many, in the mean,
/// after which a thread of a server stands still), and the words `original`, `exact`, `snapshots`.
#[proc_macro_attribute]
pub fn story(options: TokenStream, item: TokenStream) -> TokenStream {
    match expand(options, item) {
        Ok(tokens) => tokens,
        Err(message) => format!("compile_error!({message:?});")
            .parse()
            .expect("a literal"),
    }
}

fn expand(options: TokenStream, item: TokenStream) -> Result<TokenStream, String> {
    let options = read_options(options)?;
    let part = &options[0];
    if part.is_empty() {
        return Err("a story belongs to a part: #[story(part = \"2A\", …)]".into());
    }
    let story = read_function(item)?;
    let name = story.name.to_string();
    let [
        _,
        servers,
        voters,
        points,
        limit,
        original,
        exact,
        snapshots,
        runs,
        max_state,
        apply_room,
        stalls,
    ] = &options;
    // Part 3 is about the service, whose servers and clerks the suite imports beside Raft.
    let kind = match part.starts_with("\"3") {
        true => "kv::<Raft, Server<Raft>, Clerk>()",
        false => "of::<Raft>()",
    };
    let description = format!(
        "static STORY: ::tests::Story = ::tests::Story {{
            part: {part}, name: {name:?}, title: {title:?}, servers: {servers}, voters: {voters}, points: {points},
            limit_s: {limit}, runs: {runs}, original: {original}, exact: {exact},
            snapshots: {snapshots}, max_state: {max_state}, apply_room: {apply_room}, stalls: {stalls}, module: ::core::module_path!(), file: ::core::file!(), line: ::core::line!(),
        }};
        ::tests::play(&STORY, ::tests::Kind::{kind}, story);",
        title = story.title,
    );
    let mut body: TokenStream = "fn story".parse().expect("two words");
    body.extend(story.signature_and_body);
    body.extend(parse(&description)?);
    let mut test: TokenStream = parse("#[test] fn")?;
    test.extend([TokenTree::Ident(story.name)]);
    test.extend(parse("()")?);
    test.extend([TokenTree::Group(proc_macro::Group::new(
        Delimiter::Brace,
        body,
    ))]);
    Ok(test)
}

fn parse(text: &str) -> Result<TokenStream, String> {
    text.parse()
        .map_err(|e| format!("#[story] made {text:?}: {e}"))
}

fn read_options(options: TokenStream) -> Result<[String; 12], String> {
    let mut values = OPTIONS.map(|(_, default)| default.to_string());
    let mut tokens = options.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let word = token.to_string();
        let Some(at) = OPTIONS.iter().position(|(name, _)| *name == word) else {
            let known: Vec<&str> = OPTIONS.iter().map(|(name, _)| *name).collect();
            return Err(format!(
                "#[story] knows no `{word}`; it knows {}",
                known.join(", ")
            ));
        };
        values[at] = "true".into();
        if tokens.peek().is_some_and(|t| t.to_string() == "=") {
            tokens.next();
            let value = tokens
                .next()
                .ok_or_else(|| format!("#[story]: `{word} =` what?"))?;
            values[at] = value.to_string();
        }
        if let Some(comma) = tokens.next()
            && comma.to_string() != ","
        {
            return Err(format!(
                "#[story]: expected a comma after `{word}`, found `{comma}`"
            ));
        }
    }
    Ok(values)
}

struct Function {
    name: proc_macro::Ident,
    title: String,
    signature_and_body: Vec<TokenTree>,
}

/// Takes `/// docs  fn name(…) { … }` apart.
fn read_function(item: TokenStream) -> Result<Function, String> {
    let mut title = Vec::new();
    let mut tokens = item.into_iter();
    loop {
        match tokens.next() {
            Some(TokenTree::Punct(p)) if p.as_char() == '#' => {
                title.extend(doc_line(tokens.next()))
            }
            Some(TokenTree::Ident(word)) if word.to_string() == "fn" => break,
            other => return Err(format!("#[story] goes on a private fn, found {other:?}")),
        }
    }
    let Some(TokenTree::Ident(name)) = tokens.next() else {
        return Err("#[story] found no name after `fn`".into());
    };
    if title.is_empty() {
        return Err(format!(
            "the story {name} has no doc comment: it is the test's title"
        ));
    }
    Ok(Function {
        name,
        title: title.join(" "),
        signature_and_body: tokens.collect(),
    })
}

/// The text of one `[doc = "…"]`.
fn doc_line(attribute: Option<TokenTree>) -> Option<String> {
    let Some(TokenTree::Group(group)) = attribute else {
        return None;
    };
    let mut tokens = group.stream().into_iter();
    if tokens.next()?.to_string() != "doc" {
        return None;
    }
    let literal = tokens.nth(1)?.to_string();
    let text = literal
        .trim_start_matches(['r', '#'])
        .trim_end_matches('#')
        .trim_matches('"');
    Some(
        text.replace("\\\"", "\"")
            .replace("\\'", "'")
            .trim()
            .to_string(),
    )
}

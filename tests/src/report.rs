//! What a student reads when a claim was broken.

mod moments;
mod past;
mod picture;
mod stalls;

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use raftapi::view::SavedView;

use crate::Server;
use crate::board::{Facts, ServerFacts};
use crate::run::{Ended, Run};
use crate::settings::Clock;
use moments::Moments;

/// Lines of what was seen; a list of threads or operations can be longer than a screen.
const SEEN: usize = 16;
/// Events that led to it.
const EVENTS: usize = 10;
/// Letters of a server's last words: a sentence, not a dump of its log.
const WORDS: usize = 100;

/// The report of a failed run, a screen at most.
pub fn failure(run: &Run, ended: &Ended) -> String {
    let facts = run.board.facts();
    let mut out = String::new();
    write_failure(&mut out, run, ended, &facts).expect("a String takes all");
    out
}

fn write_failure(out: &mut String, run: &Run, ended: &Ended, facts: &Facts) -> std::fmt::Result {
    let story = run.story;
    let Some((broken, at)) = &facts.broken else {
        return writeln!(
            out,
            "FAIL {} {}: no claim was found broken, yet the run failed.",
            story.part, story.name
        );
    };
    writeln!(out, "FAIL {} {}: {}.", story.part, story.name, broken.claim)?;
    writeln!(out, "  {}", seen(&broken.saw))?;
    write!(out, "  Noticed at {} by {}", seconds(*at), broken.at)?;
    let before: Vec<String> = facts
        .steps
        .iter()
        .rev()
        .take(6)
        .rev()
        .map(|(at, step)| format!("{step} ({})", seconds(*at)))
        .collect();
    match before.is_empty() {
        true => writeln!(out, ".")?,
        false => writeln!(out, ", after: {}.", before.join(", "))?,
    }
    let moments = Moments::of(&ended.events, story.servers);
    for (number, server) in facts.servers.iter().enumerate() {
        let number = Server::numbered(number);
        writeln!(
            out,
            "  {number}: {}",
            describe(server, run, number, &moments)
        )?;
    }
    let noticed = moments.broken_at.unwrap_or(at.as_nanos() as u64);
    let led = past::of(&moments, broken, noticed, EVENTS);
    picture::write(out, &led, story.servers)?;
    stalls::write(out, &ended.events, story.servers)?;
    for warning in &facts.warnings {
        writeln!(out, "  Warning: {warning}")?;
    }
    if let Some(nemesis) = &facts.nemesis {
        writeln!(out, "  Nemesis: {nemesis}")?;
    }
    writeln!(out, "  Question: {}", broken.claim.question)?;
    if let Some(trace) = &ended.trace {
        writeln!(out, "  Page: cargo lab trace {}", shown(trace))?;
    }
    write!(out, "  Replay: {}", replay(run))
}

/// What was seen, in the lines of a report, with a stop at the end.
fn seen(saw: &str) -> String {
    let mut lines: Vec<&str> = saw.trim_end_matches('.').lines().collect();
    let more = lines.len().saturating_sub(SEEN);
    let left_out = format!("(and {more} lines more, which the trace has)");
    if more > 0 {
        lines.truncate(SEEN - 1);
        lines.push(&left_out);
    }
    let stop = if saw.ends_with('?') { "" } else { "." };
    capitalised(&lines.join("\n  ")) + stop
}

/// The command that runs this run again.
pub fn replay(run: &Run) -> String {
    match run.clock {
        // Two suites of part 3 have some names in common.
        Clock::Sim if run.story.is_kv() => format!(
            "cargo lab replay {}:{} --seed {:#x}",
            run.story.part, run.story.name, run.seed
        ),
        Clock::Sim => format!("cargo lab replay {} --seed {:#x}", run.story.name, run.seed),
        Clock::Real => format!(
            "none on the wall clock, where no two runs are alike; again: LAB_CLOCK=real cargo test --test {} {}",
            run.story.suite(),
            run.story.path()
        ),
    }
}

/// A path as somebody in the workspace would write it: tests run one folder further down.
fn shown(path: &Path) -> String {
    let root = std::env::current_dir().ok();
    let root = root.as_deref().and_then(Path::parent);
    let below = root.and_then(|root| path.strip_prefix(root).ok());
    below.unwrap_or(path).display().to_string()
}

/// A server in a line: role and term, what it applied, what its disk holds, what was done to it, its last words.
fn describe(server: &ServerFacts, run: &Run, number: Server, moments: &Moments) -> String {
    let known = &moments.servers[number.number()];
    let mut parts = Vec::new();
    parts.push(match (&server.said, server.up, server.mute) {
        (_, false, _) => "down".to_string(),
        (_, _, true) => "does not answer state()".into(),
        (Some((term, true, _)), ..) => format!("leads term {term}"),
        (Some((term, false, _)), ..) if known.runs_for == term.0 => {
            format!("candidate in term {term}")
        }
        (Some((term, false, _)), ..) => format!("follower or candidate in term {term}"),
        (None, ..) => "up, never asked".into(),
    });
    if let Some(commit) = known.commit {
        parts.push(format!("commit index {commit}"));
    }
    if !run.story.is_kv() {
        parts.push(format!(
            "applied up to {}",
            run.board.history.lock().applied(number)
        ));
    }
    parts.extend(server.members.clone());
    parts.extend(saved(run.board.rules.lock().disk(number)));
    if server.restarts > 0 {
        parts.push(format!("restarted {} times", server.restarts).replace("1 times", "once"));
    }
    if let Some(since) = server.away_since {
        parts.push(format!(
            "{} since {}",
            if server.up { "cut off" } else { "gone" },
            seconds(since)
        ));
    }
    let mut line = parts.join(", ");
    if let Some((at, words)) = &known.words {
        let words = shortened(words);
        let at = seconds(Duration::from_nanos(*at));
        let _ = write!(line, "; last words: \"{words}\" ({at})");
    }
    line
}

/// In one line, and with "…" for what does not go into it.
fn shortened(words: &str) -> String {
    let mut letters = words.chars().filter(|c| !c.is_control());
    let mut short: String = letters.by_ref().take(WORDS).collect();
    if letters.next().is_some() {
        short.push('…');
    }
    short
}

/// "on disk term 3, vote 1, log 11..12@3"; nothing for a Raft that does not show its disk.
fn saved(saved: &SavedView) -> Option<String> {
    if *saved == SavedView::default() {
        return None;
    }
    let vote = saved
        .vote
        .map_or("no vote".to_string(), |v| format!("vote for {v}"));
    let log = match saved.entries.len() {
        0 => format!("log empty after {}", saved.snapshot),
        _ => format!("log {}..{}", saved.snapshot.index.next(), saved.last()),
    };
    Some(format!("on disk term {}, {vote}, {log}", saved.term))
}

/// The line of a test that passed.
pub fn success(run: &Run, ended: &Ended) -> String {
    let facts = run.board.facts();
    let done = match run.story.is_kv() {
        true => format!("{} operations", run.board.kv.lock().operations()),
        false => format!("{} agreements", facts.agreements),
    };
    format!(
        "pass {} {}: seed {:#x}, {} servers, {} virtual, {} CPU, {} RPCs, {} bytes, {done}",
        run.story.part,
        run.story.name,
        run.seed,
        run.story.servers,
        seconds(ended.elapsed),
        seconds(ended.cpu),
        facts.rpcs,
        facts.bytes,
    )
}

fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

fn capitalised(text: &str) -> String {
    let is_code = text
        .split(' ')
        .next()
        .is_some_and(|word| word.contains('('));
    let mut letters = text.chars();
    match letters.next() {
        Some(_) if is_code => text.to_string(),
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_last_words_say_that_they_go_on() {
        let fits = "é".repeat(WORDS);
        assert_eq!(shortened(&fits), fits);
        assert_eq!(shortened(&format!("{fits}é")), format!("{fits}…"));
        assert_eq!(shortened("a\tb\n"), "ab");
    }
}

//! What a student reads when a claim was broken.

use std::fmt::Write;
use std::time::Duration;

use raftapi::view::SavedView;

use crate::Server;
use crate::board::{Facts, ServerFacts};
use crate::run::{Ended, Run};
use crate::settings::Clock;

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
    writeln!(
        out,
        "  {}.",
        capitalised(broken.saw.trim_end_matches('.')).replace('\n', "\n  ")
    )?;
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
    for (number, server) in facts.servers.iter().enumerate() {
        let number = Server::numbered(number);
        writeln!(out, "  {number}: {}", describe(server, run, number))?;
    }
    for warning in &facts.warnings {
        writeln!(out, "  Warning: {warning}")?;
    }
    if let Some(nemesis) = &facts.nemesis {
        writeln!(out, "  Nemesis: {nemesis}")?;
    }
    writeln!(out, "  Question: {}", broken.claim.question)?;
    if let Some(trace) = &ended.trace {
        writeln!(out, "  Trace: {}", trace.display())?;
    }
    write!(out, "  Replay: {}", replay(run))
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

/// A server in a line: role and term, what it applied, what its disk holds, and what was done to it.
fn describe(server: &ServerFacts, run: &Run, number: Server) -> String {
    let mut parts = Vec::new();
    parts.push(match (&server.said, server.up, server.mute) {
        (_, false, _) => "down".to_string(),
        (_, _, true) => "does not answer state()".into(),
        (Some((term, true, _)), ..) => format!("leads term {term}"),
        (Some((term, false, _)), ..) => format!("follower or candidate in term {term}"),
        (None, ..) => "up, never asked".into(),
    });
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
    parts.join(", ")
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

//! `cargo lab replay`: one run again, with its log in columns by peer.
//!
//! | file | what it holds |
//! |---|---|
//! | `play` | the run itself, in a child process |
//! | `topic` | what an event is about, and how it reads |
//! | `filter`, `columns` | which of them are shown, and where they stand |

mod columns;
pub mod filter;
mod play;
pub mod topic;

use std::collections::VecDeque;
use std::io::{self, Write};
use std::path::Path;

use crate::cli::{Clock, Replay, Shown};
use crate::record::Ended;
use crate::trace::{keep, read};
use crate::{catalog, paint, workspace};
use columns::{Page, WIDTH};
use filter::Filter;
pub use play::{Played, play};

/// Runs one seed of a test again and shows what happened; `true` if it passed.
///
/// # Errors
/// No such test, a filter that makes no sense, or the run leaves no record.
pub fn run(options: &Replay) -> Result<bool, String> {
    if options.knobs.clock == Clock::Real {
        return Err("a run on the wall clock cannot be replayed; leave out --clock real".into());
    }
    let root = workspace::root()?;
    let suites = workspace::build(&root, options.knobs.debug)?;
    let all = catalog::list(&suites)?;
    let test = catalog::find(&all, &options.test)?;
    let played = play(test, options.knobs.seed, options.knobs.environment(), &root)?;
    if let Some(wanted) = &options.trace {
        keep::pack(&played.trace, wanted).map_err(|e| format!("{}: {e}", wanted.display()))?;
    }
    let page = match played.record.result == Ended::Failed || options.open_page {
        true => Some(keep::page(&keep::folder(&root), &played.trace)?),
        false => None,
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    show(&mut out, &played.trace, &options.shown)?;
    let said = tell(&mut out, options, &played).and_then(|()| out.flush());
    finished(said)?;
    drop(out);
    if let Some(page) = &page {
        crate::out::line(format_args!("page: {}", keep::shown(page, &root)));
        if options.open_page {
            keep::open(page);
        }
    }
    // Also when it passes: who replays a run has seen it fail.
    crate::grade::warn(&root, true);
    Ok(played.record.result == Ended::Passed)
}

/// A reader that has seen enough is no error.
fn finished(written: io::Result<()>) -> Result<(), String> {
    match written {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(format!("stdout: {e}")),
        _ => Ok(()),
    }
}

/// Writes a trace's events in columns.
///
/// # Errors
/// It is no trace, or a filter makes no sense.
pub fn show(out: &mut impl Write, trace: &Path, shown: &Shown) -> Result<(), String> {
    let (head, events) = read::open(trace)?;
    if let Some(peer) = shown.peer.iter().find(|peer| **peer >= head.servers) {
        return Err(format!(
            "there is no server {peer}: this test has {}, from 0",
            head.servers
        ));
    }
    let servers = (0..head.servers)
        .filter(|server| shown.peer.is_empty() || shown.peer.contains(server))
        .collect();
    let width = shown.width.or_else(paint::terminal_width).unwrap_or(WIDTH);
    let mut page = Page::new(out, servers, width, shown.color.wanted());
    let mut filter = Filter::new(shown);
    let mut last = VecDeque::new();
    let mut written = page.headings();
    for event in events {
        let note = topic::note(&event);
        if !filter.passes(&note) || written.is_err() {
            continue;
        }
        match shown.last {
            None => written = page.write(&note),
            Some(most) => {
                last.push_back(note);
                if last.len() > most {
                    last.pop_front();
                }
            }
        }
    }
    let closing = filter.closing()?;
    for note in last {
        written = written.and_then(|()| page.write(&note));
    }
    finished(written.and_then(|()| page.closing(&closing)))
}

/// What stands below the columns: what the program printed, the report, the hash.
fn tell(out: &mut impl Write, options: &Replay, played: &Played) -> io::Result<()> {
    let record = &played.record;
    if !played.printed.is_empty() {
        writeln!(out, "\nprinted:\n{}", played.printed)?;
    }
    for warning in &record.warnings {
        writeln!(out, "\nwarning: {warning}")?;
    }
    match &record.report {
        Some(report) => writeln!(out, "\n{}\n", report.trim_end())?,
        None => writeln!(out, "\npass {}", record.test)?,
    }
    if let Some(file) = &options.trace {
        writeln!(out, "trace: {}", file.display())?;
    }
    let seconds = record.virtual_ms / 1e3;
    writeln!(
        out,
        "seed {:#x}, {seconds:.3} s virtual, trace hash {}",
        record.seed, record.trace_hash
    )
}

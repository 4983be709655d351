//! Puts into the trace what messages and disks say: decoded once, while the Raft that can read them is at hand.
//!
//! All of it are notes, which leave the run and its hash as they are; without a trace there is no scribe.

use std::fmt::Write as _;

use bytes::Bytes;
use labrpc::MessageSeen;
use labsim::trace::{is_recording, note};
use parking_lot::Mutex;
use raftapi::view::{EntryId, EntryView, RpcView, SavedView};
use raftapi::{LogIndex, Saved, Term};
use serde_json::json;

use crate::subject::Kind;
use crate::trace::quote;
use crate::{Cluster, Server};

/// Commands of one message or one save that are written out; of the others only the terms are.
const COMMANDS: usize = 8;
/// Letters of a command that are written out.
const LETTERS: usize = 60;
/// Bytes of a disk that may be read for each save: a long log costs no more than a short one.
const READ_PER_SAVE: usize = 256;

/// Puts a message's content into the trace, right after the message itself.
pub(crate) fn message(seen: &MessageSeen<'_>, view: &RpcView) {
    if seen.is_request() && seen.id.copy > 0 {
        return; // copies say the same
    }
    note("view", || {
        let way = if seen.is_reply() { "reply" } else { "request" };
        let (call, copy) = (seen.id.call.0, seen.id.copy);
        let mut line = String::with_capacity(256);
        let _ = write!(line, r#"{{"call":{call},"copy":{copy},"way":"{way}","#);
        let _ = in_words(&mut line, view);
        line.push('}');
        line
    });
}

/// By hand, as there are as many of these as messages.
fn in_words(out: &mut String, view: &RpcView) -> std::fmt::Result {
    let term = view.term();
    write!(out, r#""term":{term},"rpc":"#)?;
    match view {
        RpcView::RequestVote {
            candidate, last, ..
        } => {
            write!(out, r#""vote","candidate":{candidate},"last":"{last}""#)
        }
        RpcView::RequestVoteReply { granted, .. } => write!(out, r#""vote","granted":{granted}"#),
        RpcView::AppendEntries {
            leader,
            prev,
            entries,
            commit,
            ..
        } => {
            let count = entries.len();
            write!(
                out,
                r#""append","leader":{leader},"prev":"{prev}","commit":{commit},"entries":{count}"#
            )?;
            match count {
                0 => Ok(()),
                _ => write!(
                    out,
                    r#","runs":{},"commands":{}"#,
                    json!(runs(*prev, entries)),
                    commands(*prev, entries)
                ),
            }
        }
        RpcView::AppendEntriesReply { success, .. } => {
            write!(out, r#""append","success":{success}"#)
        }
        RpcView::InstallSnapshot {
            leader, last, len, ..
        } => {
            write!(
                out,
                r#""snapshot","leader":{leader},"last":"{last}","bytes":{len}"#
            )
        }
        other => write!(out, r#""other","says":{}"#, json!(other.to_string())),
    }
}

/// The terms of entries that follow `prev`: where a run of equal terms begins, and which term that is.
fn runs(prev: EntryId, entries: &[EntryView]) -> Vec<(u64, u64)> {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for (index, entry) in (prev.index.0 + 1..).zip(entries) {
        if runs.last().is_none_or(|(_, term)| *term != entry.term.0) {
            runs.push((index, entry.term.0));
        }
    }
    runs
}

/// The last few commands of entries that follow `prev`, as an object: they are the new ones.
fn commands(prev: EntryId, entries: &[EntryView]) -> String {
    let skipped = entries.len().saturating_sub(COMMANDS);
    let mut object = String::from("{");
    for (index, entry) in (prev.index.0 + 1..).zip(entries).skip(skipped) {
        let comma = if object.len() > 1 { "," } else { "" };
        let _ = write!(object, r#"{comma}"{index}@{}":"#, entry.term);
        quote(&mut object, &text(&entry.command));
    }
    object.push('}');
    object
}

/// A command as a picture shows it: text as it is, of anything else the words that are in it.
pub(crate) fn text(command: &[u8]) -> String {
    let cut = |text: &str| match text.char_indices().nth(LETTERS) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], command.len()),
        None => text.to_string(),
    };
    match std::str::from_utf8(&command[..command.len().min(4 * LETTERS)]) {
        Ok(text) if !text.contains(char::is_control) => cut(text),
        _ => {
            let start = &command[..command.len().min(1024)];
            let words = start.split(|byte| !(b' '..=b'~').contains(byte));
            let words: Vec<&str> = words
                .filter(|word| word.len() > 1)
                .filter_map(|word| std::str::from_utf8(word).ok())
                .collect();
            match words.is_empty() {
                true => format!("{} bytes", command.len()),
                false => cut(&words.join(" ")),
            }
        }
    }
}

/// Who shows in the trace what a disk holds, if there is one.
pub(crate) fn of_disk(kind: Kind) -> Option<impl Fn(&Saved<'_>) + Send + Sync> {
    let last = is_recording().then(|| Mutex::new(0))?;
    Some(move |saved: &Saved<'_>| {
        let mut last = last.lock();
        if saved.number - *last < (saved.state.len() / READ_PER_SAVE) as u64 {
            return;
        }
        *last = saved.number;
        note("saved", || match (kind.view_saved)(saved.state) {
            Some(view) => on_disk(saved.peer, &view),
            None => json!({ "server": saved.peer }).to_string(),
        });
    })
}

fn on_disk(server: u32, view: &SavedView) -> String {
    let vote = view.vote.map_or("null".into(), |vote| vote.to_string());
    format!(
        r#"{{"server":{server},"term":{},"vote":{vote},"base":"{}","last":"{}","runs":{},"commands":{}}}"#,
        view.term,
        view.snapshot,
        view.last(),
        json!(runs(view.snapshot, &view.entries)),
        commands(view.snapshot, &view.entries)
    )
}

/// What the story does and asks.
impl Cluster {
    /// Who cannot call whom.
    pub(crate) fn record_links(&self) {
        note("links", || {
            let links = self.shared.links.lock();
            let one_way = self.shared.one_way.lock();
            let servers = self.servers();
            let pairs = servers
                .iter()
                .flat_map(|from| servers.iter().map(move |to| (*from, *to)));
            let cut = pairs.filter(|(from, to)| {
                from != to && (!links.open(*from, *to) || one_way.contains(&(*from, *to)))
            });
            let cut: Vec<(usize, usize)> =
                cut.map(|(from, to)| (from.number(), to.number())).collect();
            json!({ "cut": cut }).to_string()
        });
    }

    pub(crate) fn record_life(&self, server: Server, life: u32) {
        note("boot", || {
            json!({ "server": server.number(), "life": life }).to_string()
        });
    }

    pub(crate) fn record_state(&self, server: Server, term: Term, leads: bool) {
        note("state", || {
            json!({ "server": server.number(), "term": term.0, "leads": leads }).to_string()
        });
    }

    pub(crate) fn record_start(
        &self,
        server: Server,
        command: &Bytes,
        taken: Option<(LogIndex, Term)>,
    ) {
        let Some((index, term)) = taken else {
            return; // most servers are no leaders, and a story asks them all the time
        };
        note("start", || {
            let (server, command) = (server.number(), text(command));
            json!({ "server": server, "index": index.0, "term": term.0, "command": command })
                .to_string()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(term: u64, command: &str) -> EntryView {
        let command = Bytes::copy_from_slice(command.as_bytes());
        EntryView {
            term: Term(term),
            command,
        }
    }

    #[test]
    fn a_log_is_told_by_its_terms() {
        let prev = EntryId {
            index: LogIndex(4),
            term: Term(1),
        };
        let entries = [entry(1, "a"), entry(1, "b"), entry(3, "c")];
        assert_eq!(runs(prev, &entries), [(5, 1), (7, 3)]);
        assert_eq!(
            commands(prev, &entries),
            r#"{"5@1":"a","6@1":"b","7@3":"c"}"#
        );
        let many: Vec<EntryView> = (0..20).map(|_| entry(2, "x")).collect();
        let shown = commands(prev, &many);
        assert_eq!(shown.matches('@').count(), COMMANDS);
        assert!(shown.contains("24@2"), "the last ones are shown");
    }

    #[test]
    fn commands_are_short_and_readable() {
        assert_eq!(text(b"x"), "x");
        assert_eq!(text(b"\x03\x00Put\x05key 1\x00\xff"), "Put key 1");
        assert_eq!(text(&[0, 1, 2]), "3 bytes");
        let long = text("ä".repeat(5000).as_bytes());
        assert_eq!(long, format!("{}… (10000 bytes)", "ä".repeat(60)));
    }
}

//! Puts into the trace what messages and disks say: decoded once, while the Raft that can read them is at hand.
//!
//! All of it are notes, which leave the run and its hash as they are; without a trace there is no scribe.

use bytes::Bytes;
use labrpc::MessageSeen;
use labsim::trace::{is_recording, note};
use parking_lot::Mutex;
use raftapi::view::{EntryId, EntryView, RpcView, SavedView};
use raftapi::{Disk, LogIndex, Term};
use serde_json::{Value, json};

use crate::subject::Kind;
use crate::{Cluster, Server};

/// Commands of one message or one save that are written out; of the others only the terms are.
const COMMANDS: usize = 8;
/// Letters of a command that are written out.
const LETTERS: usize = 60;
/// Bytes of a disk that may be read for each save, as the checks do it: a long log costs no more than a short one.
const READ_PER_SAVE: usize = 1024;

/// Puts a message's content into the trace, right after the message itself.
pub(crate) fn message(kind: Kind, seen: &MessageSeen<'_>) {
    if !is_recording() || seen.is_request() && seen.id.copy > 0 {
        return; // copies say the same
    }
    let Some(view) = (kind.view_rpc)(seen.method, seen.is_reply(), seen.bytes) else {
        return;
    };
    note("view", || {
        let mut line = in_words(&view);
        line["call"] = seen.id.call.0.into();
        line["copy"] = seen.id.copy.into();
        line["way"] = if seen.is_reply() { "reply" } else { "request" }.into();
        line.to_string()
    });
}

fn in_words(view: &RpcView) -> Value {
    match view {
        RpcView::RequestVote {
            term,
            candidate,
            last,
        } => {
            json!({ "rpc": "vote", "term": term.0, "candidate": candidate.0, "last": last.to_string() })
        }
        RpcView::RequestVoteReply { term, granted } => {
            json!({ "rpc": "vote", "term": term.0, "granted": granted })
        }
        RpcView::AppendEntries {
            term,
            leader,
            prev,
            entries,
            commit,
        } => json!({
            "rpc": "append", "term": term.0, "leader": leader.0, "prev": prev.to_string(), "commit": commit.0,
            "entries": entries.len(), "runs": runs(*prev, entries), "commands": commands(*prev, entries),
        }),
        RpcView::AppendEntriesReply { term, success } => {
            json!({ "rpc": "append", "term": term.0, "success": success })
        }
        RpcView::InstallSnapshot {
            term,
            leader,
            last,
            len,
        } => {
            json!({ "rpc": "snapshot", "term": term.0, "leader": leader.0, "last": last.to_string(), "bytes": len })
        }
        other => json!({ "rpc": "other", "term": other.term().0, "says": other.to_string() }),
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

/// The last few commands of entries that follow `prev`: they are the new ones.
fn commands(prev: EntryId, entries: &[EntryView]) -> Value {
    let skipped = entries.len().saturating_sub(COMMANDS);
    let shown = entries.iter().enumerate().skip(skipped);
    let named = shown.map(|(place, entry)| {
        let index = LogIndex(prev.index.0 + 1 + place as u64);
        let term = entry.term;
        (
            EntryId { index, term }.to_string(),
            text(&entry.command).into(),
        )
    });
    Value::Object(named.collect())
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

/// A disk whose content the trace shows, if there is one.
pub(crate) fn disk(kind: Kind) -> Disk {
    if !is_recording() {
        return Disk::new();
    }
    let last = Mutex::new(0);
    Disk::observed(move |saved| {
        let mut last = last.lock();
        if saved.number - *last < (saved.state.len() / READ_PER_SAVE) as u64 {
            return;
        }
        *last = saved.number;
        note("saved", || match (kind.view_saved)(saved.state) {
            Some(view) => on_disk(saved.peer, &view).to_string(),
            None => json!({ "server": saved.peer }).to_string(),
        });
    })
}

fn on_disk(server: u32, view: &SavedView) -> Value {
    json!({
        "server": server, "term": view.term.0, "vote": view.vote.map(|vote| vote.0),
        "base": view.snapshot.to_string(), "last": view.last().to_string(),
        "runs": runs(view.snapshot, &view.entries), "commands": commands(view.snapshot, &view.entries),
    })
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
            json!({"5@1": "a", "6@1": "b", "7@3": "c"})
        );
        let many: Vec<EntryView> = (0..20).map(|_| entry(2, "x")).collect();
        assert_eq!(commands(prev, &many).as_object().unwrap().len(), COMMANDS);
        assert!(
            commands(prev, &many)["24@2"].is_string(),
            "the last ones are shown"
        );
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

//! The properties of Figure 3, checked on what is seen in messages and on disks.
//!
//! Nothing here knows of threads or the network: facts go in, and the first one that contradicts an
//! earlier one comes back as a broken claim. A Raft that shows its messages and disks only as bytes
//! (see `raftapi::view`) is checked by its leaders and applied entries alone.

use std::collections::BTreeMap;

use bytes::Bytes;
use raftapi::view::{EntryId, EntryView, RpcView, SavedView};
use raftapi::{LogIndex, Term};

use crate::Server;
use crate::claim::{self, Broken};
use crate::history::History;

/// What was seen so far.
#[derive(Debug)]
pub struct Rules {
    /// Who leads a term.
    leaders: BTreeMap<Term, Server>,
    /// Every entry seen, and the term of the one before it: by Log Matching there is only one.
    entries: BTreeMap<(LogIndex, Term), (Bytes, Term)>,
    /// What each server's disk held when it was last looked at.
    saved: Vec<SavedView>,
    /// For each applied index, the latest term known to have a leader when it was first applied.
    committed_by: Vec<Term>,
    /// The configurations, where they can change.
    members: Option<Members>,
    /// Who voted for whom.
    votes: Votes,
    /// The terms that servers have shown.
    terms: Terms,
}

impl Rules {
    /// Nothing seen yet of this many servers.
    pub fn new(servers: usize) -> Self {
        Rules {
            leaders: BTreeMap::new(),
            entries: BTreeMap::new(),
            saved: vec![SavedView::default(); servers],
            committed_by: Vec::new(),
            members: None,
            votes: Votes::default(),
            terms: Terms::new(servers),
        }
    }

    /// `server` acts as the leader of `term`. Tells whether that is news.
    ///
    /// # Errors
    /// Another server leads it (Election Safety).
    pub fn leads(&mut self, server: Server, term: Term) -> Result<bool, Broken> {
        match self.leaders.get(&term) {
            Some(known) if *known != server => Err(claim::ELECTION_SAFETY
                .broken(format!("{known} and {server} both lead term {term}"))),
            Some(_) => Ok(false),
            None => {
                self.leaders.insert(term, server);
                Ok(true)
            }
        }
    }

    /// The latest term that is known to have a leader.
    fn latest_term(&self) -> Term {
        self.leaders
            .last_key_value()
            .map_or(Term(0), |(term, _)| *term)
    }

    /// `server` sends entries that follow `prev` (Log Matching).
    ///
    /// # Errors
    /// An entry of the same index and term was seen with another command, or after another entry.
    pub fn sends(
        &mut self,
        server: Server,
        prev: EntryId,
        entries: &[EntryView],
    ) -> Result<(), Broken> {
        self.matching(prev, entries)
            .map_err(|what| claim::LOG_MATCHING.broken(format!("{server} sends {what}")))
    }

    fn matching(&mut self, mut prev: EntryId, entries: &[EntryView]) -> Result<(), String> {
        for entry in entries {
            let id = EntryId {
                index: prev.index.next(),
                term: entry.term,
            };
            let members = &mut self.members;
            let (command, before) =
                (self.entries.entry((id.index, id.term))).or_insert_with(|| {
                    if let Some(members) = members {
                        members.note(id, &entry.command);
                    }
                    (entry.command.clone(), prev.term)
                });
            if *command != entry.command {
                return Err(format!(
                    "{} as the entry {id} (index@term), which elsewhere is {}",
                    crate::Command::from(entry.command.clone()),
                    crate::Command::from(command.clone())
                ));
            }
            if *before != prev.term {
                let other = EntryId {
                    index: prev.index,
                    term: *before,
                };
                return Err(format!(
                    "the entry {id} (index@term) after {prev}; elsewhere it follows {other}"
                ));
            }
            prev = id;
        }
        Ok(())
    }

    /// The disk of `server` holds `now`.
    ///
    /// # Errors
    /// Its term went back or its vote changed within a term; a leader's log lost something; an entry
    /// differs from the same one elsewhere, or follows one of a later term.
    pub fn saved(&mut self, server: Server, now: SavedView) -> Result<(), Broken> {
        let before = &self.saved[server.number()];
        if now.term < before.term {
            return Err(claim::TERM_ONLY_GROWS.broken(format!(
                "{server} saved term {} after it had saved term {}",
                now.term, before.term
            )));
        }
        if let (true, Some(first)) = (now.term == before.term, before.vote)
            && now.vote != Some(first)
        {
            let second = now
                .vote
                .map_or("nobody".to_string(), |v| format!("server {v}"));
            return Err(claim::ONE_VOTE.broken(format!(
                "in term {} {server} saved a vote for server {first}, later one for {second}",
                now.term
            )));
        }
        if now.term == before.term && self.leaders.get(&now.term) == Some(&server) {
            kept_by_leader(server, before, &now)?;
        }
        // What is the same as before was looked at then.
        let same = same_entries(before, &now);
        let prev = match same.checked_sub(1) {
            Some(last) => EntryId {
                index: LogIndex(now.snapshot.index.0 + same as u64),
                term: now.entries[last].term,
            },
            None => now.snapshot,
        };
        self.matching(prev, &now.entries[same..])
            .map_err(|what| claim::LOG_MATCHING.broken(format!("{server} saved {what}")))?;
        in_order(server, &now, same)?;
        self.saved[server.number()] = now;
        Ok(())
    }

    /// `server` replies to a request. Its disk, looked at just before, must hold what that promises.
    ///
    /// # Errors
    /// It does not.
    pub fn replies(
        &self,
        server: Server,
        request: &RpcView,
        reply: &RpcView,
    ) -> Result<(), Broken> {
        let saved = &self.saved[server.number()];
        let broken = |what: String| {
            let vote = saved
                .vote
                .map_or("no vote".to_string(), |v| format!("a vote for server {v}"));
            Err(claim::SAVED_BEFORE_REPLY.broken(format!(
                "{server} replies {what}, but what it has saved is term {}, {vote}, a log that ends at {}",
                saved.term,
                saved.last()
            )))
        };
        if saved.term < reply.term() {
            return broken(format!("in term {}", reply.term()));
        }
        if saved.term > reply.term() {
            return Ok(()); // It has moved on meanwhile: what it held in the reply's term is not known.
        }
        match (request, reply) {
            (
                RpcView::RequestVote {
                    term, candidate, ..
                },
                RpcView::RequestVoteReply { granted: true, .. },
            ) if *term == saved.term && saved.vote != Some(*candidate) => broken(format!(
                "with its vote of term {term} to server {candidate}"
            )),
            (
                RpcView::AppendEntries {
                    term,
                    prev,
                    entries,
                    ..
                },
                RpcView::AppendEntriesReply { success: true, .. },
            ) if *term == saved.term => {
                let last = EntryId {
                    index: LogIndex(prev.index.0 + entries.len() as u64),
                    term: entries.last().map_or(prev.term, |e| e.term),
                };
                if holds(saved, last) {
                    Ok(())
                } else {
                    broken(format!("that it holds the entry {last} (index@term)"))
                }
            }
            _ => Ok(()),
        }
    }

    /// `leader` was just seen to lead `term` for the first time; its disk was looked at just before.
    ///
    /// # Errors
    /// Its log lacks an entry that was committed in an earlier term (Leader Completeness).
    pub fn complete(&self, leader: Server, term: Term, history: &History) -> Result<(), Broken> {
        let saved = &self.saved[leader.number()];
        for (i, committed_by) in self
            .committed_by
            .iter()
            .enumerate()
            .skip(saved.snapshot.index.0 as usize)
        {
            let index = LogIndex(i as u64 + 1);
            let Some(entry) = history.term(index).map(|term| EntryId { index, term }) else {
                continue; // a change of the membership
            };
            if *committed_by < term && !holds(saved, entry) {
                let command = history.command(index).expect("it was applied");
                return Err(claim::LEADER_COMPLETENESS.broken(format!(
                    "{leader} leads term {term}, but has not the entry {entry} (index@term), {command}, \
                     which was applied before; its log ends at {}",
                    saved.last()
                )));
            }
        }
        Ok(())
    }

    /// Somebody has applied `entry`, the first to do so; the disks of all were looked at just before.
    ///
    /// # Errors
    /// No majority has it on disk.
    pub fn applied(
        &mut self,
        server: Server,
        entry: EntryId,
        have_looked: bool,
    ) -> Result<(), Broken> {
        let (applied, latest) = (entry.index.0 as usize, self.latest_term());
        self.committed_by.resize(applied, latest);
        if self.members.is_some() {
            return match have_looked {
                true => self.applied_by_members(server, entry),
                false => Ok(()),
            };
        }
        let holders = self
            .saved
            .iter()
            .filter(|saved| holds(saved, entry))
            .count();
        if have_looked && holders * 2 <= self.saved.len() {
            return Err(claim::COMMIT_NEEDS_MAJORITY.broken(format!(
                "{server} applied the entry {entry} (index@term), which only {holders} of {} servers have on disk",
                self.saved.len()
            )));
        }
        Ok(())
    }

    /// What a disk held when it was last looked at.
    pub fn disk(&self, server: Server) -> &SavedView {
        &self.saved[server.number()]
    }
}

/// Whether a saved log holds an entry, itself or in its snapshot.
fn holds(saved: &SavedView, entry: EntryId) -> bool {
    saved.snapshot.index >= entry.index || saved.term_at(entry.index) == Some(entry.term)
}

/// Leader Append-Only: what the leader's log held before is still there.
fn kept_by_leader(server: Server, before: &SavedView, now: &SavedView) -> Result<(), Broken> {
    let last = before.last();
    if holds(now, last) {
        return Ok(());
    }
    Err(claim::LEADER_APPEND_ONLY.broken(format!(
        "{server} leads term {} and its saved log ended at {last} (index@term); now it ends at {}",
        now.term,
        now.last()
    )))
}

/// Terms do not decrease along the log, from its snapshot on; of the `same` first entries this was looked at before.
fn in_order(server: Server, now: &SavedView, same: usize) -> Result<(), Broken> {
    let edge = now
        .entries
        .first()
        .map(|first| (0, now.snapshot.term, first.term));
    let later = now
        .entries
        .windows(2)
        .enumerate()
        .skip(same.saturating_sub(1));
    let later = later.map(|(i, pair)| (i + 1, pair[0].term, pair[1].term));
    let Some((place, before, term)) = edge.into_iter().chain(later).find(|(_, a, b)| b < a) else {
        return Ok(());
    };
    let index = LogIndex(now.snapshot.index.0 + place as u64);
    let (before, entry) = (
        EntryId {
            index,
            term: before,
        },
        EntryId {
            index: index.next(),
            term,
        },
    );
    let what = if place == 0 {
        "its snapshot, which ends at "
    } else {
        ""
    };
    Err(claim::TERMS_IN_ORDER.broken(format!(
        "{server} saved the entry {entry} (index@term) after {what}{before}"
    )))
}

/// How many entries at the beginning of `now` stand at the same place in `before`.
fn same_entries(before: &SavedView, now: &SavedView) -> usize {
    let Some(dropped) = now.snapshot.index.0.checked_sub(before.snapshot.index.0) else {
        return 0;
    };
    let Some(before) = before.entries.get(dropped as usize..) else {
        return 0;
    };
    // Entries of one index and term are the same entry, or an earlier look would have told.
    before
        .iter()
        .zip(&now.entries)
        .take_while(|(b, n)| b.term == n.term && b.command == n.command)
        .count()
}

mod members;
mod terms;
mod votes;
pub use members::Members;
pub use terms::Shown;
use terms::Terms;
pub use votes::Vote;
use votes::Votes;

#[cfg(test)]
mod tests;

//! What the servers have applied, and the checks on every applied entry.
//!
//! The harness plays the service on top of each server. Its state is a digest over all commands so
//! far, which makes a snapshot small however long the log is, and wrong if one command is missing,
//! doubled or out of place.

use std::collections::HashSet;

use bytes::Bytes;
use raftapi::{LogIndex, Term};
use serde::{Deserialize, Serialize};

use crate::claim::{self, Broken};
use crate::{Command, Server};

/// The commands applied so far by anyone, and how far each server is.
#[derive(Debug)]
pub struct History {
    /// What was given to a server, whatever it answered.
    given: HashSet<Command>,
    entries: Vec<Applied>,
    servers: Vec<Progress>,
    /// How many bytes more than it needs the service writes into each snapshot.
    padding: usize,
}

#[derive(Debug)]
struct Applied {
    term: Term,
    /// `None`: the entry changes the membership, so the service has not seen it.
    command: Option<Command>,
    first_by: Server,
    digest: Digest,
}

#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// The last index applied in this life.
    applied: u64,
    /// Whether this life began with, or was given, a snapshot.
    snapshot: u64,
}

/// The state of the service: all commands up to an index, folded into a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Digest(u64);

/// The bytes of a snapshot: the service's state and the index it belongs to.
#[derive(Serialize, Deserialize)]
struct Snapshot {
    index: u64,
    digest: Digest,
    /// What makes it large, where a story wants that: the index again and again.
    padding: Vec<u8>,
}

impl Digest {
    const EMPTY: Digest = Digest(0xcbf2_9ce4_8422_2325);

    /// FNV-1a over the command, its length and what came before it.
    fn then(self, command: &[u8]) -> Digest {
        let length = (command.len() as u64).to_le_bytes();
        let fold = |d: u64, byte: &u8| (d ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        Digest(command.iter().chain(&length).fold(self.0, fold))
    }
}

impl History {
    /// Nothing applied yet by any of `servers`.
    pub fn new(servers: usize) -> Self {
        History {
            given: HashSet::new(),
            entries: Vec::new(),
            servers: vec![Progress::default(); servers],
            padding: 0,
        }
    }

    /// From now on each snapshot is larger than it need be by so many bytes.
    pub fn pad_snapshots(&mut self, bytes: usize) {
        self.padding = bytes;
    }

    /// By how much.
    pub fn padding(&self) -> usize {
        self.padding
    }

    /// `server` starts over with the snapshot that was on its disk (empty: none).
    ///
    /// # Errors
    /// The snapshot is none that the service made.
    pub fn restart(&mut self, server: Server, snapshot: &[u8]) -> Result<(), Broken> {
        self.servers[server.number()] = Progress::default();
        if snapshot.is_empty() {
            return Ok(());
        }
        let index = self.check_snapshot(server, snapshot, None)?;
        self.servers[server.number()] = Progress {
            applied: index,
            snapshot: index,
        };
        Ok(())
    }

    /// `command` is about to be given to a server.
    pub fn give(&mut self, command: Command) {
        self.given.insert(command);
    }

    /// `server` applies `command` at `index`. Tells whether it is the first to do so.
    ///
    /// # Errors
    /// Out of order, not what another server applied there, or what nobody asked for.
    pub fn apply(
        &mut self,
        server: Server,
        index: LogIndex,
        term: Term,
        command: Bytes,
    ) -> Result<bool, Broken> {
        let expected = self.applied(server) + 1;
        if index.0 != expected {
            return Err(claim::APPLY_ORDER.broken(format!(
                "{server} applied index {index} ({}) right after index {}; expected {expected}",
                Command::from(command),
                expected - 1
            )));
        }
        let command = Command::from(command);
        let known = self.entries.get(index.0 as usize - 1);
        let first = known.is_none();
        match known {
            Some(known) if known.command.as_ref() != Some(&command) || known.term != term => {
                let other = match &known.command {
                    Some(other) => format!("applied {other} of term {}", known.term),
                    None => "passed over it as a change of the membership".into(),
                };
                return Err(claim::STATE_MACHINE_SAFETY.broken(format!(
                    "at index {index} {server} applied {command} of term {term}, {} had {other}",
                    known.first_by
                )));
            }
            Some(_) => {}
            None if !self.given.contains(&command) => {
                return Err(claim::APPLIED_TOO_EARLY.broken(format!(
                    "{server} applied index {index} ({command}), which nobody had given to a server by then"
                )));
            }
            None => {
                let digest = self.digest().then(command.as_bytes());
                self.entries.push(Applied {
                    term,
                    command: Some(command),
                    first_by: server,
                    digest,
                });
            }
        }
        self.servers[server.number()].applied = index.0;
        Ok(first)
    }

    /// `server` is about to apply `index`: it passes over the entries before, if they change the membership.
    /// `change` knows such an entry, and its term.
    pub fn pass_over(
        &mut self,
        server: Server,
        index: LogIndex,
        change: impl Fn(LogIndex) -> Option<Term>,
    ) {
        for at in (self.applied(server) + 1..index.0).map(LogIndex) {
            match self.entries.get(at.0 as usize - 1) {
                Some(known) if known.command.is_some() => return,
                Some(_) => {}
                None => match change(at) {
                    Some(term) => self.entries.push(Applied {
                        term,
                        command: None,
                        first_by: server,
                        digest: self.digest(),
                    }),
                    None => return,
                },
            }
            self.servers[server.number()].applied = at.0;
        }
    }

    /// The service's state after all that was applied.
    fn digest(&self) -> Digest {
        self.entries.last().map_or(Digest::EMPTY, |e| e.digest)
    }

    /// `server` is given a snapshot through its apply channel.
    ///
    /// # Errors
    /// Its content is not the state at `index`, or it would take the service back.
    pub fn install(
        &mut self,
        server: Server,
        index: LogIndex,
        term: Term,
        snapshot: &[u8],
    ) -> Result<(), Broken> {
        let applied = self.applied(server);
        if index.0 < applied {
            return Err(claim::SNAPSHOT_NOT_BACKWARDS
                .broken(format!("{server} was given a snapshot of index {index} after it had applied index {applied}")));
        }
        self.check_snapshot(server, snapshot, Some(index))?;
        let known = self.entries[index.0 as usize - 1].term;
        if known != term {
            return Err(claim::SNAPSHOT_CONTENT.broken(format!(
                "{server} was given a snapshot of index {index} with term {term}; the entry there has term {known}"
            )));
        }
        self.servers[server.number()] = Progress {
            applied: index.0,
            snapshot: index.0,
        };
        Ok(())
    }

    /// Compares a snapshot's content with the history, and returns the index it belongs to.
    fn check_snapshot(
        &self,
        server: Server,
        bytes: &[u8],
        claimed: Option<LogIndex>,
    ) -> Result<u64, Broken> {
        let from = if claimed.is_some() {
            "was given"
        } else {
            "restarted with"
        };
        let snapshot: Snapshot = labgob::decode(bytes).map_err(|e| {
            claim::SNAPSHOT_CONTENT.broken(format!(
                "{server} {from} a snapshot of {} bytes that the service never made: {e}",
                bytes.len()
            ))
        })?;
        if let Some(claimed) = claimed.filter(|c| c.0 != snapshot.index) {
            return Err(claim::SNAPSHOT_CONTENT.broken(format!(
                "{server} {from} a snapshot as that of index {claimed}, but its content is that of index {}",
                snapshot.index
            )));
        }
        let right = snapshot
            .index
            .checked_sub(1)
            .and_then(|i| self.entries.get(i as usize))
            .map(|e| e.digest);
        let padded = |byte: &u8| *byte == snapshot.index as u8;
        if right != Some(snapshot.digest) || !snapshot.padding.iter().all(padded) {
            return Err(claim::SNAPSHOT_CONTENT.broken(format!(
                "{server} {from} a snapshot of index {} that does not hold the commands applied up to there",
                snapshot.index
            )));
        }
        Ok(snapshot.index)
    }

    /// The snapshot that the service on `server` takes at `index`, which it has just applied.
    pub fn snapshot(&self, index: LogIndex) -> Bytes {
        let digest = self.entries[index.0 as usize - 1].digest;
        labgob::encode(&Snapshot {
            index: index.0,
            digest,
            padding: vec![index.0 as u8; self.padding],
        })
        .into()
    }

    /// The last index that `server` applied in this life (0: none).
    pub fn applied(&self, server: Server) -> u64 {
        self.servers[server.number()].applied
    }

    /// The index of the last snapshot that `server` took over in this life (0: none).
    pub fn installed(&self, server: Server) -> u64 {
        self.servers[server.number()].snapshot
    }

    /// How many servers have applied `index`.
    pub fn count(&self, index: LogIndex) -> usize {
        self.servers.iter().filter(|s| s.applied >= index.0).count()
    }

    /// What was applied at `index`, if anyone did.
    pub fn command(&self, index: LogIndex) -> Option<&Command> {
        index
            .0
            .checked_sub(1)
            .and_then(|i| self.entries.get(i as usize))
            .and_then(|e| e.command.as_ref())
    }

    /// The term of the command applied at `index`.
    pub fn term(&self, index: LogIndex) -> Option<Term> {
        index
            .0
            .checked_sub(1)
            .and_then(|i| self.entries.get(i as usize))
            .filter(|e| e.command.is_some())
            .map(|e| e.term)
    }

    /// The highest index that anyone applied (0: none).
    pub fn last(&self) -> LogIndex {
        LogIndex(self.entries.len() as u64)
    }

    /// All commands applied so far, from index 1.
    pub fn commands(&self) -> impl Iterator<Item = &Command> {
        self.entries.iter().filter_map(|e| e.command.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Server = Server::numbered(0);
    const B: Server = Server::numbered(1);

    fn apply(
        h: &mut History,
        server: Server,
        index: u64,
        term: u64,
        command: &'static str,
    ) -> Result<bool, Broken> {
        h.give(command.into());
        h.apply(
            server,
            LogIndex(index),
            Term(term),
            Bytes::from_static(command.as_bytes()),
        )
    }

    fn history(commands: &[&'static str]) -> History {
        let mut h = History::new(2);
        for (i, command) in commands.iter().enumerate() {
            apply(&mut h, A, i as u64 + 1, 1, command).unwrap();
        }
        h
    }

    #[test]
    fn two_commands_at_one_index() {
        let broken = apply(&mut history(&["x"]), B, 1, 1, "y").unwrap_err();
        assert_eq!(broken.claim, &claim::STATE_MACHINE_SAFETY);
        assert_eq!(
            broken.saw,
            "at index 1 server 1 applied y of term 1, server 0 had applied x of term 1"
        );
    }

    #[test]
    fn a_command_that_nobody_gave() {
        let empty = history(&["x"]).apply(A, LogIndex(2), Term(1), Bytes::new());
        let broken = empty.unwrap_err();
        assert_eq!(broken.claim, &claim::APPLIED_TOO_EARLY);
        assert_eq!(
            broken.saw,
            "server 0 applied index 2 (an empty command), which nobody had given to a server by then"
        );
    }

    #[test]
    fn only_changes_of_the_membership_are_passed_over() {
        let mut h = history(&["x"]);
        let change = |at: LogIndex| (at == LogIndex(2)).then_some(Term(1));
        h.pass_over(A, LogIndex(4), change);
        let broken = apply(&mut h, A, 4, 1, "z").unwrap_err();
        assert_eq!(
            broken.saw,
            "server 0 applied index 4 (z) right after index 2; expected 3"
        );
        apply(&mut h, A, 3, 1, "y").unwrap();
        let snapshot = h.snapshot(LogIndex(3));
        apply(&mut h, B, 1, 1, "x").unwrap();
        let broken = apply(&mut h, B, 2, 1, "w").unwrap_err();
        assert_eq!(
            broken.saw,
            "at index 2 server 1 applied w of term 1, server 0 had passed over it as a change of the membership"
        );
        h.pass_over(B, LogIndex(3), |_| None);
        apply(&mut h, B, 3, 1, "y").unwrap();
        h.restart(B, &snapshot).unwrap();
        assert_eq!(h.commands().count(), 2);
    }

    #[test]
    fn one_command_of_two_terms() {
        assert_eq!(
            apply(&mut history(&["x"]), B, 1, 2, "x").unwrap_err().claim,
            &claim::STATE_MACHINE_SAFETY
        );
    }

    #[test]
    fn an_index_left_out_or_repeated() {
        let broken = apply(&mut history(&["x"]), A, 3, 1, "z").unwrap_err();
        assert_eq!(broken.claim, &claim::APPLY_ORDER);
        assert_eq!(
            broken.saw,
            "server 0 applied index 3 (z) right after index 1; expected 2"
        );
        assert_eq!(
            apply(&mut history(&["x"]), A, 1, 1, "x").unwrap_err().claim,
            &claim::APPLY_ORDER
        );
    }

    #[test]
    fn a_snapshot_takes_its_server_to_its_index() {
        let mut h = history(&["x", "y", "z"]);
        let snapshot = h.snapshot(LogIndex(2));
        h.install(B, LogIndex(2), Term(1), &snapshot).unwrap();
        assert_eq!(
            (h.applied(B), h.count(LogIndex(2)), h.count(LogIndex(3))),
            (2, 2, 1)
        );
        apply(&mut h, B, 3, 1, "z").unwrap();
    }

    #[test]
    fn a_snapshot_of_another_index_term_or_log() {
        let mut h = history(&["x", "y"]);
        let snapshot = h.snapshot(LogIndex(2));
        let broken = h.install(B, LogIndex(1), Term(1), &snapshot).unwrap_err();
        assert_eq!(broken.claim, &claim::SNAPSHOT_CONTENT);
        assert!(
            broken
                .saw
                .contains("as that of index 1, but its content is that of index 2"),
            "{}",
            broken.saw
        );
        assert!(
            h.install(B, LogIndex(2), Term(7), &snapshot)
                .unwrap_err()
                .saw
                .contains("with term 7")
        );
        let other = history(&["x", "w"]).snapshot(LogIndex(2));
        assert!(
            h.install(B, LogIndex(2), Term(1), &other)
                .unwrap_err()
                .saw
                .contains("does not hold the commands")
        );
        assert!(
            h.install(B, LogIndex(2), Term(1), b"junk")
                .unwrap_err()
                .saw
                .contains("never made")
        );
    }

    #[test]
    fn a_snapshot_that_takes_the_service_back() {
        let mut h = history(&["x", "y"]);
        let snapshot = h.snapshot(LogIndex(1));
        let broken = h.install(A, LogIndex(1), Term(1), &snapshot).unwrap_err();
        assert_eq!(broken.claim, &claim::SNAPSHOT_NOT_BACKWARDS);
    }

    #[test]
    fn a_restart_begins_at_the_disks_snapshot() {
        let mut h = history(&["x", "y"]);
        let snapshot = h.snapshot(LogIndex(2));
        h.restart(A, &snapshot).unwrap();
        assert_eq!(h.applied(A), 2);
        h.restart(A, b"").unwrap();
        assert_eq!(h.applied(A), 0);
        assert!(h.restart(A, b"junk").is_err());
    }
}

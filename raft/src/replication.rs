//! AppendEntries, and the heartbeat beside it (§5.3, §5.4.2; "AppendEntries RPC" and "Rules for
//! Servers: Leaders" of Figure 2).

// BEGIN SOLUTION
use bytes::Bytes;
use labsim::log::debug;
use raftapi::{LogIndex, NotLeader, PeerId, Term};

use crate::membership::index_of_quorum;
use crate::message::{AppendEntriesArgs, AppendEntriesReply, ConflictHint};
use crate::node::{Call, Node, Role};
use crate::progress::{Progress, Sent};

impl Node {
    /// "If command received from client: append entry to local log, respond after entry applied to
    /// state machine" (Rules for Leaders). The service responds when the entry comes out again.
    pub fn start(&mut self, command: Bytes) -> Result<(LogIndex, Term), NotLeader> {
        self.must_lead()?;
        let id = self.log.append(self.term, command);
        self.must_save();
        debug!(target: "log", "leader {} takes a command at {id}", self.me);
        Ok((id.index, id.term))
    }

    // AppendEntries: send.

    /// "If last log index >= nextIndex for a follower: send AppendEntries RPC with log entries
    /// starting at nextIndex", and heartbeats "during idle periods" (Rules for Leaders). All that
    /// has come up in one turn goes out together.
    pub fn replicate(&mut self) {
        let (now, last) = (self.now, self.log.last().index);
        for peer in self.others() {
            while self.progress(peer).is_some_and(|p| p.is_due(now, last)) {
                self.send_what_is_missing(peer);
            }
            if let Some(p) = self.progress(peer) {
                p.skip_heartbeat(now);
            }
        }
    }

    fn send_what_is_missing(&mut self, peer: PeerId) {
        let (now, base) = (self.now, self.log.base().index);
        let Some(p) = self.progress(peer) else { return };
        p.give_up_waiting(now);
        if p.needs_snapshot(base, now) {
            self.send_install_snapshot(peer);
        } else {
            self.send_append_entries(peer);
        }
    }

    fn send_append_entries(&mut self, peer: PeerId) {
        let (now, term) = (self.now, self.term);
        let Role::Leader { progress, .. } = &mut self.role else {
            return;
        };
        let Some(p) = progress.get_mut(&peer) else {
            return;
        };
        // While a snapshot is under way the base is the first place to go on from; until it has
        // arrived this is a heartbeat that gets rejected.
        let base = self.log.base().index;
        let prev = self.log.id_at(p.sent.max(base));
        let entries = if p.sent < base {
            Vec::new()
        } else {
            self.log.after(prev.index, p.max_bytes())
        };
        let args = AppendEntriesArgs {
            term,
            leader: self.me,
            prev,
            entries,
            leader_commit: self.commit,
        };
        let sent = p.note_call(term, prev.index, args.last_new(), now);
        self.send(peer, Call::AppendEntries(args, sent));
    }

    // AppendEntries: receive.

    /// AppendEntries RPC, "Receiver implementation" of Figure 2.
    pub fn handle_append_entries(&mut self, args: AppendEntriesArgs) -> AppendEntriesReply {
        // 1. Reply false if term < currentTerm (§5.1). A stale leader does not reset our timer.
        if args.term < self.term {
            return self.reject_append(None);
        }
        // A live leader of this term: follow it. Our vote in this term stays as it is (§5.2).
        self.become_follower(args.term, Some(args.leader));
        self.restart_election_timer();
        // 2. Reply false if our log holds no entry at prevLogIndex with prevLogTerm (§5.3).
        if !self.log.contains(args.prev) {
            let hint = self.log.conflict_hint(args.prev);
            debug!(target: "log", "server {} has no {}, and points to index {}", self.me, args.prev, hint.first);
            return self.reject_append(Some(hint));
        }
        // 3, 4. Cut off only a suffix that truly conflicts, then append what is new. Cutting right
        // after `prev` would let a delayed duplicate erase entries that we have acknowledged.
        let last_new = args.last_new();
        self.check_keeps_committed(&args);
        if self.log.merge(args.prev, args.entries) {
            self.follow_log();
            self.must_save(); // or the leader would count us towards a majority for what we can lose
            debug!(target: "log", "server {} has entries after {} to {}", self.me, args.prev, self.log.last());
        }
        // 5. Up to the last NEW entry only; what lies behind it is not known to match (§5.3).
        self.commit_up_to(args.leader_commit.min(last_new));
        AppendEntriesReply {
            term: self.term,
            success: true,
            hint: None,
        }
    }

    fn reject_append(&self, hint: Option<ConflictHint>) -> AppendEntriesReply {
        AppendEntriesReply {
            term: self.term,
            success: false,
            hint,
        }
    }

    /// What is committed never changes (Leader Completeness, §5.4.3). If this fails, some leader
    /// was elected or has committed against the rules; the fault need not be here.
    fn check_keeps_committed(&self, args: &AppendEntriesArgs) {
        let first_new = self.log.first_new(args.prev, &args.entries);
        assert!(
            first_new.is_none_or(|first| first > self.commit),
            "leader {} of term {} would replace entry {first_new:?} of server {}, which has \
             committed up to {} (§5.4.3)",
            args.leader,
            args.term,
            self.me,
            self.commit
        );
    }

    // AppendEntries: use the reply.

    /// `sent` is what we asked `peer` to store; `None` if the call failed.
    pub fn use_append_reply(
        &mut self,
        peer: PeerId,
        sent: Sent,
        reply: Option<AppendEntriesReply>,
    ) {
        if let Some(reply) = &reply {
            self.observe_term(reply.term);
        }
        // Still leader, same term? What we asked in an earlier term was for another log.
        if sent.term != self.term {
            return;
        }
        let now = self.now;
        let hint = reply.as_ref().and_then(|reply| reply.hint);
        let back_to = hint.map_or(sent.prev, |hint| self.log.next_after(sent.prev, hint));
        let Some(p) = self.progress(peer).filter(|p| p.has_made(&sent)) else {
            return;
        };
        match reply {
            None => {
                p.note_lost(&sent, now);
            }
            // "If successful: update nextIndex and matchIndex for follower (§5.3)." By what we
            // sent, not by what we would send now.
            Some(AppendEntriesReply { success: true, .. }) => {
                p.note_answer(&sent);
                p.note_match(sent.last);
            }
            // "If AppendEntries fails because of log inconsistency: decrement nextIndex and retry
            // (§5.3)", by a whole term.
            Some(_) => {
                p.note_answer(&sent);
                if p.is_news(&sent, now) {
                    p.step_back(back_to, now);
                }
            }
        }
    }

    // Commit.

    /// "If there exists an N such that N > commitIndex, a majority of `matchIndex[i]` >= N, and
    /// `log[N].term` == currentTerm: set commitIndex = N (§5.3, §5.4)" (Rules for Leaders).
    pub fn advance_commit(&mut self) {
        if !self.is_leader() {
            return;
        }
        let last = self.log.last().index;
        let by_majority = index_of_quorum(self.membership(), |peer| match peer == self.me {
            true => last,
            false => self
                .progress_of(peer)
                .map_or(LogIndex::ZERO, |p| p.match_index),
        });
        // Never by counting if it is of an earlier term: a later leader might still overwrite it
        // (§5.4.2, Figure 8). It gets committed along with the first entry of this term.
        if self.log.term_at(by_majority) == Some(self.term) {
            self.commit_up_to(by_majority);
        }
    }

    /// Entries up to `index` are committed. An older message says less than we know: never back.
    pub fn commit_up_to(&mut self, index: LogIndex) {
        if index <= self.commit {
            return;
        }
        debug!(target: "log", "server {} has committed up to {}", self.me, self.log.id_at(index));
        self.commit = index;
        let now = self.now;
        if let Role::Leader { progress, .. } = &mut self.role {
            progress.values_mut().for_each(|p| p.announce_commit(now));
        }
    }

    /// What we know about a follower, if we lead.
    pub fn progress_of(&self, peer: PeerId) -> Option<&Progress> {
        match &self.role {
            Role::Leader { progress, .. } => progress.get(&peer),
            _ => None,
        }
    }

    /// The same, to change it.
    pub fn progress(&mut self, peer: PeerId) -> Option<&mut Progress> {
        match &mut self.role {
            Role::Leader { progress, .. } => progress.get_mut(&peer),
            _ => None,
        }
    }
}
// END SOLUTION
// STUB: use bytes::Bytes;
// STUB: use raftapi::{LogIndex, NotLeader, Term};
// STUB:
// STUB: use crate::message::{AppendEntriesArgs, AppendEntriesReply};
// STUB: use crate::node::Node;
// STUB:
// STUB: impl Node {
// STUB:     /// "If command received from client: append entry to local log" (Rules for Leaders). Part 2B.
// STUB:     pub fn start(&mut self, command: Bytes) -> Result<(LogIndex, Term), NotLeader> {
// STUB:         let _ = command;
// STUB:         Err(NotLeader { leader: None })
// STUB:     }
// STUB: }
// STUB:
// STUB: // AppendEntries: send. Heartbeats "during idle periods" (part 2A), then "if last log index >= nextIndex
// STUB: // for a follower: send AppendEntries RPC with log entries starting at nextIndex" (part 2B).
// STUB:
// STUB: // AppendEntries: receive.
// STUB:
// STUB: impl Node {
// STUB:     /// AppendEntries RPC, "Receiver implementation" of Figure 2.
// STUB:     pub fn handle_append_entries(&mut self, args: AppendEntriesArgs) -> AppendEntriesReply {
// STUB:         let _ = args;
// STUB:         // 1. Reply false if term < currentTerm (§5.1).
// STUB:         // 2. Reply false if log doesn't contain an entry at prevLogIndex whose term matches
// STUB:         // prevLogTerm (§5.3).
// STUB:         // 3. If an existing entry conflicts with a new one (same index but different terms), delete
// STUB:         // the existing entry and all that follow it (§5.3).
// STUB:         // 4. Append any new entries not already in the log.
// STUB:         // 5. If leaderCommit > commitIndex, set commitIndex = min(leaderCommit, index of last new
// STUB:         // entry).
// STUB:         AppendEntriesReply {
// STUB:             term: self.term,
// STUB:             success: false,
// STUB:             hint: None,
// STUB:         }
// STUB:     }
// STUB: }
// STUB:
// STUB: // AppendEntries: use the reply. Still leader, same term? Then update nextIndex and matchIndex.
// STUB:
// STUB: // Commit. "If there exists an N such that N > commitIndex, a majority of matchIndex[i] >= N, and
// STUB: // log[N].term == currentTerm: set commitIndex = N (§5.3, §5.4)" (Rules for Leaders).

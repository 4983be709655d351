// BEGIN SOLUTION
//! What a leader knows about one follower: nextIndex and matchIndex of Figure 2, and an addition
//! that keeps calls few.
//!
//! The paper moves nextIndex when a reply comes. A leader that has more to send before that would
//! send the same entries again. So ours also notes up to where it has *sent*, and goes on from
//! there while replies are under way. It falls back to nextIndex if they do not come.

use labsim::time::{Duration, Instant};
use raftapi::{LogIndex, PeerId, Term};

use crate::message::EntryId;

/// A leader lets nobody wait longer for a call from it. Much less than the election timeout.
pub(crate) const HEARTBEAT: Duration = Duration::from_millis(100);
/// When the commit index has moved, followers hear of it at most this much later. Not at once: new
/// entries may follow and take it along.
const COMMIT_NOTICE: Duration = Duration::from_millis(10);
/// A snapshot without an answer is sent again after this.
const SNAPSHOT_RETRY: Duration = Duration::from_millis(500);
/// A leader makes so many calls on the strength of one answer. Then entries wait for the next
/// answer, or for a heartbeat, and so for company.
const WINDOW: u64 = 8;
/// With so many calls under way to a follower even heartbeats are left out. A call to a server that
/// is cut off can take seconds to fail.
const MAX_CALLS: usize = 32;
/// The entries of one call have at most so many bytes, unless it is a single one.
const MAX_BYTES: usize = 64 * 1024;

/// A leader's view of one follower.
pub(crate) struct Progress {
    /// nextIndex: the first entry that the follower lacks. A guess after an election; once a reply
    /// has confirmed it, it is `match_index + 1`.
    pub next_index: LogIndex,
    /// matchIndex: the follower's log is known to equal ours up to here. Only grows.
    pub match_index: LogIndex,
    /// Entries from `next_index` up to here are under way. At least `next_index - 1`, then none is.
    pub sent: LogIndex,
    /// Something is sent then, even if it is an empty heartbeat.
    pub heartbeat_due: Instant,
    /// When entries or a snapshot were last sent.
    sent_at: Instant,
    /// A snapshot may be sent from then on. Until then the last one is under way.
    snapshot_due: Instant,

    /// Our log ended here when this began. A server that leaves and returns within a term begins anew,
    /// and outcomes of calls from before are none of this one's.
    since: LogIndex,
    /// Calls without an outcome yet.
    calls: usize,
    /// Calls are numbered, from 1; this is the last one's number.
    made: u64,
    /// The latest call that was answered.
    answered: u64,
    /// A later one has failed. We do not know if anybody is there.
    silent: bool,
    /// The last call before we went back: a rejection of it, or of an earlier one, is old news.
    before_step_back: u64,
}

/// What a leader remembers of a call, to judge its reply.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    /// The term in which it led.
    pub term: Term,
    /// The entry before those sent.
    pub prev: LogIndex,
    /// The last entry sent, or that the snapshot stands for; `prev` in a heartbeat.
    pub last: LogIndex,
    /// The call's number among those to this follower.
    number: u64,
    /// Which of the follower's times as a member it belongs to.
    since: LogIndex,
}

impl Progress {
    /// Of a follower that a new leader, whose log ends at `last`, knows nothing about (Figure 2,
    /// "Volatile state on leaders: Reinitialized after election").
    pub fn new(last: LogIndex, now: Instant) -> Progress {
        Progress {
            next_index: last.next(),
            match_index: LogIndex::ZERO,
            sent: last,
            heartbeat_due: now,
            sent_at: now,
            snapshot_due: now,
            since: last,
            calls: 0,
            made: 0,
            answered: 0,
            silent: false,
            before_step_back: 0,
        }
    }

    // Before a call.

    /// It is time for a call: a heartbeat is due, or there are entries that need not wait for one.
    pub fn is_due(&self, now: Instant, last: LogIndex) -> bool {
        let entries = self.sent < last && self.in_step(now) && self.made - self.answered < WINDOW;
        self.calls < MAX_CALLS && (entries || now >= self.heartbeat_due)
    }

    /// The follower answers, we know what it has, and it does not wait for a snapshot. If not, we
    /// ask in the heartbeats' rhythm.
    fn in_step(&self, now: Instant) -> bool {
        let known = self.next_index == self.match_index.next();
        known && !self.silent && now >= self.snapshot_due
    }

    /// Leaves out a heartbeat that is due, as there are too many calls under way.
    pub fn skip_heartbeat(&mut self, now: Instant) {
        if now >= self.heartbeat_due {
            self.heartbeat_due = now + HEARTBEAT;
        }
    }

    /// Entries that got no reply for a heartbeat's time are no longer taken to be under way.
    pub fn give_up_waiting(&mut self, now: Instant) {
        if now.saturating_duration_since(self.sent_at) >= HEARTBEAT {
            self.sent = self.next_index.prev();
        }
    }

    /// What is to be sent next is in our snapshot, and that is not under way already.
    pub fn needs_snapshot(&self, base: LogIndex, now: Instant) -> bool {
        self.sent < base && now >= self.snapshot_due
    }

    /// How many bytes of entries to send; to one that does not answer, one entry will do.
    pub fn max_bytes(&self) -> usize {
        if self.silent { 0 } else { MAX_BYTES }
    }

    /// Notes a call that is made now, and gives what to remember of it.
    pub fn note_call(&mut self, term: Term, prev: LogIndex, last: LogIndex, now: Instant) -> Sent {
        if last > self.sent {
            self.sent_at = now;
        }
        self.sent = last;
        self.heartbeat_due = now + HEARTBEAT;
        self.calls += 1;
        self.made += 1;
        let number = self.made;
        Sent {
            term,
            prev,
            last,
            number,
            since: self.since,
        }
    }

    /// Notes a call with the snapshot that stands for everything up to `last`.
    pub fn note_snapshot(&mut self, term: Term, last: LogIndex, now: Instant) -> Sent {
        self.snapshot_due = now + SNAPSHOT_RETRY;
        self.note_call(term, LogIndex::ZERO, last, now)
    }

    /// The commit index has moved: let the follower know soon.
    pub fn announce_commit(&mut self, now: Instant) {
        if !self.silent {
            self.heartbeat_due = self.heartbeat_due.min(now + COMMIT_NOTICE);
        }
    }

    /// A heartbeat is due at once.
    pub fn hurry_heartbeat(&mut self, now: Instant) {
        self.heartbeat_due = now;
    }

    /// How many calls were made so far.
    pub fn calls_made(&self) -> u64 {
        self.made
    }

    // After a call.

    /// The call was this one's.
    pub fn has_made(&self, sent: &Sent) -> bool {
        sent.since == self.since
    }

    /// A reply has come to a call that was made after the first `made`.
    pub fn has_answered_since(&self, made: u64) -> bool {
        self.answered > made
    }

    /// A reply came.
    pub fn note_answer(&mut self, sent: &Sent) {
        self.calls -= 1;
        self.answered = self.answered.max(sent.number);
        self.silent = false;
    }

    /// The follower holds everything up to `index`. Replies come in any order.
    pub fn note_match(&mut self, index: LogIndex) {
        self.match_index = self.match_index.max(index);
        self.next_index = self.next_index.max(self.match_index.next());
        self.sent = self.sent.max(self.match_index);
    }

    /// The snapshot has arrived, or got lost.
    pub fn snapshot_done(&mut self, now: Instant) {
        self.snapshot_due = now;
    }

    /// The follower's rejection of this call tells us something. It does not if the follower has
    /// caught up since, or if we have gone back since, or if a snapshot is under way: then we know
    /// what it lacks.
    pub fn is_news(&self, sent: &Sent, now: Instant) -> bool {
        let waits = now < self.snapshot_due;
        sent.prev > self.match_index && sent.number > self.before_step_back && !waits
    }

    /// Goes back to `next`, and tries there at once.
    pub fn step_back(&mut self, next: LogIndex, now: Instant) {
        self.next_index = next.max(self.match_index.next());
        self.sent = self.next_index.prev();
        self.before_step_back = self.made;
        self.heartbeat_due = now;
    }

    /// The call failed. Tries again at once, but only once: when nobody answers heartbeats will do.
    /// True if it does.
    pub fn note_lost(&mut self, sent: &Sent, now: Instant) -> bool {
        self.calls -= 1;
        if sent.last > self.match_index {
            self.sent = self.next_index.prev();
        }
        // One that was made before another that was answered says nothing about now.
        let retry = !self.silent && sent.number > self.answered;
        if retry {
            self.silent = true;
            self.heartbeat_due = now;
        }
        retry
    }

    /// Panics if the state contradicts itself.
    pub fn check_invariants(&self, peer: PeerId, last: EntryId) {
        let (matched, next, sent) = (self.match_index, self.next_index, self.sent);
        assert!(
            matched < next && next <= sent.next() && sent <= last.index,
            "follower {peer}: match {matched} < next {next} <= sent {sent} + 1 and \
             sent <= last entry {last} must hold"
        );
    }
}
// END SOLUTION

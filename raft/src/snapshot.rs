//! Snapshots (§7, Figure 13): the service's own, and InstallSnapshot for a follower that lags so far
//! behind that the entries it needs are gone.

// BEGIN SOLUTION
use bytes::Bytes;
use labsim::log::{debug, info};
use raftapi::{LogIndex, PeerId};

use crate::message::{InstallSnapshotArgs, InstallSnapshotReply};
use crate::node::{Call, Node};
use crate::progress::Sent;

impl Node {
    /// The service has everything up to `index` in `snapshot`: forget those entries.
    ///
    /// # Panics
    /// If the service was not given that much yet.
    pub fn take_snapshot(&mut self, index: LogIndex, snapshot: Bytes) {
        let (me, base, applied) = (self.me, self.log.base(), self.applied);
        if index <= base.index {
            debug!(target: "snap", "server {me} has a snapshot to {base} already, not only to {index}");
            return;
        }
        assert!(
            index <= applied,
            "server {me} was handed entries to {applied}, so a snapshot to {index} cannot be"
        );
        self.log.compact(index);
        self.snapshot = snapshot;
        self.follow_log();
        self.must_save();
        self.persist();
        info!(target: "snap", "server {me} has a snapshot to {} of {} bytes", self.log.base(), self.snapshot.len());
    }

    // InstallSnapshot: send.

    /// Sends our snapshot in place of entries that we no longer have.
    pub fn send_install_snapshot(&mut self, peer: PeerId) {
        let (me, now, term, last) = (self.me, self.now, self.term, self.log.base());
        let Some(p) = self.progress(peer) else { return };
        info!(target: "snap", "leader {me} sends server {peer} its snapshot to {last}");
        let sent = p.note_snapshot(term, last.index, now);
        let args = InstallSnapshotArgs {
            term,
            leader: me,
            last,
            snapshot: self.snapshot.clone(),
            membership: self.members.to_send(),
        };
        self.send(peer, Call::InstallSnapshot(args, sent));
    }

    // InstallSnapshot: receive.

    /// InstallSnapshot RPC, "Receiver implementation" of Figure 13. Steps 2 to 4 are about pieces of
    /// a snapshot; ours come whole.
    pub fn handle_install_snapshot(&mut self, args: InstallSnapshotArgs) -> InstallSnapshotReply {
        // 1. Reply immediately if term < currentTerm.
        if args.term < self.term {
            return InstallSnapshotReply { term: self.term };
        }
        self.become_follower(args.term, Some(args.leader));
        self.restart_election_timer();
        // What we have committed is in our log or snapshot already, and more may be: going back
        // would make the service execute entries twice.
        if args.last.index > self.commit {
            self.install(args);
        }
        InstallSnapshotReply { term: self.term }
    }

    fn install(&mut self, args: InstallSnapshotArgs) {
        info!(target: "snap", "server {} takes the snapshot to {} of leader {}", self.me, args.last, args.leader);
        // 6, 7. If our log holds the snapshot's last entry then what follows it stays: we may have
        // acknowledged it. If not, nothing stays.
        self.log.restore(args.last);
        self.members.restore(args.membership, &self.log);
        // 5. Save the snapshot, in one step with the log that begins after it.
        self.snapshot = args.snapshot;
        self.must_save();
        // 8. Reset state machine using snapshot contents: `take_deliveries` sees that what is to be
        // applied next is in the snapshot.
        self.commit_up_to(args.last.index);
        self.note_members();
    }

    // InstallSnapshot: use the reply.

    /// `sent` is what we asked `peer` to install; `None` if the call failed.
    pub fn use_snapshot_reply(
        &mut self,
        peer: PeerId,
        sent: Sent,
        reply: Option<InstallSnapshotReply>,
    ) {
        if let Some(reply) = &reply {
            self.observe_term(reply.term);
        }
        // Still leader, same term?
        if sent.term != self.term {
            return;
        }
        let now = self.now;
        let Some(p) = self.progress(peer).filter(|p| p.has_made(&sent)) else {
            return;
        };
        if reply.is_some() {
            p.note_answer(&sent);
            p.note_match(sent.last);
            p.snapshot_done(now);
        } else if p.note_lost(&sent, now) {
            p.snapshot_done(now);
        }
    }
}
// END SOLUTION
// STUB: use crate::message::{InstallSnapshotArgs, InstallSnapshotReply};
// STUB: use crate::node::Node;
// STUB:
// STUB: // The service's snapshot: forget the entries that it stands for (§7).
// STUB:
// STUB: // InstallSnapshot: send, to a follower whose next entry is gone.
// STUB:
// STUB: // InstallSnapshot: receive.
// STUB:
// STUB: impl Node {
// STUB:     /// InstallSnapshot RPC, "Receiver implementation" of Figure 13, without steps 2 to 4: the
// STUB:     /// snapshot comes whole. Part 2D.
// STUB:     pub fn handle_install_snapshot(&mut self, args: InstallSnapshotArgs) -> InstallSnapshotReply {
// STUB:         let _ = args;
// STUB:         // 1. Reply immediately if term < currentTerm.
// STUB:         // 5. Save snapshot, discard any existing snapshot with a smaller index.
// STUB:         // 6. If existing log entry has same index and term as snapshot's last included entry, retain
// STUB:         // log entries following it and reply.
// STUB:         // 7. Discard the entire log.
// STUB:         // 8. Reset state machine using snapshot contents.
// STUB:         InstallSnapshotReply { term: self.term }
// STUB:     }
// STUB: }
// STUB:
// STUB: // InstallSnapshot: use the reply.

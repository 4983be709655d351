// BEGIN SOLUTION
//! Reads that do not enter the log: ReadIndex (§8; dissertation §6.4).
//!
//! A leader may answer a read from its service's state if, at some moment after the read was asked
//! for, nothing was committed that this state lacks. Two things could be wrong. The leader may not
//! *know* yet what earlier leaders committed; and it may have been replaced without noticing, so
//! that others commit without it. The numbers below are the section's.

use labsim::channel::{Receiver, Sender, bounded};
use raftapi::{LogIndex, PeerId};

use crate::membership::is_quorum;
use crate::node::{Node, Role};

/// A read that waits until a majority has confirmed that its leader was one.
pub(crate) struct Read {
    /// readIndex: what was committed when the read was asked for.
    index: LogIndex,
    /// How many calls each follower had been made by then. An answer to one of those says nothing
    /// about what came later.
    calls: Vec<(PeerId, u64)>,
    tell: Sender<LogIndex>,
}

impl Node {
    /// A read is asked for. Gives where its readIndex will come; nothing if it has to go through
    /// the log.
    pub fn ask_to_read(&mut self) -> Option<Receiver<LogIndex>> {
        // 1. "If the leader has not yet marked an entry from its current term committed, it waits
        // until it has done so", by an empty entry. Ours has none: the read becomes that entry.
        if self.log.term_at(self.commit) != Some(self.term) {
            return None;
        }
        let (now, index) = (self.now, self.commit);
        let Role::Leader {
            progress, reads, ..
        } = &mut self.role
        else {
            return None;
        };
        // 2. "The leader saves its current commit index in a local variable readIndex."
        let (tell, told) = bounded(1);
        let calls = progress.iter().map(|(peer, p)| (*peer, p.calls_made()));
        reads.push(Read {
            index,
            calls: calls.collect(),
            tell,
        });
        // 3. "It issues a new round of heartbeats." One round may serve many reads.
        progress.values_mut().for_each(|p| p.hurry_heartbeat(now));
        Some(told)
    }

    /// The reads for which now holds what comes next in 3: "waits for their acknowledgments from a
    /// majority of the cluster". So no later leader had been elected when they were asked for.
    pub fn take_confirmed_reads(&mut self) -> Vec<(Sender<LogIndex>, LogIndex)> {
        let (me, membership) = (self.me, self.members.latest());
        let Role::Leader {
            progress, reads, ..
        } = &mut self.role
        else {
            return Vec::new(); // those that waited went with the office
        };
        let confirmed = |read: &mut Read| {
            let calls = &read.calls;
            let has_answered = |peer: PeerId| {
                let made = calls.iter().find(|(called, _)| *called == peer);
                let since = made.zip(progress.get(&peer));
                since.is_some_and(|((_, made), p)| p.has_answered_since(*made))
            };
            is_quorum(membership, |peer| peer == me || has_answered(peer))
        };
        let taken = reads.extract_if(.., confirmed);
        taken.map(|read| (read.tell, read.index)).collect()
    }
}
// END SOLUTION

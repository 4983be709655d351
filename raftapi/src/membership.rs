//! Who is in the cluster: part 2E, which is optional.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{NotLeader, PeerId};

/// A configuration of the cluster (§6): whose votes count.
///
/// ```
/// use raftapi::{Membership, PeerId};
///
/// let old = Membership::of([0, 1, 2].map(PeerId));
/// assert_eq!(old.to_string(), "{0, 1, 2}");
/// let joint = Membership {
///     voters: [0, 3, 4].map(PeerId).into(),
///     outgoing: old.voters,
///     learners: [1].map(PeerId).into(),
/// };
/// assert_eq!(joint.to_string(), "{0, 1, 2} to {0, 3, 4}, learners {1}");
/// assert!(joint.is_joint() && joint.has_voter(PeerId(2)) && !joint.has_voter(PeerId(5)));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Membership {
    /// The servers that vote; while a change is under way those of C_new. Empty at a server that
    /// was started to join a cluster and has not heard from it yet.
    pub voters: BTreeSet<PeerId>,
    /// While a change is under way (C_old,new) the voters of C_old: then a majority of each of the
    /// two sets is needed. Empty at other times.
    pub outgoing: BTreeSet<PeerId>,
    /// Servers that are sent the log and neither vote nor count towards any majority.
    pub learners: BTreeSet<PeerId>,
}

impl Membership {
    /// These voters, no learners, no change under way.
    pub fn of(voters: impl IntoIterator<Item = PeerId>) -> Membership {
        Membership {
            voters: voters.into_iter().collect(),
            ..Membership::default()
        }
    }

    /// It is a C_old,new.
    pub fn is_joint(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// The peer votes in it, as one of C_new or of C_old.
    pub fn has_voter(&self, peer: PeerId) -> bool {
        self.voters.contains(&peer) || self.outgoing.contains(&peer)
    }

    /// Everybody in it, voters and learners.
    pub fn everyone(&self) -> BTreeSet<PeerId> {
        let all = self.voters.iter().chain(&self.outgoing);
        all.chain(&self.learners).copied().collect()
    }
}

/// `{0, 1, 2} to {0, 3, 4}, learners {1}` is on the way from C_old to C_new.
impl fmt::Display for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_joint() {
            write!(f, "{} to ", set(&self.outgoing))?;
        }
        write!(f, "{}", set(&self.voters))?;
        if self.learners.is_empty() {
            return Ok(());
        }
        write!(f, ", learners {}", set(&self.learners))
    }
}

fn set(peers: &BTreeSet<PeerId>) -> String {
    let peers: Vec<String> = peers.iter().map(PeerId::to_string).collect();
    format!("{{{}}}", peers.join(", "))
}

/// Why a change of the membership was not begun, or an office not handed over. Nothing has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ChangeError {
    /// This Raft does not know how (yet).
    NotWritten,
    /// This peer does not lead.
    NotLeader(NotLeader),
    /// The latest configuration in the leader's log is not known to be committed, or it is a
    /// C_old,new: one change at a time.
    UnderWay,
    /// The new configuration has no voters.
    NoVoters,
    /// This peer is not in the address book; or the office was to go to one that does not vote.
    Stranger(PeerId),
    /// This peer does not vote now, and is not known to hold the log up to the latest
    /// configuration: it must catch up first, as a learner.
    Behind(PeerId),
}

impl From<NotLeader> for ChangeError {
    fn from(error: NotLeader) -> ChangeError {
        ChangeError::NotLeader(error)
    }
}

impl fmt::Display for ChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChangeError::NotWritten => f.write_str(
                "this Raft cannot change its membership: part 2E (raftapi::Raft::make_member and \
                 what follows it) is not written",
            ),
            ChangeError::NotLeader(error) => error.fmt(f),
            ChangeError::UnderWay => f.write_str(
                "a change of the membership is under way: ask again when it is committed",
            ),
            ChangeError::NoVoters => f.write_str("a cluster needs at least one voter"),
            ChangeError::Stranger(peer) => write!(
                f,
                "server {peer} is not in the address book, or does not vote: name one that does"
            ),
            ChangeError::Behind(peer) => write!(
                f,
                "server {peer} has not caught up: make it a learner, and ask again later"
            ),
        }
    }
}

impl std::error::Error for ChangeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_to_do() {
        let said: Vec<String> = [
            ChangeError::NotLeader(NotLeader { leader: None }),
            ChangeError::UnderWay,
            ChangeError::Behind(PeerId(3)),
        ]
        .map(|e| e.to_string())
        .into();
        assert!(said[0].contains("try the other servers"), "{}", said[0]);
        assert!(said[1].contains("ask again"), "{}", said[1]);
        assert_eq!(
            said[2],
            "server 3 has not caught up: make it a learner, and ask again later"
        );
    }
}

//! What went over the network, in calls and bytes.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// Counts of one method, of one server, or of a whole network. Bytes are those of encoded arguments
/// and replies; names of methods are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Requests sent, also those that were then lost or went to a disabled end or a dead server.
    pub requests: u64,
    /// Bytes of these requests.
    pub request_bytes: u64,
    /// Requests that reached a server; one that the network duplicated counts twice.
    pub arrived: u64,
    /// Bytes of the requests that reached a server.
    pub arrived_bytes: u64,
    /// Replies that reached their callers.
    pub replies: u64,
    /// Bytes of these replies.
    pub reply_bytes: u64,
    /// Replies that came when the call had ended already, and were ignored.
    pub late_replies: u64,
}

impl Counters {
    /// Bytes of requests sent and of replies delivered: what the labs mean by "RPC bytes".
    pub fn bytes(&self) -> u64 {
        self.request_bytes + self.reply_bytes
    }

    pub(crate) fn request(&mut self, len: usize) {
        self.requests += 1;
        self.request_bytes += len as u64;
    }

    pub(crate) fn arrival(&mut self, len: usize) {
        self.arrived += 1;
        self.arrived_bytes += len as u64;
    }

    pub(crate) fn reply(&mut self, len: usize) {
        self.replies += 1;
        self.reply_bytes += len as u64;
    }
}

impl AddAssign for Counters {
    fn add_assign(&mut self, other: Counters) {
        self.requests += other.requests;
        self.request_bytes += other.request_bytes;
        self.arrived += other.arrived;
        self.arrived_bytes += other.arrived_bytes;
        self.replies += other.replies;
        self.reply_bytes += other.reply_bytes;
        self.late_replies += other.late_replies;
    }
}

/// All counts of a network at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// The whole network, since it was made.
    pub total: Counters,
    /// By method, such as `Raft.request_vote`, since the network was made.
    pub methods: BTreeMap<String, Counters>,
    /// By server, each since it was last added: a restart begins at 0.
    pub servers: BTreeMap<String, ServerCounts>,
}

/// The counts of one server since it was last added to the network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerCounts {
    /// All its methods together.
    pub total: Counters,
    /// By method, such as `Raft.request_vote`.
    pub methods: BTreeMap<String, Counters>,
}

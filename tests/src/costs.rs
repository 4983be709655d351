//! What agreement costs: RPCs, bytes, disk.

use crate::cluster::host;
use crate::{Cluster, Server};

impl Cluster {
    /// RPCs sent by anyone so far.
    pub fn rpcs(&self) -> u64 {
        self.shared.net.total_count()
    }

    /// RPCs that were sent to this server in its present life.
    pub fn rpcs_to(&self, server: Server) -> u64 {
        self.shared.net.count(&host(server))
    }

    /// Bytes of all arguments sent and all replies that arrived so far.
    pub fn bytes(&self) -> u64 {
        self.shared.net.total_bytes()
    }

    /// The largest Raft state that is on a disk, in bytes.
    pub fn largest_state(&self) -> (Server, usize) {
        let sizes = self
            .servers()
            .into_iter()
            .map(|server| (server, self.disk(server).state_len()));
        sizes
            .max_by_key(|(_, size)| *size)
            .expect("a cluster has servers")
    }
}

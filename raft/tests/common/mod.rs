// BEGIN SOLUTION
//! A small cluster on a mock network. The suites have a better one; this is for a first look at the
//! peers' threads, and for benches.
#![allow(dead_code)]

use labsim::time::{Duration, Instant};

use bytes::Bytes;
use labrpc::{Network, Server};
use labsim::Domain;
use labsim::channel::{Receiver, bounded};
use raft::Raft;
use raftapi::{ApplyMsg, Disk, LogIndex, PeerId, Raft as _};

/// Some peers, each with a link to each.
pub struct Cluster {
    pub net: Network,
    pub peers: Vec<Peer>,
    size: usize,
    lives: u32,
}

/// One peer, and what its service would receive.
pub struct Peer {
    pub raft: Raft,
    pub apply_rx: Receiver<ApplyMsg>,
    pub disk: Disk,
    domain: Domain,
    ends: Vec<String>,
}

impl Cluster {
    /// `room` messages fit in each apply channel.
    pub fn new(size: usize, room: usize) -> Cluster {
        let mut cluster = Cluster {
            net: Network::new(),
            peers: Vec::new(),
            size,
            lives: 0,
        };
        for me in 0..size {
            let peer = cluster.boot(me, Disk::new(), room);
            cluster.peers.push(peer);
        }
        cluster
    }

    fn boot(&mut self, me: usize, disk: Disk, room: usize) -> Peer {
        self.lives += 1;
        let domain = Domain::new(me as u32, disk.mounts() as u32);
        let ends: Vec<_> = (0..self.size)
            .map(|to| format!("{me} to {to}, life {}", self.lives))
            .collect();
        let clients = ends
            .iter()
            .map(|end| self.net.make_end_in(end, &domain))
            .collect();
        let (apply_tx, apply_rx) = bounded(room);
        let persister = disk.mount(&domain);
        let raft = domain.enter(|| Raft::make(clients, PeerId(me), persister, apply_tx));
        self.net.add_server(
            &me.to_string(),
            Server::in_domain(&domain).with(raft.service()),
        );
        for (to, end) in ends.iter().enumerate() {
            self.net.connect(end, &to.to_string());
            self.net.enable(end, true);
        }
        Peer {
            raft,
            apply_rx,
            disk,
            domain,
            ends,
        }
    }

    /// Power failure and restart.
    pub fn restart(&mut self, me: usize, room: usize) {
        self.net.delete_server(&me.to_string());
        self.peers[me].domain.crash();
        let disk = self.peers[me].disk.clone();
        self.peers[me] = self.boot(me, disk, room);
    }

    /// Cuts a peer off, or joins it again.
    pub fn connect(&self, me: usize, on: bool) {
        for (i, peer) in self.peers.iter().enumerate() {
            for (to, end) in peer.ends.iter().enumerate() {
                if i == me || to == me {
                    self.net.enable(end, on);
                }
            }
        }
    }

    /// Waits for a leader among these peers.
    pub fn leader_among(&self, peers: &[usize]) -> usize {
        let found = wait_for(|| {
            let leads = |i: &&usize| self.peers[**i].raft.state().1;
            let by_term = |i: &&usize| self.peers[**i].raft.state().0;
            peers.iter().filter(leads).max_by_key(by_term).copied()
        });
        found.unwrap_or_else(|| panic!("no leader among {peers:?} within 5 s"))
    }

    pub fn leader(&self) -> usize {
        self.leader_among(&(0..self.size).collect::<Vec<_>>())
    }

    /// The next command that peer `me` applies.
    pub fn applied(&self, me: usize) -> (LogIndex, Bytes) {
        match self.peers[me].apply_rx.recv_timeout(Duration::from_secs(5)) {
            Ok(ApplyMsg::Command { index, command, .. }) => (index, command),
            other => panic!("server {me}: expected a command to apply, got {other:?}"),
        }
    }
}

/// Asks again and again, for 5 s at most.
pub fn wait_for<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + Duration::from_secs(5);
    while Instant::now() < end {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        labsim::thread::sleep(Duration::from_millis(2));
    }
    None
}
// END SOLUTION

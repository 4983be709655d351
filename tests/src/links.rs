//! Who reaches whom.

use std::collections::BTreeSet;

use crate::Server;

/// The state of all links between servers, as the story has arranged it. A link is one way.
#[derive(Clone, Debug)]
pub struct Links {
    online: Vec<bool>,
    group: Vec<usize>,
    cut: BTreeSet<(Server, Server)>,
}

impl Links {
    /// Everybody cut off.
    pub fn new(servers: usize) -> Self {
        Links {
            online: vec![false; servers],
            group: vec![0; servers],
            cut: BTreeSet::new(),
        }
    }

    /// Whether messages get from one server to another.
    pub fn open(&self, from: Server, to: Server) -> bool {
        let (f, t) = (from.number(), to.number());
        self.online[f]
            && self.online[t]
            && self.group[f] == self.group[t]
            && !self.cut.contains(&(from, to))
    }

    /// Whether a server is on the network.
    pub fn is_online(&self, server: Server) -> bool {
        self.online[server.number()]
    }

    /// Puts a server on the network, or takes it off in both directions.
    pub fn set_online(&mut self, server: Server, online: bool) {
        self.online[server.number()] = online;
    }

    /// Cuts one direction.
    pub fn cut(&mut self, from: Server, to: Server) {
        self.cut.insert((from, to));
    }

    /// Splits the servers into groups that don't reach each other. A server in none of them is alone.
    pub fn partition(&mut self, groups: &[&[Server]]) {
        for (alone, group) in self.group.iter_mut().enumerate() {
            *group = groups.len() + alone;
        }
        for (number, members) in groups.iter().enumerate() {
            for server in *members {
                self.group[server.number()] = number;
            }
        }
    }

    /// Ends partitions and cuts of single links. Servers that were cut off whole stay so.
    pub fn heal(&mut self) {
        self.group.fill(0);
        self.cut.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Server = Server::numbered(0);
    const B: Server = Server::numbered(1);
    const C: Server = Server::numbered(2);

    fn all_online() -> Links {
        let mut links = Links::new(3);
        [A, B, C]
            .into_iter()
            .for_each(|s| links.set_online(s, true));
        links
    }

    #[test]
    fn a_server_off_the_network_neither_sends_nor_hears() {
        let mut links = all_online();
        links.set_online(B, false);
        assert!(!links.open(A, B) && !links.open(B, A) && links.open(A, C));
    }

    #[test]
    fn one_way_cuts_leave_the_other_direction() {
        let mut links = all_online();
        links.cut(A, B);
        assert!(!links.open(A, B) && links.open(B, A));
        links.heal();
        assert!(links.open(A, B));
    }

    #[test]
    fn groups_keep_to_themselves_until_healed() {
        let mut links = all_online();
        links.partition(&[&[A, B]]);
        assert!(links.open(A, B) && !links.open(A, C) && !links.open(C, B) && links.open(C, C));
        links.heal();
        assert!(links.open(A, C));
    }
}

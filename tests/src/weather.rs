//! What a story does to the network: whole servers cut off, single links, everybody's luck.

use labrpc::{Delay, Link, Path};
use labsim::time::Duration;

use crate::links::Links;
use crate::{Cluster, Server};

impl Cluster {
    /// Takes a server off the network, in both directions.
    pub fn cut_off(&self, server: Server) {
        self.step(format!("cut off {server}"));
        self.set_online(server, false);
    }

    /// Puts a server back on the network.
    pub fn rejoin(&self, server: Server) {
        self.step(format!("rejoin {server}"));
        self.set_online(server, true);
    }

    /// Everything that one server sends to another gets lost: its requests, and its replies. The
    /// other direction stays.
    pub fn cut_one_way(&self, from: Server, to: Server) {
        self.step(format!("cut {from} -> {to}"));
        // The sender waits for a reply as it does when the other is dead.
        let notice = Delay::uniform_ms(0, 6999);
        let cut = || Path {
            cut: true,
            ..Path::default()
        };
        let there = Link {
            request: cut(),
            notice: notice.clone(),
            ..Link::default()
        };
        let back = Link {
            reply: cut(),
            notice,
            ..Link::default()
        };
        self.set_link(from, to, Some(there));
        self.set_link(to, from, Some(back));
        self.shared.one_way.lock().insert((from, to));
        self.record_links();
    }

    fn set_link(&self, from: Server, to: Server, link: Option<Link>) {
        if let Some(end) = self.end_name(from, to) {
            self.shared.net.set_link(&end, link);
        }
    }

    /// Splits the network: servers reach only those of their own group.
    pub fn partition(&self, groups: &[&[Server]]) {
        self.change_links(Links::heal);
        let shown: Vec<String> = groups
            .iter()
            .map(|g| crate::server::set(g.iter().copied()))
            .collect();
        self.step(format!("partition {}", shown.join(" | ")));
        self.change_links(|links| links.partition(groups));
    }

    /// Ends partitions and one-way cuts.
    pub fn heal(&self) {
        self.step("heal the network");
        self.shared.one_way.lock().clear();
        self.change_links(Links::heal);
        for from in self.servers() {
            self.servers()
                .into_iter()
                .for_each(|to| self.set_link(from, to, None));
        }
    }

    /// The network loses a tenth of all messages and delays requests, or is reliable again.
    pub fn set_reliable(&self, reliable: bool) {
        self.step(format!(
            "the network is {}",
            if reliable { "reliable" } else { "unreliable" }
        ));
        self.shared.net.set_reliable(reliable);
    }

    /// Every request takes so long from now on, until the network is healed or its sender restarts.
    pub fn set_delay(&self, delay: Duration) {
        self.step(format!("every request takes {delay:?}"));
        let request = Path {
            delay: Delay::fixed(delay),
            ..Path::default()
        };
        let link = Link {
            request,
            ..Link::default()
        };
        for from in self.servers() {
            for to in self.servers() {
                self.set_link(from, to, Some(link.clone()));
            }
        }
    }

    /// Two of three replies are held back for up to two seconds, or none.
    pub fn set_long_reordering(&self, reordering: bool) {
        self.step(format!(
            "long reordering {}",
            if reordering { "on" } else { "off" }
        ));
        self.shared.net.set_long_reordering(reordering);
    }

    /// The servers that have power and are on the network.
    pub fn connected(&self) -> Vec<Server> {
        let up: Vec<bool> = self
            .shared
            .seats
            .lock()
            .iter()
            .map(|s| s.life.is_some())
            .collect();
        let links = self.shared.links.lock();
        self.servers()
            .into_iter()
            .filter(|s| up[s.number()] && links.is_online(*s))
            .collect()
    }

    pub(crate) fn set_online(&self, server: Server, online: bool) {
        let at = self.shared.now();
        self.shared.run.board.server(server, |s| match online {
            true => s.away_since = None,
            false => s.away_since = s.away_since.or(Some(at)),
        });
        self.change_links(|links| links.set_online(server, online));
    }

    fn change_links(&self, change: impl FnOnce(&mut Links)) {
        change(&mut self.shared.links.lock());
        for from in self.servers() {
            let Some(life) = self.life(from) else {
                continue;
            };
            for (to, end) in self.servers().into_iter().zip(life.ends.iter()) {
                let open = self.shared.links.lock().open(from, to);
                self.shared.net.enable(end, open);
            }
        }
        self.record_links();
    }

    /// Cuts the calls from one server to another; calls the other way pass, with their replies.
    pub fn cut_calls(&self, from: Server, to: Server) {
        self.step(format!("cut calls {from} -> {to}"));
        self.change_links(|links| links.cut(from, to));
    }

    /// Cuts all calls but those that `keep` names, by caller and callee.
    pub fn keep_links(&self, keep: impl Fn(Server, Server) -> bool) {
        let servers = self.servers();
        self.change_links(|links| {
            links.heal();
            for from in &servers {
                servers
                    .iter()
                    .filter(|to| !keep(*from, **to))
                    .for_each(|to| links.cut(*from, *to));
            }
        });
    }
}

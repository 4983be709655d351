//! Power failures at an exact moment: right after a reply has left, or right after a save.
//!
//! A thread cannot be stopped in the middle of its turn. So the moment is taken down instead: what the
//! disk held then is what the next life finds, and nothing that the server says after it gets anywhere.

use bytes::Bytes;
use parking_lot::Mutex;
use raftapi::{Disk, Saved};

use crate::{Cluster, Handling, Server};

/// The servers that are to lose their power at some moment.
pub(crate) struct Power {
    doomed: Mutex<Vec<Option<Doom>>>,
}

/// When a server loses its power, and what is on its disk then.
struct Doom {
    when: When,
    image: Option<(Bytes, Bytes)>,
}

enum When {
    /// It has sent a reply to this one.
    Replied { to: Server, disk: Disk },
    /// It has saved so many times more.
    Saved { left: u64 },
}

impl Power {
    pub(crate) fn new(servers: usize) -> Power {
        Power {
            doomed: Mutex::new((0..servers).map(|_| None).collect()),
        }
    }

    /// What becomes of a message that `from` sends, if its power has to do with that.
    pub(crate) fn handling(&self, from: Server, to: Server, reply: bool) -> Option<Handling> {
        let mut doomed = self.doomed.lock();
        let doom = doomed[from.number()].as_mut()?;
        if doom.image.is_some() {
            // Nobody is told that it is lost. Whoever were told at once could ask again at once, a million times in a
            // second (`replicators`, seed 0x180000).
            return Some(Handling::Swallow);
        }
        match &doom.when {
            When::Replied { to: last, disk } => {
                if reply && to == *last {
                    doom.image = Some((disk.state(), disk.snapshot()));
                }
                Some(Handling::Pass)
            }
            When::Saved { .. } => None,
        }
    }

    /// The server has said its last words and is still at it: what it saves now does not count.
    pub(crate) fn is_out(&self, server: Server) -> bool {
        let doomed = self.doomed.lock();
        (doomed[server.number()].as_ref()).is_some_and(|doom| doom.image.is_some())
    }

    /// A server has saved.
    pub(crate) fn saved(&self, saved: &Saved<'_>) {
        let mut doomed = self.doomed.lock();
        let Some(doom) = doomed[saved.peer as usize].as_mut() else {
            return;
        };
        if let When::Saved { left } = &mut doom.when {
            *left = left.saturating_sub(1);
            if *left == 0 && doom.image.is_none() {
                doom.image = Some((saved.state.clone(), saved.snapshot.clone()));
            }
        }
    }
}

impl Cluster {
    /// Arranges that a server loses its power as soon as it has sent a reply to `to`: the reply gets
    /// through, and nothing that the server does or saves after it counts. Who calls it waits. [`Cluster::lose_power`] carries it out.
    pub fn arm_power_failure(&self, server: Server, to: Server) {
        self.step(format!(
            "{server} is to lose its power right after its next reply to {to}"
        ));
        let disk = self.disk(server);
        self.doom(server, When::Replied { to, disk });
    }

    /// The same as soon as the server has saved so many times more. Carried out before, it is a crash like any other.
    pub fn arm_power_failure_at_save(&self, server: Server, saves: u64) {
        self.step(format!(
            "{server} is to lose its power right after its save number {saves} from now"
        ));
        self.doom(server, When::Saved { left: saves });
    }

    fn doom(&self, server: Server, when: When) {
        let doom = Doom { when, image: None };
        self.shared.post.power.doomed.lock()[server.number()] = Some(doom);
        self.intercept();
    }

    /// Crashes a server, leaving on its disk what was there at the moment that was
    /// [armed](Cluster::arm_power_failure), if it came.
    pub fn lose_power(&self, server: Server) {
        self.crash(server);
        self.give_up_swallowed(|w| w.comes_from(server));
        let doom = self.shared.post.power.doomed.lock()[server.number()].take();
        if let Some((state, snapshot)) = doom.and_then(|doom| doom.image) {
            self.rewrite_disk(server, state, snapshot);
        }
    }
}

//! A cluster of servers under test: their lives, deaths and links.

use std::collections::BTreeSet;
use std::fmt;

use bytes::Bytes;
use labrpc::{ClientEnd, Network, Server as NetServer};
use labsim::Domain;
use labsim::sync::Arc;
use labsim::time::{Duration, Instant};
use parking_lot::Mutex;
use raftapi::{Disk, Raft};

use crate::applier::Pace;
use crate::claim::Broken;
use crate::links::Links;
use crate::post::Post;
use crate::power::Power;
use crate::pulse::Pulse;
use crate::run::Run;
use crate::subject::{Kind, Subject};
use crate::watch::Watch;
use crate::{Server, Story, scribe};

/// The servers of one run, and all that a story can do to them. Clones are handles of the same
/// cluster, for a story's own threads.
#[derive(Clone)]
pub struct Cluster {
    pub(crate) shared: Arc<Shared>,
}

/// What the story, its threads and the appliers have in common.
///
/// Locks without a name of labsim's in front are held for a few instructions only, never while
/// labsim or a Raft is called: they take no part in the schedule.
pub struct Shared {
    pub(crate) run: Arc<Run>,
    pub(crate) kind: Kind,
    pub(crate) net: Network,
    pub(crate) pulse: Pulse,
    pub(crate) post: Arc<Post>,
    pub(crate) watch: Arc<Watch>,
    pub(crate) pace: Mutex<Vec<Pace>>,
    pub(crate) links: Mutex<Links>,
    /// What goes one way only and is lost the other: see [`Cluster::cut_one_way`].
    pub(crate) one_way: Mutex<BTreeSet<(Server, Server)>>,
    pub(crate) seats: Mutex<Vec<Seat>>,
    began: Instant,
}

/// A server's place: its disk stays, its lives come and go.
pub(crate) struct Seat {
    disk: Disk,
    lives: u32,
    pub(crate) life: Option<Life>,
}

/// A server between start and crash.
#[derive(Clone)]
pub(crate) struct Life {
    pub(crate) subject: Subject,
    pub(crate) domain: Domain,
    pub(crate) ends: Arc<Vec<EndName>>,
}

/// The name of a client end: new in each life, so that nothing of an old one gets through.
pub(crate) type EndName = String;

/// A disk whose saves may be followed by a power failure, and show in the trace if there is one.
fn a_disk(kind: Kind, power: &Arc<Power>) -> Disk {
    let (scribe, power) = (scribe::of_disk(kind), power.clone());
    Disk::observed(move |saved| {
        power.saved(&saved);
        if let Some(scribe) = &scribe {
            scribe(&saved);
        }
    })
}

impl Cluster {
    /// Starts and connects the story's servers, with empty disks: the founders only, where others may join.
    pub fn start(run: Arc<Run>, kind: Kind) -> Cluster {
        let story: &Story = run.story;
        let servers = story.servers;
        let net = Network::new();
        net.set_long_delays(!story.is_kv());
        let post = Arc::new(Post::new(servers));
        let disks: Vec<Disk> = (0..servers).map(|_| a_disk(kind, &post.power)).collect();
        let pulse = Pulse::default();
        let seats = disks.iter().map(|disk| Seat {
            disk: disk.clone(),
            lives: 0,
            life: None,
        });
        let shared = Arc::new(Shared {
            watch: Arc::new(Watch::new(
                kind,
                run.clone(),
                disks.clone(),
                post.power.clone(),
                pulse.clone(),
            )),
            post,
            pulse,
            pace: Mutex::new(vec![Pace::default(); servers]),
            links: Mutex::new(Links::new(servers)),
            one_way: Mutex::default(),
            seats: Mutex::new(seats.collect()),
            began: Instant::now(),
            net,
            kind,
            run,
        });
        let cluster = Cluster { shared };
        cluster.watch_network();
        cluster.watch_members();
        for server in cluster.founders() {
            cluster.boot(server);
        }
        for server in cluster.founders() {
            cluster.set_online(server, true);
        }
        cluster
    }

    /// The servers that are members at first, in order. The others are down until the story starts them.
    pub fn founders(&self) -> Vec<Server> {
        let story = self.shared.run.story;
        let founders = if story.is_open() {
            story.voters
        } else {
            story.servers
        };
        (0..founders).map(Server::numbered).collect()
    }

    /// All servers, in order.
    pub fn servers(&self) -> Vec<Server> {
        (0..self.shared.run.story.servers)
            .map(Server::numbered)
            .collect()
    }

    /// All servers in a random order, for a story that gives them names: `let [a, b, c] = c.all();`
    ///
    /// # Panics
    /// If the story has not as many servers as names.
    pub fn all<const N: usize>(&self) -> [Server; N] {
        self.others([])
    }

    /// All servers but these, in a random order: `let [f, g] = c.others([leader]);`
    ///
    /// # Panics
    /// If there are not as many as names.
    #[track_caller]
    pub fn others<const N: usize>(&self, but: impl IntoIterator<Item = Server>) -> [Server; N] {
        let but: Vec<Server> = but.into_iter().collect();
        let mut left: Vec<Server> = self
            .servers()
            .into_iter()
            .filter(|s| !but.contains(s))
            .collect();
        self.shuffle(&mut left);
        let count = left.len();
        left.try_into()
            .unwrap_or_else(|_| panic!("the story names {N} servers, but there are {count}"))
    }

    // --- Lives ---

    /// Starts a server that is down, from its disk. It stays off the network: see [`Cluster::restart`].
    pub fn boot(&self, server: Server) {
        let shared = &self.shared;
        let (disk, lives) = {
            let mut seats = shared.seats.lock();
            let seat = &mut seats[server.number()];
            assert!(
                seat.life.is_none(),
                "the story starts {server}, which is up"
            );
            seat.lives += 1;
            (seat.disk.clone(), seat.lives - 1)
        };
        self.record_life(server, lives);
        let domain = Domain::new(server.number() as u32, lives);
        let persister = disk.mount(&domain);
        let (ends, names) = self.make_ends(server, lives, &domain);
        let began = self.now();
        let subject = self.power_on(server, &domain, ends, persister);
        self.took(self.now() - began, &format!("making {server}"));
        let services = domain.enter(|| subject.services());
        let net_server = services
            .into_iter()
            .fold(NetServer::in_domain(&domain), NetServer::with);
        shared.net.add_server(&host(server), net_server);
        shared.seats.lock()[server.number()].life = Some(Life {
            subject,
            domain,
            ends: Arc::new(names),
        });
        shared.run.board.server(server, |s| {
            s.up = true;
            s.restarts = lives;
            s.said = None;
        });
    }

    fn make_ends(
        &self,
        server: Server,
        life: u32,
        domain: &Domain,
    ) -> (Vec<ClientEnd>, Vec<EndName>) {
        let names: Vec<EndName> = (self.servers().iter())
            .map(|to| format!("{}.{life}-{}", server.number(), to.number()))
            .collect();
        let ends = domain.enter(|| {
            let to_ends = self.servers().into_iter().zip(&names).map(|(to, name)| {
                let end = self.shared.net.make_end(name);
                self.shared.net.connect(name, &host(to));
                end
            });
            to_ends.collect()
        });
        (ends, names)
    }

    /// Cuts a server's power: all its threads end where they are, and only its disk is left.
    pub fn crash(&self, server: Server) {
        self.step(format!("crash {server}"));
        self.set_online(server, false);
        self.power_off(server);
        self.shared.run.board.server(server, |s| s.up = false);
    }

    /// Starts a server from its disk and puts it on the network; one that is up is crashed first.
    pub fn restart(&self, server: Server) {
        if self.is_up(server) {
            self.crash(server);
        }
        self.step(format!("restart {server}"));
        self.boot(server);
        self.set_online(server, true);
    }

    /// Crashes these servers, all of them, before the first one is back; then restarts them.
    pub fn restart_all(&self, servers: impl IntoIterator<Item = Server>) {
        let servers: Vec<Server> = servers.into_iter().collect();
        servers.iter().for_each(|s| self.crash(*s));
        servers.iter().for_each(|s| self.restart(*s));
    }

    /// Whether the server has power.
    pub fn is_up(&self, server: Server) -> bool {
        self.life(server).is_some()
    }

    /// From now on the service on `server` takes so long over each entry.
    pub fn set_pace(&self, server: Server, pace: Duration) {
        self.step(format!(
            "the service on {server} takes {pace:?} for each entry"
        ));
        self.shared.pace.lock()[server.number()].entry = pace;
    }

    /// From now on the service on `server` takes so long to write a snapshot, and does nothing else meanwhile.
    pub fn set_snapshot_pace(&self, server: Server, pace: Duration) {
        self.step(format!(
            "the service on {server} takes {pace:?} for each snapshot"
        ));
        self.shared.pace.lock()[server.number()].snapshot = pace;
    }

    /// The service on `server` takes nothing any more: it ends when the next entry or snapshot comes.
    pub fn end_service(&self, server: Server) {
        self.step(format!("the service on {server} ends"));
        self.shared.pace.lock()[server.number()].ended = true;
    }

    /// From now on each snapshot of a service is larger than it need be by so many bytes.
    pub fn pad_snapshots(&self, bytes: usize) {
        self.step(format!("snapshots are larger by {bytes} bytes"));
        self.shared.run.board.history.lock().pad_snapshots(bytes);
    }

    // --- Inside ---

    /// The name of the end by which one server calls another, in its present life.
    pub(crate) fn end_name(&self, from: Server, to: Server) -> Option<EndName> {
        Some(self.life(from)?.ends[to.number()].clone())
    }

    /// Takes the power from a server without a word.
    pub(crate) fn power_off(&self, server: Server) {
        self.shared.net.delete_server(&host(server));
        let life = self.shared.seats.lock()[server.number()].life.take();
        if let Some(life) = life {
            life.domain.crash();
        }
    }

    /// Replaces what is on the disk of a server that is down.
    pub(crate) fn rewrite_disk(&self, server: Server, state: Bytes, snapshot: Bytes) {
        let lives = {
            let mut seats = self.shared.seats.lock();
            seats[server.number()].lives += 1;
            seats[server.number()].lives - 1
        };
        let writer = Domain::new(server.number() as u32, lives);
        self.disk(server).mount(&writer).save(state, snapshot);
        writer.crash();
    }

    /// The present life of a server, if it is up.
    pub(crate) fn life(&self, server: Server) -> Option<Life> {
        self.shared.seats.lock()[server.number()].life.clone()
    }

    /// A server's disk.
    pub(crate) fn disk(&self, server: Server) -> Disk {
        self.shared.seats.lock()[server.number()].disk.clone()
    }

    /// Calls into a server's Raft on the server's behalf: threads that the call starts are the server's.
    pub(crate) fn call<T>(&self, server: Server, f: impl FnOnce(&dyn Raft) -> T) -> Option<T> {
        let life = self.life(server)?;
        Some(life.domain.enter(|| f(life.subject.raft())))
    }

    /// Tells a server to end.
    pub(crate) fn kill(&self, server: Server) {
        if let Some(life) = self.life(server) {
            self.shared.run.board.rules.lock().killed(server);
            life.domain.enter(|| life.subject.kill());
        }
    }
}

/// A server's name on the network.
pub(crate) fn host(server: Server) -> String {
    server.number().to_string()
}

impl Shared {
    /// Time since the run began.
    pub(crate) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Notes a broken claim and wakes the story, which then ends.
    pub(crate) fn breaks(&self, broken: Broken) {
        self.run.board.breaks(broken, self.now());
        self.pulse.beat();
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("story", &self.shared.run.story.name)
            .finish_non_exhaustive()
    }
}

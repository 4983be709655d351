//! Looks at every message and every disk, and hands what it sees to the rules.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use labrpc::{CallId, Fate, MessageSeen, Observer};
use labsim::sync::Arc;
use labsim::trace::is_recording;
use parking_lot::Mutex;
use raftapi::view::{EntryId, RpcView};
use raftapi::{Disk, LogIndex, Term};

use crate::claim::{self, Broken};
use crate::history::History;
use crate::power::Power;
use crate::pulse::Pulse;
use crate::rules::{Shown, Vote};
use crate::run::Run;
use crate::subject::Kind;
use crate::{Cluster, Server, scribe};

/// Requests whose reply is awaited; older ones are taken for lost.
const AWAITED: usize = 4096;
/// Bytes of a disk that may be read for each save.
const READ_PER_SAVE: usize = 1024;

/// The eyes of the harness. Called on the servers' own threads: it takes plain locks only, and
/// tells the story of a broken claim instead of ending the thread that it was called on.
pub(crate) struct Watch {
    kind: Kind,
    run: Arc<Run>,
    disks: Vec<Disk>,
    power: Arc<Power>,
    looked: Mutex<Vec<u64>>,
    awaited: Mutex<BTreeMap<CallId, Arc<Asked>>>,
    /// Votes in replies that have not arrived, and some never will.
    under_way: Mutex<BTreeMap<CallId, Vote>>,
    pulse: Pulse,
    began: labsim::time::Instant,
    requests: AtomicU64,
    /// What a request says was shown at least once.
    shown: AtomicBool,
}

/// A request whose reply is awaited.
struct Asked {
    request: RpcView,
    /// What the server that is asked had shown of its term.
    shown: Option<Shown>,
}

impl Watch {
    pub(crate) fn new(
        kind: Kind,
        run: Arc<Run>,
        disks: Vec<Disk>,
        power: Arc<Power>,
        pulse: Pulse,
    ) -> Self {
        let looked = Mutex::new(vec![0; disks.len()]);
        let awaited = Mutex::default();
        Watch {
            kind,
            run,
            disks,
            power,
            looked,
            awaited,
            under_way: Mutex::default(),
            pulse,
            began: labsim::time::Instant::now(),
            requests: AtomicU64::new(0),
            shown: AtomicBool::new(false),
        }
    }

    /// Servers have called each other, and of nothing that they said was anything shown.
    pub(crate) fn saw_nothing(&self) -> bool {
        let requests = self.requests.load(Ordering::Relaxed);
        requests > 0 && !self.shown.load(Ordering::Relaxed)
    }

    fn note(&self, checked: Result<(), Broken>) {
        if let Err(broken) = checked {
            self.run.board.breaks(broken, self.began.elapsed());
            self.pulse.beat();
        }
    }

    /// Whether the rules know what is on a server's disk right now. Reads it if that is not too much:
    /// a short log after every save, a long one so seldom that reading costs no more a save.
    fn look(&self, server: Server) -> Result<bool, Broken> {
        let (disk, looked) = (
            &self.disks[server.number()],
            self.looked.lock()[server.number()],
        );
        let news = disk.saves() - looked;
        match news == 0 || news >= (disk.state_len() / READ_PER_SAVE) as u64 {
            true => self.read(server),
            false => Ok(false),
        }
    }

    /// Reads a server's disk, if it has changed since it was last read. Tells whether it could.
    pub(crate) fn read(&self, server: Server) -> Result<bool, Broken> {
        if !self.run.story.saves() || self.power.is_out(server) {
            return Ok(false);
        }
        let disk = &self.disks[server.number()];
        let (saves, state) = loop {
            let saves = disk.saves();
            if self.looked.lock()[server.number()] == saves {
                return Ok(true);
            }
            let state = disk.state();
            if disk.saves() == saves {
                break (saves, state);
            }
        };
        let Some(view) = (self.kind.view_saved)(&state) else {
            return Ok(false);
        };
        // On the wall clock two threads may look at once; what was seen first must not come after what was seen later.
        let mut looked = self.looked.lock();
        if looked[server.number()] < saves {
            looked[server.number()] = saves;
            self.run.board.rules.lock().saved(server, view)?;
        }
        Ok(true)
    }

    /// `server` is seen to lead `term`.
    pub(crate) fn leads(&self, server: Server, term: Term) -> Result<(), Broken> {
        let news = {
            let mut rules = self.run.board.rules.lock();
            let news = rules.leads(server, term)?;
            if news {
                rules.elected(server, term)?;
            }
            news
        };
        if news && self.read(server)? {
            let history = self.run.board.history.lock();
            self.run
                .board
                .rules
                .lock()
                .complete(server, term, &history)?;
        }
        Ok(())
    }

    /// `server` says that it took a command in `term`.
    pub(crate) fn takes(&self, server: Server, term: Term) -> Result<(), Broken> {
        self.run.board.rules.lock().takes(server, term)?;
        self.leads(server, term)
    }

    /// `server` is about to apply `index`, and may have left out changes of the membership before it.
    pub(crate) fn pass_over(
        &self,
        history: &mut History,
        server: Server,
        index: LogIndex,
    ) -> Result<(), Broken> {
        if self.run.story.is_open() && history.applied(server) + 1 < index.0 {
            self.read(server)?; // who is alone has sent nothing
            let rules = self.run.board.rules.lock();
            history.pass_over(server, index, |at| rules.change_at(at));
        }
        Ok(())
    }

    /// Changes of the membership that were seen for the first time, in what `server` sends.
    fn look_at_changes(&self, server: Server) -> Result<(), Broken> {
        let changes = self.run.board.rules.lock().take_new_changes();
        if changes.is_empty() {
            return Ok(());
        }
        let mut known = true;
        for disk in (0..self.disks.len()).map(Server::numbered) {
            known = self.read(disk)? && known;
        }
        match known {
            true => self.run.board.rules.lock().changes(server, &changes),
            false => Ok(()),
        }
    }

    /// `server` has applied `entry`, the first to do so. `history` is locked by the caller.
    pub(crate) fn first_applied(&self, server: Server, entry: EntryId) -> Result<(), Broken> {
        let longest = self.disks.iter().map(Disk::state_len).max().unwrap_or(0);
        let mut known = entry
            .index
            .0
            .is_multiple_of((longest / READ_PER_SAVE) as u64 + 1);
        for disk in (0..self.disks.len()).map(Server::numbered) {
            known = known && self.read(disk)?;
        }
        self.run.board.rules.lock().applied(server, entry, known)
    }

    /// Too many requests end the story: it would go on, but take its time.
    fn count(&self, seen: &MessageSeen<'_>) -> Result<(), Broken> {
        let peer = seen.from_peer();
        let (claim, count, most) = match peer {
            None => {
                let count = self.run.board.kv.lock().note_request();
                (&claim::CLERK_PAUSES, count, self.run.clerk_storm)
            }
            Some(_) => {
                let count = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
                (&claim::NO_STORM, count, self.run.storm)
            }
        };
        if count != most {
            return Ok(());
        }
        Err(claim.broken(format!(
            "{count} requests in {:.3} s; the last is {}'s, {}",
            self.began.elapsed().as_secs_f64(),
            peer.map_or("a clerk".into(), |peer| format!("server {peer}")),
            seen.method
        )))
    }

    fn request(&self, seen: &MessageSeen<'_>, fate: Fate) -> Result<(), Broken> {
        self.count(seen)?;
        let Some(view) = (self.kind.view_rpc)(seen.method, false, seen.bytes) else {
            return Ok(());
        };
        self.shown.store(true, Ordering::Relaxed);
        scribe::message(seen, &view);
        let Some(domain) = seen.from else {
            return Ok(());
        };
        let from = Server::numbered(domain.peer() as usize);
        let shown = {
            let mut rules = self.run.board.rules.lock();
            rules.asks(from, domain.incarnation(), &view)?;
            rules.shows(from, domain.incarnation(), view.term());
            let asked = seen.to_peer();
            asked.and_then(|peer| rules.shown(Server::numbered(peer as usize)))
        };
        match &view {
            RpcView::AppendEntries {
                term,
                prev,
                entries,
                ..
            } => {
                self.leads(from, *term)?;
                self.run.board.rules.lock().sends(from, *prev, entries)?;
                if self.run.story.is_open() {
                    self.look_at_changes(from)?;
                }
            }
            RpcView::InstallSnapshot { term, .. } => self.leads(from, *term)?,
            _ => {}
        }
        if !matches!(fate, Fate::Lost { .. }) {
            let mut awaited = self.awaited.lock();
            let asked = Asked {
                request: view,
                shown,
            };
            awaited.insert(seen.id.call, Arc::new(asked));
            if awaited.len() > AWAITED
                && let Some((_, oldest)) = awaited.pop_first()
            {
                self.run.board.rules.lock().gives_up(&oldest.request);
            }
        }
        Ok(())
    }

    fn reply(&self, seen: &MessageSeen<'_>) -> Result<(), Broken> {
        let asked = match seen.id.copy {
            0 => self.awaited.lock().remove(&seen.id.call),
            _ => self.awaited.lock().get(&seen.id.call).cloned(),
        };
        if asked.is_none() && !is_recording() {
            return Ok(());
        }
        let Some(reply) = (self.kind.view_rpc)(seen.method, true, seen.bytes) else {
            return Ok(());
        };
        scribe::message(seen, &reply);
        let Some(Asked { request, shown }) = asked.as_deref() else {
            return Ok(());
        };
        let Some(domain) = seen.to else {
            return Ok(());
        };
        let server = Server::numbered(domain.peer() as usize);
        let life = domain.incarnation();
        let vote = (self.run.board.rules.lock()).votes(server, life, request, &reply)?;
        if let Some(vote) = vote {
            self.under_way.lock().insert(seen.id.call, vote);
        }
        // A server that has lost its power meanwhile promises nothing more.
        if !domain.is_alive() {
            return Ok(());
        }
        let looked = self.look(server)?;
        let mut rules = self.run.board.rules.lock();
        rules.answers(server, life, *shown, reply.term())?;
        rules.shows(server, life, reply.term());
        match looked {
            true => rules.replies(server, request, &reply),
            false => Ok(()),
        }
    }
}

impl Observer for Watch {
    fn on_request(&self, seen: &MessageSeen<'_>, fate: Fate) {
        self.note(self.request(seen, fate));
    }

    fn on_reply(&self, seen: &MessageSeen<'_>, _: Fate) {
        self.note(self.reply(seen));
    }

    fn on_delivery(&self, seen: &MessageSeen<'_>) {
        if let Some(vote) = self.under_way.lock().remove(&seen.id.call) {
            self.run.board.rules.lock().hears(vote);
        }
    }
}

impl Cluster {
    pub(crate) fn watch_network(&self) {
        self.shared.net.observe(self.shared.watch.clone());
    }
}

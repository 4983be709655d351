//! Part 2E: who is a member of the cluster, and how a story changes that.

use std::collections::BTreeSet;

use labsim::thread::JoinHandle;
use labsim::time::{Duration, Instant};
use raftapi::{ChangeError, LogIndex, Membership, NotLeader, PeerId, Term};

use crate::pulse::NO_INDEX;
use crate::rules::Members;
use crate::server::set;
use crate::{Cluster, Command, Flag, Server, claim};

/// How long a change may take to begin, and to end, and agreement.
const CHANGE: Duration = Duration::from_secs(10);
/// How often a story looks whether something has come to be.
const GLANCE: Duration = Duration::from_millis(20);
/// How long a leader has to bring a command through before it is proposed again.
const SETTLE: Duration = Duration::from_secs(2);

fn peers(servers: &[Server]) -> BTreeSet<PeerId> {
    servers.iter().copied().map(PeerId::from).collect()
}

/// The servers of a set of peers.
fn servers(peers: &BTreeSet<PeerId>) -> Vec<Server> {
    peers.iter().map(|peer| Server::numbered(peer.0)).collect()
}

/// A configuration as a story names it.
pub fn members(voters: &[Server], learners: &[Server]) -> Membership {
    Membership {
        voters: peers(voters),
        outgoing: BTreeSet::new(),
        learners: peers(learners),
    }
}

impl Cluster {
    /// Has the rules of part 2E watch, where the membership can change.
    pub(crate) fn watch_members(&self) {
        if self.shared.run.story.is_open() {
            let first = members(&self.founders(), &[]);
            let rules = Members::new(first, self.shared.kind.view_membership);
            self.shared.run.board.rules.lock().open(rules);
        }
    }

    /// The founders, in a random order: `let [a, b, d] = c.founding();`
    ///
    /// # Panics
    /// If there are not as many as names.
    pub fn founding<const N: usize>(&self) -> [Server; N] {
        let founders = self.founders();
        self.others(self.servers().into_iter().filter(|s| !founders.contains(s)))
    }

    /// The servers that are no founders, in a random order: `let [d, e] = c.newcomers();`
    ///
    /// # Panics
    /// If there are not as many as names.
    pub fn newcomers<const N: usize>(&self) -> [Server; N] {
        self.others(self.founders())
    }

    /// Starts a server that is down and puts it on the network.
    pub fn start_server(&self, server: Server) {
        self.step(format!("start {server}"));
        self.boot(server);
        self.set_online(server, true);
    }

    /// The configuration in force at a server, as it says itself; `None` if it is down.
    pub fn membership(&self, server: Server) -> Option<Membership> {
        if !self.shared.run.story.is_open() {
            return None;
        }
        let membership = self.call(server, |raft| raft.membership())?;
        let Some(membership) = membership else {
            self.not_written("Raft::membership");
        };
        self.shared.run.board.server(server, |facts| {
            facts.members = Some(format!("members {membership}"));
        });
        Some(membership)
    }

    /// Asks a server for a change.
    ///
    /// # Errors
    /// What the server says, or that it is down.
    pub fn try_change(
        &self,
        server: Server,
        voters: &[Server],
        learners: &[Server],
    ) -> Result<(LogIndex, Term), ChangeError> {
        let (voters, learners) = (peers(voters), peers(learners));
        let down = ChangeError::NotLeader(NotLeader { leader: None });
        let result = self
            .call(server, |raft| raft.change_membership(&voters, &learners))
            .unwrap_or(Err(down));
        match result {
            Err(ChangeError::NotWritten) => self.not_written("Raft::change_membership"),
            Ok((index, term)) => {
                let to = Membership {
                    voters,
                    learners,
                    ..Membership::default()
                };
                self.step(format!(
                    "{server} takes the change to {to} at {index}@{term}"
                ));
            }
            Err(_) => {}
        }
        result
    }

    /// Has whoever leads begin a change; asks again as long as it is refused. Returns who has begun it.
    #[track_caller]
    pub fn begin_change(&self, voters: &[Server], learners: &[Server]) -> Server {
        let mut refusals = BTreeSet::new();
        let began = Instant::now();
        while began.elapsed() < CHANGE {
            for server in self.connected() {
                match self.try_change(server, voters, learners) {
                    Ok(_) => return server,
                    Err(ChangeError::NotLeader(_)) => {}
                    Err(refusal) => _ = refusals.insert(format!("{server}: {refusal}")),
                }
            }
            self.sleep(GLANCE);
        }
        let why: Vec<String> = refusals.into_iter().collect();
        self.fail(
            &claim::CHANGE_TAKEN,
            format!(
                "nobody took a change to {} in {} s; {}",
                members(voters, learners),
                CHANGE.as_secs(),
                match why.is_empty() {
                    true => "nobody led".into(),
                    false => why.join("; "),
                }
            ),
        )
    }

    /// Changes the membership to these voters, the whole way: newcomers are started and are learners until
    /// they have caught up. Ends when all its members that are connected say that it is in force.
    #[track_caller]
    pub fn change(&self, voters: &[Server]) {
        self.change_to(voters, &[]);
    }

    /// The same, with learners.
    #[track_caller]
    pub fn change_to(&self, voters: &[Server], learners: &[Server]) {
        let named = voters.iter().chain(learners).copied();
        named
            .filter(|server| !self.is_up(*server))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .for_each(|server| self.start_server(server));
        let now = self.members_now();
        let is_new = |server: &&Server| !now.has_voter((**server).into());
        let new: Vec<Server> = voters.iter().filter(is_new).copied().collect();
        if new
            .iter()
            .any(|server| !now.learners.contains(&(*server).into()))
        {
            let mut learning = servers(&now.learners);
            learning.extend(new);
            learning.sort();
            learning.dedup();
            let old = servers(&now.voters);
            self.begin_change(&old, &learning);
            self.expect_members(&old, &learning);
        }
        self.begin_change(voters, learners);
        self.expect_members(voters, learners);
    }

    /// Replaces three founders by three newcomers, one after the other; each one's power goes as soon as it is
    /// out. Returns the members then.
    #[track_caller]
    pub fn replace_three(&self, pause: impl Fn(&Cluster)) -> Vec<Server> {
        let mut members = self.founding::<3>().to_vec();
        for new in self.newcomers::<3>() {
            let old = members.remove(0);
            members.push(new);
            self.change(&members);
            self.crash(old);
            pause(self);
        }
        members
    }

    /// The configuration at the leader.
    #[track_caller]
    pub fn members_now(&self) -> Membership {
        let leader = self.leader_quickly();
        self.membership(leader).unwrap_or_default()
    }

    /// Waits until this configuration is in force at all its members that are connected.
    #[track_caller]
    pub fn expect_members(&self, voters: &[Server], learners: &[Server]) {
        let expected = members(voters, learners);
        let connected = self.connected();
        let all = voters.iter().chain(learners).copied();
        let members: Vec<Server> = all.filter(|s| connected.contains(s)).collect();
        let in_force = |server: &Server| self.membership(*server).as_ref() == Some(&expected);
        if !self.until(CHANGE, GLANCE, || members.iter().all(in_force)) {
            let said = members.iter().map(|server| {
                let membership = self.membership(*server).unwrap_or_default();
                format!("{server} has {membership}")
            });
            let said: Vec<String> = said.collect();
            self.fail(
                &claim::CHANGE_ENDS,
                format!(
                    "expected {expected} at {} within {} s; {}",
                    set(members.iter().copied()),
                    CHANGE.as_secs(),
                    said.join(", ")
                ),
            );
        }
    }

    /// Brings a command into the log of these servers, proposing it to one of them again when it got lost.
    #[track_caller]
    pub fn agree_among(&self, servers: &[Server], command: impl Into<Command>) -> LogIndex {
        let command = command.into();
        let board = &self.shared.run.board;
        let began = Instant::now();
        let mut taken = None;
        while began.elapsed() < CHANGE {
            self.check();
            let take = |s: &Server| self.try_propose(*s, &command).ok().map(|taken| (*s, taken));
            let Some((taker, (index, term))) = servers.iter().find_map(take) else {
                self.sleep(GLANCE);
                continue;
            };
            let applied = |s: &Server| board.history.lock().applied(*s) >= index.0;
            self.shared.pulse.wait_for(SETTLE, index, || {
                board.is_broken() || servers.iter().all(applied)
            });
            self.check();
            let is_it = board.history.lock().command(index) == Some(&command);
            if is_it && servers.iter().all(applied) {
                board.update(|facts| facts.agreements += 1);
                return index;
            }
            taken = Some(format!(
                "{taker}, leader of term {term}, took it at index {index}; they are at {}",
                self.progress_of(servers)
            ));
        }
        let expected = format!(
            "expected {command} to be applied by all of {} within {} s",
            set(servers.iter().copied()),
            CHANGE.as_secs()
        );
        match taken {
            Some(taken) => self.fail(&claim::AGREEMENT, format!("{expected}; {taken}")),
            None => self.nobody_took(&expected, servers, &command),
        }
    }

    fn progress_of(&self, servers: &[Server]) -> String {
        let history = self.shared.run.board.history.lock();
        let each: Vec<String> = servers
            .iter()
            .map(|server| history.applied(*server).to_string())
            .collect();
        each.join(", ")
    }

    /// Checks that these servers, which are not enough, bring no command through: for so long.
    #[track_caller]
    pub fn no_agreement_among(&self, servers: &[Server], time: Duration, why: &str) {
        let before = self.shared.run.board.history.lock().last();
        for (number, server) in servers.iter().enumerate() {
            let _ = self.try_propose(*server, format!("in vain {number}"));
        }
        self.sleep(time);
        let history = self.shared.run.board.history.lock();
        let after = history.last();
        let what = history.command(after).cloned();
        drop(history);
        self.expect(&claim::COMMIT_NEEDS_MAJORITY, after == before, || {
            let what = what.map_or("an entry".into(), |command| command.to_string());
            format!("{what} was applied at index {after}, though {why}")
        });
    }

    /// Checks that none of these servers leads, or says so after a while.
    #[track_caller]
    pub fn nobody_leads(
        &self,
        servers: &[Server],
        time: Duration,
        claim: &'static claim::Claim,
        why: &str,
    ) {
        let mut leader = None;
        self.until(time, GLANCE, || {
            leader = servers.iter().find(|server| self.leads(**server)).copied();
            leader.is_some()
        });
        self.expect(claim, leader.is_none(), || {
            let leader = leader.expect("it was just found");
            format!("{leader} leads term {}, though {why}", self.term_of(leader))
        });
    }

    /// Asks a leader to hand over its office.
    ///
    /// # Errors
    /// What the server says, or that it is down.
    pub fn try_transfer(&self, leader: Server, to: Server) -> Result<(), ChangeError> {
        self.step(format!("{leader} is to hand over to {to}"));
        let result = self.call(leader, |raft| raft.transfer_leadership(to.into()));
        match result {
            Some(Err(ChangeError::NotWritten)) => self.not_written("Raft::transfer_leadership"),
            Some(result) => result,
            None => Err(ChangeError::NotLeader(NotLeader { leader: None })),
        }
    }

    /// A client that proposes one command after the other until the flag is raised. Each is to be applied
    /// before the next, and never must ten seconds pass without one. Returns how many were.
    pub fn start_load(&self, stop: &Flag) -> JoinHandle<u64> {
        let stop = stop.clone();
        self.start_actor(0, move |c, _| {
            let mut applied = 0;
            let mut since = Instant::now();
            while !stop.is_raised() {
                if c.bring_one_in(applied) {
                    applied += 1;
                    since = Instant::now();
                }
                c.expect(&claim::AGREEMENT, since.elapsed() < CHANGE, || {
                    format!("a client has waited {} s for its command to be applied, while the membership changes", CHANGE.as_secs())
                });
            }
            applied
        })
    }

    /// Proposes a command to whoever takes it, and waits a moment for it to be applied.
    fn bring_one_in(&self, number: u64) -> bool {
        let command = Command::from(format!("load {number}"));
        let Some((_, index, _)) = self.propose_to_any(&command) else {
            self.sleep(GLANCE);
            return false;
        };
        let board = &self.shared.run.board;
        let applied = || board.history.lock().command(index).is_some();
        self.shared
            .pulse
            .wait_for(SETTLE / 4, index, || board.is_broken() || applied());
        self.check();
        let is_it = board.history.lock().command(index) == Some(&command);
        // A pause, or the virtual clock would let thousands of commands through between two steps.
        self.shared
            .pulse
            .wait_for(GLANCE, NO_INDEX, || board.is_broken());
        is_it
    }
}

//! Commands given to the cluster, and what becomes of them.

use std::collections::BTreeSet;

use labsim::time::{Duration, Instant};
use raftapi::{LogIndex, NotLeader, Term};

use crate::claim;
use crate::server::{have, set};
use crate::{Cluster, Command, Server};

/// How long `agree` goes on proposing.
const AGREE: Duration = Duration::from_secs(10);
/// How long a command that a leader took has to be applied everywhere.
const SETTLE: Duration = Duration::from_secs(2);
/// How long `agree` waits when nobody says that he leads.
const NO_LEADER_PAUSE: Duration = Duration::from_millis(50);

/// What `wait` came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waited {
    /// The index is applied by as many servers as asked for: with this command.
    Applied(Command),
    /// A server has moved on from the term that was asked for.
    TermChanged,
}

impl Cluster {
    /// Brings a command into the log of all connected servers, proposing it again (to any of them)
    /// when it got lost on the way. Returns its index.
    #[track_caller]
    pub fn agree(&self, command: impl Into<Command>) -> LogIndex {
        self.agree_on(self.connected().len(), command)
    }

    /// The same for each of these commands.
    #[track_caller]
    pub fn agree_all(&self, commands: impl IntoIterator<Item = impl Into<Command>>) {
        commands.into_iter().for_each(|command| {
            self.agree(command);
        });
    }

    /// As [`Cluster::agree`], with at least `servers` of the servers.
    #[track_caller]
    pub fn agree_on(&self, servers: usize, command: impl Into<Command>) -> LogIndex {
        self.bring_in(servers, &command.into(), true)
    }

    /// As [`Cluster::agree`], but the first leader that takes the command must bring it through.
    #[track_caller]
    pub fn agree_at_once(&self, command: impl Into<Command>) -> LogIndex {
        self.bring_in(self.connected().len(), &command.into(), false)
    }

    #[track_caller]
    fn bring_in(&self, servers: usize, command: &Command, again: bool) -> LogIndex {
        let began = Instant::now();
        let mut last = None;
        while began.elapsed() < AGREE {
            self.check();
            let Some((taker, index, term)) = self.propose_to_any(command) else {
                self.sleep(NO_LEADER_PAUSE);
                continue;
            };
            if self.comes_to_be(servers, index, command) {
                self.shared.run.board.update(|facts| facts.agreements += 1);
                return index;
            }
            last = Some((taker, index, term));
            if !again {
                break;
            }
        }
        self.check();
        let Some((taker, index, term)) = last else {
            let expected = format!(
                "expected {command} to be applied by {servers} servers within {} s",
                AGREE.as_secs()
            );
            self.nobody_took(&expected, &self.connected(), command)
        };
        let saw = format!(
            "expected {command} to be applied by {servers} servers; {taker}, leader of term {term}, took it at index {index}, and after {} s {}",
            SETTLE.as_secs(),
            self.applied_at(index)
        );
        self.fail(&claim::AGREEMENT, saw)
    }

    /// None of these servers leads, or who leads takes no commands: two mistakes, so two claims.
    #[track_caller]
    pub(crate) fn nobody_took(&self, expected: &str, asked: &[Server], command: &Command) -> ! {
        let leads = |servers: &[Server]| servers.iter().copied().find(|server| self.leads(*server));
        let saw = format!("{expected}; none of {} took it", set(asked.iter().copied()));
        if let Some(leader) = leads(asked) {
            self.fail(
                &claim::LEADER_ACCEPTS,
                format!("{saw}, and {leader}, whose state() says that it leads, answers start({command}) with NotLeader"),
            );
        }
        let other = leads(&self.servers()).map(|other| format!(", but {other} does"));
        self.fail(
            &claim::ONE_LEADER,
            format!(
                "{saw}, as none says that it leads{}",
                other.unwrap_or_default()
            ),
        )
    }

    /// Waits until `servers` servers have applied `index`, and tells whether it was with this command.
    #[track_caller]
    fn comes_to_be(&self, servers: usize, index: LogIndex, command: &Command) -> bool {
        let board = &self.shared.run.board;
        self.shared.pulse.wait_for(SETTLE, index, || {
            board.is_broken() || board.history.lock().count(index) >= servers
        });
        self.check();
        let history = board.history.lock();
        history.count(index) >= servers && history.command(index) == Some(command)
    }

    /// Gives a command to whoever takes it, in turn from one to the next.
    pub(crate) fn propose_to_any(&self, command: &Command) -> Option<(Server, LogIndex, Term)> {
        let first = self.shared.run.next_asked();
        let mut servers = self.connected();
        let turn = first % servers.len().max(1);
        servers.rotate_left(turn);
        servers.into_iter().find_map(|server| {
            let (index, term) = self.try_propose(server, command).ok()?;
            Some((server, index, term))
        })
    }

    /// Gives a command to one server. Returns index and term if it says that it leads.
    ///
    /// # Errors
    /// It says that it does not, or is down.
    pub fn try_propose(
        &self,
        server: Server,
        command: impl Into<Command>,
    ) -> Result<(LogIndex, Term), NotLeader> {
        let command = command.into();
        // Before the call: on the wall clock a quick cluster applies it before start() has returned.
        let history = &self.shared.run.board.history;
        history.lock().give(command.clone());
        let answer = self
            .call(server, |raft| raft.start(command.bytes()))
            .unwrap_or(Err(NotLeader { leader: None }));
        self.record_start(server, &command.bytes(), answer.as_ref().ok().copied());
        if let Ok((_, term)) = answer {
            let watch = &self.shared.watch;
            watch
                .takes(server, term)
                .unwrap_or_else(|broken| self.shared.breaks(broken));
        }
        answer
    }

    /// Gives commands to a server that leads. Returns the index and term of the last one.
    #[track_caller]
    pub fn propose_at(
        &self,
        leader: Server,
        commands: impl IntoIterator<Item = impl Into<Command>>,
    ) -> (LogIndex, Term) {
        let mut last = None;
        for command in commands {
            let command = command.into();
            match self.try_propose(leader, &command) {
                Ok(taken) => last = Some(taken),
                Err(_) => self.fail(
                    &claim::LEADER_ACCEPTS,
                    format!("{leader} leads (nobody told it otherwise), but start({command}) said NotLeader"),
                ),
            }
        }
        last.expect("the story proposes at least one command")
    }

    /// How many servers have applied `index`, and with which command.
    #[track_caller]
    pub fn committed(&self, index: LogIndex) -> (usize, Option<Command>) {
        self.check();
        let history = self.shared.run.board.history.lock();
        (history.count(index), history.command(index).cloned())
    }

    /// The last index that the service on `server` has taken, in an entry or with a snapshot.
    #[track_caller]
    pub fn applied(&self, server: Server) -> LogIndex {
        self.check();
        LogIndex(self.shared.run.board.history.lock().applied(server))
    }

    /// Checks that nobody has applied `index` yet, for which no command was proposed.
    #[track_caller]
    pub fn not_yet_applied(&self, index: LogIndex) {
        if let (count @ 1.., Some(command)) = self.committed(index) {
            self.fail(
                &claim::APPLIED_TOO_EARLY,
                format!(
                    "{} applied index {index} ({command}), and nothing was proposed for it",
                    have(count)
                ),
            );
        }
    }

    /// Checks that nobody has applied `index`, which no majority can hold.
    #[track_caller]
    pub fn none_applied(&self, index: LogIndex) {
        if let (count @ 1.., Some(command)) = self.committed(index) {
            self.fail(
                &claim::COMMIT_NEEDS_MAJORITY,
                format!("{} applied index {index} ({command}), which no leader can know a majority to hold",
                    have(count)),
            );
        }
    }

    /// Waits until `servers` servers have applied `index`: half a minute, or until a server has
    /// moved on from `term`, if one is given.
    #[track_caller]
    pub fn wait(&self, index: LogIndex, servers: usize, term: Option<Term>) -> Waited {
        let mut pause = Duration::from_millis(10);
        for _ in 0..30 {
            let (count, command) = self.committed(index);
            if let Some(command) = command.filter(|_| count >= servers) {
                return Waited::Applied(command);
            }
            if term.is_some_and(|term| self.servers().iter().any(|s| self.term_of(*s) > term)) {
                return Waited::TermChanged;
            }
            self.pause_for(pause, index, servers);
            pause = (pause * 2).min(Duration::from_millis(1280));
        }
        self.fail(
            &claim::AGREEMENT,
            format!(
                "expected index {index} to be applied by {servers} servers; {}",
                self.applied_at(index)
            ),
        )
    }

    fn pause_for(&self, pause: Duration, index: LogIndex, servers: usize) {
        let board = &self.shared.run.board;
        self.shared.pulse.wait_for(pause, index, || {
            board.is_broken() || board.history.lock().count(index) >= servers
        });
    }

    /// Waits until every connected server has applied these commands, in this order, and no others.
    /// A command may be there more than once, as `agree` may have proposed it again.
    #[track_caller]
    pub fn all_apply(&self, commands: impl IntoIterator<Item = impl Into<Command>>) {
        let expected: Vec<Command> = commands.into_iter().map(Into::into).collect();
        let connected = self.connected();
        let board = &self.shared.run.board;
        let all_there = || {
            let history = board.history.lock();
            let last = history.last().0;
            last >= expected.len() as u64 && connected.iter().all(|s| history.applied(*s) >= last)
        };
        self.shared
            .pulse
            .wait_for(AGREE, LogIndex(expected.len() as u64), || {
                board.is_broken() || all_there()
            });
        self.check();
        let applied = first_of_each(board.history.lock().commands());
        if applied != expected {
            self.fail(
                &claim::APPLIED_LOG,
                format!("expected {expected:?}; saw {applied:?}"),
            );
        }
        if !all_there() {
            self.fail(
                &claim::AGREEMENT,
                format!(
                    "expected all to apply it all; they are at {}",
                    self.progress()
                ),
            );
        }
    }

    /// All commands applied so far, by anyone.
    pub fn log(&self) -> Vec<Command> {
        self.shared
            .run
            .board
            .history
            .lock()
            .commands()
            .cloned()
            .collect()
    }

    /// Checks that `index` is the one that was expected.
    #[track_caller]
    pub fn expect_index(&self, index: LogIndex, expected: u64) {
        if index.0 != expected {
            self.fail(
                &claim::INDEX,
                format!("expected index {expected}, start() returned {index}"),
            );
        }
    }

    /// "1 server had applied it: x".
    fn applied_at(&self, index: LogIndex) -> String {
        let history = self.shared.run.board.history.lock();
        match (history.count(index), history.command(index)) {
            (0, _) | (_, None) => format!(
                "nobody has applied index {index}; the servers are at {}",
                progress(&history, self)
            ),
            (count, Some(command)) => {
                format!("{} applied index {index}, with {command}", have(count))
            }
        }
    }

    fn progress(&self) -> String {
        progress(&self.shared.run.board.history.lock(), self)
    }
}

/// The commands without repetitions.
fn first_of_each<'a>(commands: impl Iterator<Item = &'a Command>) -> Vec<Command> {
    let mut seen = BTreeSet::new();
    commands
        .filter(|command| seen.insert(*command))
        .cloned()
        .collect()
}

fn progress(history: &crate::history::History, cluster: &Cluster) -> String {
    let each: Vec<String> = cluster
        .servers()
        .iter()
        .map(|s| history.applied(*s).to_string())
        .collect();
    each.join(", ")
}

//! Situations that several stories begin with, brought about by holding messages back.

use bytes::Bytes;
use labsim::channel::bounded;
use labsim::rand::{RngExt, rng};
use labsim::thread;
use labsim::time::Duration;
use raftapi::Term;

use crate::post::{Handling, Mail};
use crate::{Cluster, Command, Server, claim, set};

const MOMENT: Duration = Duration::from_millis(1);
/// How long `make()`, `start()` and `state()` may take. They need no more than a lock; this is generous.
const AT_ONCE: Duration = Duration::from_millis(200);

impl Cluster {
    /// Two servers of three run in the same term, and neither has reached the third, which is still
    /// in an older term: (one, other, voter, term). All their requests are held.
    ///
    /// `None` if that does not come about in a dozen tries, as with a Raft that asks for leave
    /// before it runs (PreVote).
    #[track_caller]
    pub fn two_candidates(&self) -> Option<(Server, Server, Server, Term)> {
        for _ in 0..12 {
            let voter = self.leader();
            let [one, other] = self.others([voter]);
            // Not `terms`: where threads stand still the others may not have heard of it yet.
            let before = self.term_of(voter);
            self.handle_all(Mail::Requests, Handling::Hold);
            let run = |s: Server| self.term_of(s) > before;
            self.until(Duration::from_secs(3), MOMENT, || run(one) && run(other));
            let term = self.term_of(one);
            if run(one) && self.term_of(other) == term && self.term_of(voter) < term {
                return Some((one, other, voter, term));
            }
            self.let_all_pass();
        }
        None
    }

    /// A leader learns of its successor, which it has heard nothing of till now, while three threads do `act` to it. For
    /// clusters of three.
    #[track_caller]
    pub fn depose_while(&self, act: impl Fn(&Cluster, Server, usize) + Clone + Send + 'static) {
        let old = self.leader();
        let others: [Server; 2] = self.others([old]);
        for other in others {
            self.cut_calls(old, other);
            self.hold(other, old);
        }
        let next = self.leader_among(&others);
        self.together(4, move |c, actor| match actor {
            0 => _ = c.release_held(Mail::Requests, next, old),
            _ => act(c, old, actor),
        });
        self.let_all_pass();
        self.heal();
    }

    /// Lets `winner` be elected by `voters`, and by nobody else, and lets nothing else of it out: its
    /// requests to them are held. All other links between servers are cut. For clusters of five and more.
    ///
    /// If it leads the voters' term already, that is as good.
    ///
    /// Whoever is elected like this has a log that its voters find up-to-date; the story sees to that.
    #[track_caller]
    pub fn elect(&self, winner: Server, voters: &[Server]) -> Term {
        const TRIES: usize = 20;
        self.step(format!("let {winner} be elected"));
        self.try_to_elect(winner, voters, TRIES).unwrap_or_else(|| {
            let took = format!("was not elected in {TRIES} tries");
            self.fail(
                &claim::ONE_LEADER,
                format!("{winner}, which alone reached a majority, {took}"),
            )
        })
    }

    /// The same if the voters may refuse: `None` if they do each time.
    pub fn try_to_elect(&self, winner: Server, voters: &[Server], tries: usize) -> Option<Term> {
        for voter in voters {
            self.hold(winner, *voter);
        }
        for _ in 0..tries {
            // The voters' own requests reach the winner, so that it keeps up with their terms. None
            // of them reaches another one, so none is elected.
            self.keep_links(|from, to| {
                [from, to].contains(&winner) && (voters.contains(&from) || voters.contains(&to))
            });
            let before = voters
                .iter()
                .map(|v| self.term_of(*v))
                .max()
                .unwrap_or_default();
            let leads = || matches!(self.state(winner), Some((term, true)) if term >= before);
            self.until(Duration::from_secs(5), MOMENT, || {
                leads() || {
                    voters
                        .iter()
                        .for_each(|voter| _ = self.release_held(Mail::Requests, winner, *voter));
                    false
                }
            });
            self.keep_links(|from, to| from == winner && voters.contains(&to));
            self.sleep(MOMENT * 2); // a refusal may be on its way
            if leads() {
                return Some(self.term_of(winner));
            }
        }
        None
    }

    /// Back on the network, `candidate` alone can reach anyone: these voters, who know better. The links are cut
    /// before it is back, or the leader might bring it up to date first (PCT, seed 0x10d8).
    #[track_caller]
    pub fn never_elected(&self, candidate: Server, voters: &[Server]) {
        let before = self.term_of(candidate);
        self.keep_links(|from, to| from == candidate && voters.contains(&to));
        self.rejoin(candidate);
        let (limit, poll) = (Duration::from_secs(4), Duration::from_millis(5));
        let elected = self.until(
            limit,
            poll,
            || matches!(self.state(candidate), Some((term, true)) if term > before),
        );
        self.expect(&claim::ELECTION_RESTRICTION, !elected, || {
            let voters = set(voters.iter().copied());
            format!(
                "{voters} elected {candidate}, whose log lacks an entry that theirs hold committed"
            )
        });
    }

    /// Checks that `state()` answers at once.
    #[track_caller]
    pub fn answers_at_once(&self, server: Server) {
        self.in_time(server, "state()", move |c| _ = c.state(server));
    }

    /// Gives a command to a server and checks that `start()` answers at once.
    #[track_caller]
    pub fn takes_at_once(&self, server: Server, command: impl Into<Command>) {
        let command = command.into();
        self.in_time(server, "start()", move |c| {
            _ = c.try_propose(server, command)
        });
    }

    /// Checks that what took so long was done at once.
    pub(crate) fn took(&self, time: Duration, what: &str) {
        self.expect(&claim::ANSWERS_AT_ONCE, time <= AT_ONCE, || {
            format!(
                "{what} took {} ms; at most {} ms are enough for what must not wait for anything",
                time.as_millis(),
                AT_ONCE.as_millis()
            )
        });
    }

    #[track_caller]
    fn in_time(&self, server: Server, what: &str, call: impl FnOnce(&Cluster) + Send + 'static) {
        let (done, answered) = bounded(1);
        let cluster = self.clone();
        let caller = thread::Builder::new()
            .name(format!("caller of {what}"))
            .spawn(move || {
                call(&cluster);
                let _ = done.send(());
            });
        drop(caller.expect("a thread"));
        if answered.recv_timeout(AT_ONCE).is_err() {
            self.fail(
                &claim::ANSWERS_AT_ONCE,
                format!(
                    "{what} of {server} has not returned after {} ms",
                    AT_ONCE.as_millis()
                ),
            );
        }
    }
}

/// A random number as a command.
pub fn random_command() -> Command {
    rng().random_range(0..1_000_000_000u64).into()
}

/// A command of every byte there is, which is no text.
pub fn every_byte() -> Command {
    Command::from((0..=255).collect::<Bytes>())
}

/// Random letters, as many as asked for.
pub fn random_text(length: usize) -> Command {
    let mut letters = vec![0u8; length];
    rng().fill(&mut letters[..]); // one draw, or long texts would be many calls without a wait
    letters.iter_mut().for_each(|l| *l = b'a' + *l % 26);
    Command::from(Bytes::from(letters))
}

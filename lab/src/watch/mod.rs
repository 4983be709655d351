//! `cargo lab watch`: builds and runs the part in work each time that a file is saved.
//!
//! | file | what it holds |
//! |---|---|
//! | `round` | one round: build the part, run its tests |
//! | `inbox`, `files`, `keys` | what happens meanwhile: saves, keys, signals |
//! | `hints` | a teaching assistant's questions |
//! | `state` | what is remembered from one start to the next |

mod files;
mod hints;
mod inbox;
mod keys;
mod round;
mod state;

use std::cell::{Cell, RefCell};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use crate::cli::{Shown, Watch};
use crate::stories::{self, Suite};
use crate::trace::keep;
use crate::{near, paint, replay, workspace};
use inbox::{Event, Inbox};
use round::{Failure, Plan, Ran, Round};
use state::State;

/// Watches until it is told to quit; `true` if the part passed last.
///
/// # Errors
/// There is no terminal, or no such part.
pub fn run(options: &Watch) -> Result<bool, String> {
    let root = workspace::root()?;
    let suites = stories::suites(&root)?;
    let state = State::load(&root);
    let wanted = options.part.as_deref();
    let part = match wanted.or(state.part.as_deref()) {
        Some(part) => {
            let found = suites
                .iter()
                .position(|s| s.part.eq_ignore_ascii_case(part));
            let names: Vec<&str> = suites.iter().map(|s| s.part.as_str()).collect();
            // A part that was remembered may be of an older handout.
            match (found, wanted) {
                (Some(found), _) => found,
                (None, None) => 0,
                (None, Some(part)) => return Err(near::unknown("part", part, &names)),
            }
        }
        None => 0,
    };
    if !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
        return Err(format!(
            "`cargo lab watch` reads keys, and stdin or stdout is no terminal; \
             `cargo lab test {}` runs the tests once",
            suites[part].part
        ));
    }
    let inbox = Inbox::open(root.clone()).map_err(|e| format!("the terminal: {e}"))?;
    let session = Session {
        root,
        suites,
        part,
        state,
        inbox: RefCell::new(inbox),
        failure: None,
        hints_shown: 0,
        passed: false,
        all: false,
        sure: false,
    };
    session.run()
}

struct Session {
    root: PathBuf,
    suites: Vec<Suite>,
    part: usize,
    state: State,
    inbox: RefCell<Inbox>,
    /// What failed in the last round, if anything did.
    failure: Option<Failure>,
    hints_shown: usize,
    /// All tests of the part passed in the last round.
    passed: bool,
    /// The next round runs all tests.
    all: bool,
    /// Somebody has asked for the next part though this one fails.
    sure: bool,
}

const KEYS: &str = "Enter again   a all tests   r replay   h hint   n next part   q quit";

impl Session {
    fn run(mut self) -> Result<bool, String> {
        loop {
            let mut event = self.round()?;
            // Until something asks for another round.
            loop {
                let next = match event {
                    Some(event) => event,
                    None => self.inbox.borrow_mut().wait(),
                };
                event = None;
                match next {
                    Event::End | Event::Key('q') => {
                        println!();
                        return Ok(self.passed);
                    }
                    Event::Saved | Event::Key('\n' | '\r' | ' ') => break,
                    Event::Key('a') => {
                        self.all = true;
                        break;
                    }
                    Event::Key('n') if self.goes_on() => break,
                    Event::Key('r') => self.replay(),
                    Event::Key('h') => self.hint(),
                    Event::Key(_) => println!("{KEYS}"),
                }
            }
        }
    }

    /// Builds and runs the part. Gives the event that broke it off, if one did.
    fn round(&mut self) -> Result<Option<Event>, String> {
        self.state.part = Some(self.suites[self.part].part.clone());
        self.state.save(&self.root)?;
        let suite = &self.suites[self.part];
        print!("\x1b[2J\x1b[H");
        say(
            1,
            &format!("{}: building, then running its tests", suite.part),
        );
        let plan = Plan {
            root: &self.root,
            suite,
            first: self.state.failed.as_deref(),
            all: std::mem::take(&mut self.all),
        };
        let meanwhile = Cell::new(None);
        let stop = || {
            let event = self.inbox.borrow_mut().next(std::time::Duration::ZERO);
            // Nothing has failed yet that could be replayed or asked about.
            let matters = event.filter(|e| !matches!(e, Event::Key('r' | 'h')));
            meanwhile.set(meanwhile.get().or(matters));
            meanwhile.get().is_some()
        };
        let tells = |line: &str| say(if line.starts_with("FAIL") { 31 } else { 32 }, line);
        let round = plan.play(tells, stop)?;
        self.failure = None;
        (self.hints_shown, self.passed, self.sure) = (0, false, false);
        match round {
            Round::Stopped => return Ok(meanwhile.take()),
            Round::NotBuilt => println!("\nIt does not build; the compiler's message is above."),
            Round::Ran(ran) => self.tell(ran)?,
        }
        println!("\n{KEYS}");
        Ok(None)
    }

    fn tell(&mut self, ran: Ran) -> Result<(), String> {
        let part = &self.suites[self.part].part;
        let Ran {
            tests,
            passed,
            failed,
        } = ran;
        self.passed = failed.is_empty();
        self.failure = failed.into_iter().next();
        self.state.failed = self.failure.as_ref().map(|f| f.test.story.name.clone());
        self.state.save(&self.root)?;
        match &self.failure {
            Some(failure) => {
                println!("\n{}", failure.report.trim_end());
                let remarks = crate::grade::remarks(&self.root, true);
                (remarks.iter()).for_each(|remark| say(33, &format!("warning: {remark}")));
            }
            None => {
                let next = self.suites.get(self.part + 1);
                let next =
                    next.map_or(String::new(), |s| format!(" Then n goes on to {}.", s.part));
                println!(
                    "\nAll {tests} tests of {part} pass. Now many seeds: cargo lab test {part} --runs 100.{next}"
                );
            }
        }
        if self.failure.is_some() {
            println!("\n{passed} of {tests} tests of {part} have passed in this round.");
        }
        Ok(())
    }

    /// Goes on to the next part, at once or when asked twice. Tells whether it did.
    fn goes_on(&mut self) -> bool {
        let Some(next) = self.suites.get(self.part + 1) else {
            println!("{} is the last part.", self.suites[self.part].part);
            return false;
        };
        if !self.passed && !self.sure {
            self.sure = true;
            let part = &self.suites[self.part].part;
            let why = match part.as_str() {
                "2E" => "which is optional".into(),
                _ => format!("and {} builds on it", next.part),
            };
            println!("{part} does not pass yet, {why}. n once more goes on all the same.");
            return false;
        }
        self.part += 1;
        self.state.failed = None;
        true
    }

    fn replay(&self) {
        let Some(failure) = &self.failure else {
            return println!("Nothing has failed that could be replayed.");
        };
        const ROWS: usize = 60;
        let played = replay::play(
            &failure.test,
            failure.seed,
            round::environment(),
            &self.root,
        );
        let shown = Shown {
            last: Some(ROWS),
            ..Shown::default()
        };
        println!();
        let folder = keep::folder(&self.root);
        let done = played.and_then(|played| {
            replay::show(&mut std::io::stdout().lock(), &played.trace, &shown)?;
            keep::page(&folder, &played.trace)
        });
        match done {
            Ok(page) => println!("\nAs a page: {}", keep::shown(&page, &self.root)),
            Err(problem) => println!("error: {problem}"),
        }
        println!(
            "\nThese are the last {ROWS} rows. All of them: cargo lab replay {} --seed {:#x}\n\n{KEYS}",
            self.unique(failure),
            failure.seed
        );
    }

    /// The test's name, with its part if another part has a test of that name too.
    fn unique(&self, failure: &Failure) -> String {
        let story = &failure.test.story;
        let others = self.suites.iter().flat_map(|suite| &suite.tests);
        match others.filter(|name| **name == story.name).count() {
            0 | 1 => story.name.clone(),
            _ => format!("{}:{}", story.part, story.name),
        }
    }

    /// One more hint each time.
    fn hint(&mut self) {
        let Some(failure) = &self.failure else {
            return println!("Nothing has failed that there could be a hint for.");
        };
        let name = &failure.test.story.name;
        match hints::hints(&self.root, name) {
            Err(problem) => println!("{problem}"),
            Ok(hints) => match hints.get(self.hints_shown) {
                Some(hint) => {
                    self.hints_shown += 1;
                    println!("\nHint {} of {}: {hint}", self.hints_shown, hints.len());
                }
                None => println!(
                    "There are no more hints for {name}. Does the replay (r) show what the report says?"
                ),
            },
        }
    }
}

/// A line in colour, if colours are wanted.
fn say(colour: u8, line: &str) {
    let colour = if paint::Color::Auto.wanted() {
        colour
    } else {
        0
    };
    println!("{}", paint::Painted(colour, line));
    let _ = std::io::stdout().flush(); // a terminal that is gone is noticed by the keys
}

//! The search for an order: Wing & Gong's, with Lowe's memory of where it has been.

use std::time::Instant;

use crate::bits::Bits;
use crate::form::{Foresight, SearchForm, View};
use crate::model::Model;
use crate::problem::{NEVER, Problem};
use crate::seen::{Seen, Words, scatter};
use crate::timeline::{Cursor, Timeline};

/// How a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// All operations with replies are placed.
    Found,
    /// There is no (further) order.
    Exhausted,
    /// The budget of steps is used up.
    OutOfSteps,
    /// The wall clock passed the deadline.
    OutOfTime,
}

/// When to give up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    /// Operations tried.
    pub(crate) steps: u64,
    /// Looked at once in [`STEPS_PER_LOOK`] steps.
    pub(crate) deadline: Option<Instant>,
}

const STEPS_PER_LOOK: u64 = 1024;

/// One branch taken: all that is needed to go back to before it.
#[derive(Debug, Clone, Copy)]
struct Frame<S> {
    op: usize,
    trail: usize,
    state: S,
    set: u128,
    frontier: u32,
}

/// A depth-first search over the orders that respect real time.
///
/// At each situation (a set of operations placed, and the state they left) the candidates are
/// tried one after the other (Wing & Gong 1993); a situation met again is left at once (Lowe
/// 2017). Of the situations that a straight search meets, most are never made here:
///
/// - A read that can come next and whose answer is right is placed at once, without a branch.
///   Let an order of all that is left exist, and move the read to its front. Nothing has to come
///   before it, or it could not come next; its answer is right there; and since it changes
///   nothing, wherever it stood or now stands, all others find the states that they found before.
///   So if there is an order at all, one starts with this read, and no other start need be tried.
/// - An operation without a reply that changes nothing now, or nothing that anyone will see, is
///   not placed: leaving it out does as well.
/// - The model looks ahead: see [`SearchForm::look_ahead`].
pub(crate) struct Search<'p, 'h, M: Model + 'h> {
    problem: &'p Problem<'h, M>,
    form: M::Search<'h>,
    timeline: Timeline,
    words: Vec<u128>,
    taken: Bits,
    /// The operations placed, in order.
    trail: Vec<usize>,
    frames: Vec<Frame<<M::Search<'h> as SearchForm<'h, M>>::State>>,
    state: <M::Search<'h> as SearchForm<'h, M>>::State,
    /// The XOR of the words of the operations placed.
    set: u128,
    /// The first reply of those still to be placed; [`NEVER`] once none is left.
    frontier: u32,
    seen: Seen,
    cursor: Option<Cursor>,
    probe: Option<usize>,
    budget: Budget,
    steps: u64,
    furthest: u32,
}

impl<'p, 'h, M: Model> Search<'p, 'h, M> {
    /// A search that has not begun. If there is a `probe`, its answer is unknown, and situations
    /// that differ only in what it would have answered count as different.
    pub(crate) fn new(
        model: &'h M,
        problem: &'p Problem<'h, M>,
        probe: Option<usize>,
        seed: u64,
        budget: Budget,
    ) -> Self {
        let len = problem.entries().len();
        let form = M::Search::new(model, problem, seed);
        let mut words = Words::new(!seed); // not the form's
        Search {
            problem,
            timeline: Timeline::new(problem),
            words: (0..len).map(|_| words.next_wide()).collect(),
            taken: Bits::new(len),
            trail: Vec::with_capacity(len),
            frames: Vec::new(),
            state: form.initial(),
            form,
            set: 0,
            frontier: 0,
            seen: Seen::new(),
            cursor: None,
            probe,
            budget,
            steps: 0,
            furthest: 0,
        }
    }

    /// Searches on, after [`End::Found`] for a further order.
    pub(crate) fn run(&mut self) -> End {
        let mut cursor = match self.cursor {
            Some(cursor) => cursor,
            None => {
                self.settle_at_start();
                if self.frontier == NEVER {
                    self.cursor = Some(Cursor::Open(None));
                    return End::Found;
                }
                self.timeline.start()
            }
        };
        let end = loop {
            let Some(op) = self.next_candidate(&mut cursor) else {
                self.furthest = self.furthest.max(self.frontier);
                match self.step_back() {
                    Some(next) => cursor = next,
                    None => break End::Exhausted,
                }
                continue;
            };
            if let Some(end) = self.spend() {
                break end;
            }
            if !self.try_take(op) {
                cursor = self.timeline.after(op);
                continue;
            }
            cursor = self.timeline.start();
            if self.frontier == NEVER {
                break End::Found;
            }
        };
        self.cursor = Some(cursor);
        end
    }

    /// After [`End::Found`]: goes back to before the probe was placed, since what came after it
    /// has no bearing on its answer.
    pub(crate) fn leave_probe(&mut self) {
        let probe = self.probe.expect("only a search with a probe is continued");
        while self.taken.contains(probe) {
            match self.step_back() {
                Some(cursor) => self.cursor = Some(cursor),
                None => unreachable!("a probe is placed by a branch"),
            }
        }
    }

    /// The operations placed, in order.
    pub(crate) fn order(&self) -> &[usize] {
        &self.trail
    }

    /// Operations tried.
    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }

    /// After [`End::Exhausted`]: the position of the first reply that cannot be accounted for.
    /// All before it can; see [`crate::Failure`].
    pub(crate) fn furthest(&self) -> u32 {
        self.furthest
    }

    fn settle_at_start(&mut self) {
        self.place_reads();
        // Nothing is decided yet, so a hopeless start is left to the search: it fails just so.
        if let Foresight::Live(state) | Foresight::Dead(state) = self.look_ahead() {
            self.state = state;
        }
    }

    fn look_ahead(&self) -> Foresight<<M::Search<'h> as SearchForm<'h, M>>::State> {
        let view = View {
            taken: &self.taken,
            next_read: self.timeline.next_read(),
            frontier: self.frontier,
        };
        self.form.look_ahead(self.state, view)
    }

    /// Moves `cursor` to the next operation that can come next.
    #[inline]
    fn next_candidate(&self, cursor: &mut Cursor) -> Option<usize> {
        loop {
            match self.timeline.candidate(*cursor) {
                Some(op) if self.problem.entries()[op].call > self.frontier => return None,
                Some(op) => return Some(op),
                None if matches!(cursor, Cursor::Event(_)) => *cursor = self.timeline.open_start(),
                None => return None,
            }
        }
    }

    fn spend(&mut self) -> Option<End> {
        if self.steps == self.budget.steps {
            return Some(End::OutOfSteps);
        }
        self.steps += 1;
        if self.steps.is_multiple_of(STEPS_PER_LOOK)
            && self
                .budget
                .deadline
                .is_some_and(|deadline| Instant::now() >= deadline)
        {
            return Some(End::OutOfTime);
        }
        None
    }

    /// Places `op` and the reads that then can be, unless that leads nowhere or nowhere new.
    fn try_take(&mut self, op: usize) -> bool {
        let Some(next) = self.form.step(self.state, op) else {
            return false;
        };
        let open = self.problem.entries()[op].reply == NEVER;
        // It may as well be left out.
        if open && next == self.state {
            return false;
        }
        self.frames.push(Frame {
            op,
            trail: self.trail.len(),
            state: self.state,
            set: self.set,
            frontier: self.frontier,
        });
        if self.probe == Some(op) {
            self.set ^= scatter(self.form.fingerprint(self.state), u64::MAX);
        }
        self.take(op);
        self.state = next;
        self.place_reads();
        let keep = match self.look_ahead() {
            Foresight::Live(state) => {
                self.state = state;
                true
            }
            Foresight::Dead(state) => {
                self.state = state;
                // Until a write that replaces it nobody sees the state: unless a read was just
                // waiting for it, the write may as well replace the state before.
                !open || self.trail.len() > self.frames.last().map_or(0, |frame| frame.trail) + 1
            }
            Foresight::Hopeless => {
                self.blame_next_read();
                false
            }
        };
        if keep
            && self
                .seen
                .insert(self.set ^ self.form.fingerprint(self.state))
        {
            return true;
        }
        self.step_back();
        false
    }

    fn blame_next_read(&mut self) {
        let read = self
            .timeline
            .next_read()
            .expect("only a read that is left can be hopeless");
        self.furthest = self.furthest.max(self.problem.entries()[read].reply);
    }

    /// Places all reads that can come next and whose answers are right, and finds the frontier.
    fn place_reads(&mut self) {
        let mut cursor = self.timeline.start();
        while let Some(op) = self.timeline.candidate(cursor) {
            let read = self.problem.entries()[op].read;
            if read && self.form.step(self.state, op).is_some() {
                self.take(op);
            }
            cursor = self.timeline.after(op);
        }
        let blocking = self.timeline.blocking(cursor);
        self.frontier = blocking.map_or(NEVER, |op| self.problem.entries()[op].reply);
    }

    #[inline]
    fn take(&mut self, op: usize) {
        self.timeline.take(op);
        self.taken.insert(op);
        self.set ^= self.words[op];
        self.trail.push(op);
    }

    /// Undoes the last branch; returns where to go on, or `None` if there was none.
    fn step_back(&mut self) -> Option<Cursor> {
        let frame = self.frames.pop()?;
        while self.trail.len() > frame.trail {
            let op = self
                .trail
                .pop()
                .expect("the trail is longer than the frame's");
            self.timeline.put_back(op);
            self.taken.remove(op);
        }
        self.state = frame.state;
        self.set = frame.set;
        self.frontier = frame.frontier;
        Some(self.timeline.after(frame.op))
    }
}

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

type StateOf<'h, M> = <<M as Model>::Search<'h> as SearchForm<'h, M>>::State;

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
/// - A write that nobody can ever see is placed at once in a state that nobody will see. Taken
///   from where it stood in an order, nobody misses it; put here, nobody sees it.
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
    frames: Vec<Frame<StateOf<'h, M>>>,
    state: StateOf<'h, M>,
    /// The XOR of the words of the operations placed.
    set: u128,
    /// The first reply of those still to be placed; [`NEVER`] once none is left.
    frontier: u32,
    seen: Seen,
    cursor: Option<Cursor>,
    probe: Option<usize>,
    budget: Budget,
    steps: u64,
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
        }
    }

    /// Searches on, after [`End::Found`] for a further order.
    pub(crate) fn run(&mut self) -> End {
        let mut cursor = match self.cursor {
            Some(cursor) => cursor,
            None => {
                if !self.settle(self.state, false) {
                    return End::Exhausted;
                }
                self.timeline.start()
            }
        };
        if self.frontier == NEVER {
            self.cursor = Some(Cursor::Open(None));
            return End::Found;
        }
        let end = loop {
            let Some(op) = self.next_candidate(&mut cursor) else {
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

    /// Places `op` and what then follows of itself, unless that leads nowhere or nowhere new.
    fn try_take(&mut self, op: usize) -> bool {
        let Some(next) = self.form.step(self.state, op) else {
            return false;
        };
        let open = self.problem.entries()[op].reply == NEVER;
        // It may as well be left out.
        if open && next == self.state {
            return false;
        }
        let before = self.state;
        self.frames.push(Frame {
            op,
            trail: self.trail.len(),
            state: before,
            set: self.set,
            frontier: self.frontier,
        });
        if self.probe == Some(op) {
            self.set ^= scatter(self.form.fingerprint(before), u64::MAX);
        }
        self.take(op);
        self.state = next;
        if self.settle(before, open) && self.is_new() {
            return true;
        }
        self.step_back();
        false
    }

    fn is_new(&mut self) -> bool {
        let number = self.set ^ self.form.fingerprint(self.state);
        self.seen.insert(number)
    }

    /// After a step from the state `before`, by an operation without a reply if `open`: places
    /// what needs no decision, and says whether it is worth while to go on from there.
    fn settle(&mut self, before: StateOf<'h, M>, open: bool) -> bool {
        let placed = self.trail.len();
        self.place_at_once(|search, op| {
            search.problem.entries()[op].read && search.form.step(search.state, op).is_some()
        });
        let view = View {
            before,
            taken: &self.taken,
            next_read: self.timeline.next_read(),
            frontier: self.frontier,
        };
        match self.form.look_ahead(self.state, view) {
            Foresight::Hopeless => false,
            Foresight::Live(state) => {
                self.state = state;
                true
            }
            // Until a write that replaces it nobody sees the state. Unless a read was just waiting
            // for it, an operation that need not be placed may as well not be.
            Foresight::Dead(_) if open && self.trail.len() == placed => false,
            Foresight::Dead(state) => {
                self.state = state;
                self.place_at_once(|search, op| search.form.is_unseen(search.state, op));
                true
            }
        }
    }

    /// Places all operations with replies that can come next and are `free`, and finds the
    /// frontier.
    fn place_at_once(&mut self, free: impl Fn(&mut Self, usize) -> bool) {
        let mut cursor = self.timeline.start();
        while let Some(op) = self.timeline.candidate(cursor) {
            if free(self, op) {
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

//! What may happen on the way, in both directions.

use labsim::rand;
use labsim::time::{Duration, Instant};

use crate::call::Ticket;
use crate::events;
use crate::link::{Path, chance};
use crate::observer::{Cause, Direction, Fate, Hooks, Verdict};
use crate::postman::Deed;

const NOW: Fate = Fate::Arrives {
    after: Duration::ZERO,
};

impl Ticket {
    /// Sends a message on a link where chance or an interceptor decides.
    pub fn travel(self, direction: Direction, bytes: Vec<u8>, hooks: Option<&Hooks>) {
        let verdict = hooks.map_or(Verdict::Pass, |h| h.verdict(&self.seen(direction, &bytes)));
        let (fate, second) = self.fates(direction, bytes.len(), verdict);
        let second = second.map(|fate| (self.fork(direction), bytes.clone(), fate));
        self.launch(direction, bytes, fate, hooks);
        if let Some((twin, copy, fate)) = second {
            twin.launch(direction, copy, fate, hooks);
        }
    }

    /// What becomes of the message, and of its second copy if there is one.
    fn fates(&self, direction: Direction, len: usize, verdict: Verdict) -> (Fate, Option<Fate>) {
        match verdict {
            Verdict::Pass => self.fates_by_chance(direction, len),
            Verdict::Drop => {
                let after = self.route.notice();
                (
                    Fate::Lost {
                        cause: Cause::Intercepted,
                        after,
                    },
                    None,
                )
            }
            Verdict::Delay(after) => (Fate::Arrives { after }, None),
            Verdict::Duplicate(after) => (NOW, Some(Fate::Arrives { after })),
            Verdict::Hold => (Fate::Held, None),
            Verdict::HoldCopy => (NOW, Some(Fate::Held)),
        }
    }

    fn fates_by_chance(&self, direction: Direction, len: usize) -> (Fate, Option<Fate>) {
        let Some(link) = &self.route.link else {
            return (NOW, None);
        };
        let path = link.path(direction);
        let first = self.fate_by_chance(path, direction, len);
        let twice = chance(path.duplicate, &mut rand::rng());
        (
            first,
            twice.then(|| self.fate_by_chance(path, direction, len)),
        )
    }

    fn fate_by_chance(&self, path: &Path, direction: Direction, len: usize) -> Fate {
        let trip = path.draw(&mut rand::rng());
        let mut after = trip.after;
        if let Some(rate) = path.bytes_per_second {
            let now = Instant::now();
            let Ticket { route, .. } = self;
            after += route
                .core
                .with(|state| state.transmission(&route.end, direction, (len, rate), now));
        }
        if trip.lost {
            Fate::Lost {
                cause: Cause::Chance,
                after: after + self.route.notice(),
            }
        } else {
            Fate::Arrives { after }
        }
    }

    /// A ticket for a second copy. It owes a reply as the first does, if the call is still in flight.
    fn fork(&self, direction: Direction) -> Ticket {
        let copy = match direction {
            Direction::Request => self.copy + 1,
            Direction::Reply => self.copy + 2,
        };
        let mut twin = self.twin(copy);
        self.route.core.with(|state| {
            if let Some(pending) = state.calls.of(self) {
                pending.tickets += 1;
            }
            twin.spent = false;
        });
        twin
    }

    /// Lets a message go where it is to go.
    pub fn launch(self, direction: Direction, bytes: Vec<u8>, fate: Fate, hooks: Option<&Hooks>) {
        events::sent(&self, direction, &bytes, fate, hooks);
        let route = self.route.clone();
        match fate {
            Fate::Arrives { after } if after.is_zero() => match direction {
                Direction::Request => self.arrive(bytes),
                Direction::Reply => self.deliver(bytes),
            },
            Fate::Arrives { after } => {
                route.core.post(after, Deed::Arrive(direction, self, bytes));
            }
            Fate::Lost { after, .. } if after.is_zero() => self.fail(),
            Fate::Lost { after, .. } => route.core.post(after, Deed::Fail(self)),
            Fate::Held => {
                let id = self.id(direction);
                let before = route.core.with(|state| state.hold(id, self, bytes));
                drop(before);
            }
        }
    }
}

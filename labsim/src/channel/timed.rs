//! Channels that deliver by the clock.

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::TryRecvError;
use super::receiver::Receiver;
use super::select::{Arm, Claim, Token, new_token, wait};
use crate::sim::objects::ObjId;
use crate::sim::threads::Why;
use crate::sim::{self, Sim};
use crate::time::Instant;
use crate::trace::What;

/// A channel that delivers one message, the time, after `duration`.
pub fn after(duration: Duration) -> Receiver<Instant> {
    match sim::current() {
        Some(sim) => match Instant::from_nanos(sim.now()).checked_add(duration) {
            Some(when) => simulated(sim, when, None),
            None => never(),
        },
        None => Receiver::real_timed(crossbeam_channel::after(duration)),
    }
}

/// A channel that delivers one message, the time, at `when`.
pub fn at(when: Instant) -> Receiver<Instant> {
    match sim::current() {
        Some(sim) => simulated(sim, when, None),
        None => Receiver::real_timed(crossbeam_channel::at(when.to_std())),
    }
}

/// A channel that delivers the time every `period`. A message that nobody has taken when the next is due stays the only one.
pub fn tick(period: Duration) -> Receiver<Instant> {
    match sim::current() {
        Some(sim) => match Instant::from_nanos(sim.now()).checked_add(period) {
            Some(when) => simulated(sim, when, Some(period)),
            None => never(),
        },
        None => Receiver::real_timed(crossbeam_channel::tick(period)),
    }
}

/// A channel that never delivers: a `select!` arm that is switched off.
pub fn never<T>() -> Receiver<T> {
    Receiver::never()
}

fn simulated(sim: &Sim, when: Instant, period: Option<Duration>) -> Receiver<Instant> {
    Receiver::timed(Arc::new(Clockwork {
        sim: sim.id,
        period,
        state: Mutex::new(State {
            next: Some(when),
            claimed: Vec::new(),
        }),
    }))
}

/// What a receiver needs of a channel that goes by the clock, whatever it delivers.
pub(super) trait Timed<T>: Arm + Send + Sync {
    fn recv(
        &self,
        deadline: Option<u64>,
        patience: bool,
        at: &'static Location<'static>,
    ) -> Result<T, TryRecvError>;

    fn take_claimed(&self, token: Token) -> Option<T>;

    fn is_due(&self) -> bool;
}

struct Clockwork {
    sim: u32,
    period: Option<Duration>,
    state: Mutex<State>,
}

struct State {
    /// When the next message is due; `None` after the only one.
    next: Option<Instant>,
    claimed: Vec<(Token, Instant)>,
}

impl Clockwork {
    /// The message that is due, if one is.
    fn take_due(&self, now: u64) -> Option<Instant> {
        let mut s = self.state.lock();
        let due = s.next.filter(|n| n.as_nanos() <= now)?;
        s.next = self
            .period
            .and_then(|p| Instant::from_nanos(now).max(due).checked_add(p));
        Some(due)
    }
}

impl Arm for Clockwork {
    fn claim(&self, sim: &Sim, token: Token) -> Claim {
        match self.take_due(sim.now()) {
            Some(due) => {
                self.state.lock().claimed.push((token, due));
                Claim::Done
            }
            None => Claim::NotReady,
        }
    }

    fn watch(&self, _sim: &Sim, _token: Token, _arm: usize) -> Option<ObjId> {
        None
    }

    fn unclaim(&self, _sim: &Sim, token: Token) {
        self.state.lock().claimed.retain(|(t, _)| *t != token);
    }

    fn ready_at(&self) -> Option<u64> {
        self.state.lock().next.map(Instant::as_nanos)
    }

    fn sim(&self) -> u32 {
        self.sim
    }
}

impl Timed<Instant> for Clockwork {
    fn recv(
        &self,
        deadline: Option<u64>,
        patience: bool,
        at: &'static Location<'static>,
    ) -> Result<Instant, TryRecvError> {
        let Some(sim) = super::simulation_of(self.sim) else {
            return Err(TryRecvError::Empty);
        };
        sim.point(What::Receive, ObjId::NONE, at);
        let token = new_token(sim);
        let why = patience.then_some(Why::Receive);
        wait(sim, &[self as &dyn Arm], token, deadline, why, at).ok_or(TryRecvError::Empty)?;
        self.take_claimed(token).ok_or(TryRecvError::Empty)
    }

    fn take_claimed(&self, token: Token) -> Option<Instant> {
        let mut s = self.state.lock();
        let i = s.claimed.iter().position(|(t, _)| *t == token)?;
        Some(s.claimed.swap_remove(i).1)
    }

    fn is_due(&self) -> bool {
        let now = sim::current().map_or(0, Sim::now);
        self.state.lock().next.is_some_and(|n| n.as_nanos() <= now)
    }
}

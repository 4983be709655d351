//! The thread that lets time go by for a core, and takes in the replies to its calls.

use bytes::Bytes;
use labsim::channel::Receiver;
use labsim::sync::Arc;
use labsim::time::Instant;

use crate::Shared;
use crate::core::Kind;

/// What comes in.
pub(crate) enum Note {
    /// The call to this peer is over, with a reply or without.
    Over(usize, Kind, Option<Bytes>),
    /// The peer was told to end.
    Stop,
}

pub(crate) struct Pump {
    pub shared: Arc<Shared>,
    pub notes: Receiver<Note>,
}

impl Pump {
    pub fn run(self) {
        let mut next_tick = Instant::now();
        loop {
            let note = self.notes.recv_deadline(next_tick).ok();
            let turn = {
                let mut core = self.shared.core.lock();
                if core.is_stopped() {
                    return;
                }
                match note {
                    Some(Note::Over(from, kind, reply)) => core.take_reply(from, kind, reply),
                    Some(Note::Stop) => return,
                    None => {
                        let (turn, wait) = core.tick();
                        next_tick = Instant::now() + wait;
                        turn
                    }
                }
            };
            self.shared.send(turn);
        }
    }
}

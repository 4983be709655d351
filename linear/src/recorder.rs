//! Collects a history while the clients run.

use crate::history::{History, HistoryError, OpId, Operation, Reply, TimeUnit};

/// Collects a [`History`]: say when a call is about to be made and when its reply is there.
///
/// Record the call *before* it is made and the reply *after* it came, so that the recorded
/// interval holds the real one; the other way round a right system looks wrong. Share it between
/// threads behind a lock of your own.
///
/// ```
/// use linear::{Recorder, TimeUnit};
/// use linear::models::{RegisterInput, RegisterOutput};
///
/// let mut recorder = Recorder::new(TimeUnit::Ticks);
/// let write = recorder.call(0, 1, RegisterInput::Write(7));
/// let read = recorder.call(1, 2, RegisterInput::Read);
/// recorder.reply(read, 3, RegisterOutput::Value(7));
/// let history = recorder.finish().unwrap(); // client 0 never saw a reply
/// assert!(history.operation(write).reply.is_none());
/// ```
#[derive(Debug, Clone)]
pub struct Recorder<I, O> {
    unit: TimeUnit,
    operations: Vec<Operation<I, O>>,
}

impl<I, O> Recorder<I, O> {
    /// A recorder of times in this unit.
    #[must_use]
    pub fn new(unit: TimeUnit) -> Self {
        Recorder {
            unit,
            operations: Vec::new(),
        }
    }

    /// `client` is about to call at time `at`.
    pub fn call(&mut self, client: u32, at: u64, input: I) -> OpId {
        let id = OpId(u32::try_from(self.operations.len()).expect("fewer than 2^32 operations"));
        self.operations.push(Operation {
            client,
            input,
            call: at,
            reply: None,
        });
        id
    }

    /// The reply to `op` is there, at time `at`.
    ///
    /// # Panics
    /// If `op` is another recorder's, or has its reply already.
    pub fn reply(&mut self, op: OpId, at: u64, output: O) {
        let len = self.operations.len();
        let Some(operation) = self.operations.get_mut(op.index()) else {
            panic!(
                "reply to operation {} of another recorder: this one has {len}",
                op.0
            )
        };
        if let Some(first) = &operation.reply {
            panic!(
                "operation {} had its reply at {} and gets another at {at}",
                op.0, first.at
            );
        }
        operation.reply = Some(Reply { at, output });
    }

    /// How many calls were recorded.
    #[must_use]
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether nothing was recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// The history as far as it got; calls without a reply stay without.
    ///
    /// # Errors
    /// [`HistoryError`], if no run can have produced these times.
    pub fn finish(self) -> Result<History<I, O>, HistoryError> {
        History::new(self.unit, self.operations)
    }
}

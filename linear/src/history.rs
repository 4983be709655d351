//! What the clients saw: who called what, when, and what came back.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Names one operation of a [`History`]: its place in [`History::operations`], from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OpId(pub u32);

impl OpId {
    /// The place in [`History::operations`].
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What the numbers in a history's times count; the reports print them accordingly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum TimeUnit {
    /// Nanoseconds since the start of the run, printed as seconds.
    #[default]
    Nanoseconds,
    /// Steps of a logical clock, printed as they are.
    Ticks,
}

impl TimeUnit {
    /// `time` in words, e.g. `4.102350 s` or `17`.
    #[must_use]
    pub fn show(self, time: u64) -> String {
        match self {
            TimeUnit::Nanoseconds => {
                format!("{}.{:06} s", time / 1_000_000_000, time / 1000 % 1_000_000)
            }
            TimeUnit::Ticks => time.to_string(),
        }
    }
}

/// One call of one client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation<I, O> {
    /// The client, by the caller's own numbers. A client waits for one operation at a time; it
    /// may give one up (no reply is recorded, ever) and go on.
    pub client: u32,
    /// What was asked.
    pub input: I,
    /// When the client called, in the history's [`TimeUnit`].
    pub call: u64,
    /// What came back and when; `None` if the client saw no reply.
    pub reply: Option<Reply<O>>,
}

/// The end of an operation whose client saw it end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply<O> {
    /// When the client had the reply, in the history's [`TimeUnit`].
    pub at: u64,
    /// What the reply said.
    pub output: O,
}

/// A checked list of operations: none ends before it starts, no client waits for two at once.
///
/// # Which operation comes before which
///
/// An operation comes before another if its reply came at a *smaller* time than the other's
/// call. Equal times order nothing: intervals are closed, and two that share an end point are
/// concurrent. Two clients and a clock that stands still show why:
///
/// ```text
/// client 0   put(x, "1")   called 0, replied 5
/// client 1   get(x) -> ""  called 5, replied 9
/// ```
///
/// At time 5 one thread took its reply and another made its call; the clock does not say which
/// did so first. If the call was first the empty answer is right. Were the two taken as ordered,
/// a right system would now and then be called wrong, and a checker must never do that.
///
/// The price is a violation missed where the clock is coarse: not even one client's own
/// operations are ordered by equal times, so that it may fail to read what it wrote in the same
/// tick. Whoever can, records times that differ. Event numbers, given out under one lock just
/// before each call and just after each reply, are best: [`TimeUnit::Ticks`].
///
/// # Operations without a reply
///
/// Such an operation may have taken effect at any time after its call, however late, or never.
/// One that is *known* to have had no effect does not belong in the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked<I, O>")]
pub struct History<I, O> {
    unit: TimeUnit,
    operations: Vec<Operation<I, O>>,
}

/// A [`History`] as it comes in, before its checks.
#[derive(Deserialize)]
struct Unchecked<I, O> {
    unit: TimeUnit,
    operations: Vec<Operation<I, O>>,
}

impl<I, O> TryFrom<Unchecked<I, O>> for History<I, O> {
    type Error = HistoryError;

    fn try_from(raw: Unchecked<I, O>) -> Result<Self, HistoryError> {
        History::new(raw.unit, raw.operations)
    }
}

impl<I, O> History<I, O> {
    /// Takes the operations in any order.
    ///
    /// # Errors
    /// [`HistoryError`], if no run can have produced these times.
    pub fn new(unit: TimeUnit, operations: Vec<Operation<I, O>>) -> Result<Self, HistoryError> {
        let history = History { unit, operations };
        history.check_intervals()?;
        history.check_clients()?;
        Ok(history)
    }

    /// The operations, in the order in which they were given.
    #[must_use]
    pub fn operations(&self) -> &[Operation<I, O>] {
        &self.operations
    }

    /// The operation of that name.
    ///
    /// # Panics
    /// If `id` is of another, longer history.
    #[must_use]
    pub fn operation(&self, id: OpId) -> &Operation<I, O> {
        let len = self.operations.len();
        self.operations.get(id.index()).unwrap_or_else(|| {
            panic!(
                "operation {} of a history that has {len}: of another history?",
                id.0
            )
        })
    }

    /// What the times count.
    #[must_use]
    pub fn unit(&self) -> TimeUnit {
        self.unit
    }

    /// Each client's operations in the order of their calls.
    fn by_client(&self) -> BTreeMap<u32, Vec<OpId>> {
        let mut clients: BTreeMap<u32, Vec<OpId>> = BTreeMap::new();
        for (index, op) in self.operations.iter().enumerate() {
            clients
                .entry(op.client)
                .or_default()
                .push(OpId(index as u32));
        }
        for ids in clients.values_mut() {
            ids.sort_by_key(|&id| self.operation(id).call); // stable
        }
        clients
    }

    fn check_intervals(&self) -> Result<(), HistoryError> {
        for (index, op) in self.operations.iter().enumerate() {
            if let Some(reply) = &op.reply
                && reply.at < op.call
            {
                let (op, call, reply) = (OpId(index as u32), op.call, reply.at);
                return Err(HistoryError::ReplyBeforeCall { op, call, reply });
            }
        }
        Ok(())
    }

    fn check_clients(&self) -> Result<(), HistoryError> {
        for (&client, ids) in &self.by_client() {
            let mut last: Option<(OpId, u64)> = None;
            for &id in ids {
                let op = self.operation(id);
                if let Some((earlier, reply)) = last
                    && op.call < reply
                {
                    let (later, call) = (id, op.call);
                    return Err(HistoryError::TwoAtOnce {
                        client,
                        earlier,
                        reply,
                        later,
                        call,
                    });
                }
                // An operation given up keeps its client from nothing.
                if let Some(reply) = &op.reply {
                    last = Some((id, reply.at));
                }
            }
        }
        Ok(())
    }
}

/// Times that no run can have produced: the recording is wrong, not the system under test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HistoryError {
    /// An operation ends before it starts.
    ReplyBeforeCall {
        /// The operation.
        op: OpId,
        /// Its call.
        call: u64,
        /// Its reply, earlier.
        reply: u64,
    },
    /// A client makes a call while it still waits for a reply that it will get.
    TwoAtOnce {
        /// The client.
        client: u32,
        /// What it waits for.
        earlier: OpId,
        /// When that reply comes.
        reply: u64,
        /// What it calls nevertheless.
        later: OpId,
        /// When.
        call: u64,
    },
}

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HistoryError::ReplyBeforeCall { op, call, reply } => write!(
                f,
                "operation {} has its reply at {reply}, before its call at {call}; \
                 are call and reply recorded on one clock?",
                op.0
            ),
            HistoryError::TwoAtOnce {
                client,
                earlier,
                reply,
                later,
                call,
            } => write!(
                f,
                "client {client} calls operation {} at {call} while it waits for operation {}, \
                 whose reply comes at {reply}; give each thread a client number of its own",
                later.0, earlier.0
            ),
        }
    }
}

impl std::error::Error for HistoryError {}

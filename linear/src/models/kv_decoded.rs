//! Looking ahead by reading the answers: for values that can be told apart in them.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};

use crate::form::{Foresight, View};
use crate::models::kv_form::{Calls, Get, Value, Write};

/// Judges a state by what all answers tell, where each tells exactly which writes made it.
///
/// That is so if all values are different, and all start with one byte that stands nowhere else
/// in them (`"x 3 14 y"`): an answer falls apart where this byte stands. It then names the put
/// that began it, or that none did, and the appends that followed, in order. The gets whose
/// answers one put began are its *epoch*. So:
///
/// - An answer that does not fall apart into values that were written, each at most once and a
///   put only at the front, is impossible, and so is the history.
/// - While a get of the state's epoch is left, the state must be a beginning of its answer, and
///   no put may replace it.
/// - When none is left the state is dead: nobody will see it.
/// - A write that no answer shows can only be made in a dead state, and may be as soon as there
///   is one; an append that some answer shows must not be.
///
/// What is left to the search is the order of the epochs.
pub(super) struct Decoded {
    /// Whether some answer names no possible list of writes.
    impossible: bool,
    /// Whether an operation is a write that some answer shows.
    shown: Vec<bool>,
    /// The epoch of each get: 0 if no put began its answer, or the put's number plus 1.
    epoch: Vec<u32>,
    /// The gets of each epoch, by the length of their answers.
    gets: Vec<Vec<usize>>,
}

type Named<'h> = HashMap<&'h [u8], Write<'h>, BuildHasherDefault<DefaultHasher>>;

impl Decoded {
    /// `None` if the values cannot be told apart, or an answer is to be found out.
    pub(super) fn new(calls: &Calls<'_>) -> Option<Self> {
        if !calls.unknown.is_empty() {
            return None;
        }
        let (first, named) = tell_apart(&calls.writes)?;
        let len = calls.gets.len();
        let mut decoded = Decoded {
            impossible: false,
            shown: vec![false; len],
            epoch: vec![0; len],
            gets: vec![Vec::new(); len + 1],
        };
        let good = decoded.read_trunks(calls, first, &named);
        for (op, get) in calls.gets.iter().enumerate() {
            let Some(get) = get else { continue };
            let answer = get.answer.as_bytes();
            decoded.impossible |= !decoded.read_end(calls, get, &good, first, &named);
            if let Some(write) = named.get(first_part(answer, first))
                && write.put
            {
                decoded.epoch[op] = write.op as u32 + 1;
            }
            decoded.gets[decoded.epoch[op] as usize].push(op);
        }
        let length = |op: &usize| calls.gets[*op].as_ref().map(|get| get.answer.len());
        decoded
            .gets
            .iter_mut()
            .for_each(|gets| gets.sort_by_key(length));
        Some(decoded)
    }

    /// Whether `op` is a write that some answer shows.
    #[inline]
    pub(super) fn is_shown(&self, op: usize) -> bool {
        self.shown[op]
    }

    pub(super) fn look(
        &self,
        calls: &Calls<'_>,
        state: Value,
        view: View<'_, Value>,
    ) -> Foresight<Value> {
        if self.impossible {
            return Foresight::Hopeless;
        }
        let Some(next) = view.next_read else {
            return Foresight::Live(state);
        };
        let left = |epoch: u32| {
            let mut gets = self.gets[epoch as usize].iter().rev();
            gets.find(|&&op| !view.taken.contains(op)).copied()
        };
        let begins = |op: usize| {
            calls.gets[op]
                .as_ref()
                .is_some_and(|get| calls.begins(state, get))
        };
        let (before, epoch) = (view.before, self.epoch[next]);
        if before != Value::DEAD
            && before.epoch() != state.epoch()
            && left(before.epoch()).is_some()
        {
            return Foresight::Hopeless;
        }
        if state != Value::DEAD
            && let Some(longest) = left(state.epoch())
        {
            let fits = begins(longest) && (epoch != state.epoch() || begins(next));
            return if fits && !self.is_over(epoch, state, view) {
                Foresight::Live(state)
            } else {
                Foresight::Hopeless
            };
        }
        if self.is_over(epoch, Value::DEAD, view) {
            Foresight::Hopeless
        } else {
            Foresight::Dead(Value::DEAD)
        }
    }

    /// Whether no state to come is of that epoch.
    fn is_over(&self, epoch: u32, state: Value, view: View<'_, Value>) -> bool {
        let now = state != Value::DEAD && state.epoch() == epoch;
        !now && (epoch == 0 || view.taken.contains(epoch as usize - 1))
    }
}

impl Decoded {
    /// Reads the trunks of all answers: notes the writes that they show, and returns how far each
    /// is a possible list of writes.
    fn read_trunks(&mut self, calls: &Calls<'_>, first: u8, named: &Named<'_>) -> Vec<usize> {
        let mut shown_in = vec![usize::MAX; self.shown.len()];
        let mut read = |trunk: usize, text: &[u8]| {
            let mut good = 0;
            while good < text.len() {
                let part = first_part(&text[good..], first);
                let Some(write) = named.get(part) else { break };
                if shown_in[write.op] == trunk || (write.put && good > 0) {
                    break;
                }
                shown_in[write.op] = trunk;
                self.shown[write.op] = true;
                good += part.len();
            }
            good
        };
        let trunks = calls.prefixes.trunks().enumerate();
        trunks.map(|(trunk, text)| read(trunk, text)).collect()
    }

    /// Whether the answer of `get` is a possible list of writes up to its end. It may end inside a
    /// longer value of its trunk: `"x1"` is a beginning of `"x12"`.
    fn read_end(
        &mut self,
        calls: &Calls<'_>,
        get: &Get<'_>,
        good: &[usize],
        first: u8,
        named: &Named<'_>,
    ) -> bool {
        let answer = get.answer.as_bytes();
        let (trunk, text) = calls.prefixes.trunk_of(get.text);
        if text.get(answer.len()).is_none_or(|&next| next == first) {
            return answer.len() <= good[trunk];
        }
        let Some(start) = answer.iter().rposition(|&byte| byte == first) else {
            return answer.is_empty();
        };
        match named.get(&answer[start..]) {
            Some(write) if start <= good[trunk] && (start == 0 || !write.put) => {
                self.shown[write.op] = true;
                true
            }
            _ => false,
        }
    }
}

/// The byte with which all values start, and the values; `None` unless they can be told apart in
/// whatever they make up.
fn tell_apart<'h>(writes: &[Write<'h>]) -> Option<(u8, Named<'h>)> {
    let &first = writes.first()?.value.as_bytes().first()?;
    let mut named = Named::default();
    for write in writes {
        let value = write.value.as_bytes();
        let (&start, rest) = value.split_first()?;
        if start != first || rest.contains(&first) || named.insert(value, *write).is_some() {
            return None;
        }
    }
    Some((first, named))
}

/// The text up to where the next value starts.
fn first_part(text: &[u8], first: u8) -> &[u8] {
    let rest = text.iter().skip(1).position(|&byte| byte == first);
    &text[..rest.map_or(text.len(), |rest| rest + 1)]
}

//! Looking ahead by comparing beginnings: for values of any kind.

use crate::form::{Foresight, View};
use crate::models::kv_form::{Calls, Get, Value, Write};
use crate::problem::NEVER;

/// Judges a state by the *next get*, the one still to be placed that replied first. A value that
/// only grows is a beginning of all that is read later, so:
///
/// - If its answer begins with the state, well and good.
/// - If not, the state must be replaced by a put before the next get is placed, and the last such
///   put must write a beginning of that answer. If no such *useful* put is left that was called
///   before the next get's reply, there is no hope.
/// - If there is one, the state may still be seen by other gets first. These are placed before
///   the next get, so they were called before its reply; and they replied after it, or they would
///   be the next themselves: there are at most as many as clients. If no answer of theirs begins
///   with the state either, nobody will see it, nor what is appended to it, and it is dead until
///   a put replaces it. All dead states are one.
pub(super) struct Plain {
    /// For each get the others that are under way at its reply.
    beside: Vec<Vec<usize>>,
    /// Puts with replies, as places in [`Calls::writes`].
    puts: Vec<Put>,
    /// Puts without.
    open_puts: Vec<Put>,
}

#[derive(Debug, Clone, Copy)]
struct Put {
    place: usize,
    /// The latest reply of this and the puts before it.
    replied: u32,
}

impl Plain {
    pub(super) fn new(calls: &Calls<'_>) -> Self {
        let (mut puts, mut open_puts): (Vec<Put>, Vec<Put>) = (Vec::new(), Vec::new());
        for (place, write) in calls.writes.iter().enumerate().filter(|(_, w)| w.put) {
            let list = if write.reply == NEVER {
                &mut open_puts
            } else {
                &mut puts
            };
            let replied = list.last().map_or(0, |put| put.replied).max(write.reply);
            list.push(Put { place, replied });
        }
        Plain {
            beside: gets_beside(calls),
            puts,
            open_puts,
        }
    }

    pub(super) fn look(
        &self,
        calls: &Calls<'_>,
        state: Value,
        view: View<'_, Value>,
    ) -> Foresight<Value> {
        let Some(next) = view.next_read else {
            return Foresight::Live(state);
        };
        let Some(get) = &calls.gets[next] else {
            return Foresight::Live(state);
        };
        if calls.begins(state, get) {
            return Foresight::Live(state);
        }
        if !self.useful_put_left(calls, get, view) {
            return Foresight::Hopeless;
        }
        let unknown_left = calls.unknown.iter().any(|&op| !view.taken.contains(op));
        let sees = |&op: &usize| {
            let other = calls.gets[op].as_ref();
            !view.taken.contains(op) && other.is_some_and(|other| calls.begins(state, other))
        };
        if unknown_left || self.beside[next].iter().any(sees) {
            Foresight::Live(state)
        } else {
            Foresight::Dead(Value::DEAD)
        }
    }

    /// Whether a put is left that can come before `get` and writes a beginning of its answer.
    fn useful_put_left(&self, calls: &Calls<'_>, get: &Get<'_>, view: View<'_, Value>) -> bool {
        let write = |put: &Put| -> Write<'_> { calls.writes[put.place] };
        let useful = |put: &Put| {
            let put = write(put);
            !view.taken.contains(put.op) && get.answer.as_bytes().starts_with(put.value.as_bytes())
        };
        let before = |puts: &[Put]| puts.partition_point(|put| write(put).call < get.reply);
        // The later ones are the likelier to be left; behind the frontier none is.
        let closed = self.puts[..before(&self.puts)].iter().rev();
        let open = &self.open_puts[..before(&self.open_puts)];
        closed
            .take_while(|put| put.replied >= view.frontier)
            .any(useful)
            || open.iter().any(useful)
    }
}

/// For each get those that are under way at its reply.
fn gets_beside(calls: &Calls<'_>) -> Vec<Vec<usize>> {
    let mut events: Vec<(u32, usize, bool)> = Vec::new();
    for (op, get) in calls.gets.iter().enumerate() {
        if let Some(get) = get {
            events.extend([(get.call, op, false), (get.reply, op, true)]);
        }
    }
    events.sort_unstable();
    let mut beside = vec![Vec::new(); calls.gets.len()];
    let mut under_way: Vec<usize> = Vec::new();
    for (_, op, is_reply) in events {
        if is_reply {
            beside[op].clone_from(&under_way);
            under_way.retain(|&other| other != op);
        } else {
            under_way.push(op);
        }
    }
    beside
}

//! The network's events in the trace, and for observers.
//!
//! Each event's numbers are the call's id and a digest of the rest: end, method, copy, fate and every byte
//! of the message. So two runs whose messages differ in one bit have different trace hashes.

use labsim::trace;

use crate::call::{CallId, Ticket};
use crate::error::RpcError;
use crate::observer::{Cause, Direction, Fate, Hooks, MessageSeen};

/// A message is sent.
pub(crate) fn sent(
    ticket: &Ticket,
    direction: Direction,
    bytes: &[u8],
    fate: Fate,
    hooks: Option<&Hooks>,
) {
    let seen = ticket.seen(direction, bytes);
    let kind = match direction {
        Direction::Request => "rpc.request",
        Direction::Reply => "rpc.reply",
    };
    note(kind, ticket, &seen, fate_number(fate), || fate_json(fate));
    for observer in hooks.iter().flat_map(|h| &h.observers) {
        match direction {
            Direction::Request => observer.on_request(&seen, fate),
            Direction::Reply => observer.on_reply(&seen, fate),
        }
    }
}

/// A message that was sent earlier has arrived.
pub(crate) fn arrived(ticket: &Ticket, direction: Direction, bytes: &[u8]) {
    let kind = match direction {
        Direction::Request => "rpc.arrive",
        Direction::Reply => "rpc.deliver",
    };
    note(kind, ticket, &ticket.seen(direction, bytes), 0, String::new);
}

/// Tells the observers that a message is there.
pub(crate) fn show_arrival(
    ticket: &Ticket,
    direction: Direction,
    bytes: &[u8],
    hooks: Option<&Hooks>,
) {
    let Some(hooks) = hooks else { return };
    let seen = ticket.seen(direction, bytes);
    for observer in &hooks.observers {
        match direction {
            Direction::Request => observer.on_arrival(&seen),
            Direction::Reply => observer.on_delivery(&seen),
        }
    }
}

/// A reply came when its call had ended already.
pub(crate) fn late(ticket: &Ticket, bytes: &[u8]) {
    note(
        "rpc.late",
        ticket,
        &ticket.seen(Direction::Reply, bytes),
        0,
        String::new,
    );
}

/// A message on its way is lost after all, or there is no reply to send.
pub(crate) fn lost(
    ticket: &Ticket,
    direction: Direction,
    bytes: &[u8],
    cause: Cause,
    hooks: Option<&Hooks>,
) {
    let seen = ticket.seen(direction, bytes);
    let more = || format!(r#","cause":"{}""#, cause.name());
    note("rpc.lost", ticket, &seen, cause as u64, more);
    for observer in hooks.iter().flat_map(|h| &h.observers) {
        observer.on_lost(&seen, cause);
    }
}

/// A server was reached and cannot answer: no such service or method, or arguments it cannot decode.
pub(crate) fn refused(ticket: &Ticket, error: &RpcError) {
    let more = || format!(r#","why":{}"#, json_string(&error.to_string()));
    note(
        "rpc.refused",
        ticket,
        &ticket.seen(Direction::Reply, &[]),
        0,
        more,
    );
}

/// A caller learns that its call has failed.
pub(crate) fn failed(call: CallId) {
    trace::event("rpc.failed", call.0, 0, || format!(r#"{{"call":{call}}}"#));
}

fn note(
    kind: &'static str,
    ticket: &Ticket,
    seen: &MessageSeen<'_>,
    extra: u64,
    more: impl Fn() -> String,
) {
    let place = u64::from(ticket.route.end.id) << 32 | u64::from(ticket.route.method.id);
    let seed = place ^ (u64::from(seen.id.copy) << 24) ^ extra.rotate_left(48);
    trace::event(kind, seen.id.call.0, digest(seed, seen.bytes), || {
        json(seen, &more())
    });
}

/// By hand and into one text: there are several of these for each message of a run that is recorded.
fn json(seen: &MessageSeen<'_>, more: &str) -> String {
    let mut out = String::with_capacity(224);
    field(&mut out, "{\"call\":", Some(seen.id.call.0));
    field(&mut out, ",\"copy\":", Some(u64::from(seen.id.copy)));
    out.push_str(",\"end\":");
    quote(&mut out, seen.end);
    field(&mut out, ",\"from\":", seen.from_peer().map(u64::from));
    out.push_str(",\"server\":");
    match seen.server {
        Some(server) => quote(&mut out, server),
        None => out.push_str("null"),
    }
    field(&mut out, ",\"to\":", seen.to_peer().map(u64::from));
    out.push_str(",\"method\":");
    quote(&mut out, seen.method);
    field(&mut out, ",\"bytes\":", Some(seen.bytes.len() as u64));
    out.push_str(more);
    out.push('}');
    out
}

/// Adds a number under its name.
fn field(out: &mut String, name: &str, number: Option<u64>) {
    out.push_str(name);
    match number {
        Some(number) => out.push_str(itoa::Buffer::new().format(number)),
        None => out.push_str("null"),
    }
}

fn fate_number(fate: Fate) -> u64 {
    match fate {
        Fate::Arrives { after } => after.as_nanos() as u64,
        Fate::Lost { cause, after } => !(after.as_nanos() as u64) ^ cause as u64,
        Fate::Held => u64::MAX,
    }
}

fn fate_json(fate: Fate) -> String {
    match fate {
        Fate::Arrives { after } => {
            format!(r#","fate":"arrives","after_us":{}"#, after.as_micros())
        }
        Fate::Lost { cause, after } => {
            let (cause, after) = (cause.name(), after.as_micros());
            format!(r#","fate":"lost","cause":"{cause}","told_after_us":{after}"#)
        }
        Fate::Held => r#","fate":"held""#.to_string(),
    }
}

/// The text as a JSON string.
fn json_string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    quote(&mut out, text);
    out
}

/// Adds the text as a JSON string.
fn quote(out: &mut String, text: &str) {
    out.push('"');
    let plain = |byte: u8| (byte >= b' ') & (byte != b'"') & (byte != b'\\');
    // Without a way out in the middle, which is several bytes at a time.
    if text.bytes().fold(true, |all, byte| all & plain(byte)) {
        out.push_str(text);
    } else {
        for c in text.chars() {
            match c {
                '"' | '\\' => out.extend(['\\', c]),
                c if (c as u32) < 0x20 => out.push_str(&format!("\\u{:04x}", c as u32)),
                c => out.push(c),
            }
        }
    }
    out.push('"');
}

/// Sixty-four bits that depend on every byte: not for adversaries, but fast, and the same everywhere.
fn digest(seed: u64, bytes: &[u8]) -> u64 {
    const K: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |h: u64, word: u64| (h.rotate_left(23) ^ word).wrapping_mul(K);
    let mut h = mix(seed, bytes.len() as u64);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        h = mix(h, u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    h = mix(h, u64::from_le_bytes(last));
    h ^ (h >> 32)
}

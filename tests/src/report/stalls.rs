//! Which threads stood still last, in stories in which they do. A thread that has missed something meanwhile, such as its
//! wake-up, is one that did not stand still again.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use labsim::trace::Event;

use super::seconds;
use crate::Server;

/// Threads of a server that are named: those that began first, and so live as long as it.
const THREADS: usize = 3;

/// A line for each server of which a thread stood still.
pub fn write(out: &mut String, events: &[Event], servers: usize) -> std::fmt::Result {
    let mut last: BTreeMap<(u32, u32), &Event> = BTreeMap::new();
    for event in events.iter().filter(|event| event.kind == "stall") {
        // The test's own thread stands still in calls of a server, too, but does not belong to it.
        if let Some((server, _)) = event.domain
            && event.thread > 0
        {
            last.insert((server, event.thread), event);
        }
    }
    for number in 0..servers {
        // The network's threads handle one request each, and say little.
        let of_its_own = last
            .range((number as u32, 0)..=(number as u32, u32::MAX))
            .filter(|(_, event)| !event.name.starts_with("rpc worker"));
        let said: Vec<String> = of_its_own.take(THREADS).map(|(_, e)| says(e)).collect();
        if !said.is_empty() {
            let server = Server::numbered(number);
            writeln!(out, "  {server} stood still last: {}", said.join(", "))?;
        }
    }
    Ok(())
}

/// `'applier 0' at 26.532 s for 7.1 ms (raft/src/replication.rs:183)`
fn says(event: &Event) -> String {
    let line = event.detail.rsplit_once(" at ").map_or("", |(_, at)| at);
    let line = line.rsplit_once(':').map_or(line, |(line, _column)| line);
    format!(
        "'{}' at {} for {:.1} ms ({line})",
        event.name,
        seconds(Duration::from_nanos(event.at)),
        event.a as f64 / 1e6
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stall(at_ms: u64, thread: u32, name: &str, server: u32, line: u32) -> Event {
        Event {
            at: at_ms * 1_000_000,
            thread,
            name: name.into(),
            domain: Some((server, 0)),
            kind: "stall",
            a: 7_100_000,
            b: 0,
            detail: format!("for 7.1ms at raft/src/a.rs:{line}:5"),
        }
    }

    #[test]
    fn the_last_of_each_thread_is_named_by_server() {
        let events = [
            stall(10, 4, "applier 1", 1, 7),
            stall(15, 9, "rpc worker of 1", 1, 8),
            stall(20, 4, "applier 1", 1, 9),
            stall(30, 3, "ticker 1", 1, 2),
            stall(40, 0, "main", 1, 1),
        ];
        let mut out = String::new();
        write(&mut out, &events, 3).unwrap();
        assert_eq!(
            out,
            "  server 1 stood still last: 'ticker 1' at 0.030 s for 7.1 ms (raft/src/a.rs:2), \
             'applier 1' at 0.020 s for 7.1 ms (raft/src/a.rs:9)\n"
        );
    }
}

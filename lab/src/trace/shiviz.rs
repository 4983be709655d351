//! ShiViz's form: a line an event with its vector clock. The regular expression that ShiViz asks for is the first line.

use std::fmt::Write;

use super::model::Model;

/// How ShiViz takes the lines apart, and the blank line that ends it.
const PATTERN: &str = "(?<host>\\S+) (?<clock>\\{.*\\}) (?<date>\\S+) (?<event>.*)\n\n";

/// The run as ShiViz reads it.
pub fn write(model: &Model) -> String {
    let hosts = model.servers.len() + 1;
    let host = |number: usize| match number < model.servers.len() {
        true => format!("server{number}"),
        false => "clients".into(),
    };
    let mut clocks = vec![vec![0_u64; hosts]; hosts];
    // The clock that each message carries.
    let mut carried: Vec<Option<Vec<u64>>> = vec![None; model.post.mails.len()];
    let mut out = PATTERN.to_string();
    for (number, line) in model.lines.iter().enumerate() {
        let own = line.server.unwrap_or(hosts - 1);
        let mail = line.mail.map(|place| (place, &model.post.mails[place]));
        if let Some((place, _)) = mail.filter(|(_, mail)| mail.arrived == Some(number)) {
            let brought = carried[place].clone().unwrap_or_default();
            clocks[own]
                .iter_mut()
                .zip(brought)
                .for_each(|(own, other)| *own = (*own).max(other));
        }
        clocks[own][own] += 1;
        if let Some((place, _)) = mail.filter(|(_, mail)| mail.sent == number) {
            carried[place] = Some(clocks[own].clone());
        }
        let clock: Vec<String> = clocks[own]
            .iter()
            .enumerate()
            .filter(|(_, ticks)| **ticks > 0)
            .map(|(number, ticks)| format!("\"{}\":{ticks}", host(number)))
            .collect();
        let says = match (mail, line.text.is_empty()) {
            (Some((_, mail)), true) => &mail.says,
            _ => &line.text,
        };
        let says: String = says
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let seconds = line.at as f64 / 1e9;
        writeln!(
            out,
            "{} {{{}}} {seconds:.6} {says}",
            host(own),
            clock.join(",")
        )
        .expect("a String takes all");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::model::tests::sample;

    #[test]
    fn clocks_count_each_host_s_events() {
        let made = write(&sample());
        let lines: Vec<&str> = made.lines().skip(2).collect();
        assert_eq!(lines.len(), 15);
        assert_eq!(
            lines[0],
            "server0 {\"server0\":1} 0.000002 thread 'raft 0' starts (raft/src/lib.rs:179:10)"
        );
        assert!(
            lines[14].starts_with("server2 {\"server2\":1} 1.250000 its power fails"),
            "{}",
            lines[13]
        );
    }
}

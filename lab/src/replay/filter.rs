//! Which notes are shown.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::topic::{KNOWN, Note, QUIET};
use crate::cli::Shown;
use crate::near;

/// Lets notes pass, and counts those that it does not.
#[derive(Debug)]
pub struct Filter {
    peers: BTreeSet<usize>,
    topics: BTreeSet<String>,
    from: u64,
    to: u64,
    /// Every topic that there was, and how often it was left out for being what it is.
    left_out: BTreeMap<String, u64>,
    /// Left out for their peer or their time.
    others: u64,
    last: u64,
}

impl Filter {
    /// What the options say.
    pub fn new(options: &Shown) -> Self {
        let nanoseconds = |time: Option<Duration>| time.map(|t| t.as_nanos() as u64);
        Filter {
            peers: options.peer.iter().copied().collect(),
            topics: options.topic.iter().cloned().collect(),
            from: nanoseconds(options.from).unwrap_or(0),
            to: nanoseconds(options.to).unwrap_or(u64::MAX),
            left_out: BTreeMap::new(),
            others: 0,
            last: 0,
        }
    }

    /// Whether the note is shown. What the test does is shown whatever the peer.
    pub fn passes(&mut self, note: &Note) -> bool {
        self.last = note.at;
        let left_out = self.left_out.entry(note.topic.clone()).or_default();
        let topic = match self.topics.is_empty() {
            true => !QUIET.contains(&note.topic.as_str()),
            false => self.topics.contains("all") || self.topics.contains(&note.topic),
        };
        let peer = note
            .server
            .is_none_or(|server| self.peers.is_empty() || self.peers.contains(&server));
        let time = (self.from..=self.to).contains(&note.at);
        if !topic {
            *left_out += 1;
        } else if !(peer && time) {
            self.others += 1;
        }
        topic && peer && time
    }

    /// What to say when all notes have come by.
    ///
    /// # Errors
    /// A topic was asked for that this run does not have, or all of it comes before `--from`.
    pub fn closing(&self) -> Result<String, String> {
        for topic in &self.topics {
            let known = topic == "all" || KNOWN.iter().any(|(name, _)| name == topic);
            if !known && !self.left_out.contains_key(topic) {
                let names: BTreeSet<&str> = self.left_out.keys().map(String::as_str).collect();
                let names: Vec<&str> = names.into_iter().chain(["all"]).collect();
                return Err(near::unknown("topic", topic, &names));
            }
        }
        if self.from > self.last {
            return Err(format!(
                "the run's last event is at {:.6} s, before --from",
                self.last as f64 / 1e9
            ));
        }
        let mut parts: Vec<String> = self
            .left_out
            .iter()
            .filter(|(_, times)| **times > 0)
            .map(|(topic, times)| format!("{times} {topic}"))
            .collect();
        let more = !parts.is_empty();
        if self.others > 0 {
            parts.push(format!("{} of other peers or times", self.others));
        }
        Ok(match (parts.is_empty(), more) {
            (true, _) => String::new(),
            (false, true) => format!(
                "not shown: {} (--topic all shows every topic)",
                parts.join(", ")
            ),
            (false, false) => format!("not shown: {}", parts.join(", ")),
        })
    }
}

/// Reads a virtual time: `4.5`, `4.5s`, `350ms`, `20us`.
pub fn time(text: &str) -> Result<Duration, String> {
    let units = [("ms", 1e-3), ("us", 1e-6), ("µs", 1e-6), ("s", 1.0)];
    let (digits, unit) = units
        .iter()
        .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, *seconds)))
        .unwrap_or((text, 1.0));
    let seconds = digits.trim().parse::<f64>().ok().map(|n| n * unit);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "expected a virtual time, as 4.5 (seconds) or 350ms".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        let ms = |text| time(text).map(|t| t.as_millis());
        assert_eq!(ms("4.5"), Ok(4500));
        assert_eq!(ms("4.5s"), Ok(4500));
        assert_eq!(ms("350ms"), Ok(350));
        assert_eq!(ms("2000us"), Ok(2));
        for bad in ["", "-1", "x", "NaN", "1h", "inf"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }

    fn filter(peer: &[usize], topic: &[&str], from: &str) -> Filter {
        Filter::new(&Shown {
            peer: peer.to_vec(),
            topic: topic.iter().map(|t| t.to_string()).collect(),
            from: Some(time(from).unwrap()),
            ..Shown::default()
        })
    }

    fn note(topic: &str, server: Option<usize>, at: u64) -> Note {
        Note {
            at: at * 1_000_000,
            topic: topic.into(),
            server,
            text: String::new(),
        }
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let mut filter = filter(&[1], &[], "20ms");
        assert!(!filter.passes(&note("rpc", Some(1), 10)), "too early");
        assert!(filter.passes(&note("rpc", Some(1), 20)));
        assert!(!filter.passes(&note("rpc", Some(0), 20)), "another peer");
        assert!(!filter.passes(&note("mail", Some(1), 20)), "a quiet topic");
        assert!(filter.passes(&note("test", None, 30)), "of no peer");
        assert_eq!(
            filter.closing().unwrap(),
            "not shown: 1 mail, 2 of other peers or times (--topic all shows every topic)"
        );
    }

    #[test]
    fn a_topic_that_never_came_is_named_with_the_near_ones() {
        let mut filter = filter(&[], &["electoin"], "0");
        filter.passes(&note("election", Some(1), 10));
        assert_eq!(
            filter.closing().unwrap_err(),
            "there is no topic `electoin`; did you mean election?"
        );
    }

    #[test]
    fn a_time_after_the_end_is_an_error() {
        let mut filter = filter(&[], &[], "2");
        filter.passes(&note("rpc", Some(1), 1500));
        assert_eq!(
            filter.closing().unwrap_err(),
            "the run's last event is at 1.500000 s, before --from"
        );
    }
}

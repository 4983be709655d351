//! What led to a broken claim: its causal past, and of that what the claim is about.

use std::collections::BTreeMap;

use super::moments::{Moment, Moments};
use crate::claim::{Broken, Matter};

/// The most of one matter between the same two servers: ten heartbeats say no more than one.
const ALIKE: usize = 3;

/// What a claim's sentence names.
#[derive(Debug, Default, PartialEq)]
struct Named {
    servers: Vec<usize>,
    terms: Vec<u64>,
    indices: Vec<u64>,
}

/// The moments that led to it, at most so many, the last one last.
pub fn of(moments: &Moments, broken: &Broken, at: u64, most: usize) -> Vec<Moment> {
    let named = Named::by(&broken.saw);
    let mut of_matter = causal_past(moments, &named.servers, at);
    of_matter.retain(|moment| broken.claim.events.contains(&moment.matter));
    let mut led: Vec<Moment> = of_matter
        .iter()
        .filter(|m| named.fits(m))
        .cloned()
        .collect();
    // What the sentence names may be too little to go on.
    if led.iter().filter(|m| m.server.is_some()).count() < 3 {
        led = of_matter;
    }
    last(without_repetition(led), most)
}

/// The last few; what was lost led to less than what was not, and goes first.
fn last(mut led: Vec<Moment>, most: usize) -> Vec<Moment> {
    while led.len() > most {
        let lost = led.iter().position(|moment| moment.lost_to.is_some());
        led.remove(lost.unwrap_or(0));
    }
    led
}

/// All that can have had an influence on these servers by then, and what they sent, in the order of time.
fn causal_past(moments: &Moments, servers: &[usize], at: u64) -> Vec<Moment> {
    let horizon = horizon(moments, servers, at);
    let within = |server: usize, time: u64| horizon[server].is_some_and(|horizon| time <= horizon);
    let counts = |moment: &&Moment| match (moment.server, moment.heard) {
        (None, _) => moment.at <= at,
        (Some(server), _) if within(server, moment.at) => true,
        (_, Some((Some(from), sent))) => within(from, sent),
        _ => false,
    };
    let mut past: Vec<Moment> = moments.all.iter().filter(counts).cloned().collect();
    for moment in past.iter_mut().filter(|moment| moment.at > at) {
        // It was on its way then: what came of it later led to nothing.
        moment.says.truncate(moment.asked);
        moment.at = moment.heard.map_or(at, |(_, sent)| sent);
    }
    past.sort_by_key(|moment| moment.at);
    past
}

/// How late something at each server may have happened to count.
fn horizon(moments: &Moments, servers: &[usize], at: u64) -> Vec<Option<u64>> {
    let known = |server: &usize| servers.is_empty() || servers.contains(server);
    let mut horizon: Vec<Option<u64>> = (0..moments.servers.len())
        .map(|server| known(&server).then_some(at))
        .collect();
    // A cause is earlier than its effect: one way back meets all of them.
    for moment in moments.all.iter().rev() {
        let (Some(server), Some((Some(from), sent)), None) =
            (moment.server, moment.heard, moment.lost_to)
        else {
            continue;
        };
        if horizon[server].is_some_and(|horizon| moment.at <= horizon) {
            let horizon = &mut horizon[from];
            *horizon = Some(horizon.map_or(sent, |horizon| horizon.max(sent)));
        }
    }
    horizon
}

fn without_repetition(led: Vec<Moment>) -> Vec<Moment> {
    let mut seen: BTreeMap<(Matter, Option<usize>, Option<usize>), usize> = BTreeMap::new();
    let mut kept: Vec<Moment> = led
        .into_iter()
        .rev()
        .filter(|moment| {
            let from = moment.heard.and_then(|(from, _)| from);
            let times = seen
                .entry((moment.matter, moment.server, from))
                .or_default();
            *times += 1;
            let most = match moment.matter {
                Matter::Beat => 1,
                Matter::Save | Matter::Apply | Matter::Commit => 2,
                _ => ALIKE,
            };
            *times <= most
        })
        .collect();
    kept.reverse();
    kept
}

impl Named {
    /// What stands in the sentence after "server", "term" and "index", and in ids such as `12@3`.
    fn by(sentence: &str) -> Named {
        let mut named = Named::default();
        let mut before = "";
        for word in sentence.split_whitespace() {
            let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
            let number = word.parse::<u64>().ok();
            match (
                before.to_ascii_lowercase().as_str(),
                number,
                word.split_once('@'),
            ) {
                ("server", Some(server), _) => named.servers.push(server as usize),
                ("term", Some(term), _) => named.terms.push(term),
                ("index", Some(index), _) => named.indices.push(index),
                (_, _, Some((index, _))) => named.indices.extend(index.parse::<u64>()),
                _ => {}
            }
            before = word;
        }
        named
    }

    /// Whether a moment is about a term or an entry that the sentence names.
    fn fits(&self, moment: &Moment) -> bool {
        let term = moment.term.map(|term| self.terms.contains(&term));
        let index = moment
            .indices
            .map(|(from, to)| self.indices.iter().any(|index| (from..=to).contains(index)));
        let names_none = self.terms.is_empty() && self.indices.is_empty();
        names_none || term == Some(true) || index == Some(true) || term.is_none() && index.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::moments::Known;

    #[test]
    fn a_sentence_names_servers_terms_and_indices() {
        let named = Named::by(
            "server 2 replies in term 4 that it holds the entry 7@3 (index@term); Server 0 has index 5.",
        );
        let expected = Named {
            servers: vec![2, 0],
            terms: vec![4],
            indices: vec![7, 5],
        };
        assert_eq!(named, expected);
    }

    fn moment(at: u64, server: usize, heard: Option<(usize, u64)>) -> Moment {
        Moment {
            at,
            matter: Matter::Vote,
            server: Some(server),
            heard: heard.map(|(from, sent)| (Some(from), sent)),
            lost_to: None,
            says: format!("at {at}"),
            asked: 0,
            term: None,
            indices: None,
        }
    }

    #[test]
    fn the_past_goes_back_along_messages() {
        let all = vec![
            moment(10, 1, None),          // before 1 sent: a cause
            moment(15, 2, None),          // nobody heard of it
            moment(20, 0, Some((1, 12))), // 0 hears of 1
            moment(25, 1, None),          // too late for 0
            moment(30, 0, None),
            moment(50, 0, None), // after it was noticed
        ];
        let moments = Moments {
            all,
            servers: vec![Known::default(); 3],
            ..Moments::default()
        };
        let past: Vec<u64> = causal_past(&moments, &[0], 40)
            .iter()
            .map(|m| m.at)
            .collect();
        assert_eq!(past, [10, 20, 30]);
        let all: Vec<u64> = causal_past(&moments, &[], 40)
            .iter()
            .map(|m| m.at)
            .collect();
        assert_eq!(
            all,
            [10, 15, 20, 25, 30],
            "a sentence without names is about everybody"
        );
    }
}

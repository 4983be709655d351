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

/// The moments that led to it, the last one last.
pub fn of(moments: &Moments, broken: &Broken, at: u64) -> Vec<Moment> {
    let named = Named::by(&broken.saw);
    let past = causal_past(moments, &named.servers, at);
    let of_matter = past
        .into_iter()
        .filter(|m| broken.claim.events.contains(&m.matter));
    let of_matter: Vec<Moment> = of_matter.cloned().collect();
    let mut led: Vec<Moment> = of_matter
        .iter()
        .filter(|m| named.fits(m))
        .cloned()
        .collect();
    // What the sentence names may be too little to go on.
    if led.iter().filter(|m| m.server.is_some()).count() < 3 {
        led = of_matter;
    }
    without_repetition(led)
}

/// All that can have had an influence on these servers by then, in the order of time.
fn causal_past<'m>(moments: &'m Moments, servers: &[usize], at: u64) -> Vec<&'m Moment> {
    let known = |server: &usize| servers.is_empty() || servers.contains(server);
    // How late something at each server may have happened to count.
    let mut horizon: Vec<Option<u64>> = (0..moments.servers.len())
        .map(|server| known(&server).then_some(at))
        .collect();
    let mut past = Vec::new();
    for moment in moments.all.iter().rev().filter(|moment| moment.at <= at) {
        let counts = match moment.server {
            Some(server) => horizon[server].is_some_and(|horizon| moment.at <= horizon),
            None => true,
        };
        if !counts {
            continue;
        }
        if let (Some((Some(from), sent)), None) = (moment.heard, moment.lost_to) {
            let horizon = &mut horizon[from];
            *horizon = Some(horizon.map_or(sent, |horizon| horizon.max(sent)));
        }
        past.push(moment);
    }
    past.reverse();
    past
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

    fn fits(&self, moment: &Moment) -> bool {
        let term = moment
            .term
            .is_none_or(|term| self.terms.is_empty() || self.terms.contains(&term));
        let index = moment.indices.is_none_or(|(from, to)| {
            self.indices.is_empty() || self.indices.iter().any(|index| (from..=to).contains(index))
        });
        // A sentence with an index is about that entry, in whatever term it was sent.
        if self.indices.is_empty() { term } else { index }
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

//! Who is on the network and how it behaves: all that its lock protects.

use std::collections::BTreeMap;

use labsim::Domain;
use labsim::sync::Arc;
use labsim::time::{Duration, Instant};

use crate::call::{CallId, Calls, Route, Ticket};
use crate::counters::{Counters, Counts, ServerCounts};
use crate::link::Link;
use crate::methods::Methods;
use crate::observer::{Cause, Direction, Hooks, MessageId};
use crate::server::ServerCore;
use crate::service::{MethodRef, Wanted};

/// An end, as the messages over it need it.
#[derive(Debug)]
pub(crate) struct EndInfo {
    pub id: u32,
    pub name: Arc<str>,
    pub domain: Option<Domain>,
}

/// An end and the link from it.
pub(crate) struct End {
    pub enabled: bool,
    pub to: Option<u32>,
    /// Settings of its own, in place of the network's.
    pub link: Option<Arc<Link>>,
    /// When the last byte accepted so far will have passed, each way.
    busy_until: [Option<Instant>; 2],
}

/// A server's name, and the server of that name.
pub(crate) struct Place {
    pub name: Arc<str>,
    pub server: Option<Arc<ServerCore>>,
    /// By method, since the last server of that name was added.
    pub counters: Vec<Counters>,
}

/// All that the network's lock protects.
pub(crate) struct State {
    pub open: bool,
    pub reliable: bool,
    pub long_delays: bool,
    pub long_reordering: bool,
    /// What all links without settings of their own are like. `None`: perfect.
    pub weather: Option<Arc<Link>>,
    pub ends: Vec<End>,
    pub end_names: BTreeMap<Arc<str>, u32>,
    pub places: Vec<Place>,
    pub place_names: BTreeMap<Arc<str>, u32>,
    pub epochs: u64,
    pub calls: Calls,
    pub held: BTreeMap<MessageId, (Ticket, Vec<u8>)>,
    pub hooks: Option<Arc<Hooks>>,
    methods: Methods,
    /// By method, since the network was made.
    counters: Vec<Counters>,
}

/// The counters of this method in a table that grows as needed.
fn counters_of(table: &mut Vec<Counters>, method: u32) -> &mut Counters {
    let index = method as usize;
    if table.len() <= index {
        table.resize(index + 1, Counters::default());
    }
    &mut table[index]
}

impl State {
    pub fn new() -> State {
        State {
            open: true,
            reliable: true,
            long_delays: false,
            long_reordering: false,
            weather: None,
            ends: Vec::new(),
            end_names: BTreeMap::new(),
            places: Vec::new(),
            place_names: BTreeMap::new(),
            epochs: 0,
            calls: Calls::default(),
            held: BTreeMap::new(),
            hooks: None,
            methods: Methods::default(),
            counters: Vec::new(),
        }
    }

    /// The place of this server name, made at its first use.
    pub fn place(&mut self, name: &str) -> u32 {
        if let Some(id) = self.place_names.get(name) {
            return *id;
        }
        let id = self.places.len() as u32;
        let name: Arc<str> = name.into();
        self.places.push(Place {
            name: name.clone(),
            server: None,
            counters: Vec::new(),
        });
        self.place_names.insert(name, id);
        id
    }

    pub fn add_end(&mut self, name: &str, domain: Option<Domain>) -> Arc<EndInfo> {
        let id = self.ends.len() as u32;
        let name: Arc<str> = name.into();
        let info = Arc::new(EndInfo {
            id,
            name: name.clone(),
            domain,
        });
        self.end_names.insert(name, id);
        self.ends.push(End {
            enabled: false,
            to: None,
            link: None,
            busy_until: [None; 2],
        });
        info
    }

    /// The number of the end of this name.
    pub fn end(&self, name: &str) -> Option<usize> {
        self.end_names.get(name).map(|id| *id as usize)
    }

    /// Recomputes what links without settings of their own are like.
    pub fn settle_weather(&mut self) {
        let link = if self.reliable {
            Link::default()
        } else {
            Link::unreliable()
        };
        let link = if self.long_reordering {
            link.reordering()
        } else {
            link
        };
        self.weather = (link != Link::default()).then(|| Arc::new(link));
    }

    pub fn method(&mut self, wanted: Wanted<'_>) -> MethodRef {
        self.methods.find(wanted)
    }

    /// Whether a message of this call gets through now.
    pub fn passage(&self, route: &Route, direction: Direction) -> Result<(), Cause> {
        let server = route.server.as_ref().ok_or(Cause::NoServer)?;
        let end = &self.ends[route.end.id as usize];
        if !end.enabled {
            return Err(Cause::EndDisabled);
        }
        let current = self.places[server.id as usize].server.as_ref();
        if current.is_none_or(|s| s.info.epoch != server.epoch) || !server.is_alive() {
            return Err(Cause::ServerGone);
        }
        let cut = end
            .link
            .as_ref()
            .is_some_and(|link| link.path(direction).cut);
        if cut { Err(Cause::Cut) } else { Ok(()) }
    }

    /// How long a message must queue and be sent on a link with this rate.
    pub fn transmission(
        &mut self,
        end: &EndInfo,
        direction: Direction,
        (len, bytes_per_second): (usize, u64),
        now: Instant,
    ) -> Duration {
        let busy_until = &mut self.ends[end.id as usize].busy_until[direction as usize];
        let start = busy_until.map_or(now, |busy| busy.max(now));
        let nanos = len as u128 * 1_000_000_000 / u128::from(bytes_per_second);
        let done = start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        *busy_until = Some(done);
        done - now
    }

    /// The calls whose handlers run but whose replies could not pass now, and which nobody watches yet:
    /// they are watched from now on, at these times.
    pub fn watch_cut_off(&mut self, now: Instant) -> Vec<(u32, CallId, Instant)> {
        let mut calls = std::mem::take(&mut self.calls);
        let unwatched = calls.iter().filter(|(_, p)| p.running > 0 && !p.watched);
        let cut_off = unwatched.filter(|(_, p)| self.passage(&p.route, Direction::Reply).is_err());
        let looks = cut_off.map(|(slot, pending)| {
            pending.watched = true;
            (slot, pending.route.call, pending.next_look(now))
        });
        let looks = looks.collect();
        self.calls = calls;
        looks
    }

    /// Keeps a message back. Gives back the one that had its id, which does not happen.
    pub fn hold(
        &mut self,
        id: MessageId,
        ticket: Ticket,
        bytes: Vec<u8>,
    ) -> Option<(Ticket, Vec<u8>)> {
        self.held.insert(id, (ticket, bytes))
    }

    pub fn count(&mut self, place: Option<u32>, method: u32, add: impl Fn(&mut Counters)) {
        add(counters_of(&mut self.counters, method));
        if let Some(place) = place {
            add(counters_of(
                &mut self.places[place as usize].counters,
                method,
            ));
        }
    }

    pub fn totals(&self) -> Counters {
        sum(&self.counters)
    }

    pub fn method_counters(&self, name: &str) -> Counters {
        let id = self.methods.id(name);
        id.and_then(|id| self.counters.get(id as usize))
            .copied()
            .unwrap_or_default()
    }

    pub fn server_counters(&self, name: &str) -> Counters {
        let place = self.place_names.get(name);
        place
            .map(|id| sum(&self.places[*id as usize].counters))
            .unwrap_or_default()
    }

    pub fn counts(&self) -> Counts {
        let server = |place: &Place| ServerCounts {
            total: sum(&place.counters),
            methods: self.by_name(&place.counters),
        };
        Counts {
            total: self.totals(),
            methods: self.by_name(&self.counters),
            servers: self
                .places
                .iter()
                .map(|p| (p.name.to_string(), server(p)))
                .collect(),
        }
    }

    fn by_name(&self, table: &[Counters]) -> BTreeMap<String, Counters> {
        let rows = self.methods.names().iter().zip(table);
        let used = rows.filter(|(_, c)| **c != Counters::default());
        used.map(|(name, c)| (name.to_string(), *c)).collect()
    }
}

fn sum(table: &[Counters]) -> Counters {
    let mut total = Counters::default();
    table.iter().for_each(|c| total += *c);
    total
}

//! The network, as whoever runs a test handles it.

use std::fmt;

use labsim::Domain;
use labsim::channel::unbounded;
use labsim::sync::Arc;
use labsim::thread;
use labsim::time::{Duration, Instant};

use crate::client::ClientEnd;
use crate::core::Core;
use crate::link::Link;
use crate::postman::{self, Deed};
use crate::server::{Server, ServerCore, ServerInfo};
use crate::state::State;

/// A network: ends, servers, and the links between them. Clones are the same network. It is shut
/// down by [`shutdown`](Network::shutdown), or when the last clone is dropped.
///
/// A new network is reliable, with short delays and no reordering.
///
/// Make it outside of any peer's fault domain: its thread then belongs to none.
#[derive(Clone)]
pub struct Network(Arc<Owner>);

struct Owner(Arc<Core>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.post(Duration::ZERO, Deed::Stop(self.0.clone()));
    }
}

impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}

impl Network {
    /// An empty network.
    pub fn new() -> Network {
        let (later, inbox) = unbounded();
        let core = Arc::new(Core::new(later));
        let builder = thread::Builder::new().name("rpc network".into());
        drop(
            builder
                .spawn(move || postman::run(inbox))
                .expect("a thread for the network"),
        );
        Network(Arc::new(Owner(core)))
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.0.0
    }

    pub(crate) fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        self.core().with(f)
    }

    /// Makes a change that can cut calls off: these are watched from now on.
    fn cut<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let now = Instant::now();
        let (result, looks) = self.with(|state| (change(state), state.watch_cut_off(now)));
        self.core().post_looks(looks);
        result
    }

    // Ends.

    /// A new end, disabled and connected to nothing, for the calling thread's fault domain.
    ///
    /// # Panics
    /// If there is an end of that name.
    pub fn make_end(&self, name: &str) -> ClientEnd {
        self.make_end_for(name, Domain::current())
    }

    /// A new end, disabled and connected to nothing, for this incarnation of a peer: when it has crashed, what it
    /// sends goes nowhere.
    ///
    /// # Panics
    /// If there is an end of that name.
    pub fn make_end_in(&self, name: &str, domain: &Domain) -> ClientEnd {
        self.make_end_for(name, Some(domain.clone()))
    }

    fn make_end_for(&self, name: &str, domain: Option<Domain>) -> ClientEnd {
        let info = self.with(|state| {
            let is_new = !state.end_names.contains_key(name);
            is_new.then(|| state.add_end(name, domain))
        });
        let Some(info) = info else {
            panic!("the network has an end {name:?} already: names of ends must differ");
        };
        ClientEnd {
            core: self.core().clone(),
            info,
        }
    }

    /// Removes an end: it is disabled for ever, and its name is free. Nothing happens if there is none.
    pub fn remove_end(&self, name: &str) {
        self.cut(|state| {
            if let Some(id) = state.end_names.remove(name) {
                state.ends[id as usize].enabled = false;
            }
        });
    }

    /// Connects an end to the server of that name, whether or not there is one now.
    ///
    /// # Panics
    /// If there is no such end.
    pub fn connect(&self, end: &str, server: &str) {
        self.with_end(end, |state, id| {
            let place = state.place(server);
            state.ends[id].to = Some(place);
        });
    }

    /// Enables an end, or disables it: then nothing passes, in either direction.
    ///
    /// # Panics
    /// If there is no such end.
    pub fn enable(&self, end: &str, enabled: bool) {
        self.cut_end(end, |state, id| state.ends[id].enabled = enabled);
    }

    /// Whether an end is enabled.
    ///
    /// # Panics
    /// If there is no such end.
    pub fn is_enabled(&self, end: &str) -> bool {
        self.with_end(end, |state, id| state.ends[id].enabled)
    }

    /// Gives the link of this end settings of its own, in place of the network's; `None` takes them away.
    /// Messages sent earlier keep the settings they were sent with, except that a cut stops them.
    ///
    /// # Panics
    /// If there is no such end, or if a setting makes no sense; see [`Link::check`].
    pub fn set_link(&self, end: &str, link: Option<Link>) {
        if let Some(link) = &link
            && let Err(problem) = link.check()
        {
            panic!("the settings for the link of end {end:?} make no sense: {problem}");
        }
        let link = link.map(Arc::new);
        self.cut_end(end, |state, id| state.ends[id].link = link);
    }

    /// The settings that the link of this end has now, its own or the network's.
    ///
    /// # Panics
    /// If there is no such end.
    pub fn link(&self, end: &str) -> Link {
        let link = self.with_end(end, |state, id| {
            state.ends[id]
                .link
                .as_ref()
                .or(state.weather.as_ref())
                .cloned()
        });
        link.map_or_else(Link::default, |link| (*link).clone())
    }

    fn with_end<T>(&self, end: &str, f: impl FnOnce(&mut State, usize) -> T) -> T {
        existing(end, self.with(|state| Some(f(state, state.end(end)?))))
    }

    /// Makes a change to an end that can cut calls off.
    fn cut_end<T>(&self, end: &str, change: impl FnOnce(&mut State, usize) -> T) -> T {
        existing(end, self.cut(|state| Some(change(state, state.end(end)?))))
    }

    // Servers.

    /// Puts a server on the network under this name, in place of the one that was there.
    pub fn add_server(&self, name: &str, server: Server) {
        let Server { services, domain } = server;
        let (id, epoch, name) = self.with(|state| {
            state.epochs += 1;
            let id = state.place(name);
            (id, state.epochs, state.places[id as usize].name.clone())
        });
        let info = ServerInfo {
            id,
            epoch,
            name,
            domain,
        };
        let new = Arc::new(ServerCore::new(info, services));
        let old = self.cut(|state| {
            let place = &mut state.places[id as usize];
            place.counters.clear();
            let old = place.server.take();
            place.server = state.open.then_some(new);
            old
        });
        drop(old);
    }

    /// Takes the server of this name off the network. Its handlers that run go on, but no reply of
    /// theirs arrives, and the calls that wait for them fail within 100 ms. Nothing happens if there is none.
    pub fn delete_server(&self, name: &str) {
        let old = self.cut(|state| {
            let id = *state.place_names.get(name)?;
            state.places[id as usize].server.take()
        });
        drop(old);
    }

    // Behaviour.

    /// Reliable: no delay and no loss. Unreliable: each request takes 0 to 26 ms, one in ten
    /// requests is lost, and so is one in ten replies. Ends with a link of their own are not concerned.
    pub fn set_reliable(&self, reliable: bool) {
        self.with(|state| {
            state.reliable = reliable;
            state.settle_weather();
        });
    }

    /// How long a caller waits in vain for a disabled end or a dead server: up to 99 ms, or with
    /// long delays up to 6999 ms.
    pub fn set_long_delays(&self, long: bool) {
        self.with(|state| state.long_delays = long);
    }

    /// With long reordering, two of three replies are held back for 200 to 2199 ms. Ends with a link of their own are
    /// not concerned.
    pub fn set_long_reordering(&self, reordering: bool) {
        self.with(|state| {
            state.long_reordering = reordering;
            state.settle_weather();
        });
    }

    /// Whether it is reliable.
    pub fn is_reliable(&self) -> bool {
        self.with(|state| state.reliable)
    }

    /// Whether it has long delays.
    pub fn has_long_delays(&self) -> bool {
        self.with(|state| state.long_delays)
    }

    /// Whether it has long reordering.
    pub fn has_long_reordering(&self) -> bool {
        self.with(|state| state.long_reordering)
    }

    /// Ends the network: calls in flight and later ones fail with [`RpcError::Closed`](crate::RpcError::Closed),
    /// servers' idle threads end, and so does the network's.
    pub fn shutdown(&self) {
        self.core().close();
        self.core()
            .post(Duration::ZERO, Deed::Stop(self.core().clone()));
    }
}

/// What was done with an end, provided that there is one of that name.
fn existing<T>(end: &str, done: Option<T>) -> T {
    done.unwrap_or_else(|| {
        panic!("the network has no end {end:?}: make it with make_end before, and use it no more after remove_end")
    })
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.counts();
        let names: Vec<_> = counts.servers.keys().collect();
        write!(
            f,
            "Network(servers {names:?}, {} calls)",
            counts.total.requests
        )
    }
}

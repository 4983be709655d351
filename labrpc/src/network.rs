//! The network, as whoever runs a test handles it.

use std::fmt;

use labsim::Domain;
use labsim::channel::unbounded;
use labsim::sync::Arc;
use labsim::sync::atomic::Ordering;
use labsim::thread;
use labsim::time::{Duration, Instant};

use crate::client::ClientEnd;
use crate::core::Core;
use crate::counters::{Counters, Counts};
use crate::link::Link;
use crate::observer::{Direction, Hooks, Interceptor, MessageId, Observer};
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

    fn core(&self) -> &Arc<Core> {
        &self.0.0
    }

    /// Changes the network. Calls that a change has cut off are watched from now on.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let now = Instant::now();
        let (result, looks) = {
            let mut state = self.core().state.lock();
            let result = change(&mut state);
            (result, state.watch_cut_off(now))
        };
        self.core().post_looks(looks);
        result
    }

    fn set<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.core().state.lock())
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
        let info = self.set(|state| {
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
        self.change(|state| {
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
        self.with_end(end, |state, id| state.ends[id].enabled = enabled);
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
        self.with_end(end, |state, id| state.ends[id].link = link);
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

    fn with_end<T>(&self, end: &str, change: impl FnOnce(&mut State, usize) -> T) -> T {
        let result = self.change(|state| {
            let id = *state.end_names.get(end)?;
            Some(change(state, id as usize))
        });
        result.unwrap_or_else(|| {
            panic!("the network has no end {end:?}: make it with make_end, or see remove_end")
        })
    }

    // Servers.

    /// Puts a server on the network under this name, in place of the one that was there.
    pub fn add_server(&self, name: &str, server: Server) {
        let Server { services, domain } = server;
        let (id, epoch, name) = self.set(|state| {
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
        let old = self.change(|state| {
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
        let old = self.change(|state| {
            let id = *state.place_names.get(name)?;
            state.places[id as usize].server.take()
        });
        drop(old);
    }

    // Behaviour.

    /// Reliable: no delay and no loss. Unreliable: each request takes 0 to 26 ms, one in ten
    /// requests is lost, and so is one in ten replies. Ends with a link of their own are not concerned.
    pub fn set_reliable(&self, reliable: bool) {
        self.set(|state| {
            state.reliable = reliable;
            state.settle_weather();
        });
    }

    /// How long a caller waits in vain for a disabled end or a dead server: up to 99 ms, or with
    /// long delays up to 6999 ms.
    pub fn set_long_delays(&self, long: bool) {
        self.set(|state| state.long_delays = long);
    }

    /// With long reordering, two of three replies are held back for 200 to 2199 ms. Ends with a link of their own are
    /// not concerned.
    pub fn set_long_reordering(&self, reordering: bool) {
        self.set(|state| {
            state.long_reordering = reordering;
            state.settle_weather();
        });
    }

    /// Whether it is reliable.
    pub fn is_reliable(&self) -> bool {
        self.set(|state| state.reliable)
    }

    /// Whether it has long delays.
    pub fn has_long_delays(&self) -> bool {
        self.set(|state| state.long_delays)
    }

    /// Whether it has long reordering.
    pub fn has_long_reordering(&self) -> bool {
        self.set(|state| state.long_reordering)
    }

    // Counts.

    /// How many requests have reached the server of this name since it was last added.
    pub fn count(&self, server: &str) -> u64 {
        self.set(|state| state.server_counters(server).arrived)
    }

    /// How many requests have been sent, lost ones too.
    pub fn total_count(&self) -> u64 {
        self.set(|state| state.totals().requests)
    }

    /// Bytes of all requests sent and of all replies delivered.
    pub fn total_bytes(&self) -> u64 {
        self.set(|state| state.totals().bytes())
    }

    /// The counts of one method, such as `Raft.request_vote`.
    pub fn method_counters(&self, method: &str) -> Counters {
        self.set(|state| state.method_counters(method))
    }

    /// The counts of one server since it was last added.
    pub fn server_counters(&self, server: &str) -> Counters {
        self.set(|state| state.server_counters(server))
    }

    /// All counts: in total, by method, by server, and by server and method.
    pub fn counts(&self) -> Counts {
        self.set(|state| state.counts())
    }

    // Hooks.

    /// Lets an observer see each message from now on.
    pub fn observe(&self, observer: Arc<dyn Observer>) {
        self.change_hooks(|hooks| hooks.observers.push(observer));
    }

    /// Takes all observers away.
    pub fn stop_observing(&self) {
        self.change_hooks(|hooks| hooks.observers.clear());
    }

    /// Lets this function decide the fate of each request and each reply, in place of the ones that did.
    pub fn intercept(&self, interceptor: Interceptor) {
        self.change_hooks(|hooks| {
            hooks.requests = Some(interceptor.clone());
            hooks.replies = Some(interceptor);
        });
    }

    /// Lets this function decide the fate of each request, in place of the one that did.
    pub fn intercept_requests(&self, interceptor: Interceptor) {
        self.change_hooks(|hooks| hooks.requests = Some(interceptor));
    }

    /// Lets this function decide the fate of each reply, in place of the one that did.
    pub fn intercept_replies(&self, interceptor: Interceptor) {
        self.change_hooks(|hooks| hooks.replies = Some(interceptor));
    }

    /// Leaves all messages to chance again. Messages that are held stay so.
    pub fn stop_intercepting(&self) {
        self.change_hooks(|hooks| (hooks.requests, hooks.replies) = (None, None));
    }

    fn change_hooks(&self, change: impl FnOnce(&mut Hooks)) {
        let old = {
            let mut state = self.core().state.lock();
            let mut hooks = state.hooks.as_deref().cloned().unwrap_or_default();
            change(&mut hooks);
            let replies = hooks.replies.is_some();
            self.core()
                .intercepts_replies
                .store(replies, Ordering::Release);
            let hooks = (!hooks.is_empty()).then(|| Arc::new(hooks));
            std::mem::replace(&mut state.hooks, hooks)
        };
        drop(old);
    }

    /// The messages that an interceptor's [`Hold`](crate::Verdict::Hold) or
    /// [`HoldCopy`](crate::Verdict::HoldCopy) keeps back, in the order of their ids.
    pub fn held(&self) -> Vec<MessageId> {
        self.set(|state| state.held.keys().copied().collect())
    }

    /// Lets a message go that an interceptor holds: it arrives now, on the calling thread. False if
    /// there is none of this name.
    pub fn release(&self, id: MessageId) -> bool {
        let Some((ticket, bytes)) = self.set(|state| state.held.remove(&id)) else {
            return false;
        };
        match id.direction {
            Direction::Request => ticket.arrive(bytes),
            Direction::Reply => ticket.deliver(bytes),
        }
        true
    }

    /// Ends the network: calls in flight and later ones fail with [`RpcError::Closed`](crate::RpcError::Closed),
    /// servers' idle threads end, and so does the network's.
    pub fn shutdown(&self) {
        self.core().close();
        self.core()
            .post(Duration::ZERO, Deed::Stop(self.core().clone()));
    }
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

//! The caller's end of a link.

use std::fmt;

use labsim::Domain;
use labsim::channel::{Receiver, bounded};
use labsim::sync::Arc;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::core::Core;
use crate::error::RpcError;
use crate::service::{ServiceSpec, Wanted};
use crate::state::EndInfo;
use crate::waiter::{Outcome, Waiter};

/// One peer's way to call another: the caller's end of a link, made by
/// [`Network::make_end`](crate::Network::make_end). Clones are the same end.
///
/// To call, make the `Client` of a service of it; see [`service!`](crate::service!).
#[derive(Clone)]
pub struct ClientEnd {
    pub(crate) core: Arc<Core>,
    pub(crate) info: Arc<EndInfo>,
}

impl ClientEnd {
    /// The name it was made with.
    pub fn name(&self) -> &str {
        &self.info.name
    }

    /// The incarnation it was made for. When that has crashed, what is sent here goes nowhere.
    pub fn domain(&self) -> Option<&Domain> {
        self.info.domain.as_ref()
    }

    /// Calls a method by its full name, such as `Raft.request_vote`, and blocks until there is a result.
    /// The client that `service!` makes does the same, with types that fit.
    ///
    /// # Errors
    /// See [`RpcError`].
    #[track_caller]
    pub fn call<A, R>(&self, method: &str, args: &A) -> Result<R, RpcError>
    where
        A: Serialize + ?Sized,
        R: DeserializeOwned,
    {
        self.call_wanted(Wanted::Named(method), args)
    }

    #[doc(hidden)]
    #[track_caller]
    pub fn typed_call<A, R>(
        &self,
        spec: &'static ServiceSpec,
        method: usize,
        args: &A,
    ) -> Result<R, RpcError>
    where
        A: Serialize + ?Sized,
        R: DeserializeOwned,
    {
        self.call_wanted(Wanted::Typed(spec, method), args)
    }

    #[doc(hidden)]
    pub fn typed_background<A, R>(
        &self,
        spec: &'static ServiceSpec,
        method: usize,
        args: &A,
    ) -> Receiver<Result<R, RpcError>>
    where
        A: Serialize + ?Sized,
        R: DeserializeOwned + Send + 'static,
    {
        let (to, result) = bounded(1);
        self.typed_callback(spec, method, args, move |r| drop(to.try_send(r)));
        result
    }

    #[doc(hidden)]
    pub fn typed_callback<A, R, F>(
        &self,
        spec: &'static ServiceSpec,
        method: usize,
        args: &A,
        then: F,
    ) where
        A: Serialize + ?Sized,
        R: DeserializeOwned,
        F: FnOnce(Result<R, RpcError>) + Send + 'static,
    {
        let wanted = Wanted::Typed(spec, method);
        let waiter = Waiter::Function(Box::new(move |outcome| then(decode(wanted, outcome))));
        self.core
            .send(&self.info, wanted, labgob::encode(args), waiter);
    }

    #[track_caller]
    fn call_wanted<A, R>(&self, wanted: Wanted<'_>, args: &A) -> Result<R, RpcError>
    where
        A: Serialize + ?Sized,
        R: DeserializeOwned,
    {
        labsim::diagnose::about_to_wait(&Waiting {
            wanted,
            end: &self.info.name,
        });
        let (to, result) = bounded(1);
        self.core
            .send(&self.info, wanted, labgob::encode(args), Waiter::Thread(to));
        // Without a word the other side only goes when the thread that was to reply crashes in that very moment.
        let outcome = result.recv().unwrap_or_else(|_| {
            let method = wanted.full_name();
            Err(RpcError::NoReply { method })
        });
        decode(wanted, outcome)
    }
}

fn decode<R: DeserializeOwned>(wanted: Wanted<'_>, outcome: Outcome) -> Result<R, RpcError> {
    labgob::decode(&outcome?).map_err(|error| RpcError::BadReply {
        method: wanted.full_name(),
        error,
    })
}

impl fmt::Debug for ClientEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientEnd({})", self.info.name)
    }
}

/// What a thread in a call waits for.
struct Waiting<'a> {
    wanted: Wanted<'a>,
    end: &'a str,
}

impl fmt::Display for Waiting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the reply to {} on end {:?}", self.wanted, self.end)
    }
}

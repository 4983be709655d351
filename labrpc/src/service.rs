//! Services: what `service!` makes, and how a request finds its method.

use std::fmt;
use std::marker::PhantomData;

use labsim::sync::Arc;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::call::Ticket;
use crate::error::RpcError;

/// A service's name and its methods, in order. `service!` makes one static of each service, so that two of them are
/// the same if they are at the same place, and names are compared only if they are not.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct ServiceSpec {
    pub name: &'static str,
    pub methods: &'static [&'static str],
}

/// The method that a caller wants.
#[derive(Clone, Copy)]
pub(crate) enum Wanted<'a> {
    /// By its place in a declared service.
    Typed(&'static ServiceSpec, usize),
    /// By its full name.
    Named(&'a str),
}

impl Wanted<'_> {
    pub fn full_name(&self) -> Arc<str> {
        match self {
            Wanted::Typed(spec, index) => format!("{}.{}", spec.name, spec.methods[*index]).into(),
            Wanted::Named(name) => Arc::from(*name),
        }
    }
}

impl fmt::Display for Wanted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wanted::Typed(spec, index) => write!(f, "{}.{}", spec.name, spec.methods[*index]),
            Wanted::Named(name) => f.write_str(name),
        }
    }
}

/// A method that a network knows: `id` is its place in the network's tables.
#[derive(Clone)]
pub(crate) struct MethodRef {
    pub id: u32,
    pub name: Arc<str>,
    pub typed: Option<(&'static ServiceSpec, u32)>,
}

/// What a server answers under one name. The functions `service` and `deferred_service` of a module
/// that [`service!`](crate::service!) made give one.
#[derive(Clone)]
pub struct Service {
    pub(crate) spec: &'static ServiceSpec,
    /// Whether requests run on worker threads, since their handlers may block.
    pub(crate) blocking: bool,
    pub(crate) run: Arc<Run>,
}

/// Decodes a request to the method at this place, and has it answered.
type Run = dyn Fn(usize, Request) + Send + Sync;

impl Service {
    #[doc(hidden)]
    pub fn blocking(spec: &'static ServiceSpec, run: Arc<Run>) -> Service {
        Service {
            spec,
            blocking: true,
            run,
        }
    }

    #[doc(hidden)]
    pub fn deferred(spec: &'static ServiceSpec, run: Arc<Run>) -> Service {
        Service {
            spec,
            blocking: false,
            run,
        }
    }

    /// The service's name.
    pub fn name(&self) -> &'static str {
        self.spec.name
    }

    /// The names of its methods, as they were declared.
    pub fn methods(&self) -> &'static [&'static str] {
        self.spec.methods
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Service({}: {})",
            self.spec.name,
            self.spec.methods.join(", ")
        )
    }
}

/// Which of these services, and which method of it, a request is for.
pub(crate) fn find(
    services: &[Service],
    server: &Arc<str>,
    method: &MethodRef,
) -> Result<(Arc<Run>, bool, usize), RpcError> {
    if let Some((spec, index)) = method.typed
        && let Some(s) = services.iter().find(|s| std::ptr::eq(s.spec, spec))
    {
        return Ok((s.run.clone(), s.blocking, index as usize));
    }
    let (service, name) = method.name.split_once('.').unwrap_or((&method.name, ""));
    let Some(s) = services.iter().find(|s| s.spec.name == service) else {
        let offered = services.iter().map(|s| s.spec.name.to_string()).collect();
        let (method, server) = (method.name.clone(), server.clone());
        return Err(RpcError::UnknownService {
            method,
            server,
            offered,
        });
    };
    match s.spec.methods.iter().position(|m| *m == name) {
        Some(index) => Ok((s.run.clone(), s.blocking, index)),
        None => {
            let offered = s.spec.methods.iter().map(|m| m.to_string()).collect();
            let (method, server) = (method.name.clone(), server.clone());
            Err(RpcError::UnknownMethod {
                method,
                server,
                offered,
            })
        }
    }
}

/// A request that has reached its server, still encoded.
pub struct Request {
    pub(crate) ticket: Ticket,
    pub(crate) args: Vec<u8>,
}

impl Request {
    /// Decodes the arguments, lets `handler` make the reply, and sends it.
    pub fn answer<A: DeserializeOwned, R: Serialize>(self, handler: impl FnOnce(A) -> R) {
        self.defer(|args, reply| reply.send(handler(args)));
    }

    /// Decodes the arguments, and hands them to `handler` with what it needs to reply.
    pub fn defer<A: DeserializeOwned, R>(self, handler: impl FnOnce(A, Responder<R>)) {
        match labgob::decode(&self.args) {
            Ok(args) => {
                drop(self.args);
                handler(
                    args,
                    Responder {
                        ticket: self.ticket,
                        reply: PhantomData,
                    },
                );
            }
            Err(error) => {
                let method = self.ticket.route.method.name.clone();
                self.ticket.refuse(RpcError::BadArguments { method, error });
            }
        }
    }
}

/// Sends the reply to one request, from any thread, when it is ready. Dropping it sends none: then
/// the call fails.
pub struct Responder<R> {
    ticket: Ticket,
    reply: PhantomData<fn(R)>,
}

impl<R: Serialize> Responder<R> {
    /// Sends the reply. If the link delays nothing, the caller's callback runs in here.
    pub fn send(self, reply: R) {
        self.ticket.reply(labgob::encode(&reply));
    }
}

impl<R> fmt::Debug for Responder<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Responder({}, call {})",
            self.ticket.route.method.name, self.ticket.route.call
        )
    }
}

/// Declares a service.
///
/// ```
/// # use serde::{Serialize, Deserialize};
/// labrpc::service! {
///     /// A service for letters.
///     pub mod post: "Post" {
///         /// How many words the text has.
///         fn count_words(String) -> usize;
///         /// The text backwards.
///         fn reverse(String) -> String;
///     }
/// }
/// # fn main() {}
/// ```
///
/// makes a module `post` with
/// - `trait Handler`: `fn count_words(&self, args: String) -> usize` and so on. A handler may block: each
///   request runs on a thread of its own, in the server's fault domain.
/// - `trait DeferredHandler`: `fn count_words(&self, args: String, reply: Responder<usize>)` and so on. It is called
///   as the request arrives, on the thread that brings it, and must not block: an actor puts the
///   request into its inbox and sends the reply when it has one.
/// - `fn service(Arc<impl Handler>) -> Service` and `fn deferred_service(Arc<impl DeferredHandler>) -> Service`;
/// - `struct Client`, made from a [`ClientEnd`](crate::ClientEnd), with three ways to call. All three send the
///   request before they return or wait.
///   - `client.reverse(&text)` blocks until there is a result;
///   - `client.background().reverse(&text)` gives a channel on which the result arrives;
///   - `client.callback().reverse(&text, |result| …)` runs the function with the result, on the thread that
///     brings it. It must not block: it hands the result on, say to an inbox. Not even a lock of the caller's
///     may be taken in it, for the replying peer may be holding one of its own.
///
/// Arguments and replies are types that serde can serialize and deserialize; one of each to a method.
#[macro_export]
macro_rules! service {
    (
        $(#[$meta:meta])*
        $vis:vis mod $module:ident : $name:literal {
            $( $(#[$doc:meta])* fn $method:ident ( $args:ty ) -> $reply:ty ; )+
        }
    ) => {
        $(#[$meta])*
        $vis mod $module {
            #[allow(unused_imports)]
            use super::*;

            static SPEC: $crate::__private::ServiceSpec = $crate::__private::ServiceSpec {
                name: $name,
                methods: &[$(stringify!($method)),+],
            };

            #[allow(non_camel_case_types)]
            #[derive(Clone, Copy)]
            enum Method { $($method),+ }

            const METHODS: &[Method] = &[$(Method::$method),+];

            /// Answers requests by returning the reply. Each request runs on a thread of its own in the
            /// server's fault domain, and may block.
            pub trait Handler: Send + Sync + 'static {
                $( $(#[$doc])* #[allow(missing_docs)] fn $method(&self, args: $args) -> $reply; )+
            }

            /// Takes requests as they arrive, and answers whenever it likes. It must not block.
            pub trait DeferredHandler: Send + Sync + 'static {
                $( $(#[$doc])* #[allow(missing_docs)] fn $method(&self, args: $args, reply: $crate::Responder<$reply>); )+
            }

            /// The service that answers with this handler.
            #[allow(dead_code)]
            pub fn service<H: Handler>(handler: $crate::__private::Arc<H>) -> $crate::Service {
                let run = move |method: usize, request: $crate::__private::Request| match METHODS[method] {
                    $( Method::$method => request.answer(|args: $args| -> $reply { handler.$method(args) }), )+
                };
                $crate::Service::blocking(&SPEC, $crate::__private::Arc::new(run))
            }

            /// The service that hands requests to this handler.
            #[allow(dead_code)]
            pub fn deferred_service<H: DeferredHandler>(handler: $crate::__private::Arc<H>) -> $crate::Service {
                let run = move |method: usize, request: $crate::__private::Request| match METHODS[method] {
                    $( Method::$method => request.defer(|args: $args, reply: $crate::Responder<$reply>| handler.$method(args, reply)), )+
                };
                $crate::Service::deferred(&SPEC, $crate::__private::Arc::new(run))
            }

            /// Calls the service over one end.
            #[derive(Clone, Debug)]
            #[allow(dead_code)]
            pub struct Client {
                end: $crate::ClientEnd,
            }

            #[allow(dead_code)]
            impl Client {
                /// A client that calls over `end`.
                pub fn new(end: $crate::ClientEnd) -> Client {
                    Client { end }
                }

                /// Calls whose results arrive on a channel.
                pub fn background(&self) -> Background<'_> {
                    Background { end: &self.end }
                }

                /// Calls whose results go to a function.
                pub fn callback(&self) -> Callback<'_> {
                    Callback { end: &self.end }
                }

                $(
                    $(#[$doc])*
                    #[allow(missing_docs)]
                    #[track_caller]
                    pub fn $method(&self, args: &$args) -> Result<$reply, $crate::RpcError> {
                        self.end.typed_call(&SPEC, Method::$method as usize, args)
                    }
                )+
            }

            /// Calls whose results arrive on a channel; see [`Client::background`].
            #[derive(Clone, Copy, Debug)]
            #[allow(dead_code)]
            pub struct Background<'a> {
                end: &'a $crate::ClientEnd,
            }

            #[allow(dead_code)]
            impl Background<'_> {
                $(
                    $(#[$doc])*
                    #[allow(missing_docs)]
                    pub fn $method(&self, args: &$args) -> $crate::__private::Receiver<Result<$reply, $crate::RpcError>> {
                        self.end.typed_background(&SPEC, Method::$method as usize, args)
                    }
                )+
            }

            /// Calls whose results go to a function; see [`Client::callback`].
            #[derive(Clone, Copy, Debug)]
            #[allow(dead_code)]
            pub struct Callback<'a> {
                end: &'a $crate::ClientEnd,
            }

            #[allow(dead_code)]
            impl Callback<'_> {
                $(
                    $(#[$doc])*
                    #[allow(missing_docs)]
                    pub fn $method<F>(&self, args: &$args, then: F)
                    where
                        F: FnOnce(Result<$reply, $crate::RpcError>) + Send + 'static,
                    {
                        self.end.typed_callback(&SPEC, Method::$method as usize, args, then)
                    }
                )+
            }
        }
    };
}

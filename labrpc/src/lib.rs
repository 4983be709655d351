//! The mock network: typed RPC between peers of one process, which drops, delays, reorders,
//! duplicates, cuts, counts and traces.
//!
//! # The pieces
//! - [`service!`] declares a service: its methods, and what they take and return. It makes a module
//!   with the traits a server implements and the client that calls it.
//! - A [`Network`] joins [`ClientEnd`]s to [`Server`]s, by name. There is one end for each direction
//!   of each pair of peers, so a link can be cut one way. An end starts unconnected and disabled.
//! - A [`Server`] is a bag of services that belongs to one incarnation of one peer (its
//!   [`Domain`](labsim::Domain)). Deleting it, or putting another in its place, is a crash as the callers see it.
//! - What goes wrong is data: [`Link`]. What must go wrong exactly so, for one test, is an
//!   [`Interceptor`]; what only looks on is an [`Observer`].
//!
//! # An example
//! ```
//! use labrpc::{Network, RpcError, Server};
//! use labsim::sync::{Arc, Mutex};
//!
//! labrpc::service! {
//!     /// A counter that others may increase.
//!     mod counter: "Counter" {
//!         /// Adds this much, and returns the sum.
//!         fn add(u64) -> u64;
//!     }
//! }
//!
//! struct Sum(Mutex<u64>);
//!
//! impl counter::Handler for Sum {
//!     fn add(&self, n: u64) -> u64 {
//!         let mut sum = self.0.lock();
//!         *sum += n;
//!         *sum
//!     }
//! }
//!
//! # fn main() {
//! let net = Network::new();
//! let sum = Arc::new(Sum(Mutex::new(40)));
//! net.add_server("server 0", Server::new().with(counter::service(sum.clone())));
//! let end = net.make_end("a to 0");
//! net.connect("a to 0", "server 0");
//! net.enable("a to 0", true);
//!
//! let client = counter::Client::new(end);
//! assert_eq!(client.add(&2), Ok(42));
//! net.enable("a to 0", false);
//! assert!(matches!(client.add(&1), Err(RpcError::NoReply { .. })));
//! assert_eq!(*sum.0.lock(), 42);
//! assert_eq!(net.count("server 0"), 1);
//! assert_eq!(net.total_count(), 2);
//! # }
//! ```
//!
//! # What a caller may rely on
//! A call returns, unless its handler never does while the server lives and the link stays. An `Ok`
//! means that the server had handled the request, was alive and was reachable when the reply
//! arrived. [`RpcError::NoReply`] means nothing: the request may have been lost, or be executed
//! later, or have been executed already. Calls have no order among each other, not even those of one
//! thread on one end. Arguments and replies are really encoded and decoded, so no memory is shared.
//!
//! # How it behaves unless told otherwise
//! A reliable network adds no delay. `flow.rs` has each rule beside the code that keeps it;
//! [`Network::set_reliable`] and the settings beside it say what they change.
//!
//! # How it runs
//! Plain client code of labsim: the same on the wall clock and in a simulation. Where nothing is
//! delayed, the caller's thread carries its request to the server and the replying thread carries
//! the reply back, so an RPC costs two switches. What is due later waits with one thread a network (`postman.rs`).

#![forbid(unsafe_code)]

mod call;
mod client;
mod core;
mod counters;
mod error;
mod events;
mod flow;
mod link;
mod methods;
mod network;
mod observer;
mod postman;
mod server;
mod service;
mod state;
mod waiter;
mod watch;

pub use call::CallId;
pub use client::ClientEnd;
pub use counters::{Counters, Counts, ServerCounts};
pub use error::RpcError;
pub use link::{Delay, Hold, Link, Path};
pub use network::Network;
pub use observer::{
    Cause, Direction, Fate, Interceptor, MessageId, MessageSeen, Observer, Verdict,
};
pub use server::Server;
pub use service::{Responder, Service};

#[doc(hidden)]
pub mod __private {
    pub use crate::service::{Request, ServiceSpec};
    pub use labsim::channel::Receiver;
    pub use labsim::sync::Arc;
}

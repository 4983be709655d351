//! What a caller is told when it gets no reply.

use std::fmt;

use labgob::DecodeError;
use labsim::sync::Arc;

/// Why a call has no reply. `method` is always the full name, such as `Raft.request_vote`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RpcError {
    /// No reply came. The request may have been lost, be executed later, or have been executed; no
    /// caller can know which. It says neither that the server is dead nor that it is alive.
    NoReply {
        /// The method called.
        method: Arc<str>,
    },
    /// The server was reached, and offers no such service.
    UnknownService {
        /// The method called.
        method: Arc<str>,
        /// The server's name.
        server: Arc<str>,
        /// The services it offers.
        offered: Vec<String>,
    },
    /// The server was reached, and its service has no such method.
    UnknownMethod {
        /// The method called.
        method: Arc<str>,
        /// The server's name.
        server: Arc<str>,
        /// The methods its service has.
        offered: Vec<String>,
    },
    /// The server was reached, and could not decode the arguments: caller and server have declared
    /// the method with different types.
    BadArguments {
        /// The method called.
        method: Arc<str>,
        /// What the server found.
        error: DecodeError,
    },
    /// A reply came, and could not be decoded: caller and server have declared the method with
    /// different types. The request has been executed.
    BadReply {
        /// The method called.
        method: Arc<str>,
        /// What the caller found.
        error: DecodeError,
    },
    /// The network has been shut down: no call on it can succeed any more.
    Closed {
        /// The method called.
        method: Arc<str>,
    },
}

impl RpcError {
    /// The full name of the method called, such as `Raft.request_vote`.
    pub fn method(&self) -> &str {
        match self {
            RpcError::NoReply { method }
            | RpcError::UnknownService { method, .. }
            | RpcError::UnknownMethod { method, .. }
            | RpcError::BadArguments { method, .. }
            | RpcError::BadReply { method, .. }
            | RpcError::Closed { method } => method,
        }
    }
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RpcError::NoReply { method } => write!(
                f,
                "no reply to {method}: the request or its reply was lost, or the server is dead or \
                 cut off. It may have been executed all the same, or be executed yet"
            ),
            RpcError::UnknownService {
                method,
                server,
                offered,
            } => write!(
                f,
                "server {server:?} has no service for {method}; it has {}. \
                 Add the service to the Server before Network::add_server",
                list(offered)
            ),
            RpcError::UnknownMethod {
                method,
                server,
                offered,
            } => write!(
                f,
                "server {server:?} has the service but no method {method}; it has {}. \
                 Call one of these, or declare the method in service!",
                list(offered)
            ),
            RpcError::BadArguments { method, error } => {
                write!(
                    f,
                    "the server could not decode the arguments of {method}: {error}"
                )
            }
            RpcError::BadReply { method, error } => {
                write!(
                    f,
                    "the caller could not decode the reply to {method}: {error}"
                )
            }
            RpcError::Closed { method } => {
                write!(
                    f,
                    "{method} was not sent, or has no reply: the network has been shut down"
                )
            }
        }
    }
}

impl std::error::Error for RpcError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            RpcError::BadArguments { error, .. } | RpcError::BadReply { error, .. } => Some(error),
            _ => None,
        }
    }
}

fn list(names: &[String]) -> String {
    match names {
        [] => "none".to_string(),
        _ => names.join(", "),
    }
}

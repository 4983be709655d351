//! Names for servers, and commands.

use std::fmt;

use bytes::Bytes;
use raftapi::PeerId;
use serde::{Deserialize, Serialize};

/// One server of the cluster. Stories name servers; they never compute one from another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Server(usize);

impl Server {
    /// The server with this number, counted from 0 as in `Raft::make`'s list of peers.
    pub const fn numbered(number: usize) -> Self {
        Server(number)
    }

    /// Its number, counted from 0.
    pub const fn number(self) -> usize {
        self.0
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "server {}", self.0)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Server> for PeerId {
    fn from(server: Server) -> PeerId {
        PeerId(server.0)
    }
}

/// "1 server has" or "2 servers have".
pub fn have(servers: usize) -> String {
    match servers {
        1 => "1 server has".into(),
        many => format!("{many} servers have"),
    }
}

/// Shows servers as `{0, 2}`.
pub fn set(servers: impl IntoIterator<Item = Server>) -> String {
    let numbers: Vec<String> = servers.into_iter().map(|s| s.0.to_string()).collect();
    format!("{{{}}}", numbers.join(", "))
}

/// A command for the replicated log: bytes to Raft, text to the reader of a story.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Command(Bytes);

impl Command {
    /// What Raft is given.
    pub fn bytes(&self) -> Bytes {
        self.0.clone()
    }

    /// The same, borrowed.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&str> for Command {
    fn from(text: &str) -> Self {
        Command(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl From<String> for Command {
    fn from(text: String) -> Self {
        Command(text.into())
    }
}

impl From<u64> for Command {
    fn from(number: u64) -> Self {
        number.to_string().into()
    }
}

impl From<Bytes> for Command {
    fn from(bytes: Bytes) -> Self {
        Command(bytes)
    }
}

impl From<&Command> for Command {
    fn from(command: &Command) -> Self {
        command.clone()
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 32;
        match std::str::from_utf8(&self.0) {
            Ok("") => f.write_str("an empty command"),
            Ok(text) if text.len() <= SHOWN && !text.contains(char::is_control) => {
                f.write_str(text)
            }
            _ => write!(f, "{} bytes", self.0.len()),
        }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_read_as_they_were_written() {
        assert_eq!(Command::from(17).to_string(), "17");
        assert_eq!(Command::from("x").to_string(), "x");
        assert_eq!(
            Command::from(Bytes::from(vec![0u8; 5000])).to_string(),
            "5000 bytes"
        );
    }

    #[test]
    fn sets_of_servers_are_short() {
        assert_eq!(set([Server(0), Server(2)]), "{0, 2}");
    }
}

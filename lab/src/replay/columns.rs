//! Notes in columns: time, topic, and a column for each server.

use std::io::{self, Write};

use super::topic::Note;
use crate::paint::Painted;

/// How wide the page is where nobody says.
pub const WIDTH: usize = 120;
/// A server's column is at least so wide, even if the page is then too wide.
const NARROWEST: usize = 16;
/// Seconds with six digits, a space, the topic, a space.
const MARGIN: usize = 23;

/// Where notes are written to.
pub struct Page<W> {
    out: W,
    /// The servers that have a column.
    servers: Vec<usize>,
    column: usize,
    colour: bool,
}

impl<W: Write> Page<W> {
    /// A page with a column for each of these servers.
    pub fn new(out: W, servers: Vec<usize>, width: usize, colour: bool) -> Self {
        let room = width.saturating_sub(MARGIN) / servers.len().max(1);
        Page {
            out,
            servers,
            column: room.max(NARROWEST),
            colour,
        }
    }

    /// Writes the headings.
    ///
    /// # Errors
    /// Nobody reads any more.
    pub fn headings(&mut self) -> io::Result<()> {
        let width = self.column;
        let names = self.servers.iter().map(|s| format!("server {s}"));
        let names: String = names.map(|name| format!("{name:width$}")).collect();
        let line = format!("{:>11} {:10} {names}", "seconds", "topic");
        writeln!(self.out, "{}", self.painted(1, line.trim_end()))
    }

    /// Writes a note into its server's column, or across all.
    ///
    /// # Errors
    /// Nobody reads any more.
    pub fn write(&mut self, note: &Note) -> io::Result<()> {
        let place = note
            .server
            .and_then(|server| self.servers.iter().position(|own| *own == server));
        let (before, room) = match place {
            // The last space of a column keeps it apart from the next.
            Some(place) => (place * self.column, self.column - 1),
            None => (0, (self.column * self.servers.len()).max(NARROWEST)),
        };
        let colour = colour_of(&note.topic, note.server);
        let topic: String = note.topic.chars().take(10).collect();
        for (number, line) in wrapped(&note.text, room).into_iter().enumerate() {
            let margin = match number {
                0 => format!("{:>11.6} {topic:10} ", note.at as f64 / 1e9),
                _ => " ".repeat(MARGIN),
            };
            let line = self.painted(colour, line);
            writeln!(self.out, "{margin}{:before$}{line}", "")?;
        }
        Ok(())
    }

    /// Writes what was left out, if anything was.
    ///
    /// # Errors
    /// Nobody reads any more.
    pub fn closing(&mut self, text: &str) -> io::Result<()> {
        match text.is_empty() {
            true => Ok(()),
            false => writeln!(self.out, "\n{}", self.painted(90, text)),
        }
    }

    fn painted<T>(&self, colour: u8, text: T) -> Painted<T> {
        Painted(if self.colour { colour } else { 0 }, text)
    }
}

/// Each topic has a colour, and keeps it from run to run.
fn colour_of(topic: &str, server: Option<usize>) -> u8 {
    const OTHERS: [u8; 5] = [92, 93, 94, 95, 96];
    match (topic, server) {
        ("test", None) => 1,
        ("test", _) => 31,
        ("election", _) => 35,
        ("log", _) => 32,
        ("persist", _) => 34,
        ("snapshot", _) => 36,
        ("apply", _) => 33,
        ("rpc" | "mail" | "thread", _) => 90,
        (other, _) => OTHERS[other.bytes().map(usize::from).sum::<usize>() % OTHERS.len()],
    }
}

/// The text in lines of at most so many characters, broken at spaces where there are some. Control
/// characters are shown and not obeyed: what a program logs may hold anything.
fn wrapped(text: &str, room: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for part in text.split('\n') {
        let part: String = part.chars().flat_map(harmless).collect();
        let mut line = String::new();
        let mut length = 0;
        for word in part.split(' ') {
            let mut word: Vec<char> = word.chars().collect();
            if length > 0 && length + 1 + word.len() > room {
                lines.push(std::mem::take(&mut line));
                length = 0;
            }
            if length > 0 {
                line.push(' ');
                length += 1;
            }
            while length + word.len() > room {
                let rest = word.split_off(room - length);
                line.extend(word);
                lines.push(std::mem::take(&mut line));
                (word, length) = (rest, 0);
            }
            length += word.len();
            line.extend(word);
        }
        lines.push(line);
    }
    lines
}

fn harmless(c: char) -> impl Iterator<Item = char> {
    let escaped = c.is_control().then(|| c.escape_default());
    let plain = escaped.is_none().then_some(c);
    plain.into_iter().chain(escaped.into_iter().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_broken_at_spaces_or_anywhere() {
        assert_eq!(wrapped("one two three", 8), ["one two", "three"]);
        assert_eq!(wrapped("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrapped("a bcdefghij", 4), ["a", "bcde", "fghi", "j"]);
        assert_eq!(wrapped("two\nlines", 20), ["two", "lines"]);
        assert_eq!(wrapped("", 20), [""]);
    }

    #[test]
    fn what_a_program_logs_does_not_steer_the_terminal() {
        assert_eq!(wrapped("a\x1b[2Jb\r", 40), ["a\\u{1b}[2Jb\\r"]);
    }

    fn page(width: usize, colour: bool, servers: Vec<usize>, notes: &[Note]) -> String {
        let mut out = Vec::new();
        let mut page = Page::new(&mut out, servers, width, colour);
        page.headings().unwrap();
        notes.iter().for_each(|note| page.write(note).unwrap());
        String::from_utf8(out).unwrap()
    }

    fn note(topic: &str, server: Option<usize>, text: &str) -> Note {
        Note {
            at: 1_500_000_000,
            topic: topic.into(),
            server,
            text: text.into(),
        }
    }

    #[test]
    fn each_server_has_its_column() {
        let notes = [
            note("test", None, "server 2 is cut off from everybody, it seems"),
            note("election", Some(0), "runs for term 2 (no leader)"),
            note("a_long_topic", Some(2), "votes"),
        ];
        assert_eq!(
            page(23 + 3 * 16, false, vec![0, 1, 2], &notes),
            "    seconds topic      server 0        server 1        server 2
   1.500000 test       server 2 is cut off from everybody, it seems
   1.500000 election   runs for term 2
                       (no leader)
   1.500000 a_long_top                                 votes
"
        );
    }

    #[test]
    fn colours_are_of_topics() {
        let notes = [
            note("election", Some(1), "runs"),
            note("rpc", Some(0), "→ 1"),
        ];
        assert_eq!(
            page(40, true, vec![0, 1], &notes),
            "\x1b[1m    seconds topic      server 0        server 1\x1b[0m
   1.500000 election                   \x1b[35mruns\x1b[0m
   1.500000 rpc        \x1b[90m→ 1\x1b[0m
"
        );
    }
}

//! What can happen while `watch` waits or works.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::files::Seen;
use super::keys::Keys;
use crate::worker::is_set;

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A file was saved.
    Saved,
    /// A key was pressed.
    Key(char),
    /// Ctrl-C, or the terminal is gone.
    End,
}

/// Files are looked at so often.
const LOOK: Duration = Duration::from_millis(200);
/// Several files that are saved at once count as one save.
const SETTLE: Duration = Duration::from_millis(100);

/// Where events come in.
pub struct Inbox {
    root: PathBuf,
    keys: Keys,
    interrupted: Arc<AtomicBool>,
    seen: Seen,
    looked: Instant,
}

impl Inbox {
    /// Of a workspace, with its files as they are now.
    ///
    /// # Errors
    /// Stdin is no terminal, or signals can't be caught.
    pub fn open(root: PathBuf) -> std::io::Result<Inbox> {
        let interrupted = Arc::new(AtomicBool::new(false));
        for signal in [
            signal_hook::consts::SIGINT,
            signal_hook::consts::SIGTERM,
            signal_hook::consts::SIGHUP,
        ] {
            signal_hook::flag::register(signal, interrupted.clone())?;
        }
        Ok(Inbox {
            seen: Seen::now(&root),
            root,
            keys: Keys::open()?,
            interrupted,
            looked: Instant::now(),
        })
    }

    /// The next event, if there is one in time.
    pub fn next(&mut self, wait: Duration) -> Option<Event> {
        if is_set(&self.interrupted) {
            return Some(Event::End);
        }
        if self.looked.elapsed() >= LOOK && self.has_changed() {
            return Some(Event::Saved);
        }
        self.keys.next(wait).map(Event::Key)
    }

    /// The next event.
    pub fn wait(&mut self) -> Event {
        loop {
            if let Some(event) = self.next(LOOK / 2) {
                return event;
            }
        }
    }

    fn has_changed(&mut self) -> bool {
        let mut now = Seen::now(&self.root);
        self.looked = Instant::now();
        if now == self.seen {
            return false;
        }
        loop {
            std::thread::sleep(SETTLE);
            let settled = Seen::now(&self.root);
            let still = settled == now;
            now = settled;
            if still {
                break;
            }
        }
        self.seen = now;
        true
    }
}

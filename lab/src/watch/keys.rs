//! Keys, one by one, without Enter.

use std::io::{Read, stdin};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// The terminal's keys. The terminal is as it was when this is dropped.
pub struct Keys {
    pressed: Receiver<u8>,
    before: Termios,
}

impl Keys {
    /// Asks the terminal for single keys, not shown. Ctrl-C goes on to be a signal.
    ///
    /// # Errors
    /// Stdin is no terminal.
    pub fn open() -> std::io::Result<Keys> {
        let before = tcgetattr(stdin())?;
        let mut mode = before.clone();
        mode.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        tcsetattr(stdin(), OptionalActions::Now, &mode)?;
        let (tell, pressed) = channel();
        // It ends with the program, or with the terminal.
        std::thread::spawn(move || {
            for byte in stdin().lock().bytes() {
                if byte.is_err() || byte.is_ok_and(|byte| tell.send(byte).is_err()) {
                    return;
                }
            }
        });
        Ok(Keys { pressed, before })
    }

    /// The next key, if there is one in time. A terminal that is gone asks to quit.
    pub fn next(&self, wait: Duration) -> Option<char> {
        match self.pressed.recv_timeout(wait) {
            Ok(byte) => Some(char::from(byte).to_ascii_lowercase()),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some('q'),
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing back.
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.before);
    }
}

//! `cargo lab watch` on a pseudo-terminal, as somebody at the keyboard sees it.

mod small;

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use small::{Mini, stderr};

/// A cold build on a busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(180);

/// A program with a terminal to itself.
struct Terminal {
    child: Child,
    keyboard: File,
    line: File,
    screen: Arc<Mutex<String>>,
    read: usize,
}

impl Terminal {
    fn start(mini: &Mini, arguments: &[&str]) -> Terminal {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let line = File::options()
            .read(true)
            .write(true)
            .open(name.to_str().unwrap())
            .unwrap();
        let size = Winsize {
            ws_row: 50,
            ws_col: 100,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&line, size).unwrap();
        let stdio = || Stdio::from(line.try_clone().unwrap());
        let child = mini
            .lab(arguments)
            .stdin(stdio())
            .stdout(stdio())
            .stderr(stdio())
            .spawn()
            .unwrap();
        let keyboard = File::from(master);
        let screen = Arc::new(Mutex::new(String::new()));
        let (mut output, shown) = (keyboard.try_clone().unwrap(), screen.clone());
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                let text = String::from_utf8_lossy(&bytes[..count]).replace("\r\n", "\n");
                shown.lock().unwrap().push_str(&text);
            }
        });
        Terminal {
            child,
            keyboard,
            line,
            screen,
            read: 0,
        }
    }

    /// Waits until `text` is shown, after what was waited for before.
    #[track_caller]
    fn shows(&mut self, text: &str) {
        let began = Instant::now();
        loop {
            let screen = self.screen.lock().unwrap().clone();
            if let Some(at) = screen[self.read..].find(text) {
                self.read += at + text.len();
                return;
            }
            let alive = self.child.try_wait().unwrap().is_none();
            assert!(
                alive && began.elapsed() < PATIENCE,
                "{text:?} is not shown; since the last that was:\n{}",
                &screen[self.read..]
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn press(&mut self, key: u8) {
        self.keyboard.write_all(&[key]).unwrap();
    }

    /// Waits for the end: the exit code.
    fn ends(&mut self) -> Option<i32> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(began.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn local_modes(&self) -> LocalModes {
        tcgetattr(&self.line).unwrap().local_modes
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const KEYS: &str = "Enter again   a all tests   r replay   h hint   n next part   q quit\n";

#[test]
fn an_evening_with_watch() {
    let mini = Mini::new(41);
    let mut terminal = Terminal::start(&mini, &["watch"]);
    let modes = {
        terminal.shows("2A: building, then running its tests");
        terminal.shows("FAIL answer");
        terminal.shows("FAIL 2A answer: it is 42.\n  Saw 41.\n");
        terminal.shows("0 of 1 tests of 2A have passed in this round.\n");
        terminal.shows(KEYS);
        terminal.local_modes()
    };
    assert!(!modes.contains(LocalModes::ICANON) && !modes.contains(LocalModes::ECHO));

    terminal.press(b'h');
    terminal.shows("Hint 1 of 2: What is six times seven?\n");
    terminal.press(b'h');
    terminal.shows("Hint 2 of 2: Is it 42?\n");
    terminal.press(b'h');
    terminal.shows("There are no more hints for answer.");

    terminal.press(b'r');
    terminal.shows("server 0");
    terminal.shows("BROKEN, one leader: nobody leads");
    terminal.shows("All of them: cargo lab replay 2A:answer --seed 0x5eed0000\n");

    terminal.press(b'x');
    terminal.shows(KEYS);
    terminal.press(b'n');
    terminal.shows("2A does not pass yet, and 2B builds on it. n once more goes on all the same.");

    // A save starts a round by itself; one that does not compile says so.
    mini.write("raft/src/lib.rs", "pub const ANSWER: u32 = ;\n");
    terminal.shows("expected expression");
    terminal.shows("It does not build; the compiler's message is above.");
    terminal.shows(KEYS);
    terminal.press(b'r');
    terminal.shows("Nothing has failed that could be replayed.");
    mini.answer(42);
    terminal.shows("pass answer");
    terminal.shows("All 1 tests of 2A pass.");
    terminal.shows("Then n goes on to 2B.");
    terminal.press(b'n');
    terminal.shows("2B: building");
    terminal.shows("All 1 tests of 2B pass.");
    terminal.press(b'n');
    terminal.shows("2B is the last part.");
    terminal.press(b'q');
    assert_eq!(terminal.ends(), Some(0));
    let modes = terminal.local_modes();
    assert!(modes.contains(LocalModes::ICANON) && modes.contains(LocalModes::ECHO));

    // It begins where it left off.
    mini.answer(43);
    let mut terminal = Terminal::start(&mini, &["watch"]);
    terminal.shows("2B: building");
    terminal.shows("FAIL 2B answer: it is 42.\n  Saw 43.\n");
    terminal.shows(KEYS);
    terminal.press(b'\n');
    terminal.shows("2B: building");
    terminal.shows("Saw 43");
    terminal.shows(KEYS);
    // A request to end, as Ctrl-C makes one, gives the terminal back too.
    let pid = rustix::process::Pid::from_child(&terminal.child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(terminal.ends(), Some(1), "the part did not pass");
    assert!(terminal.local_modes().contains(LocalModes::ECHO));
}

#[test]
fn without_a_terminal_it_says_what_to_run_instead() {
    let mini = Mini::new(42);
    let output = mini
        .lab(&["watch", "2b"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output),
        "error: `cargo lab watch` reads keys, and stdin or stdout is no terminal; \
         `cargo lab test 2B` runs the tests once\n"
    );
}

#[test]
fn a_part_that_does_not_exist_is_named_with_the_near_ones() {
    let mini = Mini::new(42);
    let output = mini.lab(&["watch", "2C"]).output().unwrap();
    assert_eq!(
        stderr(&output),
        "error: there is no part `2C`; did you mean 2A, 2B?\n"
    );
}

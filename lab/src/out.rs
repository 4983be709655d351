//! Writing to stdout. Nobody may be reading there any more (`cargo lab test --json | head -1`): then
//! the command ends its children and itself, without a panic.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

static GONE: AtomicBool = AtomicBool::new(false);

/// Writes text and sends it off.
pub fn text(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    if written.is_err() {
        GONE.store(true, Ordering::Relaxed);
    }
}

/// Writes a line.
pub fn line(line: impl std::fmt::Display) {
    text(&format!("{line}\n"));
}

/// The reader is gone: there is nobody to work for.
pub fn is_gone() -> bool {
    GONE.load(Ordering::Relaxed)
}

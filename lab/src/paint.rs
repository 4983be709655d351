//! Whether output is coloured, and how wide it may be.

use std::fmt;
use std::io::IsTerminal;

use clap::ValueEnum;

/// When output is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// Whether stdout gets colours.
    pub fn wanted(self) -> bool {
        let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        self.decides(forbidden, std::io::stdout().is_terminal())
    }

    fn decides(self, forbidden: bool, terminal: bool) -> bool {
        match self {
            Color::Auto => terminal && !forbidden,
            Color::Always => true,
            Color::Never => false,
        }
    }
}

/// A text in a colour: the number of ECMA-48's "select graphic rendition", 0 for none.
pub struct Painted<T>(pub u8, pub T);

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => self.1.fmt(f),
            colour => write!(f, "\x1b[{colour}m{}\x1b[0m", self.1),
        }
    }
}

/// Columns of the terminal that stdout is.
pub fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_and_no_color_get_none_unless_told() {
        assert!(Color::Auto.decides(false, true));
        assert!(!Color::Auto.decides(true, true));
        assert!(!Color::Auto.decides(false, false));
        assert!(Color::Always.decides(true, false));
        assert!(!Color::Never.decides(false, true));
    }
}

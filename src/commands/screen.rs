//! Shows progress: one screen that is redrawn, plain lines where there is no terminal, or JSON lines for machines.

use std::io::{self, IsTerminal as _, Write as _};

use super::output;
use crate::progress::{Event, Progress, View, plain};

/// Where progress goes.
pub enum Screen {
    /// Redrawn on standard error; what is drawn is remembered as a number of lines.
    Live { view: Box<View>, drawn: usize },
    /// One line per phase on standard error.
    Plain,
    /// One object a line on standard output.
    Json,
}

impl Screen {
    /// The richest that fits.
    pub fn new(view: View, json_lines: bool) -> Self {
        match json_lines {
            true => Self::Json,
            false if io::stderr().is_terminal() => Self::Live { view: Box::new(view), drawn: 0 },
            false => Self::Plain,
        }
    }

    /// Shows one event.
    pub fn show(&mut self, progress: &Progress) {
        match self {
            Self::Json => {
                if let Ok(line) = serde_json::to_string(progress) {
                    output::print(&line);
                }
            }
            Self::Plain => {
                if let Some(line) = plain(progress) {
                    output::error(&line);
                }
            }
            Self::Live { view, drawn } => {
                view.apply(progress);
                let mut out = io::stderr().lock();
                if *drawn > 0 {
                    // Up to the first line, then clear from there.
                    let _ = write!(out, "\x1b[{drawn}A\x1b[J");
                }
                // What must not scroll away is printed above the screen.
                if let (Event::BlockEnd { void, .. }, Some(line)) = (&progress.event, plain(progress))
                    && !void.is_empty()
                {
                    let _ = writeln!(out, "{line}");
                }
                let lines = view.lines(progress.at);
                for line in &lines {
                    // No wrapping: a line too long for the terminal is cut, or the way up would be longer next time.
                    let _ = writeln!(out, "\x1b[?7l{line}\x1b[?7h");
                }
                let _ = out.flush();
                *drawn = lines.len();
            }
        }
    }
}

//! What the tool prints.

use std::io::{IsTerminal, Write};

/// Prints a line of output.
#[expect(clippy::print_stdout, reason = "the output of a command-line tool")]
pub fn line(text: &str) {
    println!("{text}");
}

/// Shows how far things are: rewrites one line on a terminal, adds a line elsewhere.
pub fn status(text: &str) {
    let mut out = std::io::stderr();
    let end = if out.is_terminal() { "\r" } else { "\n" };
    // Progress that nobody can see is no reason to stop.
    let _ = write!(out, "{text}    {end}").and_then(|()| out.flush());
}

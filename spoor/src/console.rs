//! What people read: standard output. Logs go to standard error.

use std::io::Write;

/// Writes a line. A closed output is nobody reading, and no reason to fail.
pub(crate) fn say(line: impl AsRef<str>) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{}", line.as_ref());
    let _ = out.flush();
}

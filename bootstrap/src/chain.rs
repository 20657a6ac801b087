//! An error with its causes on one line.

use std::error::Error;
use std::fmt;

/// Prints an error and its sources, joined by `: `. Made by [`chain`].
pub struct Chain<'a>(&'a (dyn Error + 'static));

/// The whole source chain of an error, for the one place that logs it.
pub fn chain<'a>(error: &'a (dyn Error + 'static)) -> Chain<'a> {
    Chain(error)
}

impl fmt::Display for Chain<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(out, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read the topic")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn a_chain_names_each_cause_once() {
        let error = Outer(std::io::Error::other("broken pipe"));
        assert_eq!(
            chain(&error).to_string(),
            "cannot read the topic: broken pipe"
        );
    }
}

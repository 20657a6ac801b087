//! What is asked of the store as a whole.

use super::params::flag;
use crate::parse::{Malformed, Params};

/// Reads the order to empty the store: whether the archive goes as well.
pub(crate) fn purge_order(params: &Params) -> Result<bool, Malformed> {
    if let Some(name) = params
        .names()
        .find(|name| !["yes", "archive"].contains(name))
    {
        return Err(Malformed(format!("there is no parameter {name}")));
    }
    if !flag(params, "yes")? {
        return Err(Malformed::new(
            "everything is deleted for good: say \"yes\": true",
        ));
    }
    flag(params, "archive")
}

#[cfg(test)]
mod tests {
    use super::super::params::from_body;
    use super::*;

    #[test]
    fn nothing_is_emptied_without_a_yes() {
        let order = |body: &str| purge_order(&from_body(body.as_bytes())?);
        assert_eq!(order(r#"{"yes":true}"#), Ok(false));
        assert_eq!(order(r#"{"yes":true,"archive":true}"#), Ok(true));
        for body in ["", "{}", r#"{"yes":false}"#, r#"{"yes":true,"tenant":"a"}"#] {
            assert!(order(body).is_err(), "{body}");
        }
    }
}

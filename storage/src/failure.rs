//! Which of Postgres's errors mean what: try again, look at the values, or call an operator.

use crate::{ReadError, WriteError};

/// The SQLSTATE of an error, if the server gave one.
pub(crate) fn sqlstate(error: &sqlx::Error) -> Option<String> {
    error
        .as_database_error()
        .and_then(|error| error.code())
        .map(|code| code.into_owned())
}

/// Whether the server is gone, going, or no longer the primary: another one may be.
pub(crate) fn is_elsewhere(error: &sqlx::Error) -> bool {
    match sqlstate(error) {
        Some(state) => state.starts_with("57P") || state.starts_with("08") || state == "25006",
        None => true,
    }
}

/// Whether a lock was not to be had in time.
pub(crate) fn is_lock_timeout(error: &sqlx::Error) -> bool {
    matches!(sqlstate(error).as_deref(), Some("55P03" | "40P01"))
}

/// Whether a change of partitions has to wait for those who use them, or for another change.
pub(crate) fn is_in_use(error: &sqlx::Error) -> bool {
    let state = sqlstate(error);
    matches!(
        state.as_deref(),
        Some("55P03" | "40P01" | "55000" | "57014")
    )
}

impl From<sqlx::Error> for WriteError {
    fn from(source: sqlx::Error) -> Self {
        let sqlstate = sqlstate(&source);
        match (Class::of(&source, sqlstate.as_deref()), sqlstate) {
            (Class::Poison, sqlstate) => Self::Poison {
                sqlstate: sqlstate.unwrap_or_default(),
                source,
            },
            (Class::Transient, sqlstate) => Self::Transient { sqlstate, source },
            (Class::Operator, sqlstate) => Self::Operator { sqlstate, source },
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Transient,
    Poison,
    Operator,
}

impl Class {
    fn of(error: &sqlx::Error, sqlstate: Option<&str>) -> Self {
        match error {
            sqlx::Error::Database(_) => Self::of_sqlstate(sqlstate.unwrap_or_default()),
            sqlx::Error::Encode(_) => Self::Poison,
            sqlx::Error::Configuration(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::TypeNotFound { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Decode(_) => Self::Operator,
            // The connection, the pool, or an answer that was cut short.
            _ => Self::Transient,
        }
    }

    fn of_sqlstate(sqlstate: &str) -> Self {
        match sqlstate.get(..2).unwrap_or_default() {
            "22" | "23" | "54" | "21" => Self::Poison,
            "08" | "25" | "40" | "53" | "55" | "57" | "58" => Self::Transient,
            _ => Self::Operator,
        }
    }
}

impl From<sqlx::Error> for ReadError {
    fn from(source: sqlx::Error) -> Self {
        let sqlstate = sqlstate(&source).unwrap_or_default();
        match sqlstate.get(..2).unwrap_or_default() {
            "57" if sqlstate == "57014" => Self::Timeout,
            "3D" | "28" | "42" | "0A" | "3F" => Self::Operator(source),
            _ => Self::Unavailable(source),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Class;

    #[test]
    fn a_sqlstate_says_whether_to_wait_to_bisect_or_to_call() {
        for (state, class) in [
            ("08006", Class::Transient),
            ("40P01", Class::Transient),
            ("53100", Class::Transient),
            ("53300", Class::Transient),
            ("55P03", Class::Transient),
            ("57P01", Class::Transient),
            ("25006", Class::Transient),
            ("58030", Class::Transient),
            ("22021", Class::Poison),
            ("23514", Class::Poison),
            ("54000", Class::Poison),
            ("28P01", Class::Operator),
            ("3D000", Class::Operator),
            ("42P01", Class::Operator),
            ("XX000", Class::Operator),
        ] {
            assert_eq!(Class::of_sqlstate(state), class, "{state}");
        }
    }
}

//! Which of Postgres's errors mean what: try again, look at the values, or call an operator.

use crate::{ReadError, WriteError};

/// The SQLSTATE of an error, if the server gave one.
pub(crate) fn sqlstate(error: &sqlx::Error) -> Option<String> {
    error
        .as_database_error()
        .and_then(|error| error.code())
        .map(|code| code.into_owned())
}

/// Whether the connection, and not a statement, failed: what was sent may or may not have happened.
pub(crate) fn is_connection_loss(error: &sqlx::Error) -> bool {
    match sqlstate(error) {
        Some(state) => state.starts_with("57P") || state.starts_with("08"),
        None => true,
    }
}

impl From<sqlx::Error> for WriteError {
    fn from(source: sqlx::Error) -> Self {
        let sqlstate = sqlstate(&source);
        let class = sqlstate
            .as_deref()
            .and_then(|state| state.get(..2))
            .unwrap_or_default();
        match class {
            "22" | "23" | "54" | "21" => Self::Poison {
                sqlstate: sqlstate.unwrap_or_default(),
                source,
            },
            "3D" | "28" | "42" | "0A" | "3F" => Self::Operator { sqlstate, source },
            _ => match source {
                sqlx::Error::Configuration(_) | sqlx::Error::ColumnDecode { .. } => {
                    Self::Operator { sqlstate, source }
                }
                source => Self::Transient { sqlstate, source },
            },
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

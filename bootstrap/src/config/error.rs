//! Why a configuration is refused. No message holds a secret.

use std::fmt;
use std::path::PathBuf;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// The environment.
    Environment,
    /// A flag `--set`.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(out, "{}", path.display()),
            Self::Environment => out.write_str("the environment"),
            Self::Flag => out.write_str("--set"),
        }
    }
}

/// Why a configuration is refused. The process ends with exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file's name ends neither in `.toml` nor in `.yaml` or `.yml`.
    #[error("{} is neither a .toml nor a .yaml file", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// The file is not TOML, or not YAML.
    #[error("{} line {line}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser expected.
        message: String,
    },
    /// A key that no section has.
    #[error("unknown key `{key}` in {origin}{}", did_you_mean(nearest))]
    UnknownKey {
        /// The whole path of the key.
        key: String,
        /// Where it was set.
        origin: Origin,
        /// The known key that is spelled most like it.
        nearest: Option<String>,
    },
    /// A value of the wrong type, or out of its range.
    #[error("`{key}` in {origin}: {message}")]
    Invalid {
        /// The whole path of the key.
        key: String,
        /// Where it was set.
        origin: String,
        /// What was expected.
        message: String,
    },
    /// The file of a secret cannot be read.
    #[error("`{key}` in {origin}: cannot read {}", path.display())]
    SecretFile {
        /// The whole path of the key, with `_file`.
        key: String,
        /// Where it was set.
        origin: Origin,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Both a secret and its file are set in one place.
    #[error("`{key}` and `{key}_file` are both set in {origin}")]
    SecretTwice {
        /// The key without `_file`.
        key: String,
        /// Where.
        origin: Origin,
    },
    /// A flag `--set` without `=`.
    #[error("--set takes section.key=value")]
    Flag,
}

fn did_you_mean(nearest: &Option<String>) -> String {
    match nearest {
        Some(nearest) => format!("; the nearest known one is `{nearest}`"),
        None => String::new(),
    }
}

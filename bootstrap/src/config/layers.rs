//! The layers of a configuration as figment takes them.

use std::path::Path;

use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};

use super::document::{Kind, SectionDoc};
use super::error::{ConfigError, Origin};

/// What starts the name of an environment variable that sets a key: `SPOOR__SECTION__KEY`.
pub(super) const ENVIRONMENT_PREFIX: &str = "SPOOR__";

/// Keys from one place.
pub(super) struct Layer {
    pub(super) origin: Origin,
    pub(super) keys: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.to_string())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.keys.clone()))
    }
}

/// Reads a TOML or YAML file, told apart by the end of its name.
pub(super) fn from_file(path: &Path) -> Result<Layer, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let keys = match path.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => parse_toml(path, &text)?,
        Some("yaml" | "yml") => parse_yaml(path, &text)?,
        _ => {
            return Err(ConfigError::UnknownFormat {
                path: path.to_owned(),
            });
        }
    };
    Ok(Layer {
        origin: Origin::File(path.to_owned()),
        keys,
    })
}

// Only the parser's message and line are kept: its own rendering shows the line, secrets included.
fn parse_toml(path: &Path, text: &str) -> Result<Dict, ConfigError> {
    Toml::from_str(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start.min(text.len()));
        ConfigError::Syntax {
            path: path.to_owned(),
            line: text.as_bytes()[..offset]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count()
                + 1,
            message: error.message().to_owned(),
        }
    })
}

fn parse_yaml(path: &Path, text: &str) -> Result<Dict, ConfigError> {
    let keys: Result<Option<Dict>, _> = serde_yaml_ng::from_str(text);
    keys.map(Option::unwrap_or_default)
        .map_err(|error| ConfigError::Syntax {
            path: path.to_owned(),
            line: error.location().map_or(1, |location| location.line()),
            message: "not a YAML document of sections and keys".to_owned(),
        })
}

/// The variables that start with [`ENVIRONMENT_PREFIX`].
pub(super) fn from_environment(variables: &[(String, String)], document: &SectionDoc) -> Layer {
    let mut keys = Dict::new();
    for (name, text) in variables {
        if let Some(path) = name.strip_prefix(ENVIRONMENT_PREFIX) {
            let path = path.to_lowercase().replace("__", ".");
            insert(&mut keys, &path, typed(document, &path, text));
        }
    }
    Layer {
        origin: Origin::Environment,
        keys,
    }
}

/// Texts like `section.key=value`.
pub(super) fn from_flags(flags: &[String], document: &SectionDoc) -> Result<Layer, ConfigError> {
    let mut keys = Dict::new();
    for flag in flags {
        let (path, text) = flag.split_once('=').ok_or(ConfigError::Flag)?;
        insert(&mut keys, path.trim(), typed(document, path.trim(), text));
    }
    Ok(Layer {
        origin: Origin::Flag,
        keys,
    })
}

/// The value that a text stands for, by the type of the key: a password of digits stays text.
fn typed(document: &SectionDoc, path: &str, text: &str) -> Value {
    match value_kind(document, path) {
        Some(Kind::Value {
            parsed: true,
            type_name,
            ..
        }) if type_name.starts_with("list") => list(text),
        Some(Kind::Value { parsed: true, .. }) => parsed(text),
        _ => Value::from(text),
    }
}

fn list(text: &str) -> Value {
    if text.trim_start().starts_with('[') {
        return parsed(text);
    }
    let items = text
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty());
    Value::from(items.map(Value::from).collect::<Vec<Value>>())
}

fn parsed(text: &str) -> Value {
    text.parse()
        .unwrap_or_else(|never: std::convert::Infallible| match never {})
}

fn value_kind<'a>(document: &'a SectionDoc, path: &str) -> Option<&'a Kind> {
    let (name, rest) = match path.split_once('.') {
        Some((name, rest)) => (name, Some(rest)),
        None => (path, None),
    };
    match (&document.field(name)?.kind, rest) {
        (Kind::Section(below), Some(rest)) => value_kind(below, rest),
        (kind, None) => Some(kind),
        _ => None,
    }
}

fn insert(keys: &mut Dict, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            keys.insert(path.to_owned(), value);
        }
        Some((name, rest)) => {
            let empty = || Value::from(Dict::new());
            let below = keys.entry(name.to_owned()).or_insert_with(empty);
            if !matches!(below, Value::Dict(..)) {
                *below = empty();
            }
            if let Value::Dict(_, below) = below {
                insert(below, rest, value);
            }
        }
    }
}
